"""Folders of training runs as they are when a run has ended, with figures and predictions of the test's choice."""

from dataclasses import asdict

import numpy as np

from synweight_core import runs, storage
from synweight_core.train_config import run_config, run_name


def made_run(project, *, test=None, result=None, log_probs=None, kind="train", **choices):
    """The id of a run of these settings with test figures, or all of its result; `log_probs` of test rows. [t, K]"""
    run_id = f"20261120-101112-{len([*storage.home().glob('runs/*')]):03d}-x-0000"
    config, folder = run_config(**choices), runs.folder(run_id)
    fields = {"kind": kind, "project": project.id, "name": run_name(config), "created": 0.0}
    storage.write_json(folder / "config.json", fields | {"settings": asdict(config)})
    storage.write_json(folder / "result.json", result or {"stopped": False, "test": test, "seconds": 1.0})
    if log_probs is not None:
        weights = np.ones(project.counts.get("synthetic", 1))
        np.savez(folder / "outputs.npz", test_log_probs=log_probs, row_weights=weights)
    return run_id


def said_of(predicted, *, n_classes, confidence=0.8):
    """Log-probabilities of test rows with this probability for the predicted classes, the rest even. [t, K]"""
    predicted = np.asarray(predicted)
    log_probs = np.full((len(predicted), n_classes), np.log((1 - confidence) / (n_classes - 1)))
    log_probs[np.arange(len(predicted)), predicted] = np.log(confidence)
    return log_probs


def made_scored_run(project, predicted, labels, *, n_classes, confidence=0.8, **choices):
    """The id of a run that predicted these classes of the test rows, whose true classes are `labels`. [t] each"""
    right = float((np.asarray(predicted) == labels[: len(predicted)]).mean())
    test = {"accuracy": right, "macro_f1": right, "metric": right, "recall": {}}
    said = said_of(predicted, n_classes=n_classes, confidence=confidence)
    return made_run(project, test=test, log_probs=said, **choices)
