"""Scoring the map's rows by a trained model: real workers on a small project."""

import os
import signal
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from conftest import ended, until

from synweight_core import device, projects, runs, storage
from synweight_core.errors import NotFoundError
from synweight_core.map_scores import FILE, load_map_scores, need_model, save_map_scores, start_scoring
from synweight_core.projects import DEMO_FOLDER, load_dataset
from synweight_core.train_config import TrainConfig

SHORT = "20260101-000000-000-t-0000"


@pytest.fixture
def project(tmp_path):
    """A small project of the demo's rows that was never prepared: scoring does not need that."""
    files = []
    for name, rows in (("synthetic", 40), ("real", 60)):
        frame = pd.read_csv(DEMO_FOLDER / f"{name}.csv", dtype=str)
        files.append(tmp_path / f"{name}.csv")
        frame.sample(rows, random_state=0).to_csv(files[-1], index=False)
    return projects.project_from_files(*files, name="Shop")


@pytest.fixture
def trained(project):
    """A run folder of that project as a finished run leaves it, its head random; the run."""
    from synweight_core.prediction import load_backbone

    config = TrainConfig(device="cpu", batch_size=8, precision="float32")
    tokenizer, model = load_backbone(config.backbone, project.labels)
    model.classifier.weight.data *= 50  # far from uniform
    path = _folder_of_run(project.id, asdict(config))
    model.save_pretrained(path / "model")
    tokenizer.save_pretrained(path / "model")
    storage.write_json(path / "result.json", {"stopped": False})
    return runs.load_run(SHORT)


def _folder_of_run(project_id, settings, *, kind="train"):
    path = runs.folder(SHORT)
    path.mkdir(parents=True)
    fields = {"kind": kind, "project": project_id, "name": "CE", "created": 0, "settings": settings}
    storage.write_json(path / "config.json", fields)
    return path


def test_scores_are_what_the_model_says_of_each_row_of_the_map_and_of_no_test_row(trained, project):
    assert load_map_scores(trained) is None
    job = ended(start_scoring(trained))
    assert job.status == "finished", job.error
    scores = load_map_scores(runs.load_run(SHORT))
    dataset = load_dataset(project)
    texts = [*dataset.synthetic["text"], *dataset.real[dataset.real["split"] != "test"]["text"]]
    assert project.counts["test"] > 0
    assert scores.dtype == np.float32 and scores.shape == (len(texts), len(dataset.labels))
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)
    assert len(np.unique(scores[:, 0].round(3))) > len(texts) / 2  # else any order of rows would pass

    from transformers import pipeline

    classify = pipeline("text-classification", str(trained.folder / "model"), top_k=None, device="cpu")
    for row in (0, 17, len(texts) - 1):
        said = {answer["label"]: answer["score"] for answer in classify([texts[row]])[0]}
        assert np.exp(scores[row]) == pytest.approx([said[name] for name in dataset.labels], abs=1e-4)

    events, _ = runs.read_metrics(job.id)
    assert {(event["event"], event["stage"]) for event in events} == {("stage", "scores")}
    assert events[-1]["done"] == events[-1]["total"] == len(texts)


def test_killed_score_job_leaves_no_half_file_and_shows_as_failed(trained):
    job = start_scoring(trained)
    until(lambda: runs.load_run(job).status == "running")
    os.kill(_worker_pid(job), signal.SIGKILL)
    assert ended(job).status == "failed"
    assert load_map_scores(trained) is None
    assert not (trained.folder / FILE).exists()


def test_interrupted_write_keeps_the_scores_that_were_there(trained, monkeypatch):
    save_map_scores(trained, np.zeros((2, 3)))

    def half(path, **arrays):
        path.write_bytes(b"PK half of a file")
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("synweight_core.map_scores.np.savez", half)
        with pytest.raises(OSError, match="No space left"):
            save_map_scores(trained, np.ones((2, 3)))
    assert (load_map_scores(trained) == 0).all()


def test_damaged_scores_count_as_none(trained):
    (trained.folder / FILE).write_bytes(b"PK half of a file")
    assert load_map_scores(trained) is None


def test_stop_ends_a_score_job_that_waits_for_the_device(trained):
    with device.turn(trained.folder) as turn:
        assert turn
        job = start_scoring(trained)
        runs.request_stop(job)
        assert ended(job).status == "stopped"
    assert load_map_scores(trained) is None


def test_score_job_goes_before_training_that_waits(trained, project):
    with device.turn(trained.folder) as turn:
        assert turn
        waiting = runs.start("train", project.id, asdict(TrainConfig()), name="waits")
        job = start_scoring(trained)
    assert ended(job).status == "finished"
    assert "is not prepared yet" in ended(waiting).error
    ends = [runs.folder(run_id) / name for run_id, name in ((job, "result.json"), (waiting, "error.json"))]
    assert ends[0].stat().st_mtime < ends[1].stat().st_mtime


def test_run_without_a_model_is_refused_with_the_reason(workspace):
    path = _folder_of_run("p", asdict(TrainConfig()))
    storage.write_json(path / "result.json", {"stopped": True})
    with pytest.raises(NotFoundError, match="kept no model: it failed, or ended before its first step"):
        start_scoring(runs.load_run(SHORT))


def test_other_jobs_than_training_are_refused(workspace):
    _folder_of_run("p", {}, kind="prepare")
    with pytest.raises(NotFoundError, match="trains no model"):
        need_model(runs.load_run(SHORT))


def _worker_pid(run_id):
    (found,) = [
        int(entry) for entry in os.listdir("/proc") if entry.isdigit() and run_id.encode() in _command_line(entry)
    ]
    return found


def _command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""
