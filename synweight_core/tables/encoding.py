"""The encoding of a text file, found without trusting it; binary files are refused here."""

import codecs
from pathlib import Path

from synweight_core.tables.source import Source

HEAD_BYTES = 65_536  # looked at to tell text from binary
SAMPLE_BYTES = 262_144  # looked at to guess encoding and delimiter
ENCODINGS = {
    "cp1252": "Windows-1252",
    "cp1251": "Windows-1251 (Cyrillic)",
    "shift_jis": "Shift JIS",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
}
MAGIC = {
    b"PK\x03\x04": "an Excel workbook or zip archive",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old or password-protected Office file",
}


def find_encoding(source: Source) -> tuple[str, list[str]]:
    """The encoding of a text file and what to say about it. Raises DataError when it is binary."""
    with source.path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    encoding = _encoding_by_mark(head)
    _refuse_binary(source, head, encoding or "latin-1")
    if encoding is None:
        bad = _first_byte_not_utf8(source.path)
        if bad is None:
            return "utf-8-sig", []
        encoding = _guess_encoding(source.path, bad)
    if encoding == "utf-8-sig":
        return encoding, ["Read as UTF-8; bytes that are not UTF-8 became \ufffd."]
    return encoding, [f"Read as {ENCODINGS[encoding]}, because it is not UTF-8."]


def _encoding_by_mark(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _refuse_binary(source: Source, head: bytes, encoding: str) -> None:
    text = head.decode(encoding, "replace")
    control = sum(text.count(chr(code)) for code in range(32) if chr(code) not in "\t\n\r\f\x1b")
    if "\0" in text or control > 0.05 * len(text):
        kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
        raise source.error(
            f"looks like {kind or 'a binary file'}, and text was expected",
            "Give it the suffix of its real format, or save it as CSV in UTF-8.",
        )


def _first_byte_not_utf8(path: Path) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    with path.open("rb") as file:
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return position + error.start
    return None


def _guess_encoding(path: Path, bad: int) -> str:
    """A guess from the lines around the first byte that is not UTF-8, at offset `bad`."""
    with path.open("rb") as file:
        file.seek(start := max(0, bad - SAMPLE_BYTES // 4))
        sample = file.read(SAMPLE_BYTES)
    if start:
        sample = sample.partition(b"\n")[2] or sample
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if sum(c > "\x7f" for c in text) > 5 * broken:  # UTF-8 with a few spoilt bytes
        return "utf-8-sig"
    if sum(byte > 127 for byte in sample) < 8:  # too few to judge by
        return "cp1252"
    import charset_normalizer  # here: most files are UTF-8

    isolated = [name for name in ENCODINGS if not name.startswith("utf")]
    matches = [m.encoding for m in charset_normalizer.from_bytes(sample, cp_isolation=isolated)]
    return "cp1252" if "cp1252" in matches or not matches else matches[0]
