"""The page of projects, several files of a role, rows added, and files from elsewhere: through AppTest."""

import os
import time

import numpy as np
import pytest
from conftest import ROOT, ended
from made_runs import ended_run
from streamlit.testing.v1 import AppTest
from test_append import MORE
from test_pages import GOOD_REAL, app, csv, press, texts, upload
from test_projects import dataset

from synweight_core import (
    cleaning,
    curation,
    drafts,
    fetch_job,
    project_shelf,
    project_trash,
    projects,
    runs,
    server_files,
    storage,
)
from synweight_core.project_file import export_project

HOSTILE = "![x](http://127.0.0.1:9/p.png) <b>$y^2$ :red[z]"


@pytest.fixture
def project(workspace):
    return projects.create_project(dataset(), "One", files={"synthetic": "s.csv"})


def stop_preparations():
    for run in runs.list_runs(kind="prepare"):
        runs.request_stop(run.id)


def button(test, label):
    return next(each for each in test.button if each.label == label)


def test_projects_are_listed_with_what_they_use(project):
    ended_run(project)
    test = app("projects")
    assert not test.exception
    table = test.dataframe[0].value
    assert table["project"].tolist() == ["One"] and table["runs"].tolist() == [1]
    assert (table["synthetic rows"][0], table["real rows"][0]) == (40, 40)
    assert table["disk (MB)"][0] == pytest.approx(cleaning.project_sizes([project])[project.id] / 1e6)


def test_renaming_keeps_id_and_link(project):
    test = app("projects", project=project.id)
    next(box for box in test.text_input if box.label == "Name").set_value(HOSTILE).run()
    assert not test.exception
    assert projects.load_project(project.id).name == HOSTILE
    assert test.query_params["project"] in (project.id, [project.id])
    next(box for box in test.text_input if box.label == "Name").set_value("  ").run()
    assert "name of the project has 0 characters" in texts(test)


