"""What every reader gets and gives: the file with its limits, and texts by column."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from synweight_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd  # half a second to import, which the process that reads a file need not wait for


@dataclass(frozen=True)
class Limits:
    """Above any of these a file is refused. Cells are rows times columns."""

    max_bytes: int = 2_000_000_000
    max_columns: int = 1_000
    max_rows: int = 5_000_000
    max_cell_chars: int = 100_000
    max_expanded_bytes: int = 2_000_000_000
    max_cells: int = 100_000_000
    max_name_chars: int = 1_000  # of a column
    max_depth: int = 64  # of nested types in a Parquet schema; JSON is held by Python's own limit
    max_ratio: int = 200  # expanded to packed bytes, where more than `min_ratio_bytes` come out
    min_ratio_bytes: int = 100_000_000
    max_members: int = 2_000  # files in a workbook


LIMITS = Limits()


@dataclass(frozen=True)
class Table:
    """`frame`: every column of dtype str, missing -> "", RangeIndex, unique non-empty names."""

    frame: "pd.DataFrame"
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """The file to read, under the name that messages call it by."""

    path: Path
    name: str
    limits: Limits

    def error(self, found: str, advice: str) -> DataError:
        """What to raise: what was found and what to do, after the file's name."""
        return DataError(f"{self.name} {found}. {advice}")

    def check_size(self, rows: int, columns: int) -> None:
        """Refuse too many rows, columns or cells, before memory is spent on them."""
        most = self.limits
        for count, limit, what, advice in (
            (columns, most.max_columns, "columns", "Keep only the columns that you need."),
            (rows, most.max_rows, "rows", "Keep fewer rows, or split the file."),
            (rows * columns, most.max_cells, "cells", "Keep fewer rows or columns."),
        ):
            if count > limit:
                raise self.error(f"has more than the {limit:,} {what} that are expected at most", advice)

    def check_expanded(self, size: int) -> None:
        """Refuse a file that unpacks to more than `max_expanded_bytes`; `size` are its bytes so far."""
        limit = self.limits.max_expanded_bytes
        if size > limit:
            raise self.error(
                f"unpacks to more than the {limit:,} bytes that are expected at most",
                "Split it or keep only the columns that you need.",
            )

    def check_ratio(self, expanded: int, *, packed: int) -> None:
        """Refuse a file that unpacks to far more than it packs, as only one made to do harm does. In bytes."""
        most = self.limits
        if expanded > max(most.min_ratio_bytes, most.max_ratio * packed):
            raise self.error(
                f"unpacks to {expanded:,} bytes, more than {most.max_ratio} times the {packed:,} that it packs",
                "Save it as CSV in UTF-8 instead.",
            )


@dataclass
class RawTable:
    """What a reader hands back: names as found, one array of texts a column."""

    names: list[str]
    columns: Sequence[pa.Array | list[str]]
    notes: list[str] = field(default_factory=list)
