"""Sets of row positions as short texts, for JSON lines and settings. It knows no project and no table.

A packed set is "N:DATA": the number of rows that it may choose from, and base64 of the zlib-compressed bits.
Three of a million rows take some 200 characters, a random half of them 170,000.
"""

import base64
import binascii
import zlib

import numpy as np

from synweight_core.errors import DataError

MAX_ROWS = 10_000_000
_MAX_CHARS = MAX_ROWS // 5  # more than the base64 of MAX_ROWS bits that zlib could not shorten


def pack(rows: np.ndarray, n: int) -> str:
    """The positions `rows` (int [k], any order, repeats count once) of `n` rows as one text.

    Raises:
        DataError: `n` is more than MAX_ROWS, or a position lies outside 0 to n - 1.
    """
    _check_size(n)
    if len(rows) and not (rows.min() >= 0 and rows.max() < n):
        raise DataError(f"Row positions {rows.min()} to {rows.max()} were given; expected 0 to {n - 1}.")
    bits = np.zeros(n, dtype=bool)
    bits[rows] = True
    return f"{n}:{base64.b64encode(zlib.compress(np.packbits(bits).tobytes())).decode('ascii')}"


def unpack(text: str) -> np.ndarray:
    """The positions that `pack` was given, ascending, each once. [k] int64

    A text from outside may claim anything: decompression ends at the n bits that it announces.

    Raises:
        DataError: the text is damaged, or announces more than MAX_ROWS rows.
    """
    size, _, data = text[: _MAX_CHARS + 1].partition(":")
    if not (size.isascii() and size.isdigit() and len(size) <= 9) or len(text) > _MAX_CHARS:
        raise _damaged("it does not begin with a number of rows, or is too long")
    n = int(size)
    _check_size(n)
    bits = np.unpackbits(np.frombuffer(_inflated(data, (n + 7) // 8), dtype=np.uint8))
    if bits[n:].any():
        raise _damaged("it names rows beyond its own end")
    return np.flatnonzero(bits)


def _inflated(data: str, n_bytes: int) -> bytes:
    """Exactly `n_bytes` of decompressed data; never more than one byte beyond them is made."""
    stream = zlib.decompressobj()
    try:
        compressed = base64.b64decode(data, validate=True)
        content = stream.decompress(compressed, max(n_bytes, 1))
        if not stream.eof:  # the checksum stands behind the last byte
            content += stream.decompress(stream.unconsumed_tail, 1)
    except (zlib.error, binascii.Error, ValueError) as error:
        raise _damaged(str(error)) from error
    if len(content) != n_bytes or not stream.eof or stream.unused_data:
        raise _damaged(f"{n_bytes} bytes were expected, and it holds another number")
    return content


def _check_size(n: int) -> None:
    if n > MAX_ROWS:
        raise DataError(f"A set of {n:,} rows was found; at most {MAX_ROWS:,} can be kept. Use fewer rows.")


def _damaged(what: str) -> DataError:
    return DataError(f"A stored set of rows is damaged: {what}. Make the selection again.")
