"""Run folders as workers leave them, made by hand: a page needs no model to be tested."""

import fcntl
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np

from synweight_core import runs, storage
from synweight_core.train_config import run_config, run_name


def made_run(project, *, number=None, steps=0, kind="train", **choices):
    """Run `number` of a project (or the next one), with so many of ten steps reported, and no result; its id."""
    config = run_config(**choices)
    number = len([*storage.home().glob("runs/*")]) if number is None else number
    run_id = f"20261120-101112-{number:03d}-x-0000"
    path = runs.folder(run_id)
    fields = {"kind": kind, "project": project.id, "name": run_name(config), "created": 0.0}
    storage.write_json(path / "config.json", fields | {"settings": asdict(config)})
    for event in _events(steps):
        storage.append_line(path / "metrics.jsonl", event)
    return run_id


def end(run_id, **figures):
    """Give it the result of a run that has ended."""
    scores = {"accuracy": 0.75, "macro_f1": 0.5, "recall": {}}
    result = {"stopped": False, "validation": scores, "test": scores, "seconds": 200.0, "steps": 10}
    storage.write_json(runs.folder(run_id) / "result.json", result | figures)


def ended_run(project, *, test=None, result=None, log_probs=None, **choices):
    """The id of a run that ended with these test figures, or with this result; `log_probs` of test rows. [t, K]"""
    run_id = made_run(project, **choices)
    storage.write_json(runs.folder(run_id) / "result.json", result or {"stopped": False, "test": test, "seconds": 1.0})
    if log_probs is not None:
        weights = np.ones(project.counts.get("synthetic", 1))
        np.savez(runs.folder(run_id) / "outputs.npz", test_log_probs=log_probs, row_weights=weights)
    return run_id


def scored_run(project, predicted, labels, *, n_classes, confidence=0.8, **choices):
    """The id of a run that predicted these classes of the test rows, whose true classes are `labels`. [t] each"""
    right = float((np.asarray(predicted) == labels[: len(predicted)]).mean())
    test = {"accuracy": right, "macro_f1": right, "metric": right, "recall": {}}
    said = said_of(predicted, n_classes=n_classes, confidence=confidence)
    return ended_run(project, test=test, log_probs=said, **choices)


def said_of(predicted, *, n_classes, confidence=0.8):
    """Log-probabilities of test rows with this probability for the predicted classes, the rest even. [t, K]"""
    predicted = np.asarray(predicted)
    log_probs = np.full((len(predicted), n_classes), np.log((1 - confidence) / (n_classes - 1)))
    log_probs[np.arange(len(predicted)), predicted] = np.log(confidence)
    return log_probs


@contextmanager
def held(run_id):
    """It is active inside this block."""
    with (runs.folder(run_id) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _events(steps):
    if not steps:
        return
    yield {"event": "loading"}
    yield {
        "event": "started", "device": "cpu", "precision": "float32", "total_steps": 10, "rows": 1200,
        "effective_sample_size": 600.0, "doubts": ["Only <b>7</b> texts differ."],
    }  # fmt: skip
    yield {"event": "notice", "message": "Batches go in *parts*."}
    for step in range(1, steps + 1):
        yield {
            "event": "step", "step": step, "total_steps": 10, "epoch": step / 2, "loss": 1 / step,
            "learning_rate": 0.001, "rows_per_second": 84.0, "seconds_left": 200.0, "memory_bytes": 1_500_000_000,
            "utilization": 80,
        }  # fmt: skip
        if step % 2 == 0:
            figures = {"accuracy": 0.5, "macro_f1": 0.4, "loss": 0.9, "metric": 0.5, "effective_sample_size": 500.0}
            yield {"event": "evaluation", "step": step, "epoch": step / 2} | figures
