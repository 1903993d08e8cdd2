"""A transformers classifier, cross-fitted: log-probabilities of every row by a model that has not seen it.

How long to train is found out of fold, since a checker may have two hundred rows and no validation set: each fold
notes its best epoch, and the model of all rows is trained for their median. It knows no checkers, files or projects.
Imports torch: for worker processes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate.utils import set_seed
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import get_constant_schedule_with_warmup

from synweight_core.calibration import calibrated_cross_entropy
from synweight_core.learner import GRADIENT_NORM
from synweight_core.prediction import (
    LabelledTexts,
    Progress,
    accelerator_for,
    by_length,
    collator,
    encode,
    load_backbone,
    predict,
)
from synweight_core.train_config import TrainConfig
from synweight_core.tuning import Tuning

CHUNK_ROWS = 20_000  # tokenised at a time when rows are scored

Scorer = Callable[[LabelledTexts, Progress], np.ndarray]
History = tuple[list[np.ndarray], list[float]]  # after each epoch: log-probabilities of held-out rows, and their loss


@dataclass(frozen=True)
class CrossFitted:
    """Log-probabilities, not calibrated: of the rows trained on, out of fold [n, K], and of the others [m, K].

    Rows of fold -1, which train in every fold, are scored in sample. `epochs` is how long the last model was trained.
    """

    trained: np.ndarray
    other: np.ndarray
    epochs: int


def cross_fit(
    rows: LabelledTexts,
    folds: np.ndarray,
    other: LabelledTexts,
    *,
    n_classes: int,
    tuning: Tuning,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> CrossFitted:
    """Fine-tune once for each fold, and once on all rows for as many epochs as were best in the median fold.

    Args:
        rows: to train on, n.
        folds: of each row, -1 for rows that train in every fold. [n] int
        other: rows to score only, m; their labels are not used.
        n_classes: K.
        tuning: backbone, and how it is trained.
        seed: of weights and order of rows.
        progress: done and total, in epochs; a fold that ends early is a jump.

    Raises:
        ModelError: the backbone cannot be loaded, or the device is not there.
    """
    epochs, n_folds = tuning.epochs_for(len(rows.labels)), int(folds.max()) + 1
    total = (n_folds + 2) * epochs  # all rows, and scoring the others, count like a fold
    trained = np.empty((len(rows.labels), n_classes))
    histories: list[History] = []
    for fold in range(n_folds):
        held_out = taken(rows, folds == fold)
        models = _epochs(taken(rows, folds != fold), epochs, n_classes, tuning, seed + fold)
        counted = _counted(models, progress, done=fold * epochs, total=total)
        histories.append(_history(counted, held_out, patience=tuning.patience))
    best = median_best_epoch([losses for _, losses in histories]) if histories else epochs
    for fold, (after_epoch, _) in enumerate(histories):
        trained[folds == fold] = after_epoch[min(best, len(after_epoch)) - 1]
    *_, score = _counted(
        _epochs(rows, best, n_classes, tuning, seed + n_folds), progress, done=n_folds * epochs, total=total
    )
    trained[folds == -1] = score(taken(rows, folds == -1), lambda done, count: None)
    said = score(other, lambda done, count: progress(total - epochs + epochs * done // max(count, 1), total))
    return CrossFitted(trained, said, best)


def median_best_epoch(losses: list[list[float]]) -> int:
    """The epoch, from 1, with the lowest loss in the median fold; of two middle ones, and of equals, the earlier."""
    best = sorted(int(np.argmin(of_fold)) + 1 for of_fold in losses)
    return best[(len(best) - 1) // 2]


def taken(rows: LabelledTexts, which: np.ndarray) -> LabelledTexts:
    """Some of the rows, by a mask. [n] bool"""
    at = np.flatnonzero(which).tolist()
    second = None if rows.texts_b is None else [rows.texts_b[i] for i in at]
    return LabelledTexts([rows.texts[i] for i in at], rows.labels[at], second)


def _epochs(rows: LabelledTexts, epochs: int, n_classes: int, tuning: Tuning, seed: int) -> Iterator[Scorer]:
    """Train on all of `rows`; after each epoch, a function that scores rows by the model as it is then."""
    accelerator = accelerator_for(TrainConfig(device=tuning.device))
    set_seed(seed)
    tokenizer, model = load_backbone(tuning.backbone, [str(label) for label in range(n_classes)])
    model.to(accelerator.device)
    encoded, collate = encode(tokenizer, rows, max_length=tuning.max_length), collator(tokenizer, accelerator.device)
    sampler = by_length(encoded, batch_size=tuning.batch_size, seed=seed)
    loader: DataLoader[dict[str, Any]] = DataLoader(encoded, tuning.batch_size, sampler=sampler, collate_fn=collate)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=tuning.learning_rate, weight_decay=tuning.weight_decay, fused=True
    )
    # constant after the first epoch: how the rate goes must not depend on when training ends
    scheduler = get_constant_schedule_with_warmup(optimizer, len(loader))

    def score(asked: LabelledTexts, progress: Progress) -> np.ndarray:
        parts = [np.empty((0, n_classes))]
        for start in range(0, len(asked.labels), CHUNK_ROWS):
            progress(start, len(asked.labels))
            chunk = _between(asked, start, start + CHUNK_ROWS)
            tokens = encode(tokenizer, chunk, max_length=tuning.max_length)
            parts.append(
                predict(model, tokens, collate=collate, accelerator=accelerator, batch_size=tuning.batch_size * 2)
            )
        return np.concatenate(parts)

    for _ in range(epochs):
        model.train()
        for batch in loader:
            labels = batch.pop("labels").to(accelerator.device)
            del batch["position"]
            with accelerator.autocast():
                logits = model(**batch.to(accelerator.device)).logits.float()
            cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
        yield score


def _counted(models: Iterator[Scorer], progress: Progress, *, done: int, total: int) -> Iterator[Scorer]:
    """The same, telling `progress` after each."""
    progress(done, total)
    for epoch, score in enumerate(models, start=1):
        progress(done + epoch, total)
        yield score


def _history(models: Iterator[Scorer], held_out: LabelledTexts, *, patience: int) -> History:
    """What the model says of the held-out rows after each epoch, until it has got no better for a while."""
    said: list[np.ndarray] = []
    losses: list[float] = []
    for score in models:
        said.append(score(held_out, lambda done, total: None))
        losses.append(calibrated_cross_entropy(said[-1], held_out.labels))
        if len(losses) - 1 - int(np.argmin(losses)) >= patience:
            break
    return said, losses


def _between(rows: LabelledTexts, start: int, stop: int) -> LabelledTexts:
    second = None if rows.texts_b is None else rows.texts_b[start:stop]
    return replace(rows, texts=rows.texts[start:stop], labels=rows.labels[start:stop], texts_b=second)
