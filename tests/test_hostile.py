"""Hostile input, the short form of benchmarks/hostile.py: no traceback, no hang, nothing outside, no upload lost."""

import io
import json
import random

import pandas as pd
import pytest

from synweight_core import curation, data, drafts, map_wire, project_settings, projects, runs, storage, trash, uploads
from synweight_core.columns import Columns
from synweight_core.errors import DataError, RunError
from synweight_core.presets import DEFAULT

COUNTS = {"file": 70, "apart": 2, "id": 60, "columns": 15, "stored": 30, "event": 20, "page": 3}
SEED = 1


@pytest.fixture
def hostile(benchmark):
    return benchmark("hostile")


@pytest.fixture
def fuzzed(hostile, tmp_path, monkeypatch):
    """A workspace with something of everything, and files beside it."""
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "root" / "workspace"))
    return hostile.Fuzzed(tmp_path / "root")


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.filterwarnings("ignore")  # of extreme weights, and what libraries say of broken files
def test_hostile_input_is_taken_or_told_in_a_sentence(hostile, fuzzed, kind):
    tally = hostile.run(fuzzed, count=COUNTS[kind], seed=SEED, kinds={kind: 1})
    assert tally.inputs == COUNTS[kind] and tally.failures == []
    assert tally.uploads > 0 or kind not in ("file", "apart")


def test_kinds_of_the_short_form_are_all_there_are(hostile):
    assert COUNTS.keys() == hostile.CHECKS.keys() == hostile.SHARES.keys()


def test_drawn_inputs_are_the_same_again(benchmark):
    made = benchmark("hostile_inputs")
    first, second = ([made.a_file(random.Random(number))[0] for number in range(30)] for _ in range(2))
    assert first == second and len(set(first)) > 5


# --- that the checks would see a fault


def test_fuzzer_sees_what_it_looks_for(hostile, fuzzed, monkeypatch):
    def faulty(draw, fuzzed):
        fuzzed.uploads[uploads.store_upload(io.BytesIO(b"x"))] = b"y"  # not what came
        (fuzzed.root / "outside.json").write_text("changed")
        raise TypeError("a fault")

    monkeypatch.setitem(hostile.CHECKS, "id", faulty)
    tally = hostile.run(fuzzed, count=1, seed=0, kinds={"id": 1})
    assert (tally.tracebacks, tally.escapes, tally.uploads_lost) == (1, 2, 1)  # the file as it was, and as it is
    assert tally.failures[0]["what"].startswith("TypeError: a fault at test_hostile.py:")


# --- faults that it found


def spoil(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def a_run(fuzzed):
    return next(run for run in runs.list_runs() if run.status == "finished")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../outside/x"}, {"id": "other"}, {"counts": {}}, {"counts": {"synthetic": "9", "dropped": 0}},
        {"created": "now"}, {"labels": [1, 2]}, {"labels": ["a", "a"]},
        {"name": None}, {"files": []}, {"checker": []}, {"encoder": True},
        {"findings": [{"kind": 1}]}, {"created": float("nan")},
    ],
)  # fmt: skip
def test_project_file_of_another_hand_is_no_project(fuzzed, changes):
    spoil(fuzzed.project.folder / "project.json", **changes)
    assert projects.list_projects() == []


@pytest.mark.parametrize("content", ['{"alpha": "1"}', "[1]", '{"drop_share": -1}', '{"x": 1}', "3", '{"alpha": null}'])
def test_damaged_weight_settings_are_the_default(fuzzed, content):
    (fuzzed.project.folder / "settings.json").write_text(content)
    assert project_settings.load_settings(fuzzed.project) == DEFAULT


@pytest.mark.parametrize(
    "changes",
    [{"kind": "x"}, {"project": 1}, {"name": ["a"]}, {"created": None}, {"settings": []}, {"settings": {"epochs": "9"}},
     {"settings": {"loss": 1}}, {"created": 10**400}],
)  # fmt: skip
def test_run_folder_of_another_hand_is_no_run(fuzzed, changes):
    before, run = len(runs.list_runs()), a_run(fuzzed)
    spoil(run.folder / "config.json", **changes)
    assert len(runs.list_runs()) == before - 1


