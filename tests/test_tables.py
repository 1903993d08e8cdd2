"""Claims about reading uploaded files: text stays text, hostile files are refused in plain words."""

import csv
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synweight_core.errors import DataError
from synweight_core.tables import READERS, Limits, Table, read_table

PROPERTY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Put = Callable[[str, str | bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def rows(table: Table) -> list[list[str]]:
    return table.frame.to_numpy().tolist()


def message(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, **options)
    text = str(caught.value)
    assert str(path.parent) not in text and "!" not in text and "\n" not in text
    return text


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def parquet(path: Path, columns: dict[str, object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def workbook(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, lines in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {number}")
        for line in lines:
            sheet.append(line)
    book.save(path)
    return path


# --- any file -------------------------------------------------------------------------------


def test_every_column_is_text_with_a_plain_index(put):
    frame = read_table(put("a.csv", "text,label\na,1\n")).frame
    assert frame.dtypes.tolist() == ["str", "str"] and isinstance(frame.index, pd.RangeIndex)


def test_the_given_name_decides_not_the_path(put):
    assert rows(read_table(put("0f3a", "text\na\n"), name="C:\\data\\my.CSV")) == [["a"]]


@pytest.mark.parametrize("name", ["a.docx", "a"])
def test_unknown_suffix_lists_those_known(put, name):
    text = message(put(name, "x"))
    assert text.startswith(f"{name} has ") and all(suffix in text for suffix in READERS)


@pytest.mark.parametrize("suffix", READERS)
def test_empty_file_is_refused(put, suffix):
    assert "is empty (0 bytes)" in message(put("a" + suffix, ""))


@pytest.mark.parametrize("suffix", READERS)
def test_missing_file_is_refused(tmp_path, suffix):
    assert "was not found" in message(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "text,label\n"), ("a.json", "[]"), ("a.json", '{"text": []}'), ("a.json", "[{}]")],
)
def test_no_rows_is_refused(put, name, content):
    assert "has no rows, and at least one is expected" in message(put(name, content))


def test_no_rows_is_refused_in_parquet_and_xlsx(tmp_path):
    assert "has no rows" in message(parquet(tmp_path / "a.parquet", {"a": pa.array([], pa.string())}))
    assert "has no rows" in message(workbook(tmp_path / "a.xlsx", [["text"]]))
    assert "empty first sheet" in message(workbook(tmp_path / "b.xlsx", []))


def test_large_file_is_refused_before_reading(put):
    text = message(put("a.parquet", "x" * 11), limits=Limits(max_bytes=10))
    assert "a.parquet has 11 bytes, and at most 10 are expected" in text


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl"])
@pytest.mark.parametrize("junk", [b"a\0b", bytes(range(1, 9)) * 9, b"\xff\xd8\xff\xe0\0\x10"])
def test_binary_junk_is_refused(put, suffix, junk):
    assert "looks like a binary file, and text was expected" in message(put("a" + suffix, junk))


def test_workbook_named_csv_is_recognised(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["text"], ["a"]])
    assert "looks like an Excel workbook" in message(path, name="a.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "t\n1\n2\n3\n"), ("a.jsonl", '{"t":1}\n' * 3), ("a.json", '[{"t":1},{"t":1},{"t":1}]')],
)
def test_too_many_rows_or_cells_are_refused(put, name, content):
    path = put(name, content)
    assert "more than the 2 rows" in message(path, limits=Limits(max_rows=2))
    assert "more than the 2 cells" in message(path, limits=Limits(max_cells=2))
    assert len(read_table(path, limits=Limits(max_rows=3, max_cells=3)).frame) == 3


def test_too_many_rows_are_refused_in_parquet_and_xlsx(tmp_path):
    limits = Limits(max_rows=2)
    assert "more than the 2 rows" in message(parquet(tmp_path / "a.parquet", {"a": [1, 2, 3]}), limits=limits)
    path = workbook(tmp_path / "a.xlsx", [["a"], [1], [2], [3]])
    assert "more than the 2 rows" in message(path, limits=limits)


def test_long_cell_names_row_and_column(put):
    text = message(put("a.csv", "id,text\n1,ab\n2,abcd\n"), limits=Limits(max_cell_chars=3))
    assert 'has 4 characters in row 2 of column "text", and at most 3 are expected' in text


def wide_files(folder: Path, count: int) -> list[Path]:
    names = [f"c{i}" for i in range(count)]
    ones = dict.fromkeys(names, 1)
    contents = {
        "a.csv": ",".join(names) + "\n" + ",".join("1" for _ in names),
        "a.tsv": "\t".join(names),
        "a.jsonl": json.dumps(ones),
        "a.json": json.dumps([ones]),
        "b.json": json.dumps({name: [1] for name in names}),
    }
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in contents]


def test_200_000_columns_are_refused_at_once(tmp_path):
    files = [*wide_files(tmp_path, 200_000), tmp_path / "a.parquet"]
    schema = pa.schema([(f"c{i}", pa.int8()) for i in range(110_000)])
    pq.write_table(schema.empty_table(), files[-1], store_schema=False)
    for path in files:
        started = time.process_time()
        assert "more than the 1,000 columns" in message(path)
        assert time.process_time() - started < 2, path


def test_wide_sheet_is_refused(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [list(range(1_001)), [1]])
    assert "more than the 1,000 columns" in message(path)


# --- column names and cells -----------------------------------------------------------------


def test_repeated_names_become_unique_with_a_note(put):
    table = read_table(put("a.csv", "label,label, label ,label.1\n1,2,3,4\n"))
    assert table.frame.columns.tolist() == ["label", "label.2", "label.3", "label.1"]
    assert table.notes == ('Renamed columns whose name was taken to "label.2", "label.3".',)
    assert read_table(put("b.csv", "label,label\n1,2\n")).frame.columns.tolist() == ["label", "label.1"]


def test_blank_name_is_numbered_with_a_note(put):
    table = read_table(put("a.csv", ",text, \n0,a,b\n"))
    assert table.frame.columns.tolist() == ["column 1", "text", "column 3"]
    assert table.notes == ('Named columns without a name "column 1", "column 3".',)


def test_blank_name_does_not_take_a_name_in_use(put):
    table = read_table(put("a.csv", ",column 1,\n0,a,b\n"))
    assert table.frame.columns.tolist() == ["column 1.1", "column 1", "column 3"]


def test_lone_surrogates_and_nul_are_cleaned_so_that_parquet_can_hold_them(put, tmp_path):
    table = read_table(put("a.jsonl", '{"t\\u0000\\ud800":"a\\ud800b\\u0000c","u":"\\ud83d\\ude00"}\n'))
    assert table.frame.columns.tolist() == ["t\ufffd", "u"] and rows(table) == [["a\ufffdbc", "😀"]]
    table.frame.to_parquet(tmp_path / "b.parquet")


# --- encodings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("latin-1", "café", "Windows-1252"),
        ("cp1252", "It’s “good” – Zoë, très déçu à Noël, ça va être dur", "Windows-1252"),
        ("cp1251", "Привет, это очень хороший день", "Windows-1251 (Cyrillic)"),
        ("utf-16", "café", "UTF-16"),
        ("utf-32", "café", "UTF-32"),
    ],
)
def test_other_encodings_are_read_with_a_note(put, encoding, text, shown):
    for name, content in (
        ("a.csv", f'text\n"{text}"\n'),
        ("a.jsonl", json.dumps({"text": text}, ensure_ascii=False)),
    ):
        table = read_table(put(name, content.encode(encoding)))
        assert rows(table) == [[text]]
        assert table.notes == (f"Read as {shown}, because it is not UTF-8.",)


