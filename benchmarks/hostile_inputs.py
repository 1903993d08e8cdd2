"""Hostile and broken inputs, drawn from a seeded generator: texts, ids, files of every format, stored JSON.

It only makes them; `hostile.py` gives them to the product and looks at what happens.
"""

import copy
import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

CANARY = "__pwned"  # a script that runs sets window.__pwned
SCRIPTS = (
    f'<img src=x onerror="window.{CANARY}=1">',
    f"<script>window.{CANARY}=1</script>",
    f"<svg/onload=window.{CANARY}=1>",
    f"[a](javascript:window.{CANARY}=1)",
    f"\"><iframe srcdoc='<script>top.{CANARY}=1",
    f'<a href="javascript:window.{CANARY}=1">a</a>',
    f"</script><script>window.{CANARY}=1</script>",
    f"<b onmouseover=window.{CANARY}=1 style='position:fixed;inset:0'>x</b>",
    f"${{window.{CANARY}=1}}",
    f":red[<style onload=window.{CANARY}=1>]",
)
ODD = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202egnp.exe",
    "\u200b",
    "\ufeff",
    "NaN",
    "null",
    "None",
    "-0",
    "1e999",
    "inf",
    "=1+1",
    '=HYPERLINK("http://x")',
    "@SUM(1)",
    "+1",
    "../../etc/passwd",
    "%s%n",
    "{0}",
    "{{7*7}}",
    "$\\frac{1}{0}$",
    ":smile:",
    "# head",
    "|a|b|",
    "```",
    "a\r\nb",
    "\x1b[31m",
    "\x07",
    "é\u0301" * 20,
    "\U0001f600" * 9,
    "мир",
    "日本",
    "مرحبا",
    "x" * 5_000,
    "a\n" * 50,
    "'; DROP TABLE rows; --",
    "\x7f",
    "\x85",
    "\u2028",
    "true",
    "[]",
    "{}",
    "1_000",
)
IDS = (
    "",
    ".",
    "..",
    "../..",
    "../../outside",
    "a/b",
    "/etc/passwd",
    "\\\\x\\y",
    "a\0",
    "%2e%2e%2f",
    "..%c0%af",
    "a" * 101,
    "A",
    "ä",
    "-a",
    "a b",
    "a\n",
    "con",
    "projects",
    "runs",
    "queue.json",
    "device.lock",
    "~root",
    "$HOME",
    "*",
    "?",
    "[a]",
    "a.json",
    "\ud800",
    "\u202e",
    "0",
    "-",
    "a--",
    "null",
    "undefined",
    "draft-",
    "draft-../../x",
)
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "cp1251", "shift_jis", "gb18030", "utf-7")
NAMES = (
    "text",
    "label",
    "text_b",
    "generator",
    "",
    " ",
    "label",
    "text",
    "a,b",
    "a\nb",
    "split",
    "row",
    "upload:x",
    *SCRIPTS,
)


def text(draw: random.Random) -> str:
    """One text that may do harm or be odd; half of them are plain, so that what is around them is reached."""
    kind = draw.random()
    if kind < 0.5:
        return " ".join(draw.choices(("parcel", "order", "late", "card", "refund", "login"), k=draw.randint(1, 9)))
    if kind < 0.7:
        return draw.choice(SCRIPTS)
    if kind < 0.9:
        return draw.choice(ODD)
    return "".join(
        chr(draw.choice((draw.randint(0, 300), draw.randint(0, 0xFFFF)))) for _ in range(draw.randint(0, 40))
    )


def an_id(draw: random.Random) -> str:
    """An id as a URL may have it."""
    return draw.choice((draw.choice(IDS), text(draw), draw.choice(IDS) + text(draw)))


def file_name(draw: random.Random, suffix: str) -> str:
    """A file name as a browser may send it."""
    stem = draw.choice(("a", "data", *IDS, *SCRIPTS, *ODD))
    return stem + (suffix if draw.random() < 0.95 else draw.choice(("", ".csv.exe", ".CSV", ".pkl", ".csv ")))


# --- files


def table(draw: random.Random) -> tuple[list[str], list[list[str]]]:
    """Names and rows; most have a text and a label."""
    names = ["text", "label"] if draw.random() < 0.6 else []
    names += [draw.choice(NAMES) for _ in range(draw.randint(0 if names else 1, 4))]
    labels = [text(draw)[:80] for _ in range(3)]
    rows = [[text(draw) for _ in names] for _ in range(draw.choice((0, 1, 30, 60, 60)))]
    for row in rows:
        if names[-1] != "label" and "label" in names:
            row[names.index("label")] = draw.choice(labels)
    return names, rows


def a_file(draw: random.Random) -> tuple[str, bytes]:
    """A file name and its content."""
    if draw.random() < 0.08:
        return draw.choice(BOMBS)(draw)
    suffix = draw.choice(SUFFIXES)
    content = _WRITERS[suffix](draw, *table(draw))
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        content = draw.choice(_SPOILERS)(draw, content)
    if draw.random() < 0.1:
        suffix = draw.choice(SUFFIXES)
    return file_name(draw, suffix), content


