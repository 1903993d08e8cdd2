"""The commands on projects as a whole."""

import json
import zipfile

import pytest
from click.testing import CliRunner
from made_runs import ended_run
from test_append import MORE
from test_projects import ROWS, dataset

from synweight_core import project_shelf, project_trash, projects, runs, storage
from synweight_core.cli import main


def said(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def project(workspace):
    return projects.create_project(dataset(), "One", files={"synthetic": "s.csv"})


def test_projects_are_listed_with_rows_runs_and_size(project):
    ended_run(project)
    project_shelf.archive_project(project.id)
    first, second = said("projects").splitlines()
    assert first.startswith(f"{project.id}  ") and "  80 rows  1 runs  " in first and first.endswith("  One (archived)")
    assert second.startswith("Projects ")
    (facts,) = map(json.loads, said("projects", "--json").splitlines())
    assert (facts["id"], facts["runs"], facts["archived"]) == (project.id, 1, True)
    assert facts["bytes"] > 1000


def test_empty_workspace_and_damaged_folder_are_told(workspace):
    assert said("projects") == "There is no project yet.\n"
    (workspace / "projects" / "torn").mkdir(parents=True)
    assert "The folder 'torn' in projects/ is passed over" in said("projects")


def test_rename_archive_and_back(project):
    said("rename", project.id, "Two")
    assert said("archive", project.id) == f"{project.id} is archived.\n"
    assert (projects.load_project(project.id).name, projects.load_project(project.id).archived) == ("Two", True)
    assert said("archive", project.id, "--undo") == f"{project.id} is in use again.\n"
    assert "There is no project 'nope'" in said("rename", "nope", "x", code=1)


def test_project_is_deleted_listed_and_restored(project):
    run_id = ended_run(project)
    assert said("delete", project.id) == f"{project.id} is in the trash.\n"
    assert said("trash").startswith(f"{project.id}  project One with 1 runs  ")
    assert said("restore", project.id) == f"{project.id} is restored.\n"
    assert projects.list_projects() == [project] and [run.id for run in runs.list_runs()] == [run_id]
    said("delete", project.id)
    said("trash", "--empty")
    assert project_trash.deleted_projects() == [] and said("trash") == "The trash is empty.\n"


def test_project_goes_out_and_comes_in(project, tmp_path, monkeypatch):
    ended_run(project)
    target = tmp_path / "one.zip"
    assert said("export-project", project.id, "--to", target, "--without-models").startswith(f"{target} (")
    assert "is here already" in said("import-project", target, "--no-wait", code=1)
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    assert f"Project {project.id} in " in said("import-project", target, "--no-wait")
    assert projects.list_projects() == [project]
    (started,) = runs.list_runs(kind="prepare")
    runs.request_stop(started.id)


def test_import_of_something_else_is_one_line(workspace, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("../../evil", "")
    assert "none that a project file has" in said("import-project", tmp_path / "x.zip", code=1)


def test_rows_are_added(project, tmp_path):
    MORE.to_csv(tmp_path / "more.csv", index=False)
    ROWS[:5].assign(text="again " + ROWS["text"][:5]).to_csv(tmp_path / "other.csv", index=False)
    output = said("append", project.id, tmp_path / "more.csv", tmp_path / "other.csv", "--no-wait")
    assert "Rows are numbered through all files: more.csv 1 to 3, other.csv 4 to 8." in output
    made = projects.list_projects()[0]
    assert (made.after, made.name) == (project.id, "One v2")
    assert made.counts["synthetic"] == project.counts["synthetic"] + 7
    for run in runs.list_runs(kind="prepare"):
        runs.request_stop(run.id)


def test_several_files_of_a_role_become_one_project(workspace, tmp_path):
    files = []
    for number in range(2):
        files.append(tmp_path / f"{number}.csv")
        ROWS.assign(text=f"made {number} " + ROWS["text"]).to_csv(files[-1], index=False)
    ROWS.to_csv(tmp_path / "real.csv", index=False)
    real = ("--real", tmp_path / "real.csv")
    said("prepare", "--synthetic", files[0], "--synthetic", files[1], *real, "--no-wait")
    (made,) = projects.list_projects()
    rows = projects.load_dataset(made).synthetic
    assert made.counts["synthetic"] == 80 and made.files["synthetic"] == "0.csv, 1.csv"
    assert sorted(set(rows["upload:file"])) == ["0.csv", "1.csv"]
    for run in runs.list_runs(kind="prepare"):
        runs.request_stop(run.id)


def test_clean_says_what_it_frees(project):
    import os

    lost = storage.home() / "cache" / "map" / f"{'0' * 32}.npz"
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"x" * 2000)
    os.utime(lost, (0, 0))
    assert said("clean", "--dry-run") == "2.0 KB in 1 files would be freed.\n" and lost.exists()
    assert said("clean") == "Freed 2.0 KB in 1 files.\n" and not lost.exists()


def test_fetch_wants_a_parquet_file(workspace, tmp_path):
    assert "ends in .parquet" in said("fetch", "a/b", "--out", tmp_path / "x.csv", code=2)
    assert "is no id of a data set" in said("fetch", "a b", "--out", tmp_path / "x.parquet", code=1)


@pytest.mark.long
def test_fetch_saves_a_folder_in_the_layout_of_the_hub(workspace, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    ROWS.to_csv(folder / "train.csv", index=False)
    target = tmp_path / "rows.parquet"
    assert f"{target}: 40 rows" in said("fetch", folder, "--out", target)
    assert projects.read_upload(target).frame["text"].tolist() == ROWS["text"].tolist()