@pytest.mark.parametrize(("name", "content"), [("a.csv", "text\né\n"), ("a.json", '[{"text":"é"}]')])
def test_utf8_mark_is_dropped_without_a_note(put, name, content):
    assert read_table(put(name, content.encode("utf-8-sig"))).notes == ()
    assert read_table(put(name, content.encode("utf-8-sig"))).frame.columns.tolist() == ["text"]


def test_one_spoilt_byte_does_not_turn_utf8_into_another_encoding(put):
    table = read_table(put("a.csv", b"text\n" + "é\n".encode() * 50 + b"\xe9\n"))
    assert rows(table)[0] == ["é"] and rows(table)[-1] == ["\ufffd"]
    assert table.notes == ("Read as UTF-8; bytes that are not UTF-8 became \ufffd.",)


# --- csv ------------------------------------------------------------------------------------


def test_csv_values_stay_as_written(put):
    table = read_table(put("a.csv", "a,b,c,d,e\nNA,null,1e5,007, x \n"))
    assert rows(table) == [["NA", "null", "1e5", "007", " x "]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_guessed_from_consistent_rows(put, delimiter):
    lines = [["text", "label"], ['"a, b; c|d\te"', "1"], ["x", "2"]]
    table = read_table(put("a.csv", "\n".join(delimiter.join(line) for line in lines)))
    assert rows(table) == [["a, b; c|d\te", "1"], ["x", "2"]]
    assert len(table.notes) == (delimiter != ",")


def test_decimal_commas_do_not_win_over_semicolons(put):
    assert rows(read_table(put("a.csv", "text;score\na;1,5\nb;2,5\n"))) == [["a", "1,5"], ["b", "2,5"]]


def test_single_column_and_blank_lines_are_fine(put):
    assert rows(read_table(put("a.csv", 'text\r\n\r\nhi; you\r\n""\r\n'))) == [["hi; you"], [""]]


def test_quoted_newlines_and_quotes_are_kept(put):
    assert rows(read_table(put("a.csv", 'text,n\n"a\nb ""c""",1\n'))) == [['a\nb "c"', "1"]]


def test_longer_row_names_the_true_line_and_shorter_row_is_padded(put):
    text = message(put("a.csv", 'text,label\n"a\nb",1\n\nc,2,3\n'))
    assert text.startswith("a.csv has 3 fields in line 5, and the header has 2.")
    assert rows(read_table(put("b.csv", "text,label\na\n"))) == [["a", ""]]


def test_unclosed_quote_is_named(put):
    assert "a quote that is opened in row 1 and never closed" in message(put("a.csv", 'a,b\n"x,2\n'))


def test_endless_first_line_is_refused(put):
    assert "has a first line of more than 262,144 characters" in message(put("a.csv", '"' + "a\n" * 200_000))


def test_only_blank_lines_is_refused(put):
    assert "has only blank lines" in message(put("a.csv", "\n\n"))


def test_tsv_keeps_commas(put):
    assert rows(read_table(put("a.tsv", "text\tlabel\na,b\t1\n"))) == [["a,b", "1"]]


def test_100_000_rows_are_read_in_seconds(put):
    path = put("a.csv", "text,label\n" + '"a text, with commas",1\n' * 100_000)
    assert seconds(lambda: read_table(path)) < 5


# --- json -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        '[{"text":"a","label":1},{"text":"b"}]',
        '{"data":[{"text":"a","label":1},{"text":"b"}]}',
        '{"text":["a","b"],"label":[1,null]}',
        '{"text":"a","label":1}\n{"text":"b"}\n',
    ],
)
def test_json_shapes_give_the_same_table(put, content):
    table = read_table(put("a.json", content))
    assert table.frame.columns.tolist() == ["text", "label"]
    assert rows(table) == [["a", "1"], ["b", ""]]


