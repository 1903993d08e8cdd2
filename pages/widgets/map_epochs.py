"""Playing back how the weights of a run moved: the map in the weights of one of its epochs."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.run_words import run_titles
from synweight_core import runs
from synweight_core.epoch_weights import n_epochs, weights_at
from synweight_core.losses import LOSSES
from synweight_core.map_rows import with_epoch_weights
from synweight_core.projects import Project
from synweight_core.weighting import effective_sample_size


def with_epoch(project: Project, rows: pd.DataFrame) -> pd.DataFrame | None:
    """The rows with the weights of a chosen run and epoch; None, and why, where there are none."""
    found = {run.id: run for run in runs.list_runs(project_id=project.id, kind="train") if n_epochs(run.id)}
    if not found:
        moving = ", ".join(loss.label for loss in LOSSES.values() if loss.is_moving)
        st.info(f"No run has kept its weights by epoch yet. Train with {plain(moving)}. Until then: weight.")
        return None
    titles = run_titles([*found.values()])
    chosen = st.selectbox("Run", list(titles), format_func=titles.__getitem__, key=f"epochs_of:{project.id}")
    weights = weights_at(chosen, _epoch(chosen, planned=int(found[chosen].settings.get("epochs", 1))))
    if weights is None or len(weights) != int((rows["source"] == "synthetic").sum()):
        st.error("The weights of this epoch are damaged, or belong to other rows. Until then: weight.")
        return None
    wide = weights.astype(np.float64)
    st.caption(f"Effective sample size in this epoch: {effective_sample_size(wide):,.0f}.")
    return with_epoch_weights(rows, wide)


def _epoch(run_id: str, *, planned: int) -> int:
    """The epoch that is shown: of those planned, as far as the run has come."""
    last = n_epochs(run_id)
    if max(planned, last) == 1:
        return 1
    epoch = st.slider("Epoch", 1, max(planned, last), last, key=f"epoch:{run_id}")
    if epoch > last:
        st.caption(f"The run has not come so far: this is epoch {last}.")
    return min(epoch, last)
