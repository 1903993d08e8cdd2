"""Readers of .csv and .tsv: the delimiter is guessed, values stay as they are written."""

import csv
import io
import itertools
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from synweight_core.errors import DataError
from synweight_core.tables.encoding import SAMPLE_BYTES, find_encoding
from synweight_core.tables.source import RawTable, Source

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_csv(source: Source) -> RawTable:
    """Values between commas, semicolons, tabs or vertical bars, whichever fits. Raises DataError."""
    return _read_delimited(source, tuple(DELIMITERS))


def read_tsv(source: Source) -> RawTable:
    """Values between tabs. Raises DataError."""
    return _read_delimited(source, ("\t",))


def _read_delimited(source: Source, delimiters: tuple[str, ...]) -> RawTable:
    encoding, notes = find_encoding(source)
    with source.path.open(encoding=encoding, errors="replace", newline="") as file:
        sample = file.read(SAMPLE_BYTES)
        cut = bool(file.read(1))
    delimiter, width = _pick_delimiter(source, sample, delimiters, cut=cut)
    if len(delimiters) > 1 and delimiter != ",":
        notes.append(f"Read with {DELIMITERS[delimiter]} between the columns.")
    cap = min(source.limits.max_rows, source.limits.max_cells // width)
    frame = _parse_delimited(source, delimiter, encoding=encoding, max_lines=cap + 2)
    source.check_size(len(frame) - 1, frame.shape[1])
    names = [str(name) for name in frame.iloc[0]]
    return RawTable(names, [pa.array(frame[i].iloc[1:]) for i in frame.columns], notes)


def _pick_delimiter(source: Source, sample: str, delimiters: tuple[str, ...], *, cut: bool) -> tuple[str, int]:
    """The delimiter that cuts most of the first rows like the header, and the header's width."""
    best = (0.0, 1, delimiters[0])
    for delimiter in delimiters:
        rows = _first_rows(sample, delimiter, cut=cut)
        width = len(rows[0]) if rows else 1
        same = sum(len(row) == width for row in rows) / max(len(rows), 1)
        if width > 1 and (same, width) > best[:2]:
            best = (same, width, delimiter)
    source.check_size(0, best[1])
    if cut and len(_first_rows(sample, best[2], cut=False)) < 2:
        raise source.error(
            f"has a first line of more than {SAMPLE_BYTES:,} characters, not column names",
            "Check that it is a table and that every quote in the first line is closed.",
        )
    return best[2], best[1]


def _first_rows(sample: str, delimiter: str, *, cut: bool) -> list[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(itertools.islice((row for row in reader if row), 50))
    except csv.Error:  # a field above the csv module's limit: judge by the rows before it
        return rows
    return rows[:-1] if cut and 1 < len(rows) < 50 else rows


def _parse_delimited(source: Source, delimiter: str, *, encoding: str, max_lines: int) -> "pd.DataFrame":
    import pandas as pd  # here: other formats need it not

    # header=None: pandas then holds every row to the width of the first and renames nothing.
    try:
        with source.path.open(encoding=encoding, errors="replace", newline="") as file:
            return pd.read_csv(
                file, sep=delimiter, header=None, dtype=str, keep_default_na=False,
                na_filter=False, engine="c", nrows=max_lines,
            )  # fmt: skip
    except pd.errors.EmptyDataError as error:
        raise source.error("has only blank lines, and a table was expected", "Check it.") from error
    except pd.errors.ParserError as error:
        raise _delimited_error(source, delimiter, encoding=encoding, found=str(error)) from error


def _delimited_error(source: Source, delimiter: str, *, encoding: str, found: str) -> DataError:
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", found)
    if ragged:
        expected, line, saw = (int(number) for number in ragged.groups())
        line = _line_of_row_with(source, delimiter, encoding=encoding, above=expected) or line
        return source.error(
            f"has {saw} fields in line {line}, and the header has {expected}",
            "Put quotes around values that contain the delimiter, or remove the extra field.",
        )
    if row := re.search(r"EOF inside string starting at row (\d+)", found):
        return source.error(
            f"has a quote that is opened in row {row[1]} and never closed",
            'Close it, or write a quote inside a value as "".',
        )
    return source.error("could not be read as a table", "Save it as CSV in UTF-8 again.")


def _line_of_row_with(source: Source, delimiter: str, *, encoding: str, above: int) -> int | None:
    """pandas counts records; people see lines, and a quoted value may hold several."""
    start = 1
    try:
        with source.path.open(encoding=encoding, errors="replace", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            for row in reader:
                if len(row) > above:
                    return start
                start = reader.line_num + 1
    except csv.Error:
        return None
    return None
