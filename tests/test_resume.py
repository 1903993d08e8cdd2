"""Runs that are interrupted and go on: what they keep, and that nothing differs from a run that nobody interrupted."""

import errno
import fcntl
import os
import signal
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import ended, until
from test_runs import worker_pid

from synweight_core import checkpoints, epoch_weights, runs, storage, training
from synweight_core.cli import main
from synweight_core.errors import CheckpointError, NotFoundError, RunError, StopRequested
from synweight_core.prediction import LabelledTexts, paced
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.train_job import run_training
from synweight_core.train_state import TrainState
from synweight_core.training import train

TEXTS = ["the parcel is late", "where is my order now", "please refund me", "i want all of my money back"] * 5
LABELS = np.array([0, 0, 1, 1] * 5)
ROWS, FEW = LabelledTexts(TEXTS, LABELS), LabelledTexts(TEXTS[:4], LABELS[:4])
QUALITY, REFERENCE = np.log(np.linspace(0.2, 0.9, 20)), np.log(np.linspace(0.9, 0.3, 20))
DATA = TrainData(ROWS, FEW, FEW, ("late", "refund"), log_quality=QUALITY, log_reference=REFERENCE)
NAMELESS = SimpleNamespace(id="p")


@pytest.fixture
def few(tiny_backbone):
    """Choices of a run of 21 steps."""
    quick = {"epochs": 3, "batch_size": 3, "evaluations_per_epoch": 1, "learning_rate": 0.01, "device": "cpu"}
    return {"backbone": tiny_backbone, **quick}


def stops_at(events, is_time):
    """A report that notes events and asks to stop when `is_time(event)`."""

    def report(event):
        events.append(event)
        if is_time(event):
            raise StopRequested

    return report


def curve(events):
    """What must be the same however often a run was interrupted."""
    told = {"step": ("step", "loss", "learning_rate"), "evaluation": ("step", "loss", "accuracy")}
    return [
        (event["event"], *(event[name] for name in told[event["event"]])) for event in events if event["event"] in told
    ]


def interrupted(config, folder, is_time):
    """A run that stops, writes its checkpoint, is read again and goes on; its result, events and epochs."""
    events, by_epoch = [], {}

    def train_on(report, start=None):
        return train(
            config, DATA, report,
            start=start, keep=lambda state: checkpoints.save(folder, state),
            epoch_ended=lambda epoch, weights: by_epoch.update({epoch: weights.copy()}),
        )  # fmt: skip

    assert train_on(stops_at(events, is_time)).figures["stopped"]
    torch.randn(5)  # another process would have other random numbers
    np.random.seed(99)
    return train_on(events.append, checkpoints.load(folder)), events, by_epoch


STOPS = {
    "in the middle of an epoch": lambda event: event["event"] == "step" and event["step"] == 10,
    "at the end of an epoch, before its evaluation": lambda event: event["event"] == "step" and event["step"] == 14,
    "at an evaluation": lambda event: event["event"] == "evaluation" and event["step"] == 14,
}


@pytest.mark.parametrize(
    ("loss", "when"),
    [*((loss, "in the middle of an epoch") for loss in ("ce", "imp", "dimp")), *(("dimp_ema", when) for when in STOPS)],
)
def test_run_that_goes_on_is_equal_to_the_last_bit_to_one_that_nobody_interrupted(few, tmp_path, loss, when):
    config = TrainConfig(loss=loss, **few)
    whole_events, whole_epochs = [], {}
    whole = train(
        config, DATA, whole_events.append,
        epoch_ended=lambda epoch, weights: whole_epochs.update({epoch: weights.copy()}),
    )  # fmt: skip
    result, events, by_epoch = interrupted(config, tmp_path, STOPS[when])
    assert curve(events) == curve(whole_events) and len(curve(events)) == 21 + 3
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, result.model.state_dict()[name]), name
    assert np.array_equal(whole.test_log_probs, result.test_log_probs)
    assert np.array_equal(whole.row_weights, result.row_weights)
    assert result.figures["steps"] == 21 and result.figures["validation"] == whole.figures["validation"]
    assert by_epoch.keys() == whole_epochs.keys() == ({1, 2, 3} if loss.startswith("dimp") else set())
    assert all(np.array_equal(by_epoch[epoch], whole_epochs[epoch]) for epoch in by_epoch)


