"""Claims about files of the workspace: ids, atomic writes, lines that are still being written, the cache."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from synweight_core import cache, storage
from synweight_core.errors import NotFoundError


def test_home_is_the_configured_folder_and_exists(tmp_path):
    assert storage.home() == tmp_path / "workspace" and storage.home().is_dir()


@pytest.mark.parametrize("value", ["..", ".", "a/b", "a\\b", "", "A", "-a", "a\n", "a.b", "a" * 101])
def test_ids_that_could_leave_the_folder_are_refused(value):
    with pytest.raises(NotFoundError, match="This id is not valid: ids have only a-z, 0-9 and '-'"):
        storage.checked_id(value)


@pytest.mark.parametrize("value", ["a", "0", "tweets-2026", "a" * 100])
def test_plain_ids_pass(value):
    assert storage.checked_id(value) == value


@pytest.mark.parametrize(
    ("name", "expected"),
    [("My Tweets (2)", "my-tweets-2"), ("Ünïcode", "n-code"), ("日本", "unnamed"), ("../..", "unnamed")],
)
def test_slug_of_any_name_is_a_valid_id(name, expected):
    assert storage.checked_id(storage.slug(name)) == expected


def test_long_slug_is_cut_without_a_dash_at_its_end():
    assert storage.slug("ab cd", max_chars=3) == "ab"


# --- replaced files -------------------------------------------------------------------------


def test_json_survives_a_round_trip_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "a.json"
    storage.write_json(path, {"naïve": [1, None]})
    assert storage.read_json(path) == {"naïve": [1, None]}


def test_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way(temporary):
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        storage.write_atomically(path, fail_half_way)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_write_leaves_no_temporary_file(tmp_path):
    storage.write_json(tmp_path / "a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [None, b"", b'{"a": 1', b"\xff"])
def test_json_that_is_absent_or_not_whole_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    assert storage.read_json(tmp_path / "a.json") is None


# --- appended lines -------------------------------------------------------------------------


def test_lines_are_read_on_from_the_offset(tmp_path):
    path = tmp_path / "a.jsonl"
    storage.append_line(path, {"step": 1})
    first, offset = storage.read_lines(path)
    storage.append_line(path, {"step": 2, "note": "é\n"})
    assert first == [{"step": 1}]
    assert storage.read_lines(path, offset)[0] == [{"step": 2, "note": "é\n"}]


def test_unfinished_last_line_is_left_for_later(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 1}\n{"st')
    found, offset = storage.read_lines(path)
    assert found == [{"step": 1}] and storage.read_lines(path, offset) == ([], offset)
    with path.open("a") as file:
        file.write('ep": 2}\n')
    assert storage.read_lines(path, offset) == ([{"step": 2}], path.stat().st_size)


def test_lines_of_an_absent_file_are_none_so_far(tmp_path):
    assert storage.read_lines(tmp_path / "a.jsonl", 7) == ([], 7)


def test_line_after_an_unfinished_one_is_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 1}\n{"st')
    storage.append_line(path, {"step": 2})
    assert storage.read_lines(path)[0] == [{"step": 1}, {"step": 2}]


def test_lines_of_several_processes_are_all_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    program = (
        "import sys; from pathlib import Path; from synweight_core.storage import append_line\n"
        "for i in range(50): append_line(Path(sys.argv[1]), {'by': sys.argv[2], 'i': i, 'rows': 'x' * 200_000})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), by], cwd=ROOT) for by in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = [(line["by"], line["i"]) for line in storage.read_lines(path)[0]]
    assert sorted(found) == [(by, i) for by in "abc" for i in range(50)]


# --- cache ----------------------------------------------------------------------------------


def never():
    raise AssertionError("computed again")


def test_cached_arrays_come_back_without_computing():
    assert not cache.exists("vectors", "k") and cache.load("vectors", "k") is None
    cache.cached("vectors", "k", lambda: {"a": np.array([1, 2]), "b": np.array(["é", "x"])})
    found = cache.cached("vectors", "k", never)
    assert cache.exists("vectors", "k")
    assert {name: array.tolist() for name, array in found.items()} == {"a": [1, 2], "b": ["é", "x"]}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-30], id="cut"),
        pytest.param(lambda content: content[:4], id="cut early"),
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: b"junk" + content, id="junk"),
    ],
)
def test_damaged_cache_file_is_computed_again(damage):
    cache.cached("vectors", "k", lambda: {"a": np.arange(9)})
    path = storage.home() / "cache" / "vectors" / "k.npz"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.cached("vectors", "k", lambda: {"a": np.zeros(2)})["a"].tolist() == [0, 0]
    assert cache.load("vectors", "k")["a"].tolist() == [0, 0]


def test_flipped_byte_of_cached_values_is_noticed():
    cache.cached("vectors", "k", lambda: {"a": np.full(9, 7, dtype=np.uint8)})
    path = storage.home() / "cache" / "vectors" / "k.npz"
    path.write_bytes(path.read_bytes().replace(bytes([7] * 9), bytes([7] * 8 + [8])))
    assert cache.load("vectors", "k") is None


def test_cache_never_unpickles(tmp_path):
    path = storage.home() / "cache" / "vectors" / "k.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, a=np.array([{"an": "object"}], dtype=object))
    assert cache.load("vectors", "k") is None


def test_content_key_differs_by_every_part_and_its_place():
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", 1), ("a", "b", "1"), (["a", "b"],), ("a", {"b": 1})]
    assert len({cache.content_key(*part) for part in parts}) == len(parts)


def test_content_key_is_stable_and_blind_to_the_order_of_keys():
    assert cache.content_key({"a": 1, "b": "\ud800"}) == cache.content_key(json.loads('{"b":"\\ud800","a":1}'))
