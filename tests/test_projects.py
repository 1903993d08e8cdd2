"""Projects and uploads on disk."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from synweight_core import cache, prepare, project_settings, projects, runs, storage, uploads
from synweight_core.columns import Columns
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import DataError
from synweight_core.presets import DEFAULT
from synweight_core.train_config import TrainConfig, run_config
from synweight_core.weighting import WeightSettings

ROWS = pd.DataFrame({"text": [f"text {i}" for i in range(40)], "label": list("ab") * 20, "model": list("xy") * 20})


TEXT_AND_LABEL = Columns("text", "label")


def dataset(columns=TEXT_AND_LABEL, synthetic=ROWS, real=ROWS):
    made_up = synthetic.assign(text="made up " + synthetic["text"])
    return build_dataset(Upload("s.csv", made_up, columns), Upload("r.csv", real, TEXT_AND_LABEL))


def test_same_data_and_choices_are_the_same_project():
    assert projects.create_project(dataset(), "One").id == projects.create_project(dataset(), "One").id


def test_a_corrected_generator_column_makes_another_project():
    first = projects.create_project(dataset(), "One")
    second = projects.create_project(dataset(Columns("text", "label", generator="model")), "One")
    assert first.id != second.id
    assert projects.load_dataset(second).synthetic["generator"].tolist() == list("xy") * 20


def test_project_round_trip_keeps_findings_and_rows():
    project = projects.create_project(dataset(real=pd.concat([ROWS, ROWS[:3]])), "One")
    loaded = projects.load_project(project.id)
    assert loaded == project
    assert loaded.findings[0].kind == "duplicate"
    assert len(projects.load_dataset(loaded).dropped) == 3


def test_uploads_at_the_same_time_are_stored_under_their_own_hash():
    contents = [bytes([i]) * 50_000 for i in range(20)] * 2
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda content: uploads.store_upload(io.BytesIO(content)), contents))
    for name, content in zip(names, contents, strict=True):
        assert uploads.upload_path(name).read_bytes() == content


def test_empty_encoder_and_unknown_metric_are_refused():
    with pytest.raises(DataError, match="No encoder is named"):
        projects.create_project(dataset(), "One", encoder=" ")
    with pytest.raises(DataError, match=r"Metric 'f9' is not known\. Expected one of: accuracy, macro_f1, recall:a"):
        projects.create_project(dataset(), "One", metric="f9")


def test_settings_that_no_slider_could_show_are_refused():
    project = projects.create_project(dataset(), "One")
    with pytest.raises(ValueError, match="max_weight: expected finite numbers"):
        project_settings.save_settings(project, WeightSettings(max_weight=float("inf")))
    assert project_settings.load_settings(project) == DEFAULT


@pytest.mark.parametrize("content", ["[]", "{}", '{"id": 1}', "not json", ""])
def test_a_damaged_project_or_run_folder_is_passed_over(content):
    good = projects.create_project(dataset(), "One")
    for folder, name in (("projects/damaged", "project.json"), ("runs/damaged", "config.json")):
        path = storage.home() / folder / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    (storage.home() / "runs" / "Copy of run").mkdir()
    (storage.home() / "runs" / "Copy of run" / "config.json").write_text("{}")
    assert [project.id for project in projects.list_projects()] == [good.id]
    assert runs.list_runs() == []


def test_damaged_metrics_lines_are_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n\x00\x00\n[1]\n{"step": 2}\n{"ste')
    assert storage.read_lines(path)[0] == [{"step": 1}, {"step": 2}]


def test_damaged_cache_file_makes_the_project_unprepared_again(demo):
    assert prepare.is_prepared(demo)
    path = next((storage.home() / "cache" / "map").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:1000])
    assert prepare.load_prepared(demo) is None
    assert not prepare.is_prepared(demo)


def test_another_local_encoder_under_the_same_name_is_another_cache_entry(tmp_path):
    from synweight_core.models import fingerprint

    (tmp_path / "model.safetensors").write_text("1")
    before = fingerprint(str(tmp_path))
    (tmp_path / "model.safetensors").write_text("22")
    assert fingerprint(str(tmp_path)) != before
    assert fingerprint("minilm") == []
    assert cache.content_key(before) != cache.content_key([])


def test_real_rows_alone_are_trained_with_plain_cross_entropy():
    config = run_config(loss="dimp", train_on="real")
    assert (config.loss, config.alpha, config.beta) == ("ce", 0, 0)


def test_a_run_is_described_by_the_exponents_that_its_loss_uses():
    assert run_config(loss="dimp", alpha=3.0) == TrainConfig(loss="dimp", alpha=1, beta=1)
    assert run_config(loss="tuned", alpha=3.0, beta=0.5) == TrainConfig(loss="tuned", alpha=3, beta=0.5)


def test_project_json_holds_no_texts():
    project = projects.create_project(dataset(), "One")
    assert "text 1" not in json.dumps((project.folder / "project.json").read_text())
