"""Readers of .json and .jsonl: rows of objects, in the shapes that people save them in."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synweight_core.tables.cells import cell_text
from synweight_core.tables.encoding import find_encoding
from synweight_core.tables.source import RawTable, Source


@dataclass
class _Columns:
    """Rows of objects -> columns of texts; a key that a row lacks is "" there."""

    source: Source
    cells: dict[str, list[str]] = field(default_factory=dict)
    rows: int = 0

    def add(self, row: dict[str, Any]) -> None:
        self.source.check_size(self.rows + 1, max(len(row), len(self.cells)))
        for name, value in row.items():
            column = self.cells.setdefault(name, [])
            column.extend([""] * (self.rows - len(column)))
            column.append(cell_text(value))
        self.rows += 1

    def raw(self, notes: list[str]) -> RawTable:
        self.source.check_size(self.rows, len(self.cells))
        for column in self.cells.values():
            column.extend([""] * (self.rows - len(column)))
        return RawTable(list(self.cells), list(self.cells.values()), notes)


def _parse(text: str) -> object:
    # Python refuses to print an integer of thousands of digits, so those stay the text they are.
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 400 else digits)


def read_jsonl(source: Source) -> RawTable:
    """One JSON object a line. Raises DataError."""
    encoding, notes = find_encoding(source)
    columns = _Columns(source)
    with source.path.open(encoding=encoding, errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                _add_line(columns, line, number=number)
    return columns.raw(notes)


def _add_line(columns: _Columns, line: str, *, number: int) -> None:
    advice = 'Each line should be one object such as {"text": "...", "label": "..."}.'
    try:
        row = _parse(line)
        if not isinstance(row, dict):
            raise columns.source.error(f"has no JSON object in line {number}", advice)
        columns.add(row)
    except json.JSONDecodeError as error:
        found = f"is not valid JSON in line {number} ({error.msg}, character {error.colno})"
        raise columns.source.error(found, advice) from error
    except RecursionError as error:
        found = f"is nested too deeply in line {number}"
        raise columns.source.error(found, advice) from error


def read_json(source: Source) -> RawTable:
    """A list of objects, one such list in an object, or lists by column. Raises DataError."""
    encoding, notes = find_encoding(source)
    text = source.path.read_text(encoding=encoding, errors="replace")
    advice = "A list of objects is expected, or lists of equal length by column name."
    try:
        rows = _json_rows(_parse(text), notes)
        if rows is None:
            raise source.error("is JSON, but no table", advice)
        columns = _Columns(source)
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise source.error(f"has no JSON object in row {number}", advice)
            columns.add(row)
        return columns.raw(notes)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON Lines under the wrong suffix, which is common
            raw = read_jsonl(source)
            return RawTable(raw.names, raw.columns, [*raw.notes, "Read as one JSON object a line."])
        found = f"is not valid JSON in line {error.lineno} ({error.msg}, character {error.colno})"
        raise source.error(found, advice) from error
    except RecursionError as error:
        raise source.error("is nested too deeply", advice) from error


def _json_rows(value: object, notes: list[str]) -> Iterable[object] | None:
    """The rows of a list of objects, of {"data": [objects]}, or of {"column": [values]}."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not value:
        return None
    lists = {key: item for key, item in value.items() if isinstance(item, list)}
    tables = [key for key, item in lists.items() if item and isinstance(item[0], dict)]
    columnar = len(lists) == len(value) and len({len(item) for item in lists.values()}) == 1
    if len(tables) == 1 and not (columnar and len(value) > 1):
        if len(value) > 1:
            notes.append(f'Read the list "{tables[0]}"; the entries beside it were left out.')
        return lists[tables[0]]
    if columnar:
        rows = zip(*lists.values(), strict=True)
        return (dict(zip(lists, row, strict=True)) for row in rows)
    return None
