"""`read_table`: checks before the reader that the suffix picks, and the same end for all readers."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from synweight_core.tables.cells import clean_text
from synweight_core.tables.delimited import read_csv, read_tsv
from synweight_core.tables.json_rows import read_json, read_jsonl
from synweight_core.tables.parquet import read_parquet
from synweight_core.tables.source import LIMITS, Limits, RawTable, Source, Table
from synweight_core.tables.xlsx import read_xlsx

if TYPE_CHECKING:
    import pandas as pd

READERS: dict[str, Callable[[Source], RawTable]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".parquet": read_parquet,
    ".xlsx": read_xlsx,
}


def read_table(path: Path, *, name: str | None = None, limits: Limits = LIMITS) -> Table:
    """Read a file by the suffix of `name` (default: of `path`), in this process. Raises DataError."""
    table, notes = read_arrow(checked_source(path, name=name, limits=limits))
    return Table(to_frame(table), notes)


def to_frame(table: pa.Table) -> "pd.DataFrame":
    """Columns of texts as pages and models take them: dtype str, RangeIndex."""
    return table.to_pandas(ignore_metadata=True).astype(str)


def checked_source(path: Path, *, name: str | None = None, limits: Limits = LIMITS) -> Source:
    """The file under the name that people know, once it is clear that there is a reader for it. Raises DataError."""
    shown = re.split(r"[/\\]", name or path.name)[-1]
    shown = "".join(c if c.isprintable() else "\ufffd" for c in shown) or "The file"
    source = Source(path, shown if len(shown) <= 120 else "…" + shown[-100:], limits)
    suffix = Path(shown).suffix.lower()
    if suffix not in READERS:
        found = f'has the suffix "{suffix}"' if suffix else "has no suffix"
        raise source.error(
            f"{found}, which is not a known kind of table",
            f"Save it as one of {', '.join(READERS)} and upload it again.",
        )
    _check_file(source)
    return source


def read_arrow(source: Source) -> tuple[pa.Table, tuple[str, ...]]:
    """The texts by column, and what to say about how they were read. Raises DataError."""
    suffix = Path(source.name).suffix.lower()
    try:
        return _finish(source, READERS[suffix](source))
    except FileNotFoundError as error:
        raise source.error("was not found", "Upload it again.") from error
    except PermissionError as error:
        raise source.error("could not be opened", "Check who may read it.") from error


def _check_file(source: Source) -> None:
    if not source.path.is_file():
        raise source.error("was not found", "Upload it again.")
    size, limit = source.path.stat().st_size, source.limits.max_bytes
    if size == 0:
        raise source.error("is empty (0 bytes), and a table was expected", "Upload it again.")
    if size > limit:
        raise source.error(
            f"has {size:,} bytes, and at most {limit:,} are expected",
            "Split it or keep only the columns that you need.",
        )


def _finish(source: Source, raw: RawTable) -> tuple[pa.Table, tuple[str, ...]]:
    if not raw.names or len(raw.columns[0]) == 0:
        raise source.error("has no rows, and at least one is expected", "Add rows below the names.")
    source.check_size(len(raw.columns[0]), len(raw.names))
    names, notes = _unique_names(raw.names)
    _check_names(source, names)
    columns = [_clean_column(column) for column in raw.columns]
    for name, column in zip(names, columns, strict=True):
        _check_cells(source, name, column)
    return pa.Table.from_arrays(columns, names), (*raw.notes, *notes)


def _clean_column(column: pa.Array | list[str]) -> pa.Array:
    if isinstance(column, list):
        try:
            column = pa.array(column, pa.large_string())
        except UnicodeEncodeError:
            column = pa.array([clean_text(text) for text in column], pa.large_string())
    return pc.replace_substring(pc.fill_null(column.cast(pa.large_string()), ""), "\0", "")


def _check_cells(source: Source, name: str, column: pa.Array) -> None:
    lengths = pc.utf8_length(column)
    longest, limit = pc.max(lengths).as_py(), source.limits.max_cell_chars
    if longest > limit:
        row = pc.index(lengths, longest).as_py() + 1
        raise source.error(
            f'has {longest:,} characters in row {row:,} of column "{name[:80]}", and at most {limit:,} are expected',
            "Shorten that text or leave the row out.",
        )


def _check_names(source: Source, names: list[str]) -> None:
    longest, limit = max(map(len, names)), source.limits.max_name_chars
    if longest > limit:
        raise source.error(
            f"has a column name of {longest:,} characters, and at most {limit:,} are expected",
            "Put the names of the columns into the first row.",
        )


def _unique_names(found: list[str]) -> tuple[list[str], list[str]]:
    stripped = [clean_text(name).strip() for name in found]
    names: list[str] = []
    blank, repeated = [], []
    for position, name in enumerate(stripped, start=1):
        stem = name or f"column {position}"
        new = stem
        if stem in names or (not name and stem in stripped):
            free = (f"{stem}.{number}" for number in itertools.count(1))
            new = next(name for name in free if name not in stripped and name not in names)
        names.append(new)
        if not name:
            blank.append(f'"{new}"')
        elif new != name:
            repeated.append(f'"{new}"')
    notes = [f"Named columns without a name {_listed(blank)}."] if blank else []
    if repeated:
        notes.append(f"Renamed columns whose name was taken to {_listed(repeated)}.")
    return names, notes


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(items[:3]) + more
