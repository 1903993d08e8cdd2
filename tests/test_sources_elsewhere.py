"""Files on the server, and folders in the layout of the Hugging Face hub."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from conftest import ended

from synweight_core import fetch_job, hub_data, projects, runs, server_files, uploads
from synweight_core.errors import DataError
from synweight_core.hub_data import HubSource, fetch

ROWS = pd.DataFrame({"text": ["one", "two"], "label": ["x", "y"]})


@pytest.fixture
def allowed(tmp_path, monkeypatch):
    """An allowed folder with a table, beside a secret one."""
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    ROWS.to_csv(folder / "rows.csv", index=False)
    ROWS.to_json(folder / "sub" / "more.jsonl", orient="records", lines=True)
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    ROWS.to_csv(tmp_path / "secret.csv", index=False)
    monkeypatch.setenv(server_files.VARIABLE, os.pathsep.join([str(folder), str(tmp_path / "absent"), ""]))
    return folder


def test_without_the_variable_nothing_may_be_read(tmp_path, monkeypatch):
    monkeypatch.delenv(server_files.VARIABLE, raising=False)
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    assert server_files.allowed_folders() == () and server_files.listed_files() == []
    with pytest.raises(DataError, match="none; SYNWEIGHT_FOLDERS names them"):
        server_files.take_file(str(tmp_path / "rows.csv"))


@pytest.mark.parametrize("name", ["rows.csv", "./rows.csv", "sub/../rows.csv", "absolute"])
def test_file_below_an_allowed_folder_becomes_an_upload(workspace, allowed, name):
    sha256, shown = server_files.take_file(str(allowed / "rows.csv") if name == "absolute" else name)
    assert shown == "rows.csv"
    assert uploads.upload_path(sha256).read_bytes() == (allowed / "rows.csv").read_bytes()


OUTSIDE = ["../secret.csv", "/etc/passwd", "sub/../../secret.csv", "no.csv", "", "\0", "x" * 5000, "link.csv", "sub",
           "linked/secret.csv", "circle.csv", "pipe.csv"]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_outside_looks_like_what_is_absent(workspace, allowed, tmp_path, name):
    (allowed / "link.csv").symlink_to(tmp_path / "secret.csv")
    (allowed / "linked").symlink_to(tmp_path)
    (allowed / "circle.csv").symlink_to(allowed / "circle.csv")
    os.mkfifo(allowed / "pipe.csv")
    with pytest.raises(DataError, match=r"There is no file .* below the folders that may be read here"):
        server_files.take_file(name)


def test_link_within_the_allowed_folder_is_followed(workspace, allowed):
    (allowed / "link.csv").symlink_to(allowed / "rows.csv")
    assert server_files.take_file("link.csv")[1] == "rows.csv"


def test_other_kinds_of_file_are_named(workspace, allowed):
    with pytest.raises(DataError, match=r"'notes.txt' is no table of a known kind\. Expected one of \.csv"):
        server_files.take_file("notes.txt")


def test_tables_are_listed_without_hidden_ones_and_links(allowed, tmp_path):
    (allowed / "link.csv").symlink_to(tmp_path / "secret.csv")
    (allowed / "linked").symlink_to(tmp_path)
    assert server_files.listed_files() == [allowed / "rows.csv", allowed / "sub" / "more.jsonl"]
    assert server_files.listed_files(at_most=1) == [allowed / "rows.csv"]


# --- folders in the layout of the hub


@pytest.fixture
def hub_folder(allowed):
    """A data set as the hub keeps it: Parquet below data/, splits and configs in the header of the README."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = allowed / "owner" / "emotions"
    (folder / "data").mkdir(parents=True)
    names = {"_type": "ClassLabel", "names": ["joy", "anger"]}
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": names}
    table = pa.table({"text": ["a", "b", "c"], "label": pa.array([0, 1, -1])})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "data" / "train-00000-of-00001.parquet")
    header(folder, {"train": "data/train-*"})
    return folder


def header(folder, files):
    paths = "\n".join(f"  - split: {split}\n    path: {path}" for split, path in files.items())
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{paths}\n---\n# Data\n")


def fetched(folder, target, **choices):
    source = HubSource(str(folder), is_folder=True, **choices)
    found = fetch(source, target / "rows.parquet", report=lambda event: None, folders=(folder,))
    return found, projects.read_upload(target / "rows.parquet").frame


def test_class_numbers_become_their_names(hub_folder, tmp_path):
    found, frame = fetched(hub_folder, tmp_path)
    assert frame.to_dict("list") == {"text": ["a", "b", "c"], "label": ["joy", "anger", ""]}
    assert found == hub_data.Fetched(3, ())


