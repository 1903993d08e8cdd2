"""Claims about reading a file in a child process: the same table, and one sentence when the reader goes wrong."""

import errno
import io
import json
import sys
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synweight_core import storage
from synweight_core.errors import DataError, WorkspaceError
from synweight_core.tables import Limits, apart, read_apart, read_table
from synweight_core.tables.apart import Bounds
from synweight_core.tables.reading import checked_source

ROWS = "text,label\ngood day,a\n\u00e9\u4e2d,b\n"


@pytest.fixture
def a_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(ROWS)
    return path


def child_does(monkeypatch, program):
    monkeypatch.setattr(apart, "CHILD", (sys.executable, "-c", program))


def kept():
    return sorted((storage.home() / "cache" / "tables").iterdir())


def test_child_gives_the_table_of_this_process(tmp_path):
    for name, content in (
        ("a.csv", ROWS.encode("utf-16")),
        ("b.json", json.dumps([{"text": "a\0\ud800", "n": None}, {"text": "", "n": 1.0}]).encode()),
        ("c.jsonl", b'{"": 1, " ": 2}\n'),
    ):
        (tmp_path / name).write_bytes(content)
        here, there = read_table(tmp_path / name), read_apart(tmp_path / name)
        assert there.frame.equals(here.frame) and there.notes == here.notes
        assert list(map(str, there.frame.dtypes)) == list(map(str, here.frame.dtypes))


def test_second_read_of_the_same_content_starts_no_child(a_file, tmp_path, monkeypatch):
    first = read_apart(a_file)
    child_does(monkeypatch, "raise SystemExit(1)")
    (tmp_path / "other.csv").write_text(ROWS)
    assert read_apart(tmp_path / "other.csv").frame.equals(first.frame)
    with pytest.raises(DataError, match="its reader crashed"):  # another format of the same bytes is another table
        read_apart(a_file, name="a.tsv")


def test_refusal_is_kept_and_told_of_the_name_of_now(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("3")
    with pytest.raises(DataError, match=r"^a\.json is JSON, but no table\."):
        read_apart(tmp_path / "a.json")
    child_does(monkeypatch, "raise SystemExit(1)")
    with pytest.raises(DataError, match=r"^b\.json is JSON, but no table\."):
        read_apart(tmp_path / "a.json", name="b.json")


@pytest.mark.parametrize("spoil", [lambda p: p.write_bytes(p.read_bytes()[:-9]), lambda p: p.unlink()])
def test_damaged_or_deleted_table_in_the_cache_is_read_again(a_file, spoil):
    first = read_apart(a_file)
    spoil(kept()[0])
    assert read_apart(a_file).frame.equals(first.frame)


def test_one_flipped_bit_in_the_cache_is_found(a_file, monkeypatch):
    first = read_apart(a_file)
    content = bytearray(kept()[0].read_bytes())
    content[content.index(b"good")] ^= 1
    kept()[0].write_bytes(content)
    assert read_apart(a_file).frame.equals(first.frame)


def test_reader_that_crashes_is_one_sentence(a_file, monkeypatch):
    child_does(monkeypatch, "import os; os.abort()")
    with pytest.raises(DataError, match=r"^a\.csv could not be read: its reader crashed on it\. Export it again"):
        read_apart(a_file)
    assert not kept()


def test_reader_that_hangs_is_ended(a_file, monkeypatch):
    child_does(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(Bounds, "wall_seconds", 0.2)
    with pytest.raises(DataError, match=r"^a\.csv takes its reader more than the 8 seconds that a file of this size"):
        read_apart(a_file)


def test_reader_that_runs_away_is_ended_by_the_system(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "bounds", lambda source: Bounds(10**9, 1))
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": 1.5}\n' * 600_000)
    with pytest.raises(DataError, match="takes its reader more than the 1 seconds"):
        read_apart(tmp_path / "a.jsonl")


def test_reader_that_eats_memory_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "bounds", lambda source: Bounds(60_000_000, 20))
    pq.write_table(pa.table({"text": pa.array(["x" * 50_000] * 4_000)}), tmp_path / "a.parquet")  # 0.2 GB of text
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"a\.parquet needs more than the 0\.1 GB of memory that its reader may use"):
        read_apart(tmp_path / "a.parquet")


def test_full_disk_is_not_blamed_on_the_file(a_file, monkeypatch):
    child_does(monkeypatch, f"print('{{\"errno\": {errno.ENOSPC}}}')")
    with pytest.raises(WorkspaceError, match="The disk is full"):
        read_apart(a_file)


def test_bounds_grow_with_the_file_and_end_at_the_machine(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x")
    small = apart.bounds(checked_source(tmp_path / "a.csv"))
    assert small == Bounds(1_000_000_040, 8) and small.wall_seconds == 54
    with (tmp_path / "b.csv").open("wb") as file:
        file.truncate(1_900_000_000)  # takes no room
    large = apart.bounds(checked_source(tmp_path / "b.csv"))
    assert small.memory_bytes < large.memory_bytes <= 77_000_000_000 and large.cpu_seconds == 958


# --- limits that are checked before anything is expanded


def refused(path, **limits):
    with pytest.raises(DataError) as caught:
        read_table(path, limits=Limits(**limits))
    return str(caught.value)


def test_ratio_of_a_workbook_or_parquet_file_is_limited(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 2_000_000)
    assert "a.xlsx unpacks to 2,000,000 bytes, more than 200 times the" in refused(
        tmp_path / "a.xlsx", min_ratio_bytes=1_000_000
    )
    texts = pa.table({"text": pa.array(["x" * 2_000_000])})
    pq.write_table(texts, tmp_path / "a.parquet", compression="zstd")
    assert "more than 200 times the" in refused(tmp_path / "a.parquet", min_ratio_bytes=1_000_000)


def test_workbook_of_many_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for number in range(4):
            archive.writestr(f"{number}", b"")
    assert "a.xlsx holds 4 files, and a workbook has at most 3" in refused(tmp_path / "a.xlsx", max_members=3)


def test_text_that_many_cells_share_counts_for_each(tmp_path):
    import openpyxl

    book, packed = openpyxl.Workbook(), io.BytesIO()
    for _ in range(50):
        book.active.append(["x" * 1_000])
    book.save(packed)
    (tmp_path / "a.xlsx").write_bytes(packed.getvalue())
    assert "unpacks to more than the 40,000 bytes" in refused(tmp_path / "a.xlsx", max_expanded_bytes=40_000)


def test_deep_parquet_schema_is_refused(tmp_path):
    kind = pa.int8()
    for _ in range(40):
        kind = pa.struct([("a", kind)])
    pq.write_table(pa.table({"a": pa.nulls(1, kind)}), tmp_path / "a.parquet")
    assert "a.parquet has values nested 40 deep, and at most 9 levels" in refused(tmp_path / "a.parquet", max_depth=9)


@pytest.mark.parametrize("content", ["{},b\n1,2\n", '"{}"\n1\n'])
def test_text_in_place_of_a_column_name_is_refused(tmp_path, content):
    (tmp_path / "a.csv").write_text(content.format("x" * 1_001))
    assert refused(tmp_path / "a.csv") == (
        "a.csv has a column name of 1,001 characters, and at most 1,000 are expected. Put the names of the columns "
        "into the first row."
    )