def test_stop_while_test_rows_are_scored_keeps_all_steps_and_then_only_scores(few, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "paced", lambda report, event: lambda done, total: report(event))  # at each batch
    config = TrainConfig(**few)
    result, events, _ = interrupted(config, tmp_path, lambda event: event.get("split") == "test")
    assert [event["step"] for event in events if event["event"] == "step"] == [*range(1, 22)]
    assert result.figures["test"]["accuracy"] == train(config, DATA, [].append).figures["test"]["accuracy"]


def test_stop_in_an_evaluation_repeats_that_evaluation_alone(few, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "paced", lambda report, event: lambda done, total: report(event))
    seen = []

    def is_second(event):
        seen.append(event.get("split") == "validation")
        return sum(seen) == 3  # each of four rows is one batch with two reports

    _, events, _ = interrupted(TrainConfig(**few), tmp_path, is_second)
    evaluated = [event["step"] for event in events if event["event"] == "evaluation"]
    assert evaluated == sorted(set(evaluated)) and len(evaluated) == 3


def test_states_are_kept_at_the_ends_of_epochs_but_not_when_all_steps_are_done(few):
    kept = []
    train(TrainConfig(**few), DATA, lambda event: None, keep=kept.append)
    assert [state.step for state in kept] in ([7], [7, 14])  # the second only where the first cost next to nothing


def test_states_are_kept_in_long_epochs_too(few, monkeypatch):
    monkeypatch.setattr(training, "KEEP_SECONDS", 0)
    monkeypatch.setattr(training, "KEEP_SHARE", float("inf"))
    kept = []
    train(TrainConfig(**few), DATA, lambda event: None, keep=kept.append)
    assert [state.step for state in kept] == [*range(1, 21)]


def test_state_of_other_settings_is_refused(few):
    kept = []
    train(TrainConfig(**few), DATA, lambda event: None, keep=kept.append)
    with pytest.raises(CheckpointError, match="made with other settings, rows or another version"):
        train(TrainConfig(**few | {"seed": 1}), DATA, lambda event: None, start=kept[0])


def test_stop_is_heard_while_rows_are_tokenised(few, monkeypatch):
    monkeypatch.setattr(training, "paced", lambda report, event: lambda done, total: report(event))
    with pytest.raises(StopRequested):
        train(TrainConfig(**few), DATA, stops_at([], lambda event: event["event"] == "tokenising"))


def test_paced_progress_reports_at_most_once_in_its_time():
    events = []
    quick, slow = paced(events.append, {"event": "a"}, seconds=0), paced(events.append, {"event": "b"}, seconds=60)
    for done in range(3):
        quick(done, 3)
        slow(done, 3)
    assert events == [{"event": "a", "done": done, "total": 3} for done in range(3)]


# --- the file -------------------------------------------------------------------------------

STATE = TrainState(3, {"a/b": torch.arange(9.0), "none": torch.zeros(0)}, {"rate": 0.1, "names": ["x"]})


def test_checkpoint_is_read_as_it_was_written(tmp_path):
    checkpoints.save(tmp_path, STATE)
    found = checkpoints.load(tmp_path)
    assert (found.step, found.facts) == (STATE.step, STATE.facts)
    assert found.tensors.keys() == STATE.tensors.keys()
    assert torch.equal(found.tensors["a/b"], STATE.tensors["a/b"])
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.FILE]


def test_folder_without_a_checkpoint_has_none(tmp_path):
    assert checkpoints.load(tmp_path) is None


DAMAGE = {
    "cut": lambda content: content[:-5],
    "empty": lambda content: b"",
    "a changed byte": lambda content: content[:-6] + b"\x7f" + content[-5:],
    "another file": lambda content: b"PK" + content,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_checkpoint_is_told(tmp_path, damage):
    checkpoints.save(tmp_path, STATE)
    path = tmp_path / checkpoints.FILE
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"is damaged: .* The run begins from the start"):
        checkpoints.load(tmp_path)


