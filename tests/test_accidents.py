"""Accidents that are nobody's fault: recovered from or told in one sentence, and nobody's work is lost."""

import errno
import os
import shutil

import pytest

from synweight_core import projects, storage
from synweight_core.errors import DataError, file_sentence


@pytest.fixture
def accidents(benchmark):
    return benchmark("accidents")


@pytest.fixture
def project(benchmark, tmp_path, monkeypatch):
    """A small prepared project, with edits and runs."""
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "made"))
    return benchmark("hostile_workspace").build(tmp_path / "made")[0]


def test_kill_during_an_upload_leaves_whole_files_and_the_draft(workspace, accidents):
    found = accidents.kills_during_upload(3, n_bytes=20_000_000)
    assert (found["broken"], found["drafts_lost"], found["left_after_a_day"]) == (0, 0, 0)


def test_full_disk_is_told_and_spoils_nothing(project, accidents):
    found = accidents.full_disk(project, rooms=(0, 100))
    assert found["writes"] == 18 and found["told"] >= 16
    assert (found["tracebacks"], found["spoilt"], found["leftover"]) == (0, [], 0)
    assert any("Raise this user's limit on the size of files and go on." in said for said in found["examples"])


@pytest.mark.filterwarnings("ignore")
def test_spoilt_cache_files_are_found_out_and_computed_again(project, accidents):
    found = accidents.spoilt_caches(project, ways=("cut",))
    assert found["files"] >= 6 and found["opened"] == found["files"]
    assert (found["tracebacks"], found["edits_lost"]) == ([], 0)


def test_clock_that_is_set_back_loses_nothing(project, accidents):
    before = len(projects.list_projects())
    assert accidents.clock_back(project) == {
        "edits_in_force": 10, "is_in_list": True, "double_click": False, "projects": before, "selections": 2,
    }  # fmt: skip


def test_old_unfinished_files_go_and_young_ones_stay(tmp_path):
    old, young, other = (tmp_path / name for name in (".0123456789abcdef", ".0123456789abcde0.csv", ".keep"))
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    storage.remove_abandoned(tmp_path)
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)


def test_damaged_rows_of_a_project_are_told_in_a_sentence(project):
    path = project.folder / "synthetic.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"in synthetic\.parquet are damaged\. Put the file back from a copy"):
        projects.load_dataset(project)
    with pytest.raises(DataError, match="are damaged"):
        projects.load_label_codes(project)


@pytest.mark.parametrize("page", ["map", "data", "present"])
@pytest.mark.filterwarnings("ignore")
def test_page_tells_of_damaged_rows_and_of_deleted_ones(project, benchmark, page):
    from streamlit.testing.v1 import AppTest

    hostile = benchmark("hostile")
    for spoil in (lambda path: path.write_bytes(b"PAR1"), lambda path: path.unlink()):
        spoil(project.folder / "real.parquet")
        spoil(project.folder / "synthetic.parquet")
        test = AppTest.from_file(str(hostile.APP), default_timeout=60)
        test.query_params["project"] = project.id
        test = test.switch_page(f"pages/{page}.py").run()
        assert not test.exception
        assert any("damaged" in each.value or "moved or deleted" in each.value for each in test.error)


def test_file_that_may_grow_no_further_is_told_apart_from_a_full_disk():
    assert file_sentence(OSError(errno.EFBIG, "File too large", "a.npz")).startswith("The system lets 'a.npz' grow no")
    assert shutil.disk_usage("/").free > 0
