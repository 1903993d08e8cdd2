"""Runs as real processes that are really stopped and killed."""

import os
import signal
from dataclasses import asdict

import numpy as np
import pytest
from conftest import ended, until

from synweight_core import runs, storage
from synweight_core.errors import NotFoundError
from synweight_core.export import model_zip, run_weights
from synweight_core.train_config import TrainConfig


def config(**settings):
    return asdict(TrainConfig(**settings))


def worker_pid(run_id):
    """The process whose command line names the run folder."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if b"synweight_core.worker" in words and words[-2].decode().endswith(run_id):
                return int(entry)
    return None


def test_a_dimp_run_ends_with_figures_weights_and_a_model_that_a_pipeline_loads(demo):
    run = ended(
        runs.start("train", demo.id, config(loss="dimp", epochs=1, max_length=32, drop_share=0.5), name="DIMP s0")
    )
    assert run.status == "finished", run.error
    assert run.result["test"]["accuracy"] > 0.5
    events, _ = runs.read_metrics(run.id)
    assert [e["event"] for e in events if e["event"] != "tokenising"][:2] == ["loading", "started"]
    assert sum(e["event"] == "evaluation" for e in events) == 2
    assert not any("test" in e for e in events)
    weights = run_weights(run)["weight"]
    assert len(weights) == 1200
    assert weights.std() > 0 and weights.max() <= 10

    from transformers import pipeline

    classify = pipeline("text-classification", str(run.folder / "model"))
    assert classify("Where is my parcel? It was due on Monday.")[0]["label"] in demo.labels
    assert model_zip(run).stat().st_size > 80_000_000


def test_killed_run_shows_as_failed_within_a_second(demo):
    run_id = runs.start("train", demo.id, config(epochs=50), name="long")
    pid = until(lambda: worker_pid(run_id))
    os.kill(pid, signal.SIGKILL)
    until(lambda: runs.load_run(run_id).status == "failed", seconds=1)
    assert "it was killed, or memory or disk space ran out" in runs.load_run(run_id).error


def test_run_killed_in_the_middle_of_training_shows_as_failed_and_keeps_its_curve(demo, tiny_backbone):
    run_id = runs.start("train", demo.id, config(epochs=1000, backbone=tiny_backbone), name="long")
    until(lambda: runs.latest_event(run_id).get("event") == "step", seconds=120)
    os.kill(worker_pid(run_id), signal.SIGKILL)
    until(lambda: runs.load_run(run_id).status == "failed", seconds=1)
    assert any(event["event"] == "step" for event in runs.read_metrics(run_id)[0])


def test_stop_ends_a_run_within_seconds_and_keeps_the_model(demo, tiny_backbone):
    run_id = runs.start("train", demo.id, config(epochs=1000, backbone=tiny_backbone), name="long")
    until(lambda: runs.latest_event(run_id).get("event") == "evaluation", seconds=120)
    runs.request_stop(run_id)
    until(lambda: not runs.load_run(run_id).is_active, seconds=20)
    run = runs.load_run(run_id)
    assert run.status == "stopped"
    assert run.result["test"] is None
    assert (run.folder / "model" / "model.safetensors").exists()


def test_second_run_waits_for_the_device_without_importing_torch_and_stops_at_once(demo):
    first = runs.start("train", demo.id, config(epochs=50), name="first")
    second = runs.start("train", demo.id, config(epochs=50), name="second")
    until(lambda: runs.load_run(first).status == "running", seconds=60)
    assert runs.load_run(second).status == "queued"
    with open(f"/proc/{until(lambda: worker_pid(second))}/maps") as maps:
        assert "libtorch" not in maps.read()
    runs.request_stop(second)
    until(lambda: runs.load_run(second).status == "stopped", seconds=20)
    assert runs.load_run(first).is_active
    runs.request_stop(first)
    assert ended(first).status == "stopped"


def test_cancelled_preparation_ends_within_seconds(workspace):
    from synweight_core import projects

    project = projects.demo_project()
    run_id = runs.start("prepare", project.id, {}, name="prepare")
    until(lambda: runs.load_run(run_id).status == "running", seconds=60)
    runs.request_stop(run_id)
    until(lambda: not runs.load_run(run_id).is_active, seconds=5)
    assert runs.load_run(run_id).status == "stopped"


def test_worker_that_fails_says_why(demo):
    run = ended(runs.start("train", demo.id, config(backbone="/no/such/folder"), name="t"))
    assert run.status == "failed"
    assert "The backbone '/no/such/folder' could not be loaded" in run.error


def test_unprepared_project_is_refused_with_what_to_do(workspace):
    from synweight_core import projects

    run = ended(runs.start("train", projects.demo_project().id, config(), name="t"))
    assert "is not prepared yet. Run 'synweight prepare" in run.error


def test_run_folder_without_a_lock_is_failed_not_starting(workspace):
    path = runs.folder("20260101-000000-x-0000")
    path.mkdir(parents=True)
    fields = {"kind": "train", "project": "p", "name": "x", "created": 0, "settings": {}}
    storage.write_json(path / "config.json", fields)
    assert runs.load_run(path.name).status == "failed"


def test_ids_from_urls_cannot_leave_the_workspace(workspace):
    for bad in ("../x", "a/b", "", "A", "a" * 101):
        with pytest.raises(NotFoundError, match="This id is not valid"):
            runs.load_run(bad)


@pytest.mark.long
def test_same_seed_gives_the_same_curve(demo):
    found = [ended(runs.start("train", demo.id, config(epochs=1, seed=3, max_length=16), name="t")) for _ in range(2)]
    losses = [[e["loss"] for e in runs.read_metrics(run.id)[0] if e["event"] == "step"] for run in found]
    assert np.allclose(losses[0], losses[1], atol=1e-6)