def test_no_more_rows_come_than_were_asked_for(hub_folder, tmp_path):
    found, frame = fetched(hub_folder, tmp_path, max_rows=2)
    assert len(frame) == found.rows == 2
    assert found.notes == ("The first 2 rows were taken, as asked for; there may be more.",)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_folder_of_plain_files_is_read(allowed, tmp_path, form):
    folder = allowed / "plain"
    folder.mkdir()
    rows = ROWS.assign(score=[1, 2])
    if form == "csv":
        rows.to_csv(folder / "test.csv", index=False)
    else:
        rows.to_json(folder / "test.jsonl", orient="records", lines=True)
    _, frame = fetched(folder, tmp_path, split="test")
    assert frame.to_dict("list") == {"text": ["one", "two"], "label": ["x", "y"], "score": ["1", "2"]}


WRONG = {
    "split": ({"split": "nosplit"}, r"has no split 'nosplit': Bad split: nosplit\. Available splits: \['train'\]"),
    "config": ({"config": "other"}, r"has no config 'other': .* Available: \['default'\]"),
    "no split": ({"split": " "}, "No split is named"),
    "no rows": ({"max_rows": 0}, "0 rows were asked for; expected 1 to 1,000,000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_choices_are_told_with_what_there_is(hub_folder, tmp_path, case):
    choices, match = WRONG[case]
    with pytest.raises(DataError, match=match):
        fetched(hub_folder, tmp_path, **choices)


def test_folder_without_data_is_told(allowed, tmp_path):
    (allowed / "empty").mkdir()
    with pytest.raises(DataError, match="There is no data set"):
        fetched(allowed / "empty", tmp_path)


@pytest.mark.parametrize("path", ["../../../secret.csv", "{tmp}/secret.csv"])
def test_header_that_points_elsewhere_is_refused(hub_folder, tmp_path, path):
    header(hub_folder, {"train": path.format(tmp=tmp_path)})
    with pytest.raises(DataError, match=r"which is not within it|no data set|could not be read"):
        fetched(hub_folder, tmp_path)
    assert not (tmp_path / "rows.parquet").exists()


def test_code_of_a_data_set_is_not_run(allowed, tmp_path):
    folder = allowed / "script"
    folder.mkdir()
    (folder / "script.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(DataError):
        fetched(folder, tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b/c", "", "a b", "https://x.y/z", "a//b"])
def test_names_that_are_no_ids_are_refused(name):
    with pytest.raises(DataError, match="is no id of a data set"):
        hub_data.check_source(HubSource(name))


class DatasetNotFoundError(FileNotFoundError):
    pass


SENTENCES = [
    (ConnectionError("Couldn't reach 'a/b' on the Hub (LocalEntryNotFoundError)"), "The hub could not be reached"),
    (DatasetNotFoundError("Dataset 'a/b' doesn't exist on the Hub"), "There is no data set 'a/b'"),
    (DatasetNotFoundError("Dataset 'a/b' is a gated dataset on the Hub."), "'a/b' is gated"),
    (ValueError("Config name is missing. Please pick one among: ['x']"), "has no config"),
    (RuntimeError("Dataset scripts are no longer supported"), "could not be read: Dataset scripts"),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_failures_of_the_hub_are_one_sentence(error, sentence):
    said = hub_data._sentence(HubSource("a/b"), error)
    assert sentence in said and "\n" not in said


def test_fetched_rows_are_stored_as_an_upload(workspace, hub_folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    source = HubSource(str(hub_folder), is_folder=True)
    config = {"settings": {"source": asdict(source), "folders": [str(hub_folder)]}}
    found = fetch_job.run_fetch(config, lambda event: None)
    assert (found["name"], found["rows"], found["notes"]) == ("emotions-train.parquet", 3, [])
    upload = projects.read_upload(uploads.upload_path(found["sha256"]), name=found["name"])
    assert upload.frame["label"].tolist() == ["joy", "anger", ""]
    assert sorted(path.name for path in Path(workspace).iterdir()) == ["cache", "uploads"]


@pytest.mark.long
def test_job_stores_an_upload(workspace, hub_folder):
    run = ended(fetch_job.start_fetching(HubSource("owner/emotions", is_folder=True)))
    assert run.error is None
    found = fetch_job.fetched_file(run)
    assert (found.name, found.rows) == ("emotions-train.parquet", 3)
    upload = projects.read_upload(uploads.upload_path(found.sha256), name=found.name)
    assert upload.frame["label"].tolist() == ["joy", "anger", ""]
    assert runs.latest_event(run.id)["done"] == 3


def test_job_for_a_folder_outside_is_not_started(workspace, allowed, tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        fetch_job.start_fetching(HubSource(str(tmp_path), is_folder=True))
    assert runs.list_runs() == []
