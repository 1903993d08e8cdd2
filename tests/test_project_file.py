"""A project as one file: the same after a journey, and nothing but refusals for files made to do harm."""

import json
import os
import stat
import zipfile

import numpy as np
import pandas as pd
import pytest
from made_runs import end, ended_run, held, made_run
from test_projects import ROWS, dataset

from synweight_core import (
    curation,
    named_settings,
    project_settings,
    project_shelf,
    projects,
    runs,
    selections,
    storage,
)
from synweight_core.errors import DataError, RunError
from synweight_core.project_file import export_project
from synweight_core.project_import import import_project
from synweight_core.projects import load_dataset
from synweight_core.recipe import rows_hashes
from synweight_core.weighting import WeightSettings


@pytest.fixture
def project(workspace):
    """A renamed project with settings, edits, a selection, and a run that has ended."""
    made = projects.create_project(dataset(), "One")
    project_settings.save_first_settings(made, WeightSettings(alpha=3))
    project_settings.save_settings(made, WeightSettings(alpha=2))
    named_settings.keep_settings(made, "Strict", WeightSettings(alpha=3))
    selections.save_selection(made, "Some", np.array([1, 45]), 72)
    curation.exclude(made, np.array([1, 5]), reason="boilerplate")
    return project_shelf.rename_project(made.id, "Renamed")


@pytest.fixture
def run_id(project):
    found = ended_run(project, log_probs=np.zeros((8, 2)), loss="tuned")
    end(found)
    (runs.folder(found) / "model").mkdir()
    (runs.folder(found) / "model" / "config.json").write_text("{}")
    (runs.folder(found) / "model" / "pickle.bin").write_text("x")
    return found


@pytest.fixture
def archive(project, run_id, tmp_path):
    return export_project(project, tmp_path / "one.zip")


@pytest.fixture
def elsewhere(archive, tmp_path, monkeypatch):
    """Another workspace; the archive is at hand."""
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    return archive


def test_project_is_the_same_in_another_workspace(project, run_id, elsewhere):
    found = import_project(elsewhere)
    assert found == project
    assert projects.list_projects() == [project]
    assert project_settings.load_settings(found).alpha == 2 and project_settings.first_settings(found).alpha == 3
    assert [kept.name for kept in named_settings.list_settings(found)] == ["Strict"]
    assert selections.list_selections(found)[0].rows.tolist() == [1, 45]
    assert np.flatnonzero(~curation.load_curation(found).kept).tolist() == [1, 5]
    (run,) = runs.list_runs()
    assert (run.id, run.project, run.status) == (run_id, project.id, "finished")
    assert (run.folder / "model" / "config.json").exists() and not (run.folder / "model" / "pickle.bin").exists()


def test_rows_are_the_same_after_the_journey(project, elsewhere, monkeypatch):
    there = load_dataset(import_project(elsewhere))
    monkeypatch.setenv("SYNWEIGHT_HOME", str(elsewhere.parent / "workspace"))
    here = load_dataset(project)
    assert rows_hashes(there) == rows_hashes(here)
    pd.testing.assert_frame_equal(there.dropped, here.dropped, check_dtype=False)


def test_demo_keeps_its_id_and_columns(workspace, tmp_path, monkeypatch):
    demo = projects.demo_project()
    file = export_project(demo, tmp_path / "demo.zip")
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    assert import_project(file) == demo