def test_figures_of_another_kind_are_left_out_of_a_result(fuzzed):
    run = a_run(fuzzed)
    spoil(run.folder / "result.json", test={"accuracy": "high"}, seconds=[], validation={"accuracy": 0.5, "recall": 3})
    found = runs.load_run(run.id)
    assert found.status == "finished" and not {"test", "seconds", "validation"} & found.result.keys()


def test_events_of_another_kind_are_left_out(fuzzed):
    run = a_run(fuzzed)
    for event in ({"event": 3}, {"event": "step", "step": "x", "loss": 1.0}, {"event": "step", "step": float("nan")}):
        storage.append_line(run.folder / "metrics.jsonl", event)
    last = runs.read_metrics(run.id)[0][-2:]
    assert last == [{"event": "step", "loss": 1.0}, {"event": "step"}]


def test_edit_without_its_value_is_told(fuzzed):
    path = fuzzed.project.folder / "edits.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({name: first[name] for name in first if name != "value"}) + "\n")
    with pytest.raises(DataError, match=r"Line 1 of the edits in edits\.jsonl is damaged"):
        curation.load_curation(fuzzed.project)


def test_run_that_is_back_already_is_not_restored_over(fuzzed):
    deleted = trash.deleted_runs()[0].id
    runs.folder(deleted).mkdir()
    with pytest.raises(RunError, match="is among the runs again"):
        trash.restore_run(deleted)


@pytest.mark.parametrize("columns", [Columns("text", "label", text_b="x"), Columns("text", "label", generator="x")])
def test_column_that_is_not_in_the_file_is_named(columns):
    frame = pd.DataFrame({"text": ["a"] * 30, "label": ["a", "b"] * 15}, dtype="str")
    upload = data.Upload("a.csv", frame, columns)
    with pytest.raises(
        DataError, match=r"a\.csv: there is no column 'x'\. The file has: text, label\. Pick one of them"
    ):
        data.build_dataset(upload, upload)


@pytest.mark.parametrize(
    "event", [{"rows": None}, {"rows": [1, "2", 2.5, True, 10**400, -1, 5]}, {"bits": "\u00e9"}, {"bits": None}, {}]
)
def test_selection_of_a_browser_that_is_none_selects_no_more_than_rows(event):
    assert map_wire.chosen_rows(event, 4).tolist() == ([1] if event.get("rows") else [])


def test_draft_of_another_hand_keeps_what_is_sound(workspace):
    kept = {"sha256": "a", "name": "b", "columns": None}
    stored = {
        "real": [kept, 1],
        "synthetic": kept,
        "test": [kept | {"columns": {"text": 1}}],
        "choices": {"name": 1, "metric": "x"},
    }
    storage.write_json(storage.home() / "drafts" / "draft-1.json", stored)
    assert drafts.load_draft("draft-1") == {"real": [kept], "test": [kept], "choices": {"metric": "x"}}


def test_half_characters_in_a_name_are_replaced_where_they_would_break_a_file(workspace):
    storage.write_json(storage.home() / "a.json", {"name": "a\ud800"})
    assert storage.read_json(storage.home() / "a.json") == {"name": "a?"}


def test_json_without_end_is_no_value(workspace):
    (storage.home() / "a.json").write_text("[" * 100_000)
    assert storage.read_json(storage.home() / "a.json") is None
    (storage.home() / "a.jsonl").write_text("[" * 100_000 + '\n{"a": 1}\n')
    assert storage.read_lines(storage.home() / "a.jsonl")[0] == [{"a": 1}]


def test_run_that_is_gone_can_be_asked_to_stop(workspace):
    runs.request_stop("20260101-000000-000-gone-0000")
    assert not (storage.home() / "runs").exists()
