"""Rows per second of ways to fine-tune, in turn in one process; one JSON object on standard output.

    ours ce, ours imp, ours dimp        the product's own steps, with checker outputs computed once
    paper ce, paper imp, paper dimp     the released recipe as its paper tells it: texts padded to 128 tokens, float32,
                                        fine-tuned checkers run on every batch of every epoch
    trainer ce                          Hugging Face's Trainer with dynamic padding and its defaults

All take MiniLM and as many batches of 32 rows; a round is each way once. Batches by length need the whole file to be
what they are in an epoch, so ours are typical ones of it; the others are of a random sample. Seconds run from the first
batch to the last step: neither loading nor evaluation counts. How good a checker is does not change how long it takes,
so the checkers are MiniLM models as they come.
"""

import argparse
import json
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    BatchEncoding,
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from synweight_core.learner import Learner
from synweight_core.models import MINILM
from synweight_core.prediction import (
    LabelledTexts,
    accelerator_for,
    by_length,
    collator,
    encode,
    load_backbone,
    predict,
)
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData

BATCH_ROWS, MAX_LENGTH, LEARNING_RATE = 32, 128, 6e-5  # the paper's
CHECKERS = {"ce": 0, "dimp": 1, "imp": 2}
LONGER = 3  # ours are quick: as many times the steps are measured


def main() -> None:
    """Measure the rounds that the options ask for."""
    options = argparse.ArgumentParser()
    options.add_argument("file", type=Path)
    options.add_argument("--rows", type=int, required=True)
    options.add_argument("--rounds", type=int, required=True)
    chosen = options.parse_args()
    warnings.simplefilter("ignore")  # made-up weights are doubtful, and rightly so
    rows, names = sample(chosen.file, chosen.rows)
    every, _ = sample(chosen.file, None)
    steps = chosen.rows // BATCH_ROWS
    ways: dict[str, Callable[[], dict[str, float]]] = {
        **{f"ours {loss}": partial(ours, every, names, loss, steps=steps) for loss in CHECKERS},
        **{f"paper {loss}": partial(paper, rows, names, loss) for loss in CHECKERS},
        "trainer ce": partial(trainer, rows, names),
        "ours scoring": partial(scoring, rows, names),
    }
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    scoring(rows, names)  # the first pass of a process is slower than all others
    for _ in range(chosen.rounds):
        for way, measure in ways.items():
            found[way].append(measure())
    accelerator = accelerator_for(TrainConfig())
    print(json.dumps({"device": str(accelerator.device), "mean_tokens": mean_tokens(rows), "ways": found}))


def sample(path: Path, n: int | None) -> tuple[LabelledTexts, list[str]]:
    """A seeded sample of the rows of a file, None for all, and the names of its labels."""
    read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = sorted({row["label"] for row in read})
    chosen = random.Random(0).sample(read, n or len(read))
    labels = np.array([names.index(row["label"]) for row in chosen])
    second = [row["text_b"] for row in chosen] if "text_b" in read[0] else None
    return LabelledTexts([row["text"] for row in chosen], labels, second), names


class Clock:
    """Wall and processor seconds since it was made; the latter hardly depend on what else runs on the machine."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds by now. On a GPU, when all that was asked of it is done."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return {"seconds": time.perf_counter() - self._wall, "processor_seconds": time.process_time() - self._processor}


def ours(every: LabelledTexts, names: list[str], loss: str, *, steps: int) -> dict[str, float]:
    """Seconds of so many steps of the product's learner, on batches that are typical of an epoch over all rows."""
    column = np.log(np.random.default_rng(0).uniform(0.2, 0.9, len(every.texts)))
    data = TrainData(every, every, every, names, log_quality=column, log_reference=column[::-1].copy())
    config = TrainConfig(loss=loss, batch_size=BATCH_ROWS, max_length=MAX_LENGTH, learning_rate=LEARNING_RATE)
    accelerator = accelerator_for(config)
    tokenizer, model = load_backbone(MINILM, names)
    encoded = encode(tokenizer, every, max_length=MAX_LENGTH)
    collate = collator(tokenizer, accelerator.device)
    learner = Learner(model, config, data, accelerator=accelerator, total_steps=1000)
    batches = typical_batches(encoded, LONGER * steps)
    clock = Clock()
    for batch in batches:
        learner.step(collate(batch))
    return {unit: seconds * steps / len(batches) for unit, seconds in clock.read().items()}


