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


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.array(["é", "xyz"]),
        np.array(7.5),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_mapped_array_is_the_stored_one_and_cannot_be_written(array):
    cache.cached("vectors", "k", lambda: {"other": np.zeros(3), "a": array, "b": np.ones(2)})
    found = cache.load_mapped("vectors", "k", "a")
    assert isinstance(found, np.memmap) and not found.flags.writeable
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tolist() == array.tolist()


def test_mapped_array_without_values_is_empty():
    cache.cached("vectors", "k", lambda: {"a": np.empty((0, 4), dtype=np.float32)})
    assert cache.load_mapped("vectors", "k", "a").shape == (0, 4)


def test_mapped_array_outlives_its_file():
    cache.cached("vectors", "k", lambda: {"a": np.arange(3)})
    found = cache.load_mapped("vectors", "k", "a")
    (storage.home() / "cache" / "vectors" / "k.npz").unlink()
    assert found.tolist() == [0, 1, 2]


def test_array_that_is_not_there_is_none_and_leaves_the_file():
    assert cache.load_mapped("vectors", "k", "a") is None
    cache.cached("vectors", "k", lambda: {"a": np.arange(3)})
    assert cache.load_mapped("vectors", "k", "b") is None
    assert cache.exists("vectors", "k")


def npz(**options):
    """A cache file as another program would write it."""
    path = storage.home() / "cache" / "vectors" / "k.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **{"a": np.arange(9.0)} | options)
    return path


DAMAGES = {
    "cut": lambda content: content[:-30],
    "cut early": lambda content: content[:4],
    "empty": lambda content: b"",
    "larger shape": lambda content: content.replace(b"(9,)", b"(99,)").replace(b"  \n", b" \n", 1),
    "huge shape": lambda content: content.replace(b"(9,), }                 ", b"(99999999999999999999,) }"[:24]),
    "negative shape": lambda content: content.replace(b"(9,), }  ", b"(-9,), } "),
    "other name in the local header": lambda content: content.replace(b"a.npy", b"b.npy", 1),
    "no local header": lambda content: content.replace(b"PK\x03\x04", b"PK\x03\x05", 1),
    "unknown version": lambda content: content.replace(b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
    "no array": lambda content: content.replace(b"\x93NUMPY", b"\x93NUMPE"),
    "other kind of values": lambda content: content.replace(b"<f8", b"|O8"),
    "code for a header": lambda content: content.replace(b"False", b"exit("),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_file_is_not_mapped_but_removed(name):
    path = npz()
    content = path.read_bytes()
    damaged = DAMAGES[name](content)
    assert damaged != content
    path.write_bytes(damaged)
    assert cache.load_mapped("vectors", "k", "a") is None
    assert not path.exists()


def test_no_cut_or_flipped_byte_of_the_headers_breaks_the_reader():
    path = npz()
    content = path.read_bytes()
    for place in [*range(200), *range(len(content) - 120, len(content))]:
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]):
            path.write_bytes(damaged)
            found = cache.load_mapped("vectors", "k", "a")
            assert found is None or found.nbytes <= len(content)


def test_compressed_or_pickled_array_is_not_mapped(tmp_path):
    path = npz(a=np.array([{"an": "object"}], dtype=object))
    assert cache.load_mapped("vectors", "k", "a") is None and not path.exists()
    np.savez_compressed(path, a=np.zeros(99))
    assert cache.load_mapped("vectors", "k", "a") is None and not path.exists()


def test_arrays_that_are_left_are_not_read():
    cache.cached("graph", "k", lambda: {"groups": np.arange(2), "indices": np.zeros((2, 3))})
    assert list(cache.load("graph", "k", leave=("indices", "absent"))) == ["groups"]


def test_cached_arrays_come_back_as_memory_maps():
    arrays = {"a": np.arange(4, dtype=np.float16), "b": np.array(2)}
    first = cache.cached_mapped("vectors", "k", lambda: arrays)
    again = cache.cached_mapped("vectors", "k", never)
    for found in (first, again):
        assert {name: array.tolist() for name, array in found.items()} == {"a": [0, 1, 2, 3], "b": 2}
        assert isinstance(found["a"], np.memmap) and not found["a"].flags.writeable


def test_arrays_of_keys_with_a_beginning_are_removed():
    for key in ("a1-x", "a1-y", "a2-x"):
        cache.store("pieces", key, {"a": np.zeros(1)})
    cache.remove("pieces", "a1-")
    assert [cache.exists("pieces", key) for key in ("a1-x", "a1-y", "a2-x")] == [False, False, True]


def test_content_key_differs_by_every_part_and_its_place():
    parts = [("a", "b"), ("b", "a"), ("ab",), ("a", "b", 1), ("a", "b", "1"), (["a", "b"],), ("a", {"b": 1})]
    assert len({cache.content_key(*part) for part in parts}) == len(parts)


def test_content_key_is_stable_and_blind_to_the_order_of_keys():
    assert cache.content_key({"a": 1, "b": "\ud800"}) == cache.content_key(json.loads('{"b":"\\ud800","a":1}'))


def test_file_that_is_replaced_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    storage.write_json(tmp_path / "replaced.json", {})
    assert (tmp_path / "replaced.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_new_workspace_is_its_owners_alone(workspace):
    assert storage.home().stat().st_mode & 0o777 == 0o700
