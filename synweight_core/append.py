"""More synthetic rows for a project: its next version, since a project is what its rows are and never changes.

The old rows come first and in the same order, and the real rows and their split are the same. So edits, kept
selections, weight settings and the view are carried over, and the vectors of old texts are not computed again.
Runs and forecasts stay with the rows that they are about.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synweight_core import kept, rowsets, selections
from synweight_core.data import (
    Dataset,
    Unjudged,
    Upload,
    canonical_rows,
    left_out,
    rename_labels,
    without_empty,
    without_leaks,
)
from synweight_core.errors import DataError
from synweight_core.findings import listed, report
from synweight_core.map_view import load_view, save_view
from synweight_core.projects import Project, create_project, load_dataset
from synweight_core.several_files import FILE_COLUMN

_FILE = f"upload:{FILE_COLUMN}"
_NUMBERED = re.compile(r"(.*) v([0-9]{1,6})")


def append_rows(
    project: Project,
    upload: Upload,
    *,
    name: str | None = None,
    label_map: Mapping[str, str] | None = None,
    unjudged: Unjudged = "drop",
) -> Project:
    """The project with the rows of `upload` behind its own; the old one stays as it is.

    Rows with a label that the project has not are left out, or with `unjudged` "block" refused; "weight_one" keeps
    those whose label the project kept that way. `name` is by default the old one with the number of the version.

    Raises:
        DataError: a column is missing, no row is left, or labels are refused.
    """
    old = load_dataset(project)
    dataset = extended(old, upload, file=project.files.get("synthetic", ""), label_map=label_map, unjudged=unjudged)
    return create_project(
        dataset, name or next_name(project.name), metric=project.metric, encoder=project.encoder,
        checker=project.checker, checker_model=project.checker_model, after=project.id,
        files=dict(project.files) | {"synthetic": f"{project.files.get('synthetic', 'rows')} + {upload.name}"},
        fill=lambda made: _carry(project, made),
    )  # fmt: skip


def next_name(name: str) -> str:
    """What the next version is called: "Tweets", "Tweets v2", "Tweets v3"."""
    found = _NUMBERED.fullmatch(name)
    stem, number = (found[1], int(found[2])) if found else (name, 1)
    ending = f" v{number + 1}"
    return stem[: kept.MAX_NAME_CHARS - len(ending)] + ending


def extended(
    old: Dataset,
    upload: Upload,
    *,
    file: str,
    label_map: Mapping[str, str] | None = None,
    unjudged: Unjudged = "drop",
) -> Dataset:
    """A data set with more synthetic rows behind its own; `file` is the name of the file of the old ones.

    Raises DataError as `append_rows`.
    """
    _check_pairs(old, upload)
    drops: list[pd.DataFrame] = []
    rows = without_empty(canonical_rows(upload), upload, drops)
    rows = without_leaks(rows, upload.name, old.real[old.real["split"] == "test"], drops)
    rows = rename_labels(rows, old.labels, label_map or {})
    rows = _of_known_labels(rows, upload.name, old, unjudged, drops)
    if rows.empty:
        raise DataError(f"{upload.name}: no row is left after the checks, so there is nothing to add. See its labels.")
    both = pd.concat(
        [_with_file(old.synthetic, file), _with_generator(_with_file(rows, upload.name), old, upload.name)]
    )
    both = both.reset_index(drop=True).fillna("")
    dropped = pd.concat([old.dropped, *drops], ignore_index=True)
    unknown = sorted(set(both["label"]) - set(old.known_real["label"]))
    findings = tuple(report(both, old.real, old.labels, dropped, unknown))
    return Dataset(both, old.real, old.labels, findings, dropped)


def _check_pairs(old: Dataset, upload: Upload) -> None:
    if old.is_pairs != bool(upload.columns.text_b):
        found, wanted = ("two texts", "one") if upload.columns.text_b else ("one text", "two")
        raise DataError(f"{upload.name} has {found} a row, and the project {wanted}. Correct its second text column.")


def _of_known_labels(
    rows: pd.DataFrame, name: str, old: Dataset, unjudged: Unjudged, drops: list[pd.DataFrame]
) -> pd.DataFrame:
    known = list(old.labels) if unjudged == "weight_one" else sorted(set(old.known_real["label"]))
    foreign = ~rows["label"].isin(known)
    if unjudged == "block" and foreign.any():
        raise DataError(
            f"{name}: {int(foreign.sum()):,} rows have labels that the project has not: "
            f"{listed(sorted(set(rows['label'][foreign])))}. It has: {listed(known)}. Match the label names, or leave "
            "these rows out."
        )
    return left_out(rows, foreign, name, "unknown label", drops)


def _with_file(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows if _FILE in rows.columns else rows.assign(**{_FILE: name})


def _with_generator(rows: pd.DataFrame, old: Dataset, name: str) -> pd.DataFrame:
    """New rows without a generator get the name of their file, where the old ones have a generator."""
    has_none = (rows["generator"] == "").all() and (old.synthetic["generator"] != "").any()
    return rows.assign(generator=name) if has_none else rows


def _carry(old: Project, new: Project) -> None:
    """What people chose and did, moved to where its rows are now."""
    for name in ("edits.jsonl", "settings.json"):
        _copy(old.folder / name, new.folder / name)
    for path in (old.folder / "settings").glob("*.json"):
        _copy(path, new.folder / "settings" / path.name)
    before, after = old.n_on_map, new.n_on_map
    for each in reversed(selections.list_selections(old)):
        rows = _moved(each.rows, old, new)
        content = {"n": after, "rows": rowsets.pack(rows, after)}
        kept.keep(new.folder / "selections", each.name, content, created=each.created, noun="selection")
    view = load_view(old, before)
    opened = None if view.open_row is None else int(_moved(np.array([view.open_row]), old, new)[0])
    save_view(new, replace(view, selected=_moved(view.selected, old, new), open_row=opened), after)


def _moved(rows: np.ndarray, old: Project, new: Project) -> np.ndarray:
    """Positions on the old map as positions on the new one, where more synthetic rows stand before the real ones."""
    n = old.counts["synthetic"]
    return np.where(rows < n, rows, rows + new.counts["synthetic"] - n)


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
