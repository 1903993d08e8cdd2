"""The rows of a project file of unknown origin: read with the limits of uploads, written again as projects have them.

Columns are those of `data.Dataset`; what else a file says about itself (index, types, metadata) is left behind.
"""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from synweight_core import tables
from synweight_core.data import Dataset
from synweight_core.errors import DataError
from synweight_core.findings import Finding
from synweight_core.projects import PARTS
from synweight_core.tables.parquet import BROKEN_PARQUET

_COLUMNS = {
    "synthetic": ("text", "text_b", "label", "generator", "row"),
    "real": ("text", "text_b", "label", "generator", "row", "split"),
    "dropped": ("row", "text", "text_b", "label", "file", "reason"),
}
_SPLITS = {"train", "validation", "test"}


def read_rows(folder: Path, *, labels: tuple[str, ...], findings: tuple[Finding, ...]) -> Dataset:
    """The rows in a folder. Raises DataError when they are damaged, too many, or not those of a project."""
    parts = {part: _frame(folder / f"{part}.parquet", part) for part in PARTS}
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < max(len(labels), 2):
        raise DataError("The labels of this project file are damaged. Export the project again.")
    for part in ("synthetic", "real"):
        if not parts[part]["label"].isin(labels).all():
            raise DataError(f"Its {part} rows have a label that the project has not. Export the project again.")
    if set(parts["real"]["split"]) - _SPLITS or (parts["real"]["split"] == "train").sum() < 2:
        raise DataError("The split of its real rows is damaged. Export the project again.")
    return Dataset(parts["synthetic"], parts["real"], labels, findings, parts["dropped"])


def write_rows(dataset: Dataset, folder: Path) -> None:
    """Replace the files in a folder by these rows."""
    for part in PARTS:
        frame: pd.DataFrame = getattr(dataset, part)
        frame.to_parquet(folder / f"{part}.parquet")


def _frame(path: Path, part: str) -> pd.DataFrame:
    expected = _COLUMNS[part]
    frame = tables.read_table(path).frame if _has_rows(path) else pd.DataFrame(columns=list(expected), dtype=str)
    rest = [name for name in frame.columns if name not in expected]
    is_further = all(name.startswith("upload:") for name in rest) and (part != "dropped" or not rest)
    if not set(expected) <= set(frame.columns) or not is_further:
        raise DataError(f"{path.name} has not the columns of a project: {', '.join(expected)}. Export it again.")
    if not frame["row"].str.fullmatch("[0-9]{1,9}").all():
        raise DataError(f"{path.name} has row numbers that are none. Export the project again.")
    return frame.assign(row=frame["row"].astype("int64"))


def _has_rows(path: Path) -> bool:
    """A project may have no row that was left out, which the readers of uploads would refuse."""
    try:
        return pq.read_metadata(path).num_rows > 0
    except BROKEN_PARQUET as error:
        raise DataError(f"{path.name} is absent or no Parquet file. Export the project again.") from error