def sidebar_choice(project_id):
    """The box of the sidebar in which a project is chosen, with this one open."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if project_id:
        test.query_params["project"] = project_id
    return test.run().sidebar.selectbox[0]


def test_archived_project_leaves_the_sidebar_unless_it_is_open(project):
    other = projects.create_project(dataset(real=GOOD_REAL), "Other")
    test = app("projects", project=project.id)
    press(test, "Archive")
    assert projects.load_project(project.id).archived
    assert sidebar_choice(project.id).options == ["Other", "One"]
    assert sidebar_choice(other.id).options == ["Other"]
    assert sidebar_choice(None).value == other.id
    press(test, "Take back")
    assert not projects.load_project(project.id).archived


def test_deleted_project_is_gone_and_undo_brings_it_back(project):
    run_id = ended_run(project)
    test = app("projects", project=project.id)
    press(test, "Delete")
    assert not test.exception
    assert projects.list_projects() == [] and "**One** is in the trash." in texts(test)
    press(test, "Undo")
    assert projects.list_projects() == [project] and runs.load_run(run_id).project == project.id
    assert not test.exception and "is in the trash" not in texts(test)


def test_project_with_an_active_run_is_not_deleted(project):
    from made_runs import held, made_run

    with held(made_run(project, steps=1)):
        test = app("projects", project=project.id)
        press(test, "Delete")
        assert "is still active: CE, seed 0. Stop it first" in texts(test)
        assert projects.list_projects() == [project]


def test_deleted_project_is_restored_from_the_trash_or_removed_for_good(project):
    project_trash.delete_project(project.id)
    test = app("projects")
    assert "Trash: 1 deleted project" in [each.label for each in test.expander]
    press(test, "Restore")
    assert projects.list_projects() == [project]
    project_trash.delete_project(project.id)
    test = app("projects")
    next(each for each in test.button if each.label.startswith("Empty the trash")).click().run()
    assert project_trash.deleted_projects() == [] and "Freed " in texts(test)


def test_project_file_is_brought_in(project, tmp_path, monkeypatch):
    file = export_project(project, tmp_path / "one.zip").read_bytes()
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    test = app("projects")
    test.file_uploader(key="project_file").set_value(("one.zip", file, "application/zip")).run()
    press(test, "Bring in")
    assert not test.exception
    assert projects.list_projects() == [project]
    stop_preparations()


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_file_that_is_no_project_is_refused_with_a_sentence(workspace, content):
    test = app("projects")
    test.file_uploader(key="project_file").set_value(("one.zip", content, "application/zip")).run()
    press(test, "Bring in")
    assert not test.exception
    assert "This is no project file that can be brought in" in texts(test)


def test_cleaning_says_what_it_freed(project):
    lost = storage.home() / "cache" / "map" / f"{'0' * 32}.npz"
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"x" * 2000)
    os.utime(lost, (0, 0))
    test = app("projects")
    press(test, "Clean the cache")
    assert "Freed 2.0 KB in 1 files." in texts(test) and not lost.exists()


def test_damaged_and_hostile_projects_are_told_letter_by_letter(project):
    project_shelf.rename_project(project.id, HOSTILE)
    (storage.home() / "projects" / "torn").mkdir()
    test = app("projects")
    assert not test.exception
    assert "The folder 'torn' in projects/ is passed over" in texts(test)
    press(test, "Delete")
    shown = [*test.markdown, *test.caption, *test.error, *test.warning]
    assert not [each.value for each in shown if "![x](" in each.value or " :red[" in each.value]


# --- several files of a role


def made_up(number):
    return GOOD_REAL.assign(text=f"made up {number} " + GOOD_REAL["text"])


def test_several_files_become_one_project_with_the_file_as_generator(workspace):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL))
    uploader = next(each for each in test.file_uploader if each.key.startswith("file:synthetic:"))
    other = made_up(2).rename(columns={"text": "sentence", "label": "sentiment"}).assign(mood="calm")
    files = [("gpt.csv", csv(made_up(1))), ("llama.csv", csv(other))]
    uploader.set_value([(name, content, "text/csv") for name, content in files]).run()
    assert not test.exception
    shown = texts(test)
    assert "80 rows in 2 files" in shown
    assert "Rows are numbered through all files: gpt.csv 1 to 40, llama.csv 41 to 80." in shown
    assert "Not in all files, and empty where absent: mood." in shown
    press(test, "Check files and create project")
    (project,) = projects.list_projects()
    rows = projects.load_dataset(project).synthetic
    assert rows["generator"].value_counts().to_dict() == {"gpt.csv": 40, "llama.csv": 40}
    assert (project.name, project.files["synthetic"]) == ("gpt", "gpt.csv, llama.csv")
    assert list((storage.home() / "drafts").iterdir()) == []
    stop_preparations()


def test_another_file_is_added_and_can_be_taken_away(workspace):
    test = app("data")
    upload(test, "synthetic", "a.csv", csv(made_up(1)))
    upload(test, "synthetic", "b.csv", csv(made_up(2)))
    upload(test, "synthetic", "b.csv", csv(made_up(2)))
    assert "80 rows in 2 files" in texts(test)
    button(test, "Remove").click().run()
    assert not test.exception
    assert "a.csv" not in texts(test) and "b.csv" in texts(test) and "rows in 2 files" not in texts(test)


def test_file_that_does_not_fit_the_others_is_named_and_nothing_is_lost(workspace):
    test = app("data")
    upload(test, "real", "real.csv", csv(GOOD_REAL))
    upload(test, "synthetic", "a.csv", csv(made_up(1)))
    upload(test, "synthetic", "b.csv", csv(made_up(2)[["text"]]))
    assert not test.exception
    assert "b.csv: no column for the label was found" in texts(test)
    assert "Check files and create project" not in [each.label for each in test.button]


def test_draft_of_an_older_version_still_opens(workspace):
    import io

    from synweight_core.uploads import store_upload

    sha256 = store_upload(io.BytesIO(csv(GOOD_REAL)))
    old = {"real": {"sha256": sha256, "name": "mine.csv", "columns": None}}
    storage.write_json(storage.home() / "drafts" / "draft-1.json", old)
    test = app("data", draft="draft-1")
    assert not test.exception and "mine.csv" in texts(test)


@pytest.mark.parametrize("draft", ["[]", "{", '{"real": 5}', '{"real": [5, {"sha256": 1}], "fetching": 3}'])
def test_damaged_draft_opens_as_an_empty_one(workspace, draft):
    (storage.home() / "drafts").mkdir()
    (storage.home() / "drafts" / "draft-1.json").write_text(draft)
    (storage.home() / "workspace.json").write_text('{"format": 2}')
    assert not app("data", draft="draft-1").exception


# --- rows added to a project


def test_rows_are_added_on_the_data_page(project):
    curation.exclude(project, np.array([3]))
    test = app("data", project=project.id)
    upload(test, "more", "more.csv", csv(MORE))
    assert not test.exception
    press(test, "Add rows to this project")
    assert not test.exception
    made = next(each for each in projects.list_projects() if each.id != project.id)
    assert (made.name, made.after) == ("One v2", project.id)
    assert made.counts["synthetic"] == project.counts["synthetic"] + 2
    assert np.flatnonzero(~curation.load_curation(made).kept).tolist() == [3]
    assert test.query_params["project"] in (made.id, [made.id])
    stop_preparations()


def test_rows_of_which_none_fits_are_told_and_kept(project):
    test = app("data", project=project.id)
    upload(test, "more", "more.csv", csv(MORE.assign(label="zebra")))
    press(test, "Add rows to this project")
    assert "more.csv: no row is left after the checks" in texts(test)
    assert "more.csv" in texts(app("data", project=project.id))


# --- files from elsewhere


def test_file_on_the_server_is_taken_in(workspace, tmp_path, monkeypatch):
    folder = tmp_path / "allowed"
    folder.mkdir()
    GOOD_REAL.to_csv(folder / "rows.csv", index=False)
    monkeypatch.setenv(server_files.VARIABLE, str(folder))
    test = app("data")
    test.selectbox(key="server:real").set_value(str(folder / "rows.csv")).run()
    test.button(key="take:real").click().run()
    assert not test.exception
    assert "rows.csv · 40 rows" in texts(test).replace("*", "")
    assert "draft" in test.query_params


def test_without_allowed_folders_the_server_is_not_offered(workspace, monkeypatch):
    monkeypatch.delenv(server_files.VARIABLE, raising=False)
    test = app("data")
    assert not [box for box in test.selectbox if box.label == "File on the server"]
    assert [box for box in test.text_input if box.label == "Data set on the Hugging Face hub"]


def test_name_that_is_no_data_set_is_told(workspace):
    test = app("data")
    test.text_input(key="hub:real").set_value("no id at all").run()
    test.button(key="hub_fetch:real").click().run()
    assert "is no id of a data set" in texts(test) and runs.list_runs() == []


def fetching(result):
    """A draft whose real rows are being fetched by a job that ended so."""
    run_id = "20261120-101112-000-fetch-0000"
    fields = {"kind": "fetch", "project": "", "name": "fetch x", "created": time.time(), "settings": {}}
    storage.write_json(runs.folder(run_id) / "config.json", fields)
    name = "error.json" if "message" in result else "result.json"
    storage.write_json(runs.folder(run_id) / name, result)
    drafts.save_draft("draft-1", {"fetching": {"real": run_id}})
    return app("data", draft="draft-1")


def test_fetched_rows_become_a_file_of_the_draft(workspace):
    import io

    from synweight_core.uploads import store_upload

    sha256 = store_upload(io.BytesIO(csv(GOOD_REAL)))
    test = fetching({"stopped": False, "sha256": sha256, "name": "x-train.csv", "rows": 40, "notes": []})
    assert not test.exception
    assert "x-train.csv" in texts(test)
    assert drafts.load_draft("draft-1")["fetching"] == {}


def test_fetch_that_failed_says_why_and_can_be_tried_again(workspace):
    test = fetching({"message": "The hub could not be reached for 'a/b'."})
    assert "The hub could not be reached for 'a/b'." in texts(test)
    press(test, "Try another")
    assert [box for box in test.text_input if box.key == "hub:real"]


@pytest.mark.long
def test_folder_in_the_layout_of_the_hub_is_fetched(workspace, tmp_path, monkeypatch):
    folder = tmp_path / "allowed" / "mine"
    folder.mkdir(parents=True)
    GOOD_REAL.to_csv(folder / "train.csv", index=False)
    monkeypatch.setenv(server_files.VARIABLE, str(tmp_path / "allowed"))
    test = app("data")
    test.text_input(key="hub:real").set_value("mine").run()
    test.button(key="hub_fetch:real").click().run()
    (run,) = runs.list_runs(kind="fetch")
    assert fetch_job.fetched_file(ended(run.id)).rows == 40
    test.run()
    assert not test.exception and "mine-train.parquet" in texts(test)