def _csv(draw: random.Random, names: list[str], rows: list[list[str]], delimiters: str = ",;\t|") -> bytes:
    out = io.StringIO()
    quoting = draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    writer = csv.writer(
        out, delimiter=draw.choice(delimiters), quoting=quoting, lineterminator=draw.choice(("\n", "\r\n", "\r"))
    )
    writer.writerow(names)
    for row in rows:
        writer.writerow(row if draw.random() < 0.99 else row[: draw.randint(0, len(row))])
    return out.getvalue().encode(draw.choice(ENCODINGS), draw.choice(("replace", "ignore")))


def _tsv(draw: random.Random, names: list[str], rows: list[list[str]]) -> bytes:
    return _csv(draw, names, rows, "\t")


def _value(draw: random.Random, plain: str) -> Any:  # noqa: ANN401 (any JSON value)
    return plain if draw.random() < 0.9 else json_value(draw)


def _jsonl(draw: random.Random, names: list[str], rows: list[list[str]]) -> bytes:
    lines = [json.dumps({name: _value(draw, cell) for name, cell in zip(names, row, strict=True)}) for row in rows]
    return "\n".join(lines).encode("utf-8", "replace")


def _json(draw: random.Random, names: list[str], rows: list[list[str]]) -> bytes:
    objects = [{name: _value(draw, cell) for name, cell in zip(names, row, strict=True)} for row in rows]
    shape = draw.randrange(4)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    whole = (objects, {"data": objects, "more": [1]}, columns, json_value(draw))[shape]
    return json.dumps(whole, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")


def _parquet(draw: random.Random, names: list[str], rows: list[list[str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(rows)
    odd: tuple[Callable[[], pa.Array], ...] = (
        lambda: pa.array([None] * n),
        lambda: pa.array([draw.random() for _ in range(n)]),
        lambda: pa.array([[i] for i in range(n)], pa.list_(pa.int64())),
        lambda: pa.array([{"a": i, "b": None} for i in range(n)]),
        lambda: pa.array([draw.randbytes(9) for _ in range(n)]),
        lambda: pa.array([draw.randint(-(2**62), 2**62) for _ in range(n)], pa.timestamp("us")),
        lambda: pa.array([f"{i % 2}" for i in range(n)]).dictionary_encode(),
        lambda: pa.array([i % 3 == 0 for i in range(n)]),
        lambda: pa.array([float("nan")] * n),
        lambda: pa.array([2**63] * n, pa.uint64()),
    )
    arrays = []
    for place in range(len(names)):
        plain = [row[place].encode("utf-8", "replace").decode() for row in rows]
        arrays.append(pa.array(plain, pa.string()) if draw.random() < 0.7 else draw.choice(odd)())
    named = [name.encode("utf-8", "replace").decode() for name in names]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, named), out, compression=draw.choice(("none", "snappy", "zstd")))
    return out.getvalue()


def _xlsx(draw: random.Random, names: list[str], rows: list[list[str]]) -> bytes:
    import openpyxl
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = openpyxl.Workbook()
    for row in [names, *rows]:
        try:
            book.active.append(
                [draw.choice((cell, draw.random(), None, True)) if draw.random() < 0.1 else cell for cell in row]
            )
        except (IllegalCharacterError, UnicodeEncodeError):
            continue
    out = io.BytesIO()
    try:
        book.save(out)
    except UnicodeEncodeError:
        return b"PK\x03\x04"
    return out.getvalue()


_WRITERS: dict[str, Callable[[random.Random, list[str], list[list[str]]], bytes]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
}


def _truncated(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randint(0, len(content))]


def _flipped(draw: random.Random, content: bytes) -> bytes:
    spoilt = bytearray(content)
    for _ in range(draw.choice((1, 1, 8, 64)) if spoilt else 0):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt)


def _patched(draw: random.Random, content: bytes) -> bytes:
    start = draw.randint(0, len(content))
    junk = draw.choice(
        (b"\0" * 9, draw.randbytes(20), b'"', b"[" * 3_000, b"\r", b"\xff\xfe", b"PAR1", b'{"a":', b"\xed\xa0\x80")
    )
    return content[:start] + junk + content[start + draw.choice((0, len(junk))) :]


def _repeated(draw: random.Random, content: bytes) -> bytes:
    start = draw.randint(0, len(content))
    return content[:start] + content[start : start + 2_000] * draw.randint(2, 20) + content[start:]


def _zipped(draw: random.Random, content: bytes) -> bytes:
    return gzip.compress(content)


_SPOILERS = (_truncated, _flipped, _flipped, _patched, _patched, _repeated, _zipped)


# --- files that unfold


def _zip_bomb(draw: random.Random) -> tuple[str, bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml")[: draw.randint(1, 3)]:
            archive.writestr(name, b" " * 30_000_000)
    return "bomb.xlsx", out.getvalue()


def _many_members(draw: random.Random) -> tuple[str, bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(draw.choice((10, 3_000))):
            archive.writestr(f"../../outside-{number}", b"x")
    return "many.xlsx", out.getvalue()


def _shared_string_bomb(draw: random.Random) -> tuple[str, bytes]:
    return "cells.xlsx", _xlsx(draw, ["text", "label"], [["x" * 30_000, "a"]] * 200)


def _entities(draw: random.Random) -> tuple[str, bytes]:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 9))
    xml = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "x">{levels}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    whole = _xlsx(draw, ["text", "label"], [["a", "b"]])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(("sharedStrings.xml", "sheet1.xml")):
                body = content.decode().partition("?>")[2] or content.decode()
                content = (xml + body.replace("<t>a</t>", draw.choice(("<t>&l8;</t>", "<t>&f;</t>")))).encode()
            new.writestr(name, content)
    return "entities.xlsx", out.getvalue()


def _parquet_bomb(draw: random.Random) -> tuple[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    value = draw.choice(("x" * 90_000, ["x" * 3_000] * 30))
    out = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array([value] * 3_000)}), out, compression="zstd")
    return "bomb.parquet", out.getvalue()


