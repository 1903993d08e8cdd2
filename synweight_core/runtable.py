"""Runs as a table, one row a run. Accuracies in per cent."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synweight_core.losses import LOSSES
from synweight_core.runs import Run
from synweight_core.train_config import TRAIN_ON


def run_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: name, status, settings, best validation and final test figures."""
    return pd.DataFrame([_row(run) for run in runs])


def setting_label(loss: str, train_on: str) -> str:
    """The loss, or what else a run trained on, in words."""
    if train_on != "synthetic":
        return TRAIN_ON.get(train_on, train_on)
    return LOSSES[loss].label if loss in LOSSES else loss  # another version may have more


def _row(run: Run) -> dict[str, object]:
    result = run.result or {}
    figures: dict[str, object] = {"run": run.name, "status": run.status}
    for split, prefix in (("test", "test"), ("validation", "best validation")):
        scores = result.get(split) or {}
        figures[f"{prefix} accuracy"] = 100 * scores.get("accuracy", np.nan)
        figures[f"{prefix} macro-F1"] = 100 * scores.get("macro_f1", np.nan)
    shown = ("alpha", "beta", "epochs", "batch_size", "learning_rate")
    figures |= {name.replace("_", " "): run.settings.get(name, np.nan) for name in shown}
    figures["edits"] = run.settings.get("edits", 0)
    figures["seconds"] = round(result.get("seconds", np.nan), 1) if result else np.nan
    figures["started"] = f"{run.id[:4]}-{run.id[4:6]}-{run.id[6:8]} {run.id[9:11]}:{run.id[11:13]}"
    return figures