def test_same_project_gives_the_same_bytes(project, archive, tmp_path):
    os.utime(project.folder / "real.parquet", (0, 0))
    assert export_project(project, tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_models_can_be_left_out(project, run_id, tmp_path):
    file = export_project(project, tmp_path / "small.zip", with_models=False)
    names = zipfile.ZipFile(file).namelist()
    assert f"runs/{run_id}/outputs.npz" in names and not [name for name in names if "/model/" in name]


def test_active_run_stays_behind(project, tmp_path):
    run_id = made_run(project, steps=2)
    with held(run_id):
        file = export_project(project, tmp_path / "one.zip")
    assert not [name for name in zipfile.ZipFile(file).namelist() if name.startswith("runs/")]


def test_target_must_be_a_zip(project, tmp_path):
    with pytest.raises(RunError, match=r"expected a name that ends in \.zip"):
        export_project(project, tmp_path / "one.tar")


def test_project_that_is_here_already_is_not_replaced(project, archive):
    curation.undo(project)
    with pytest.raises(DataError, match=f"is here already, as '{project.id}'"):
        import_project(archive)
    assert curation.load_curation(project).kept.all() and len(runs.list_runs()) == 1


def test_run_whose_id_is_taken_gets_another_one(project, run_id, elsewhere):
    made_run(project, number=int(run_id.split("-")[2]))
    found = import_project(elsewhere)
    assert {run.project for run in runs.list_runs()} == {found.id}
    assert len(runs.list_runs()) == 2


# --- hostile files


def changed(source, target, change):
    """A copy of an archive; `change(name, content)` gives other content, or None to leave an entry out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = change(entry.filename, old.read(entry))
            if content is not None:
                new.writestr(entry.filename, content)
    return target


def edited(entry, /, **values):
    """A change of some fields of one JSON entry; a value of None takes the field away."""

    def change(found, content):
        if not found.endswith(entry):
            return content
        fields = json.loads(content) | values
        return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()

    return change


def replaced(name, content):
    return lambda found, before: content if found.endswith(name) else before


def refuses(path, match):
    with pytest.raises(DataError, match=match):
        import_project(path)
    home = storage.home()
    assert projects.list_projects() == [] and runs.list_runs() == []
    assert [file for file in home.rglob("*") if file.is_file() and file.name not in (".lock", "workspace.json")] == []


HOSTILE_NAMES = [
    "../evil.json", "project/../../evil.json", "/etc/evil.json", "C:\\evil.json", "project\\..\\evil.json",
    "project/evil.sh", "runs/../x/config.json", "runs/A/config.json", "runs/x/model/weights.pkl",
    "runs/x/model/../../config.json", "runs/x/lock", "project/selections/../x.json", "uploads/" + "0" * 64,
    "project/real.parquet\n", "project/pröject.json",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_entries_that_no_project_file_has_are_refused(elsewhere, tmp_path, name):
    with zipfile.ZipFile(elsewhere, "a") as file:
        file.writestr(name, "{}")
    refuses(elsewhere, "is none that a project file has")
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(elsewhere):
    entry = zipfile.ZipInfo("project/view.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(elsewhere, "a") as file:
        file.writestr(entry, "/etc/passwd")
    refuses(elsewhere, "is none that a project file has")


def test_entry_that_stands_twice_is_refused(elsewhere):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(elsewhere, "a") as file:
        file.writestr("project/project.json", "{}")
    refuses(elsewhere, "or one twice")


def test_bomb_is_refused_before_it_is_unpacked(elsewhere):
    with zipfile.ZipFile(elsewhere, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("project/forecasts.jsonl", bytes(100_000_000))
    refuses(elsewhere, "which is more than a project can")


def test_entry_larger_than_it_says_is_refused(elsewhere):
    content = bytearray(elsewhere.read_bytes())
    place = content.rindex(b"project/real.parquet") - 46  # its entry in the directory; sizes at 20 and 24
    content[place + 20 : place + 28] = (10).to_bytes(4, "little") * 2
    elsewhere.write_bytes(content)
    refuses(elsewhere, "damaged")


@pytest.mark.parametrize("content", [b"", b"text,label\n1,2\n", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(100)])
def test_what_is_no_archive_is_refused(elsewhere, content):
    elsewhere.write_bytes(content)
    refuses(elsewhere, "This is no project file that can be brought in")


def test_cut_archive_is_refused(elsewhere):
    elsewhere.write_bytes(elsewhere.read_bytes()[:-3000])
    refuses(elsewhere, "no zip file, or is cut off")


CONTENT = {
    "no head": (replaced("synweight.json", None), "synweight.json is absent"),
    "another format": (edited("synweight.json", format="x"), "names the format synweight-project"),
    "newer version": (edited("synweight.json", version=2), "has version 2, and this app reads 1. Update"),
    "no project": (replaced("project/project.json", None), "project.json is absent or no JSON"),
    "a list": (replaced("project/project.json", b"[]"), "is no JSON object"),
    "deep JSON": (replaced("project/project.json", b"[" * 100_000), "no JSON"),
    "no labels": (edited("project/project.json", labels=None), "project.json is damaged"),
    "labels of another project": (edited("project/project.json", labels=["x", "y"]), "label that the project has not"),
    "finding without a sentence": (
        edited("project/project.json", findings=[{"kind": "x", "level": "info", "count": 1, "total": 1, "message": 1}]),
        "a finding is no sentence",
    ),
    "unknown checker": (edited("project/project.json", checker="oracle"), "a field is of another kind"),
    "encoder that is no text": (edited("project/project.json", encoder=[1]), "a field is of another kind"),
    "unknown metric": (edited("project/project.json", metric="f9"), "Metric 'f9' is not known"),
    "time that is none": (edited("project/project.json", created=1e300), "a field is of another kind"),
    "empty name": (edited("project/project.json", name=" "), "name of the project has 0 characters"),
    "no rows": (replaced("synthetic.parquet", None), "synthetic.parquet is absent"),
    "rows that are no Parquet": (replaced("real.parquet", b"PAR1" + bytes(50) + b"PAR1"), "no Parquet file"),
    "settings of another kind": (edited("settings.json", alpha="x"), "weight settings are damaged"),
    "settings beyond the sliders": (edited("settings.json", alpha=1e9), "weight settings are damaged"),
    "suggested settings of another kind": (edited("suggested.json", alpha="x"), "weight settings are damaged"),
    "settings of another version": (edited("settings.json", gamma=1), "weight settings are damaged"),
    "edits of unknown kind": (replaced("edits.jsonl", b'{"kind": "rm"}\n'), "log of edits is damaged"),
    "edits beyond the rows": (
        replaced("edits.jsonl", json.dumps({
            "time": 1, "kind": "exclude", "value": None, "reason": "", "rows": "900:eJwDAAAAAAE=",
        }).encode() + b"\n"), "damaged",
    ),
    "run of another kind": (edited("config.json", kind="prepare"), "is damaged"),
    "run with a further field": (edited("config.json", status="finished"), "is damaged"),
    "run without settings": (edited("config.json", settings=None), "are damaged"),
    "run with unknown settings": (edited("config.json", settings={"loss": "rm"}), "are damaged"),
    "figures that are none": (edited("result.json", test={"accuracy": "high"}), "is damaged"),
    "arrays that are none": (replaced("outputs.npz", b"x"), "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTENT)
def test_damaged_content_is_refused_and_nothing_is_left(elsewhere, tmp_path, case):
    change, match = CONTENT[case]
    refuses(changed(elsewhere, tmp_path / "bad.zip", change), match)


def test_arrays_that_claim_more_than_they_hold_are_refused(elsewhere, tmp_path):
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000,), }"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as file:
        file.writestr("row_weights.npy", header.ljust(127) + b"\n")
    bad = replaced("outputs.npz", (tmp_path / "x.npz").read_bytes())
    refuses(changed(elsewhere, tmp_path / "bad.zip", bad), "is damaged")


@pytest.mark.parametrize("claimed", ["../x", "one-00000000", "", "A", "x" * 200])
def test_id_follows_from_the_rows_whatever_the_file_says(project, elsewhere, tmp_path, claimed):
    found = import_project(changed(elsewhere, tmp_path / "bad.zip", edited("project/project.json", id=claimed)))
    assert found.id == f"renamed-{project.id[-8:]}"
    assert projects.list_projects() == [found]


def test_hash_and_counts_follow_from_the_rows_whatever_the_file_says(project, elsewhere, tmp_path):
    lie = edited("project/project.json", data_hash="0" * 64, counts={"synthetic": 10**9, "dropped": 0})
    found = import_project(changed(elsewhere, tmp_path / "bad.zip", lie))
    assert (found.data_hash, found.counts) == (project.data_hash, project.counts)
    assert found.counts["synthetic"] == len(ROWS) - found.counts["dropped"]