def _deep(draw: random.Random) -> tuple[str, bytes]:
    depth = draw.choice((50, 900, 1_100, 50_000))
    opened, closed = draw.choice((("[", "]"), ('{"a":', "}")))
    nested = opened * depth + "1" + closed * draw.choice((0, depth))
    line = draw.choice(('[{"text": %s}]', "%s", '{"text": %s}'))
    return "deep" + draw.choice((".json", ".jsonl")), (line % nested).encode()


def _deep_parquet(draw: random.Random) -> tuple[str, bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.int8()
    for _ in range(draw.choice((30, 90))):
        kind = pa.struct([("a", kind)]) if draw.random() < 0.8 else pa.list_(kind)
    out = io.BytesIO()
    pq.write_table(pa.table({"text": pa.nulls(2, kind)}), out)
    return "deep.parquet", out.getvalue()


def _wide(draw: random.Random) -> tuple[str, bytes]:
    n = draw.choice((999, 1_001, 20_000))
    return "wide.csv", (",".join(f"c{i}" for i in range(n)) + "\n" + ",".join("1" * n)).encode()


def _long(draw: random.Random) -> tuple[str, bytes]:
    return "long.csv", b"text,label\n" + draw.choice(
        (b"a,b\n" * 60_000, b"\n" * 100_000, b"x" * 150_000 + b",a\n", b'"' + b"a\n" * 90_000)
    )


BOMBS = (
    _zip_bomb,
    _many_members,
    _shared_string_bomb,
    _entities,
    _parquet_bomb,
    _deep,
    _deep,
    _deep_parquet,
    _wide,
    _long,
)


# --- JSON


def json_value(draw: random.Random, depth: int = 0) -> Any:  # noqa: ANN401 (any JSON value)
    """Any JSON value: numbers beyond all bounds, texts that do harm, lists in place of objects."""
    plain = (
        None,
        True,
        False,
        0,
        -1,
        1,
        2**63,
        -(2**70),
        10**400,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        [],
        {},
    )
    kind = draw.random()
    if kind < 0.6 or depth > 3:
        return draw.choice(plain)
    if kind < 0.85:
        return text(draw)
    if kind < 0.93:
        return [json_value(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    return {text(draw): json_value(draw, depth + 1) for _ in range(draw.randint(0, 4))}


def spoilt_json(draw: random.Random, whole: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """A copy with one to three places changed, removed or added."""
    changed = copy.deepcopy(whole)
    for _ in range(draw.choice((1, 1, 1, 3))):
        place = _any_container(draw, changed)
        if place is None or draw.random() < 0.05:
            changed = json_value(draw)
        elif isinstance(place, dict):
            _spoil_key(draw, place)
        else:
            place[draw.randrange(len(place))] = json_value(draw)
    return changed


def _spoil_key(draw: random.Random, place: dict[str, Any]) -> None:
    key = draw.choice([*place])
    what = draw.random()
    if what < 0.2:
        del place[key]
    elif what < 0.3:
        place[text(draw)] = json_value(draw)
    else:
        place[key] = json_value(draw)


def _any_container(draw: random.Random, value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """A list or object inside `value` that is not empty, None when there is none."""
    found, ahead = [], [value]
    while ahead:
        one = ahead.pop()
        if isinstance(one, dict | list) and one:
            found.append(one)
            ahead += one.values() if isinstance(one, dict) else one[:50]
    return draw.choice(found) if found else None


def spoilt_bytes(draw: random.Random, content: bytes) -> bytes:
    """A stored file with broken or hostile content."""
    kind = draw.random()
    if kind < 0.15:
        return draw.choice(_SPOILERS)(draw, content)
    if kind < 0.2:
        return draw.choice(
            (b"", b"\0", b"null", b"[" * 100_000, b'{"a":' * 5_000, b"\xff\xfe", b"9" * 6_000, b"{}", b"[]", b"1")
        )
    lines = content.split(b"\n") if _is_lines(content) else [content]
    place = draw.randrange(len(lines))
    try:
        lines[place] = json.dumps(spoilt_json(draw, json.loads(lines[place]))).encode()
    except ValueError:
        return draw.choice(_SPOILERS)(draw, content)
    return b"\n".join(lines)


def _is_lines(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return True
    return False