def typical_batches(encoded: list[dict[str, Any]], n: int) -> list[list[dict[str, Any]]]:
    """Of the whole batches of an epoch, by their longest row: the middle one of each n-th part."""
    order = [*by_length(encoded, batch_size=BATCH_ROWS, seed=0)]
    whole = [order[start : start + BATCH_ROWS] for start in range(0, len(order) - BATCH_ROWS + 1, BATCH_ROWS)]
    whole.sort(key=lambda batch: max(len(encoded[i]["input_ids"]) for i in batch))
    return [[encoded[i] for i in whole[(2 * part + 1) * len(whole) // (2 * n)]] for part in range(n)]


def paper(rows: LabelledTexts, names: list[str], loss: str) -> dict[str, float]:
    """One epoch of the released recipe, written anew."""
    device = accelerator_for(TrainConfig()).device
    tokenizer, model = load_backbone(MINILM, names)
    checkers = [load_backbone(MINILM, names)[1].to(device).eval() for _ in range(CHECKERS[loss])]
    model.to(device)
    epoch = PaperEpoch(padded(tokenizer, rows), torch.from_numpy(rows.labels), checkers, loss)
    clock = Clock()
    epoch.train(model, torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0), seed=0)
    return clock.read()


def padded(tokenizer: PreTrainedTokenizerBase, rows: LabelledTexts) -> BatchEncoding:
    """All rows in tensors of MAX_LENGTH tokens."""
    second = None if rows.texts_b is None else list(rows.texts_b)
    return tokenizer(
        list(rows.texts), second, truncation=True, max_length=MAX_LENGTH, padding="max_length", return_tensors="pt"
    )


@dataclass(frozen=True)
class PaperEpoch:
    """What an epoch of the released recipe goes through; `checkers` are quality, then diversity for IMP."""

    inputs: BatchEncoding
    labels: torch.Tensor
    checkers: Sequence[PreTrainedModel]
    loss: str

    def train(self, model: PreTrainedModel, optimizer: torch.optim.Optimizer, *, seed: int) -> None:
        """Each row once, in the order of the seed."""
        model.train()
        for at in torch.randperm(len(self.labels), generator=torch.manual_seed(seed)).split(BATCH_ROWS):
            batch = {name: values[at].to(model.device) for name, values in self.inputs.items()}
            truth = self.labels[at].to(model.device)
            losses = cross_entropy(model(**batch).logits, truth, reduction="none")
            with torch.no_grad():
                said = [-cross_entropy(checker(**batch).logits, truth, reduction="none") for checker in self.checkers]
            weights = torch.ones_like(losses)
            if said:
                reference = said[1] if self.loss == "imp" else -losses.detach()
                weights = (said[0] - reference).exp()
            (weights * losses).mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()


def trainer(rows: LabelledTexts, names: list[str]) -> dict[str, float]:
    """One epoch of Hugging Face's Trainer."""
    tokenizer, model = load_backbone(MINILM, names)
    encoded = encode(tokenizer, rows, max_length=MAX_LENGTH)
    read: list[Any] = []

    class Timed(TrainerCallback):
        def on_train_begin(self, *args: object, **more: object) -> None:
            read.append(Clock())

        def on_step_end(self, *args: object, **more: object) -> None:
            read[1:] = [read[0].read()]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, per_device_train_batch_size=BATCH_ROWS, learning_rate=LEARNING_RATE,
            save_strategy="no", report_to="none", disable_tqdm=True, dataloader_pin_memory=torch.cuda.is_available(),
        )  # fmt: skip
        Trainer(
            model, arguments, train_dataset=encoded, data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[Timed()],
        ).train()  # fmt: skip
    return read[1]


def scoring(rows: LabelledTexts, names: list[str]) -> dict[str, float]:
    """What a fine-tuned checker costs once: its answer for each row."""
    accelerator = accelerator_for(TrainConfig())
    tokenizer, model = load_backbone(MINILM, names)
    model, encoded = model.to(accelerator.device), encode(tokenizer, rows, max_length=MAX_LENGTH)
    collate = collator(tokenizer, accelerator.device)
    clock = Clock()
    predict(model, encoded, collate=collate, accelerator=accelerator, batch_size=BATCH_ROWS)
    return clock.read()


def mean_tokens(rows: LabelledTexts) -> float:
    """Tokens of a row, without padding."""
    tokenizer, _ = load_backbone(MINILM, ["a", "b"])
    return float(np.mean([len(row["input_ids"]) for row in encode(tokenizer, rows, max_length=MAX_LENGTH)]))


if __name__ == "__main__":
    main()