def test_entries_beside_the_list_are_noted(put):
    table = read_table(put("a.json", '{"version":1,"data":[{"text":"a"}]}'))
    assert table.notes == ('Read the list "data"; the entries beside it were left out.',)


def test_json_values_become_plain_text(put):
    line = '{"a":1.0,"b":0.1,"c":true,"d":NaN,"e":-Infinity,"f":[1,{"k":"é"}],"g":null,"h":' + "9" * 5000 + "}"
    assert rows(read_table(put("a.jsonl", line))) == [
        ["1", "0.1", "true", "", "-Infinity", '[1,{"k":"é"}]', "", "9" * 5000]
    ]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.jsonl", '{"a":1}\n\n{"a":\n', "is not valid JSON in line 3"),
        ("a.jsonl", '{"a":1}\n[1]\n', "has no JSON object in line 2"),
        ("a.json", '[{"a":1},\n 2', "is not valid JSON in line 2"),
        ("a.json", '[{"a":1}, 2]', "has no JSON object in row 2"),
        ("a.json", '{"a":[1],"b":[1,2]}', "is JSON, but no table"),
        ("a.json", "3", "is JSON, but no table"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.jsonl", '{"a":1}\n' + '{"a":' * 100_000, "is nested too deeply in line 2"),
    ],
)
def test_bad_json_says_where(put, name, content, found):
    assert f"{name} {found}" in message(put(name, content))


# --- parquet --------------------------------------------------------------------------------


def test_parquet_types_become_plain_text(tmp_path):
    columns = {
        "label": pa.array([0, None], pa.int64()),
        "score": pa.array([1.0, np.nan]),
        "kind": pa.array(["a", "b"]).dictionary_encode(),
        "ok": [True, None],
        "tags": [["x", "é"], None],
        "more": [{"a": 1}, None],
        "raw": [b"\xff", b"a"],
        "day": pa.array([0, 1], pa.date32()),
        "none": pa.nulls(2),
    }
    assert rows(read_table(parquet(tmp_path / "a.parquet", columns))) == [
        ["0", "1", "a", "true", '["x","é"]', '{"a":1}', "\ufffd", "1970-01-01", ""],
        ["", "", "b", "", "", "", "a", "1970-01-02", ""],
    ]