def no_room(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_leaves_the_old_checkpoint_alone(tmp_path, monkeypatch):
    checkpoints.save(tmp_path, STATE)
    monkeypatch.setattr(checkpoints, "save_file", no_room)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path, TrainState(4, {}, {}))
    assert checkpoints.load(tmp_path).step == 3
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.FILE]


# --- runs -----------------------------------------------------------------------------------


def steps(run_id):
    return [event["step"] for event in runs.read_metrics(run_id)[0] if event["event"] == "step"]


def started(project, backbone, **choices):
    """A run in a process of its own, of 30 steps an epoch."""
    config = TrainConfig(loss="dimp", backbone=backbone, max_length=16, batch_size=40, device="cpu", **choices)
    return runs.start("train", project.id, asdict(config), name="t")


def folder_of(project, few):
    """The folder of a run that no worker has taken up."""
    path = runs.folder("20260101-000000-000-t-0000")
    path.mkdir(parents=True)
    config = asdict(TrainConfig(loss="dimp", **few | {"batch_size": 400, "max_length": 16}))
    about = {"kind": "train", "project": project.id, "name": "t", "created": 0, "settings": config}
    storage.write_json(path / "config.json", about)
    return path, about


def test_stopped_run_goes_on_in_its_folder_with_one_curve(demo, tiny_backbone):
    run_id = started(demo, tiny_backbone, epochs=8)
    until(lambda: steps(run_id)[40:], seconds=120)
    runs.request_stop(run_id)
    run = ended(run_id)
    assert run.status == "stopped" and run.can_resume and (run.folder / checkpoints.FILE).exists()
    assert len(epoch_weights.epoch_weights(run_id)) >= 1
    told = CliRunner().invoke(main, ["resume", run_id])
    assert told.exit_code == 0, told.output
    assert f"goes on after step {run.result['steps']:,}" in told.output
    run = runs.load_run(run_id)
    assert run.status == "finished" and run.result["steps"] == 240 and not run.can_resume
    assert steps(run_id) == [*range(1, 241)]
    assert epoch_weights.epoch_weights(run_id).shape == (8, 1200)
    assert not (run.folder / checkpoints.FILE).exists()
    with pytest.raises(RunError, match="has finished: nothing is left to do"):
        runs.resume(run_id)


class Killed(BaseException):
    """What nobody catches."""


def kill_at(path, is_time):
    def report(event):
        storage.append_line(path / "metrics.jsonl", event)
        if is_time(event):
            raise Killed

    return report


def test_steps_that_a_killed_run_repeats_are_in_its_curve_once(demo, few):
    path, about = folder_of(demo, few)  # 3 steps an epoch
    with pytest.raises(Killed):
        run_training(path, about, kill_at(path, lambda event: event.get("step") == 5 and event["event"] == "step"))
    assert steps(path.name) == [1, 2, 3, 4, 5]
    before = curve(runs.read_metrics(path.name)[0])
    figures = run_training(path, about, kill_at(path, lambda event: False))
    (resumed,) = [event for event in runs.read_metrics(path.name)[0] if event["event"] == "resumed"]
    assert resumed["step"] == 3 and figures["steps"] == 9
    assert steps(path.name) == [*range(1, 10)]
    assert set(before) <= set(curve(runs.read_metrics(path.name)[0]))  # repeated to the last bit
    assert epoch_weights.epoch_weights(path.name).shape == (3, 1200)


def test_what_a_killed_worker_was_writing_goes_when_the_run_goes_on(demo, few):
    path, about = folder_of(demo, few | {"epochs": 1})
    (path / "playback").mkdir()
    (path / ".model").mkdir()
    name = ".0123456789abcdef"
    half = [path / f"{name}{suffix}" for suffix in (".json", ".npz", ".safetensors")]
    for file in [*half, path / "playback" / f"{name}.npy", path / ".model" / "config.json", path / f"{name}.zip"]:
        file.write_bytes(b"half")
    run_training(path, about, stops_at([], lambda event: event["event"] == "loading"))
    assert [file.name for file in path.rglob(".*")] == [f"{name}.zip"]  # which a page may be packing


