"""Relabel, exclude and weigh the selected rows by hand; undo, redo and the log. The upload is never changed."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets.trouble import sentence, told_briefly
from synweight_core import curation
from synweight_core.curation import MAX_FACTOR, MAX_REASON_CHARS, Curation
from synweight_core.errors import SynweightError
from synweight_core.projects import Project

LOG_ROWS = 50


def edit_panel(project: Project, edits: Curation, selected: np.ndarray, *, n_synthetic: int) -> None:
    """The controls for the selection, and the log."""
    synthetic = selected[selected < n_synthetic]
    reals = len(selected) - len(synthetic)
    _undo_and_redo(project, edits)
    if len(synthetic):
        also = f" The {reals:,} real rows of the selection stay as they are: they are the yardstick." if reals else ""
        st.caption(f"Changes apply to {len(synthetic):,} synthetic rows.{also} The uploaded file is never changed.")
        _controls(project, synthetic)
    else:
        st.caption("Select synthetic rows to relabel, exclude or weigh them by hand. Real rows stay as they are.")
    _log(project)


def _controls(project: Project, rows: np.ndarray) -> None:
    key = f"reason:{project.id}"
    reason = st.text_input("Reason, for the log", key=key, max_chars=MAX_REASON_CHARS, placeholder="Why (optional)")
    out, label, factor = st.columns(3, vertical_alignment="bottom")
    with out:
        _button("Exclude", ":material/block:", lambda: curation.exclude(project, rows, reason=reason))
        _button("Include again", ":material/add_circle:", lambda: curation.include(project, rows, reason=reason))
    with label:
        new = st.selectbox("Label", project.labels, key=f"new_label:{project.id}")
        _button("Relabel", ":material/label:", lambda: curation.relabel(project, rows, label=new, reason=reason))
    with factor:
        times = st.number_input(
            "Weight factor", 0.01, MAX_FACTOR, 1.0, step=0.25, key=f"factor:{project.id}",
            help="Multiplies the weight of each row before caps and scaling. 1 takes an earlier factor away.",
        )  # fmt: skip
        _button(
            "Set factor", ":material/scale:", lambda: curation.set_factor(project, rows, factor=times, reason=reason)
        )


def _button(label: str, icon: str, act: Callable[[], int]) -> None:
    def clicked() -> None:
        try:
            count = act()
        except (SynweightError, OSError) as error:
            st.session_state["edit_error"] = sentence(error)
        else:
            st.toast(f"{label}: {count:,} rows. Undo is in this panel.")

    st.button(label, icon=icon, on_click=clicked, width="stretch")


def _undo_and_redo(project: Project, edits: Curation) -> None:
    if error := st.session_state.pop("edit_error", ""):
        st.error(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, can, act in (
            ("Undo", ":material/undo:", edits.can_undo, curation.undo),
            ("Redo", ":material/redo:", edits.can_redo, curation.redo),
        ):
            st.button(label, icon=icon, disabled=not can, on_click=told_briefly(act), args=(project,))
        if edits.edited:
            changed = int((~edits.kept | edits.relabelled | (edits.log_factor != 0)).sum())
            st.markdown(f"{changed:,} rows are edited. They count as edited in weights, training and export.")


def _log(project: Project) -> None:
    lines = curation.history(project)
    if not lines:
        return
    with st.expander(f"Log of {len(lines):,} steps"):
        table = pd.DataFrame(
            [
                {"time": pd.Timestamp(line.time, unit="s"), "what": line.words, "rows": line.rows,
                 "reason": line.reason, "in force": line.in_force}
                for line in reversed(lines[-LOG_ROWS:])
            ]
        )  # fmt: skip
        st.dataframe(table, hide_index=True, key=f"edit_log:{project.id}")
        if len(lines) > LOG_ROWS:
            st.caption(f"The last {LOG_ROWS} of {len(lines):,}; all are in edits.jsonl of the project's folder.")
