"""Test accuracy after equal epochs: the product's IMP and DIMP, and the released recipe with the same two checkers.

One JSON object on standard output. The checkers are MiniLM fine-tuned by the recipe itself: quality on real rows,
diversity on the synthetic ones. The recipe asks them at every batch; the product has their answers as columns.
"""

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recipes import BATCH_ROWS, CHECKERS, LEARNING_RATE, MAX_LENGTH, PaperEpoch, padded, sample
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from synweight_core.models import MINILM
from synweight_core.prediction import LabelledTexts, accelerator_for, collator, encode, load_backbone, predict
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.training import train

EPOCHS = 2
CHECKER_EPOCHS = 3
LOSSES = ("imp", "dimp")


def main() -> None:
    """Train by both ways with the seeds that the options ask for."""
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    for name in ("--rows", "--test-rows", "--seeds"):
        options.add_argument(name, type=int, required=True)
    chosen = options.parse_args()
    warnings.simplefilter("ignore")  # IMP leaves some rows next to nothing, as it should
    rows, names = sample(chosen.folder / "synthetic.jsonl", chosen.rows)
    real, _ = sample(chosen.folder / "real_train.jsonl", None)
    test, _ = sample(chosen.folder / "real_test.jsonl", chosen.test_rows)
    half = len(real.labels) // 2
    quality, diversity = (
        by_recipe(each, names, "ce", [], epochs=CHECKER_EPOCHS, seed=0) for each in (head(real, half), rows)
    )
    columns = [log_probs(checker, rows)[np.arange(len(rows.labels)), rows.labels] for checker in (quality, diversity)]
    found: dict[str, list[float]] = {}
    for loss in LOSSES:
        checkers = [checker.eval() for checker in (quality, diversity)[: CHECKERS[loss]]]
        data = TrainData(rows, tail(real, half), test, names, log_quality=columns[0], log_reference=columns[1])
        for seed in range(chosen.seeds):
            model = by_recipe(rows, names, loss, checkers, epochs=EPOCHS, seed=seed)
            found.setdefault(f"paper {loss}", []).append(accuracy(log_probs(model, test), test))
            found.setdefault(f"ours {loss}", []).append(accuracy(ours(data, loss, seed=seed), test))
    print(json.dumps({"accuracy": found, "epochs": EPOCHS, "precision": precision()}))


def by_recipe(
    rows: LabelledTexts,
    names: list[str],
    loss: str,
    checkers: Sequence[PreTrainedModel],
    *,
    epochs: int,
    seed: int,
) -> PreTrainedModel:
    """MiniLM after some epochs of the released recipe."""
    torch.manual_seed(seed)  # of the new head
    tokenizer, model = load_backbone(MINILM, names)
    model.to(accelerator_for(TrainConfig()).device)
    epoch = PaperEpoch(padded(tokenizer, rows), torch.from_numpy(rows.labels), checkers, loss)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    for number in range(epochs):
        epoch.train(model, optimizer, seed=1000 * seed + number)
    return model


def ours(data: TrainData, loss: str, *, seed: int) -> np.ndarray:
    """The product's answers to the test rows. [t, K]"""
    config = TrainConfig(
        loss=loss, epochs=EPOCHS, batch_size=BATCH_ROWS, max_length=MAX_LENGTH, learning_rate=LEARNING_RATE, seed=seed,
        evaluations_per_epoch=1,
    )  # fmt: skip
    said = train(config, data, lambda event: None).test_log_probs
    assert said is not None  # there are test rows
    return said


def log_probs(model: PreTrainedModel, rows: LabelledTexts) -> np.ndarray:
    """What a model says of rows, in float32. [n, K]"""
    accelerator = accelerator_for(replace(TrainConfig(), precision="float32"))
    tokenizer: PreTrainedTokenizerBase = load_backbone(MINILM, ["a", "b"])[0]
    encoded = encode(tokenizer, rows, max_length=MAX_LENGTH)
    collate = collator(tokenizer, accelerator.device)
    return predict(model, encoded, collate=collate, accelerator=accelerator, batch_size=BATCH_ROWS)


def accuracy(said: np.ndarray, rows: LabelledTexts) -> float:
    """The share of rows that are right."""
    return float((said.argmax(axis=1) == rows.labels).mean())


def head(rows: LabelledTexts, n: int) -> LabelledTexts:
    """The first n rows."""
    return LabelledTexts(rows.texts[:n], rows.labels[:n], rows.texts_b and rows.texts_b[:n])


def tail(rows: LabelledTexts, n: int) -> LabelledTexts:
    """All rows but the first n."""
    return LabelledTexts(rows.texts[n:], rows.labels[n:], rows.texts_b and rows.texts_b[n:])


def precision() -> str:
    """In which the product trains here."""
    found: Any = accelerator_for(TrainConfig()).mixed_precision
    return "bf16" if found == "bf16" else "float32"


if __name__ == "__main__":
    main()
