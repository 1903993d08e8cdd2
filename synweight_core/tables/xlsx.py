"""Reader of .xlsx: the stored values of the first sheet."""

import struct
import warnings
import zipfile
import zlib
from xml.etree.ElementTree import ParseError

import openpyxl

from synweight_core.tables.cells import cell_text
from synweight_core.tables.source import RawTable, Source

# What the libraries raise on broken bytes; found by fuzzing, see test_mangled_*.
BROKEN_XLSX = (
    zipfile.BadZipFile, zlib.error, struct.error, ParseError, EOFError, OSError, RuntimeError,
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError,
)  # fmt: skip


def read_xlsx(source: Source) -> RawTable:
    """The first sheet, its first row with cells as names. Raises DataError."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            source.check_expanded(sum(member.file_size for member in archive.infolist()))
        with warnings.catch_warnings(), source.path.open("rb") as file:
            warnings.simplefilter("ignore")  # openpyxl warns of styles it drops
            return _sheet(source, openpyxl.load_workbook(file, read_only=True, data_only=True))
    except (FileNotFoundError, PermissionError):
        raise
    except BROKEN_XLSX as error:
        raise source.error(
            "is not a readable Excel workbook (.xlsx)",
            "Open it in a spreadsheet program and save it as .xlsx without a password, or as CSV.",
        ) from error


def _sheet(source: Source, book: openpyxl.Workbook) -> RawTable:
    if not book.worksheets:
        raise source.error("has no sheet with cells", "Put the table on the first sheet.")
    sheet = book.worksheets[0]
    if (sheet.max_column or 0) > 16_384:  # more than Excel can hold: made to do harm
        source.check_size(0, sheet.max_column)
    sheet.reset_dimensions()  # other programs often write them wrong, and cells would be lost
    rows: list[list[str]] = []
    width = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        texts = _trimmed(row)
        width = max(width, len(texts))
        source.check_size(number, width)
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
