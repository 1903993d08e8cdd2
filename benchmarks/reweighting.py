"""Two ways to learn weights while training, as baselines: what others would do with the same rows.

`meta`: learning to reweight (Ren, Zeng, Yang, Urtasun: Learning to Reweight Examples for Robust Deep Learning, 2018).
In each step a row counts as much as a small step on it alone would lower the loss of a batch of real rows, not below
0. It is an approximation: the virtual step moves the last layer only, for which the gradient has a closed form, so
that a step costs one more forward pass and no second backward pass.

`self`: self-boosting weights in the style of FuseGen (Zou et al. 2024), without real rows. After each epoch the weight
of a row that the model gets right is multiplied by b^(1 - p), of one that it gets wrong by b^-(1 - p), where p is the
model's probability of its label. FuseGen trains anew after each adjustment; here the training goes on.

They are no part of the product. Rows, order, optimiser and schedule are those of `synweight_core.training`.
"""

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from synweight_core import metrics
from synweight_core.learner import GRADIENT_NORM
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


class Learned(NamedTuple):
    """Log-probabilities of the test rows [t, K], and the weights of the training rows as last used [n]."""

    test_log_probs: np.ndarray
    row_weights: np.ndarray


class Batch(NamedTuple):
    """Rows of a step: positions and labels [b], logits [b, K], and what the last layer reads [b, h]; no gradients."""

    positions: torch.Tensor
    labels: torch.Tensor
    logits: torch.Tensor
    features: torch.Tensor


class Weigher(Protocol):
    """Gives the rows of a step their weights [b]; `epoch_ended` is told after each pass."""

    def of_batch(self, batch: Batch) -> torch.Tensor: ...

    def epoch_ended(self) -> None: ...


# --- meta


def meta_weights(batch: Batch, real: Batch) -> torch.Tensor:
    """By how much a step on each row alone would lower the loss of the real rows, not below 0; mean 1. [b]

    The gradient of a row's cross-entropy in the last layer is (p - e_y) x (features, 1), so that the product of two
    gradients is the product of two inner products. All 0 where no row would help.
    """
    agree = _errors(batch) @ _errors(real).T * (batch.features @ real.features.T + 1)
    helpful = agree.mean(dim=1).clamp(min=0)
    total = helpful.sum()
    return helpful * (len(helpful) / total) if total > 0 else helpful


def _errors(batch: Batch) -> torch.Tensor:
    """p - e_y. [b, K]"""
    return batch.logits.softmax(dim=1) - torch.nn.functional.one_hot(batch.labels, batch.logits.shape[1])


class MetaWeigher:
    """See `meta_weights`; the real rows of each step are drawn anew by `real`."""

    def __init__(self, real: Callable[[], Batch]) -> None:
        self._real = real

    def of_batch(self, batch: Batch) -> torch.Tensor:
        return meta_weights(batch, self._real())

    def epoch_ended(self) -> None:
        """Nothing is remembered."""


# --- self


def boosted(weights: np.ndarray, p: np.ndarray, right: np.ndarray, *, base: float) -> np.ndarray:
    """Weights after one adjustment, mean 1. [n]

    Args:
        weights: before it. [n]
        p: the model's probability of each row's label. [n]
        right: whether the model says that label. [n] bool
        base: b, above 1.
    """
    found = weights * base ** np.where(right, 1 - p, p - 1)
    return found / found.mean()


def boosting_base(n: int, adjustments: int) -> float:
    """b = 1 + sqrt(2 ln n / adjustments): the inverse of the base of Hedge (Freund and Schapire 1997)."""
    return 1 + math.sqrt(2 * math.log(n) / max(adjustments, 1))