def test_pandas_categories_and_index_are_read(tmp_path):
    frame = pd.DataFrame({"label": pd.Categorical([2, 1])}, index=pd.Index([5, 6], name="id"))
    frame.to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet").frame.to_dict("list") == {"label": ["2", "1"], "id": ["5", "6"]}


def test_broken_parquet_is_refused(put, tmp_path):
    whole = parquet(tmp_path / "b.parquet", {"a": ["x"] * 100}).read_bytes()
    for content in (b"no magic here", b"PAR1", whole[:-20], whole[:8] + bytes(40) + whole[48:]):
        assert "a.parquet is not a readable Parquet file" in message(put("a.parquet", content))


@pytest.mark.parametrize("value", ["x" * 1000, ["x" * 1000]])
def test_parquet_that_unpacks_to_too_much_is_refused(tmp_path, value):
    path = parquet(tmp_path / "a.parquet", {"a": pa.array([value] * 5_000)})
    limits = Limits(max_expanded_bytes=1_000_000)
    assert path.stat().st_size < 100_000
    assert "unpacks to more than the 1,000,000 bytes" in message(path, limits=limits)


# --- xlsx -----------------------------------------------------------------------------------


def test_first_sheet_is_read_with_a_note(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["text", "n"], ["a", 1], [None, None], ["b", 1.5]], [["x"]])
    table = read_table(path)
    assert rows(table) == [["a", "1"], ["b", "1.5"]]
    assert table.notes == ('Read the first of 2 sheets, "sheet 0".',)


def test_formula_is_read_as_its_stored_value(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["n"], ["=1+1"]])
    stored = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(stored, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>"))
    path.write_bytes(stored.getvalue())
    assert rows(read_table(path)) == [["2"]]


def test_zip_bomb_is_refused_before_it_is_opened(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 2_000_000)
    assert "unpacks to more than the 1,000,000 bytes" in message(path, limits=Limits(max_expanded_bytes=1_000_000))
    assert "is not a readable Excel workbook" in message(path)


def test_file_that_is_no_zip_is_refused(put):
    assert "is not a readable Excel workbook (.xlsx)" in message(put("a.xlsx", "text,label"))


# --- any bytes ------------------------------------------------------------------------------

junk = st.one_of(
    st.binary(max_size=200),
    st.text("ab,;|\t\n\r\"'{}[]:0 é\ud800", max_size=80).map(lambda s: s.encode("utf-8", "surrogatepass")),
    st.recursive(st.none() | st.floats() | st.text(max_size=3), st.lists, max_leaves=5).map(
        lambda value: json.dumps([{"a": value}]).encode()
    ),
)


@pytest.mark.parametrize("suffix", READERS)
@PROPERTY
@given(content=junk)
def test_any_bytes_give_a_table_or_a_data_error(put, suffix, content):
    path = put("junk", content)
    try:
        table = read_table(path, name="a" + suffix)
    except DataError:
        return
    assert set(map(str, table.frame.dtypes)) == {"str"} and not table.frame.isna().any(axis=None)
    assert table.frame.columns.is_unique and all(table.frame.columns)
    table.frame.to_parquet(io.BytesIO())


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    book = workbook(folder / "a.xlsx", [["text", "n"], ["a", 1], ["b", 2.5]])
    columns = parquet(folder / "a.parquet", {"text": ["a", "b"], "n": [1, 2], "l": [["x"], None]})
    return {path.suffix: path.read_bytes() for path in (book, columns)}


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
@PROPERTY
@given(place=st.floats(0, 0.999), patch=st.binary(min_size=1, max_size=8))
def test_mangled_binary_files_give_a_table_or_a_data_error(put, originals, suffix, place, patch):
    content = bytearray(originals[suffix])
    start = int(place * len(content))
    content[start : start + len(patch)] = patch
    try:
        read_table(put("junk", bytes(content)), name="a" + suffix)
    except DataError as error:
        assert str(error).startswith(f"a{suffix} ")


# Python 3.11 writes a lone \r without quotes, hence QUOTE_ALL below; control characters are junk.
texts = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\r"), max_size=20))


@PROPERTY
@given(values=texts.filter(len))
def test_texts_survive_a_round_trip(tmp_path, values):
    frame = pd.DataFrame({"id": [str(i) for i in range(len(values))], "text": values}, dtype="str")
    frame.to_csv(tmp_path / "a.csv", index=False, quoting=csv.QUOTE_ALL)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "a.parquet")
    for suffix in (".csv", ".jsonl", ".parquet"):
        assert read_table(tmp_path / f"a{suffix}").frame.equals(frame), suffix