def test_run_with_a_damaged_checkpoint_says_so_and_begins_from_the_start(demo, few):
    path, about = folder_of(demo, few)
    with pytest.raises(Killed):
        run_training(path, about, kill_at(path, lambda event: event.get("step") == 5 and event["event"] == "step"))
    (path / checkpoints.FILE).write_bytes(b"damaged")
    run_training(path, about, kill_at(path, lambda event: False))
    events, _ = runs.read_metrics(path.name)
    (notice,) = [event["message"] for event in events if event["event"] == "notice"]
    assert "checkpoint of this run is damaged" in notice
    assert steps(path.name) == [*range(1, 10)]


def test_full_disk_costs_the_checkpoint_and_not_the_run(demo, few, monkeypatch):
    monkeypatch.setattr(checkpoints, "save_file", no_room)
    path, about = folder_of(demo, few)
    assert run_training(path, about, kill_at(path, lambda event: False))["test"]["accuracy"] > 0
    (notice, *_) = [event["message"] for event in runs.read_metrics(path.name)[0] if event["event"] == "notice"]
    assert "No space left on device" in notice and "goes on without. Free some space" in notice
    assert not [*path.glob(".*")]


def test_events_beside_the_course_of_a_run_do_not_move_its_progress_bar(workspace):
    runs.folder("r").mkdir(parents=True)
    for event in ({"event": "step", "step": 3, "total_steps": 9}, {"event": "notice", "message": "m"}):
        storage.append_line(runs.folder("r") / "metrics.jsonl", event)
    assert runs.latest_event("r")["step"] == 3


def test_pieces_of_the_events_are_put_together_as_one_curve():
    first = [{"event": "step", "step": step} for step in (1, 2, 3)]
    second = [{"event": "resumed", "step": 1}, {"event": "step", "step": 2}]
    assert [event["step"] for event in runs.one_curve([*runs.one_curve(first), *second])] == [1, 1, 2]


@pytest.mark.long
def test_run_that_was_killed_before_it_began_goes_on_from_the_beginning(demo, tiny_backbone):
    run_id = started(demo, tiny_backbone, epochs=1)
    os.kill(until(lambda: worker_pid(run_id)), signal.SIGKILL)
    until(lambda: runs.load_run(run_id).status == "failed")
    runs.resume(run_id)
    assert ended(run_id).status == "finished" and steps(run_id) == [*range(1, 31)]


def test_run_that_goes_on_waits_for_the_device_like_any_other(workspace):
    path, _ = folder_of(NAMELESS, {})
    storage.append_line(path / "metrics.jsonl", {"event": "step", "step": 1})
    with (path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert runs.load_run(path.name).status == "running"
        (path / runs.WAITING).touch()
        assert runs.load_run(path.name).status == "queued"
        with pytest.raises(RunError, match="is active already"):
            runs.resume(path.name)


def test_only_training_goes_on(workspace):
    path, about = folder_of(NAMELESS, {})
    storage.write_json(path / "config.json", about | {"kind": "prepare"})
    with pytest.raises(RunError, match="is no training run"):
        runs.resume(path.name)
    with pytest.raises(NotFoundError, match="There is no run 'x'"):
        runs.resume("x")


@pytest.mark.long
def test_run_that_is_killed_again_and_again_has_the_curve_of_one_that_never_was(demo, tiny_backbone):
    whole, run_id = (started(demo, tiny_backbone, epochs=15) for _ in range(2))
    assert ended(whole).status == "finished"
    for step in (40, 200, 210, 420):
        until(lambda step=step: len(steps(run_id)) >= step, seconds=120)
        os.kill(worker_pid(run_id), signal.SIGKILL)
        until(lambda: runs.load_run(run_id).status == "failed")
        runs.resume(run_id)
    assert ended(run_id).status == "finished"
    assert curve(runs.read_metrics(run_id)[0]) == curve(runs.read_metrics(whole)[0])
