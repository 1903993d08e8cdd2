"""A program that trains on made-up rows, alone or as one of several processes: `many_rows.py BACKBONE OUT PLANS`."""

import json
import sys
from pathlib import Path

import numpy as np

WORDS = (
    ["parcel", "order", "courier", "late", "waiting", "days"],
    ["money", "back", "card", "refund", "paid", "bank"],
)


def texts(n, *, seed):
    """Texts of 2 to 12 words, most of them of the words of its label, and the labels. [n]"""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    own, other = WORDS
    lines = [
        " ".join(
            random.choice(own if is_first else other) for is_first in random.random(length) < (0.3, 0.7)[1 - label]
        )
        for label, length in zip(labels, random.integers(2, 13, n), strict=True)
    ]
    return lines, labels


def data(*, n_train, n_test):
    """Rows and columns of a run."""
    from synweight_core.prediction import LabelledTexts
    from synweight_core.train_data import TrainData

    random = np.random.default_rng(1)
    rows, few, test = (LabelledTexts(*texts(n, seed=i)) for i, n in enumerate((n_train, 31, n_test)))
    columns = {name: np.log(random.uniform(0.1, 0.9, n_train)) for name in ("log_quality", "log_reference")}
    return TrainData(rows, few, test, ("late", "refund"), **columns)


def trained(backbone, *, n_train=49, n_test=21, stop_at=0, **choices):
    """Losses by step, scores by evaluation, log-probabilities and weights of one run."""
    from synweight_core import companions
    from synweight_core.errors import StopRequested
    from synweight_core.train_config import TrainConfig
    from synweight_core.training import train

    quick = {"epochs": 2, "batch_size": 8, "evaluations_per_epoch": 1, "learning_rate": 0.01, "device": "cpu"}
    events, is_first = [], not companions.is_companion()

    def report(event):
        events.append(event)
        if is_first and event["event"] == "step" and event["step"] == stop_at:
            raise StopRequested

    config = TrainConfig(backbone=backbone, precision="float32", **quick | choices)
    result = train(config, data(n_train=n_train, n_test=n_test), report)
    return {
        "losses": [event["loss"] for event in events if event["event"] == "step"],
        "rates": [event["learning_rate"] for event in events if event["event"] == "step"],
        "evaluations": [event["loss"] for event in events if event["event"] == "evaluation"],
        "log_probs": None if result.test_log_probs is None else result.test_log_probs.tolist(),
        "weights": result.row_weights.tolist(),
        "steps": result.figures["steps"],
        "accuracy": (result.figures["test"] or {}).get("accuracy"),
        "model": [float(values.double().abs().sum()) for values in result.model.state_dict().values()],
    }


if __name__ == "__main__":
    from synweight_core import processes

    backbone, out, plans = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    found = [trained(backbone, **plan) for plan in plans]
    out.write_text(json.dumps(found))
    processes.leave()
