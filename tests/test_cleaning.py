"""What is removed on demand, and what never is."""

import io
import os
import time

import pytest
from test_projects import dataset

from synweight_core import cleaning, drafts, project_shelf, project_trash, projects, runs, storage, uploads


def written(path, *, hours=2.0, content=b"x" * 100):
    """A file that was written some hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, times=(time.time() - hours * 3600,) * 2)
    return path


@pytest.fixture
def project(workspace):
    return projects.create_project(dataset(), "One")


def test_columns_of_projects_stay_and_those_of_nobody_go(project):
    project_shelf.archive_project(project.id)
    kept = [written(path) for path in cleaning.needed_columns(project)]
    gone = written(storage.home() / "cache" / "map" / f"{'0' * 32}.npz")
    assert cleaning.clean() == cleaning.Cleaned(files=1, n_bytes=100)
    assert all(path.exists() for path in kept) and not gone.exists()
    assert cleaning.clean() == cleaning.Cleaned(files=0, n_bytes=0)


def test_columns_of_a_deleted_project_go_and_the_project_stays_in_the_trash(project):
    path = written(cleaning.needed_columns(project)[0])
    project_trash.delete_project(project.id)
    assert cleaning.unneeded() == [path]
    cleaning.clean()
    assert [each.id for each in project_trash.deleted_projects()] == [project.id]


def test_what_was_written_a_moment_ago_stays(workspace):
    written(storage.home() / "cache" / "map" / f"{'0' * 32}.npz", hours=0)
    uploads.store_upload(io.BytesIO(b"new"))
    written(storage.home() / "cache" / "map" / f".{'0' * 16}.npz", hours=0.5)
    assert cleaning.unneeded() == []


def test_uploads_of_drafts_stay_until_the_draft_is_old(workspace):
    sha = uploads.store_upload(io.BytesIO(b"mine"))
    path = written(uploads.upload_path(sha))
    drafts.add_file("draft-1", "real", sha256=sha, name="mine.csv")
    drafts.save_draft("draft-1", drafts.load_draft("draft-1") | {"choices": {"name": "Mine"}})
    lost = written(storage.home() / "uploads" / ("0" * 64))
    assert cleaning.unneeded() == [lost]
    draft = storage.home() / "drafts" / "draft-1.json"
    written(draft, hours=24 * 31, content=draft.read_bytes())
    assert set(cleaning.unneeded()) == {lost, path, draft}


def test_what_killed_processes_left_goes_unless_their_run_is_active(project):
    left = [
        written(project.folder / f".{'a' * 16}.parquet"),
        written(storage.home() / "uploads" / f".{'b' * 16}"),
        written(storage.home() / "runs" / "20261120-101112-000-x-0000" / f".{'c' * 16}.npz"),
        written(storage.home() / cleaning.IMPORTS / "abc" / "project" / "real.parquet"),
    ]
    assert set(cleaning.unneeded()) == set(left)


def test_unfinished_file_of_an_active_run_stays(workspace):
    import fcntl

    folder = runs.folder("20261120-101112-000-x-0000")
    fields = {"kind": "train", "project": "one", "name": "x", "created": 0.0, "settings": {}}
    storage.write_json(folder / "config.json", fields)
    written(folder / f".{'c' * 16}.npz")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert cleaning.unneeded() == []
    assert len(cleaning.unneeded()) == 1


def test_disk_use_counts_every_file_once(project):
    columns = cleaning.needed_columns(project)
    written(columns[0])
    run = written(runs.folder("20261120-101112-000-x-0000") / "model" / "weights")
    fields = {"kind": "train", "project": project.id, "name": "x", "created": 0.0, "settings": {}}
    storage.write_json(run.parent.parent / "config.json", fields)
    used = cleaning.disk_use()
    assert set(used) == set(cleaning.PARTS)
    assert used["cache"] == 100 and used["projects"] > 1000 and used["trash"] == 0
    assert cleaning.project_sizes([project]) == {project.id: used["projects"] + used["cache"] + used["runs"]}


def test_needed_columns_are_those_that_preparation_reads(demo):
    assert all(path.exists() for path in cleaning.needed_columns(demo))
