"""Deleting runs: what is in the trash is gone from every list, and comes back as it was."""

import fcntl

import pytest
from click.testing import CliRunner

from synweight_core import runs, storage, trash
from synweight_core.cli import main
from synweight_core.errors import NotFoundError, RunError

RUN = "20261120-101112-000-x-0000"


@pytest.fixture
def run_id(workspace):
    """A run that has ended, of 1,000 bytes and two small files."""
    folder = runs.folder(RUN)
    fields = {"kind": "train", "project": "demo", "name": "DIMP, seed 0", "created": 0.0, "settings": {}}
    storage.write_json(folder / "config.json", fields)
    storage.write_json(folder / "result.json", {"stopped": False})
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_bytes(b"x" * 1000)
    return RUN


def test_a_deleted_run_is_in_the_trash_alone_and_comes_back_as_it_was(run_id):
    before = runs.load_run(run_id)
    trash.delete_run(run_id)
    assert runs.list_runs() == []
    (deleted,) = trash.deleted_runs()
    assert (deleted.id, deleted.name, deleted.project) == (run_id, "DIMP, seed 0", "demo")
    assert deleted.n_bytes > 1000
    trash.restore_run(run_id)
    assert runs.load_run(run_id) == before and trash.deleted_runs() == []
    assert (before.folder / "model" / "weights").stat().st_size == 1000


def test_an_active_run_must_be_stopped_first(run_id):
    (runs.folder(run_id) / "result.json").unlink()
    with (runs.folder(run_id) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match=r"\(DIMP, seed 0\) is still queued. Stop it first, then delete it."):
            trash.delete_run(run_id)
    assert runs.load_run(run_id).status == "failed"
    trash.delete_run(run_id)
    assert runs.list_runs() == []


def test_a_run_whose_worker_is_about_to_let_go_is_not_torn_away(run_id):
    with (runs.folder(run_id) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError):
            trash.delete_run(run_id)
    assert runs.load_run(run_id).status == "finished"


def test_emptied_trash_says_what_it_freed_and_restores_nothing(run_id):
    trash.delete_run(run_id)
    (size,) = [run.n_bytes for run in trash.deleted_runs()]
    assert trash.empty_trash() == size
    assert trash.empty_trash() == 0 and trash.deleted_runs() == []
    with pytest.raises(NotFoundError, match="There is no run '20261120-101112-000-x-0000' in the trash"):
        trash.restore_run(run_id)


def test_what_is_half_removed_is_no_run_and_is_removed_the_next_time(workspace):
    (workspace / "trash" / RUN / "model").mkdir(parents=True)
    (workspace / "trash" / RUN / "model" / "weights").write_bytes(b"x" * 7)
    assert trash.deleted_runs() == []
    with pytest.raises(NotFoundError):
        trash.restore_run(RUN)
    assert trash.empty_trash() == 7
    assert not (workspace / "trash" / RUN).exists()


@pytest.mark.parametrize("do", [trash.delete_run, trash.restore_run])
@pytest.mark.parametrize("bad", ["../x", "a/b", "", "A", "."])
def test_ids_cannot_leave_the_workspace(workspace, do, bad):
    with pytest.raises(NotFoundError, match="This id is not valid"):
        do(bad)


def test_an_unknown_run_cannot_be_deleted(workspace):
    with pytest.raises(NotFoundError, match="There is no run 'x' here"):
        trash.delete_run("x")


def test_commands_delete_restore_and_empty(run_id):
    def said(*words):
        done = CliRunner().invoke(main, [*words])
        assert done.exit_code == 0, done.output
        return done.output

    assert said("delete", run_id) == f"{run_id} is in the trash.\n"
    assert said("trash").startswith(f"{run_id}  DIMP, seed 0  ")
    assert said("restore", run_id) == f"{run_id} is restored.\n"
    said("delete", run_id)
    assert said("trash", "--empty").startswith("Freed 1.") and said("trash") == "The trash is empty.\n"
