"""Reader of .xlsx: the stored values of the first sheet."""

import struct
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from synweight_core.tables.cells import cell_text
from synweight_core.tables.source import RawTable, Source

if TYPE_CHECKING:
    import openpyxl

# What the libraries raise on broken bytes; found by fuzzing, see test_mangled_*.
BROKEN_XLSX = (
    zipfile.BadZipFile, zlib.error, struct.error, ParseError, EOFError, OSError, RuntimeError,
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError,
)  # fmt: skip


def read_xlsx(source: Source) -> RawTable:
    """The first sheet, its first row with cells as names. Raises DataError."""
    import openpyxl  # here: other formats need it not

    try:
        with zipfile.ZipFile(source.path) as archive:
            _check_archive(source, archive.infolist())
        with warnings.catch_warnings(), source.path.open("rb") as file:
            warnings.simplefilter("ignore")  # openpyxl warns of styles it drops
            return _sheet(source, openpyxl.load_workbook(file, read_only=True, data_only=True))
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except BROKEN_XLSX as error:
        raise source.error(
            "is not a readable Excel workbook (.xlsx)",
            "Open it in a spreadsheet program and save it as .xlsx without a password, or as CSV.",
        ) from error


def _check_archive(source: Source, members: list[zipfile.ZipInfo]) -> None:
    """Sizes as the directory tells them; `zipfile` hands out no more than these."""
    if len(members) > source.limits.max_members:
        raise source.error(
            f"holds {len(members):,} files, and a workbook has at most {source.limits.max_members:,}",
            "Open it in a spreadsheet program and save it again, or save it as CSV.",
        )
    expanded = sum(member.file_size for member in members)
    source.check_expanded(expanded)
    source.check_ratio(expanded, packed=source.path.stat().st_size)


def _sheet(source: Source, book: "openpyxl.Workbook") -> RawTable:
    if not book.worksheets:
        raise source.error("has no sheet with cells", "Put the table on the first sheet.")
    sheet = book.worksheets[0]
    if (sheet.max_column or 0) > 16_384:  # more than Excel can hold: made to do harm
        source.check_size(0, sheet.max_column)
    sheet.reset_dimensions()  # other programs often write them wrong, and cells would be lost
    rows: list[list[str]] = []
    width = expanded = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        texts = _trimmed(row)
        width = max(width, len(texts))
        source.check_size(number, width)
        expanded += sum(map(len, texts))  # a text that stands once in the file may be meant by many cells
        source.check_expanded(expanded)
        if texts:
            rows.append(texts)
    if not rows:
        raise source.error("has an empty first sheet", "Put the table on the first sheet.")
    padded = [row + [""] * (width - len(row)) for row in rows]
    notes = []
    if len(book.worksheets) > 1:
        notes.append(f'Read the first of {len(book.worksheets)} sheets, "{sheet.title}".')
    columns = [list(column) for column in zip(*padded[1:], strict=True)] or [[]] * width
    return RawTable(padded[0], columns, notes)


def _trimmed(row: tuple[object, ...]) -> list[str]:
    length = len(row)
    while length and row[length - 1] in (None, ""):
        length -= 1
    return [cell_text(value) for value in row[:length]]
