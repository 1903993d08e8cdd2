"""One training run that is killed and goes on, and what is then in its folder and left of its process.

It draws no moments and makes no tables. A run waits for the device at first: nobody gets it for QUEUE_SECONDS, so that
a kill may hit a run in the queue too. Differences are the largest absolute ones; 0.0 is equal to the last bit.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil
from leftovers import Left, children, left, metrics_are_readable, processes_of

from synweight_core import device, epoch_weights, runs, storage
from synweight_core.train_config import TrainConfig

QUEUE_SECONDS = 1.0
END_SECONDS = 300.0
STATUS_SECONDS = 30.0
TOLD = {"step": ("step", "loss", "learning_rate"), "evaluation": ("step", "loss", "accuracy")}
OF_THE_CLOCK = ("seconds", "train_seconds", "rows_per_second")


@dataclass(frozen=True)
class Outcome:
    """What a finished run has left: arrays by name, figures without those of the clock, and its curve."""

    arrays: Mapping[str, np.ndarray]
    figures: Mapping[str, Any]
    curve: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Whole:
    """A run that nobody interrupted: its seconds, and those after its first event, when its imports are done."""

    seconds: float
    seconds_after_imports: float
    outcome: Outcome


@dataclass(frozen=True)
class Compared:
    """How a run differs from one that nobody interrupted."""

    differences: dict[str, float]
    same_figures: bool
    same_curve: bool
    each_step_once: bool

    @property
    def is_equal(self) -> bool:
        """Whether nothing but the time tells them apart."""
        return self.same_figures and self.same_curve and not any(self.differences.values())


@dataclass(frozen=True)
class Kill:
    """A run that was killed at a moment, and what came of it. `at_s` counts from the start of the run."""

    loss: str
    at_s: float
    phase: str
    step: int
    status: str
    status_s: float
    metrics_readable: bool
    resumed_from: int | None
    resumed_status: str
    compared: Compared
    after_kill: Left
    after_resume: Left

    @property
    def is_clean(self) -> bool:
        """Whether no process or lock outlived the kill, and nothing the run: unfinished files may wait until then."""
        return self.after_resume.is_clean and not (self.after_kill.orphans or self.after_kill.locks)


# --- runs


def tiny_config(backbone: str, *, loss: str, epochs: int) -> TrainConfig:
    """Settings of a run that takes a second beside its imports."""
    return TrainConfig(
        loss=loss, backbone=backbone, epochs=epochs, batch_size=20, max_length=16, learning_rate=1e-3,
        evaluations_per_epoch=1, device="cpu",
    )  # fmt: skip


def run_whole(project_id: str, config: TrainConfig) -> Whole:
    """A run that nobody interrupts."""
    run_id, began = started(project_id, config, release_at=QUEUE_SECONDS)
    wait_for(lambda: has_begun(run_id), seconds=END_SECONDS)
    imported = time.monotonic()
    run = ended(run_id)
    now = time.monotonic()
    if run.status != "finished":
        raise RuntimeError(f"{run_id} is {run.status}: {run.error}")
    return Whole(round(now - began, 2), round(now - imported, 2), outcome(run_id))


def kill_and_resume(
    project_id: str, config: TrainConfig, *, at: float, whole: Outcome, after_imports: bool = False
) -> Kill | None:
    """Start a run, kill it after `at` seconds, let it go on; None when it had its result before.

    The seconds count from the start of the run, or from its first event, when its imports are done: how long these
    take depends on what else the machine does.
    """
    run_id, began = started(project_id, config, release_at=QUEUE_SECONDS if after_imports else min(at, QUEUE_SECONDS))
    if after_imports:
        wait_for(lambda: has_begun(run_id), seconds=END_SECONDS)
    time.sleep(max(0.0, at if after_imports else began + at - time.monotonic()))
    killed_at = time.monotonic() - began
    reached, holder = runs.latest_event(run_id), device.holder()
    family = kill(run_id)
    status, status_s = seen_as(run_id)
    if status == "finished":
        return None
    after_kill, readable = left(run_id, family), metrics_are_readable(run_id)
    runs.resume(run_id)
    run = ended(run_id)
    wait_for(lambda: not processes_of(run_id), seconds=STATUS_SECONDS)
    return Kill(
        loss=config.loss, at_s=round(killed_at, 2), phase=phase(reached, has_device=holder == run_id),
        step=reached.get("step", 0), status=status, status_s=status_s, metrics_readable=readable,
        resumed_from=resumed_from(run_id), resumed_status=run.status,
        compared=compared(run_id, whole), after_kill=after_kill, after_resume=left(run_id, family),
    )  # fmt: skip


def has_begun(run_id: str) -> bool:
    """Whether a run has reported anything."""
    return (runs.folder(run_id) / "metrics.jsonl").exists()


def started(project_id: str, config: TrainConfig, *, release_at: float) -> tuple[str, float]:
    """Start a run that gets the device after so many seconds; its id, and the monotonic clock at its start."""
    with device_taken():
        began = time.monotonic()
        run_id = runs.start("train", project_id, asdict(config), name="kill")
        time.sleep(max(0.0, began + release_at - time.monotonic()))
    return run_id, began


@contextmanager
def device_taken() -> Iterator[None]:
    """Nobody gets the device inside this block."""
    path = storage.home() / "runs" / "device.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ended(run_id: str) -> runs.Run:
    """The run when it is no longer active."""
    wait_for(lambda: not runs.load_run(run_id).is_active, seconds=END_SECONDS)
    return runs.load_run(run_id)


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until `condition()` holds, at most so long; whether it does."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


# --- the kill


def kill(run_id: str) -> list[psutil.Process]:
    """Kill the worker of a run by SIGKILL; it and what it had started."""
    family = [one for worker in processes_of(run_id) for one in (worker, *children(worker))]
    for worker in processes_of(run_id):
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
    return family


def seen_as(run_id: str) -> tuple[str, float]:
    """What a run shows as when it no longer shows as active, and after how many seconds."""
    began = time.perf_counter()
    wait_for(lambda: not runs.load_run(run_id).is_active, seconds=STATUS_SECONDS)
    return runs.load_run(run_id).status, round(time.perf_counter() - began, 3)


def phase(reached: Mapping[str, Any], *, has_device: bool) -> str:
    """How far a run was, by its latest event and by whether it had the device."""
    if not reached:
        return "imports" if has_device else "start and queue"
    if "step" not in reached:
        return "loading"
    return "training" if reached["step"] < reached["total_steps"] else "test and results"


# --- what came of it


def outcome(run_id: str) -> Outcome:
    """What a finished run has left."""
    from safetensors.numpy import load_file

    path = runs.folder(run_id)
    with np.load(path / "outputs.npz") as outputs:
        arrays = {name: outputs[name] for name in outputs.files}
    model = load_file(path / "model" / "model.safetensors")
    arrays |= {"model": np.concatenate([model[name].ravel() for name in sorted(model)])}
    arrays |= {"weights_by_epoch": epoch_weights.epoch_weights(run_id)}
    result = json.loads((path / "result.json").read_text(encoding="utf-8"))
    return Outcome(arrays, {name: result[name] for name in result if name not in OF_THE_CLOCK}, curve(run_id))


def curve(run_id: str) -> list[tuple[Any, ...]]:
    """Steps and evaluations of a run in all its sittings, without the clock's figures."""
    events, _ = runs.read_metrics(run_id)
    return [
        (event["event"], *(event[name] for name in TOLD[event["event"]])) for event in events if event["event"] in TOLD
    ]


def compared(run_id: str, whole: Outcome) -> Compared:
    """How a finished run differs from one that nobody interrupted."""
    found = outcome(run_id)
    steps = [event[1] for event in found.curve if event[0] == "step"]
    return Compared(
        differences={name: difference(found.arrays[name], array) for name, array in whole.arrays.items()},
        same_figures=found.figures == whole.figures,
        same_curve=found.curve == whole.curve,
        each_step_once=steps == [*range(1, found.figures["steps"] + 1)],
    )


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest absolute difference, infinite for arrays of other shapes, 0.0 only for equal bits."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return float("inf")
    if one.tobytes() == other.tobytes():
        return 0.0
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max()) or float(np.finfo(np.float64).tiny)


def resumed_from(run_id: str) -> int | None:
    """The step after which a run went on last; None where it began like a new one."""
    events, _ = storage.read_lines(runs.folder(run_id) / "metrics.jsonl")
    return next((event["step"] for event in reversed(events) if event["event"] == "resumed"), None)
