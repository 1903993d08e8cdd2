"""What if the selected rows were dropped, halved, doubled, or alone kept? Asked of a copy of the edits, before any
edit is made; `keep_change` then writes it to the log as ordinary edits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synweight_core import curation as edits
from synweight_core.curation import MAX_FACTOR, Curation
from synweight_core.meters import summary
from synweight_core.projects import Project


@dataclass(frozen=True)
class Change:
    """One row of CHANGES: what happens to the edits, given which of the synthetic rows are selected: [n] bool."""

    label: str
    apply: Callable[[Curation, np.ndarray], Curation]


def _scaled(curation: Curation, selected: np.ndarray, factor: float) -> Curation:
    logs = np.where(selected, curation.log_factor + np.log(factor), curation.log_factor)
    return replace(curation, log_factor=np.minimum(logs, np.log(MAX_FACTOR)))


CHANGES: Mapping[str, Change] = {
    "drop": Change("Drop them", lambda curation, selected: replace(curation, kept=curation.kept & ~selected)),
    "halve": Change("Halve their weight", lambda curation, selected: _scaled(curation, selected, 0.5)),
    "double": Change("Double their weight", lambda curation, selected: _scaled(curation, selected, 2.0)),
    "keep": Change("Keep only them", lambda curation, selected: replace(curation, kept=curation.kept & selected)),
}


def changed(curation: Curation, change: str, rows: np.ndarray) -> Curation:
    """The edits as they would be after a change of the synthetic rows among these positions."""
    selected = np.zeros(len(curation.kept), dtype=bool)
    selected[rows[rows < len(selected)]] = True
    return CHANGES[change].apply(curation, selected)


def keep_change(project: Project, before: Curation, after: Curation, *, reason: str) -> None:
    """Write the difference as ordinary edits, so that Undo takes it back. Raises DataError as the edits do."""
    gone = np.flatnonzero(before.kept & ~after.kept)
    if len(gone):
        edits.exclude(project, gone, reason=reason)
    moved = np.flatnonzero(before.log_factor != after.log_factor)
    for log_factor in np.unique(after.log_factor[moved]):
        rows = moved[after.log_factor[moved] == log_factor]
        edits.set_factor(project, rows, factor=float(np.exp(log_factor)), reason=reason)


def before_and_after(before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    """The meters of two sets of weights, each [n]: figure, before, after, difference."""
    names = {
        "rows": "Rows that have weight",
        "effective_sample_size": "Effective sample size (rows)",
        "half_rows": "Rows that carry half of the weight",
        "nearly_off": "Rows nearly switched off",
    }
    one, other = summary(before[before > 0]), summary(after[after > 0])
    return pd.DataFrame(
        [
            {"figure": label, "before": one[name], "after": other[name], "difference": other[name] - one[name]}
            for name, label in names.items()
        ]
    )