class SelfWeigher:
    """See `boosted`; p is that of the forward pass in which a row was last trained on."""

    def __init__(self, n: int, epochs: int) -> None:
        self._weights, self._p, self._right = np.ones(n), np.ones(n), np.ones(n, dtype=bool)
        self._base = boosting_base(n, epochs - 1)

    def of_batch(self, batch: Batch) -> torch.Tensor:
        rows = batch.positions.cpu().numpy()
        p = batch.logits.softmax(dim=1).gather(1, batch.labels[:, None])[:, 0]
        self._p[rows] = p.cpu().numpy()
        self._right[rows] = (batch.logits.argmax(dim=1) == batch.labels).cpu().numpy()
        return torch.as_tensor(self._weights[rows], dtype=torch.float32, device=batch.logits.device)

    def epoch_ended(self) -> None:
        self._weights = boosted(self._weights, self._p, self._right, base=self._base)


# --- training


def train(kind: str, config: TrainConfig, data: TrainData, *, real: LabelledTexts) -> Learned:
    """Fine-tune with learned weights; the best epoch by validation is kept.

    Args:
        kind: "meta" or "self".
        config: its loss and weight settings are not read.
        data: `train` holds synthetic rows alone.
        real: rows that `meta` learns its weights from; never validation or test rows.
    """
    from accelerate.utils import set_seed
    from transformers import get_linear_schedule_with_warmup

    accelerator = accelerator_for(config)
    set_seed(config.seed)
    tokenizer, model = load_backbone(config.backbone, data.label_names)
    rows, validation, test, meta = (
        encode(tokenizer, part, max_length=config.max_length) for part in (data.train, data.validation, data.test, real)
    )
    collate = collator(tokenizer, accelerator.device)
    sampler = by_length(rows, batch_size=config.batch_size, seed=config.seed)
    loader: DataLoader[dict[str, Any]] = DataLoader(rows, config.batch_size, sampler=sampler, collate_fn=collate)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    steps = len(loader) * config.epochs
    schedule = get_linear_schedule_with_warmup(optimizer, round(config.warmup_share * steps), steps)
    model, optimizer, loader, schedule = accelerator.prepare(model, optimizer, loader, schedule)
    read = _last_layer_input(accelerator.unwrap_model(model))
    drawn = np.random.default_rng(config.seed)

    def forward(batch: dict[str, Any]) -> Batch:
        positions, labels = batch.pop("position"), batch.pop("labels")
        logits = model(**batch).logits.float()
        return Batch(positions, labels, logits, read())

    def real_batch() -> Batch:
        chosen = drawn.choice(len(meta), min(config.batch_size, len(meta)), replace=False)
        with torch.no_grad():
            return forward(dict(collate([meta[i] for i in chosen]).to(accelerator.device)))

    weigher: Weigher = MetaWeigher(real_batch) if kind == "meta" else SelfWeigher(len(rows), config.epochs)
    used, best, state = np.ones(len(rows)), (-1.0, 0.0), {}
    for _ in range(config.epochs):
        model.train()
        for each in loader:
            batch = forward(each)
            detached = batch._replace(logits=batch.logits.detach())
            weights = weigher.of_batch(detached)
            used[batch.positions.cpu().numpy()] = weights.cpu().numpy()
            accelerator.backward((weights * cross_entropy(batch.logits, batch.labels, reduction="none")).mean())
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        weigher.epoch_ended()
        said = predict(model, validation, collate=collate, accelerator=accelerator, batch_size=config.batch_size)
        found = metrics.score(said, data.validation.labels)
        if (found["accuracy"], -found["loss"]) > best or not state:
            best, state = (found["accuracy"], -found["loss"]), copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return Learned(predict(model, test, collate=collate, accelerator=accelerator, batch_size=config.batch_size), used)


def _last_layer_input(model: torch.nn.Module) -> Callable[[], torch.Tensor]:
    """A function that gives what the last layer, `classifier`, read in the latest forward pass. [b, h]"""
    seen: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[:] = [inputs[0].detach().float()]

    model.get_submodule("classifier").register_forward_pre_hook(keep)
    return lambda: seen[0]
