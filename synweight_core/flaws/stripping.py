"""A project without a flaw: made from another by taking the flaw out of its texts, which the other keeps.

The rows are the same in the same order, so that edits, kept settings and selections are taken over. A row of which
nothing is left, or which then repeats a test row, stays as it was and is excluded, with the reason in the log.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synweight_core import curation, projects
from synweight_core.data import Dataset
from synweight_core.errors import DataError
from synweight_core.findings import pair_keys, report
from synweight_core.flaws.encoding import repaired
from synweight_core.flaws.examination import Flaw
from synweight_core.flaws.kinds import KINDS
from synweight_core.projects import Project

_TAKEN_OVER = ("edits.jsonl", "settings.json", "settings", "selections")
_SIDES = ("text", "text_b")
MAX_NAME_CHARS = 120


def can_strip(flaw: Flaw) -> bool:
    """Whether the flaw can be taken out of the texts."""
    return bool(flaw.kind.mend) and not flaw.is_whole


def stripped(project: Project, flaw: Flaw) -> Project:
    """A project with the same rows without this flaw; the one that was made before, if there is one.

    Raises:
        DataError: this flaw cannot be taken out of a text, or nothing would be left of any row.
    """
    if not can_strip(flaw):
        raise DataError(f"'{flaw.kind.title}' cannot be taken out of a text. Exclude its rows, or keep them.")
    dataset = projects.load_dataset(project)
    mended = mended_texts(dataset.synthetic, flaw, sides=_SIDES if dataset.is_pairs else _SIDES[:1])
    spoiled = _spoiled(mended, flaw.rows, dataset)
    mended.loc[spoiled, list(_SIDES)] = dataset.synthetic.loc[spoiled, list(_SIDES)]
    if len(spoiled) == len(flaw.rows):
        raise DataError(
            f"Nothing would be left of any of the {len(flaw.rows):,} rows without it. Exclude these rows instead."
        )
    if mended[list(_SIDES)].equals(dataset.synthetic[list(_SIDES)]):
        raise DataError(f"'{flaw.kind.title}' could not be taken out of any text. Exclude its rows, or keep them.")
    known = set(dataset.known_real["label"])
    unjudged = [label for label in dataset.labels if label not in known]
    found = report(mended, dataset.real, dataset.labels, dataset.dropped, unjudged)
    return projects.create_project(
        replace(dataset, synthetic=mended, findings=tuple(found)), _name(project, flaw), metric=project.metric,
        encoder=project.encoder, checker=project.checker, checker_model=project.checker_model, files=project.files,
        after=project.id, without=flaw.name, without_rows=len(flaw.rows) - len(spoiled),
        fill=lambda made: _take_over(project, made, spoiled),
    )  # fmt: skip


def made_from_here(project: Project) -> list[Project]:
    """The projects that were made from this one, newest first."""
    return [each for each in projects.list_projects() if each.without and each.after == project.id]


def made_from_words(project: Project) -> str:
    """What was taken out of the texts: 'label in the text in 2,123 rows'; nothing for a project made from files."""
    return f"{_lowered(project.without)} in {project.without_rows:,} rows" if project.without else ""


def mended_texts(rows: pd.DataFrame, flaw: Flaw, *, sides: Sequence[str]) -> pd.DataFrame:
    """The synthetic rows without the flaw."""
    texts = {side: rows[side].to_numpy(dtype=object).copy() for side in sides}
    for number, side in enumerate(sides):
        if flaw.kind.mend == "repair":
            texts[side][flaw.rows] = [repaired(text) for text in texts[side][flaw.rows]]
            continue
        spans = flaw.spans[flaw.spans[:, 1] == number]
        touched, first = np.unique(spans[:, 0], return_index=True)
        for row, parts in zip(touched.tolist(), np.split(spans[:, 2:], first[1:]), strict=False):
            texts[side][row] = _without(texts[side][row], parts)
    return rows.assign(**{side: pd.Series(each, index=rows.index, dtype="str") for side, each in texts.items()})


def _name(project: Project, flaw: Flaw) -> str:
    return f"{project.name} without {_lowered(flaw.name)}"[:MAX_NAME_CHARS]


def _lowered(name: str) -> str:
    title = KINDS[name].title if name in KINDS else name
    return title[0].lower() + title[1:]


def _without(text: str, parts: np.ndarray) -> str:
    """A text without these parts [k, 2], which are in order and do not overlap."""
    for start, end in reversed(parts.tolist()):
        head, tail = text[:start], text[end:]
        text = f"{head.rstrip()} {tail.lstrip()}" if head.strip() and tail.strip() else head + tail
    return text.strip()


def _spoiled(rows: pd.DataFrame, touched: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Which touched rows have lost all letters of a text, or repeat a test row now. [k] int"""
    mended = rows.iloc[touched]
    sides = _SIDES if dataset.is_pairs else _SIDES[:1]
    is_empty = ~np.logical_and.reduce([mended[side].str.contains(r"\w", regex=True) for side in sides])
    test = dataset.real[dataset.real["split"] == "test"]
    return touched[is_empty | pair_keys(mended).isin(set(pair_keys(test))).to_numpy()]


def _take_over(project: Project, made: Project, spoiled: np.ndarray) -> None:
    """Edits, settings and selections of the one project for the other, and its rows that cannot stay."""
    for name in _TAKEN_OVER:
        source = project.folder / name
        if source.is_dir():
            shutil.copytree(source, made.folder / name, dirs_exist_ok=True)
        elif source.exists():
            shutil.copyfile(source, made.folder / name)
    if len(spoiled):
        curation.exclude(made, spoiled, reason="Nothing was left of the text, or it repeated a test row")
