"""Projects renamed, archived, deleted with their runs, restored; folders that hold none."""

import fcntl
import json

import pytest
from test_projects import ROWS, dataset

from synweight_core import project_shelf, project_trash, projects, runs, storage, trash
from synweight_core.errors import DataError, NotFoundError, RunError
from synweight_core.suggest_job import start_suggesting

RUN = "20261120-101112-000-x-0000"


@pytest.fixture
def project(workspace):
    return projects.create_project(dataset(), "One")


@pytest.fixture
def run_id(project):
    """A run of the project that has ended."""
    folder = runs.folder(RUN)
    fields = {"kind": "train", "project": project.id, "name": "DIMP, seed 0", "created": 0.0, "settings": {}}
    storage.write_json(folder / "config.json", fields)
    storage.write_json(folder / "result.json", {"stopped": False})
    return RUN


def test_renamed_project_keeps_its_id_and_all_else(project):
    renamed = project_shelf.rename_project(project.id, "  Zweites  ")
    assert (renamed.id, renamed.name) == (project.id, "Zweites")
    assert projects.load_project(project.id) == renamed
    assert len(projects.load_dataset(renamed).synthetic) == len(ROWS)
    assert projects.create_project(dataset(), "One").name == "Zweites"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "\ud800"])
def test_names_that_cannot_be_kept_are_refused(project, name):
    with pytest.raises(DataError, match="name of the project"):
        project_shelf.rename_project(project.id, name)
    assert projects.load_project(project.id) == project


def test_archived_project_comes_back(project):
    assert project_shelf.archive_project(project.id).archived
    assert projects.load_project(project.id).archived
    assert project_shelf.archive_project(project.id, archived=False) == project


def test_changes_of_two_tabs_are_both_kept(project):
    project_shelf.rename_project(project.id, "Two")
    project_shelf.archive_project(project.id)
    found = projects.load_project(project.id)
    assert (found.name, found.archived) == ("Two", True)


@pytest.mark.parametrize("do", [project_trash.delete_project, project_trash.restore_project])
@pytest.mark.parametrize("bad", ["../x", "a/b", "", "A", ".", "no-such-project"])
def test_projects_that_are_not_there_are_told(workspace, do, bad):
    with pytest.raises(NotFoundError):
        do(bad)


def test_deleted_project_goes_with_its_runs_and_comes_back_as_it_was(project, run_id):
    (project.folder / "edits.jsonl").write_text("{}\n")
    before = runs.load_run(run_id)
    project_trash.delete_project(project.id)
    assert projects.list_projects() == [] and runs.list_runs() == []
    (deleted,) = project_trash.deleted_projects()
    assert (deleted.id, deleted.name, deleted.n_runs) == (project.id, "One", 1)
    assert deleted.n_bytes > 1000
    project_trash.restore_project(project.id)
    assert projects.list_projects() == [project] and runs.load_run(run_id) == before
    assert (project.folder / "edits.jsonl").read_text() == "{}\n"
    assert project_trash.deleted_projects() == []


def test_run_that_was_deleted_before_its_project_stays_in_the_trash(project, run_id):
    trash.delete_run(run_id)
    project_trash.delete_project(project.id)
    project_trash.restore_project(project.id)
    assert [run.id for run in trash.deleted_runs()] == [run_id]


def test_project_with_an_active_run_is_not_deleted(project, run_id):
    (runs.folder(run_id) / "result.json").unlink()
    with (runs.folder(run_id) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError, match=r"still active: DIMP, seed 0\. Stop it first"):
            project_trash.delete_project(project.id)
    assert projects.list_projects() == [project] and len(runs.list_runs()) == 1


def test_search_that_nobody_asked_for_ends_with_its_project(demo):
    search = start_suggesting(demo, is_first=True)
    project_trash.delete_project(demo.id)
    assert not projects.is_project(demo.id) and not runs.active_runs()
    project_trash.restore_project(demo.id)
    assert runs.load_run(search).status == "stopped"
    start_suggesting(demo)
    with pytest.raises(RunError, match=r"is still active: suggest Demo\. Stop it first"):
        project_trash.delete_project(demo.id)


def test_run_whose_worker_lets_go_late_keeps_the_project_whole(project, run_id):
    with (runs.folder(run_id) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RunError):
            project_trash.delete_project(project.id)
    assert projects.list_projects() == [project] and len(runs.list_runs()) == 1
    assert project_trash.deleted_projects() == []


def test_view_that_an_open_tab_wrote_does_not_stop_a_restore(project):
    project_trash.delete_project(project.id)
    storage.write_json(project.folder / "view.json", {})
    project_trash.restore_project(project.id)
    assert projects.list_projects() == [project]


def test_project_that_was_made_again_is_not_overwritten_by_a_restore(project):
    project_trash.delete_project(project.id)
    again = projects.create_project(dataset(), "One")
    with pytest.raises(RunError, match="is here again"):
        project_trash.restore_project(project.id)
    assert projects.list_projects() == [again] and len(project_trash.deleted_projects()) == 1


def test_emptied_trash_of_runs_leaves_projects_alone(project, run_id):
    project_trash.delete_project(project.id)
    (deleted,) = project_trash.deleted_projects()
    assert trash.empty_trash() == 0
    assert project_trash.empty_trash() == deleted.n_bytes
    assert project_trash.deleted_projects() == [] and project_trash.empty_trash() == 0


def test_fields_of_another_version_are_left_out_and_missing_ones_have_their_default(project):
    path = project.folder / "project.json"
    stored = json.loads(path.read_text())
    del stored["archived"], stored["checker"]
    path.write_text(json.dumps(stored | {"colour": "red"}))
    assert projects.load_project(project.id) == project
    assert project_shelf.unreadable_projects() == {}


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"name": "x"}', "null", '{"labels": 1, "findings": []}', '{"labels": ["a"], "findings": [1]}'],
)
def test_project_that_cannot_be_read_is_passed_over_with_a_sentence(project, content):
    (project.folder / "project.json").write_text(content)
    assert projects.list_projects() == []
    assert "its project.json is damaged" in project_shelf.unreadable_projects()[project.id]


def test_project_with_a_field_of_another_kind_is_passed_over(project):
    path = project.folder / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"created": "today"}))
    assert projects.list_projects() == []
