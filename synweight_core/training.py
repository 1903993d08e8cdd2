"""One weighted fine-tuning run: config and rows in, a model and its figures out.

It knows no files, projects or pages. `report` is the only way out while it runs: a callable that takes a
dict. It may raise StopRequested; the run then ends early with the best model so far.
"""

import copy
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Sampler
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from synweight_core import metrics
from synweight_core.errors import StopRequested
from synweight_core.prediction import (
    LabelledTexts,
    accelerator_for,
    collator,
    encode,
    load_backbone,
    precision_of,
    predict,
)
from synweight_core.scaling import clip_and_scale, log_factor
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import (
    LOSSES,
    effective_sample_size,
    focal_weights,
    log_weights,
    pooled,
    weights,
)

Report = Callable[[dict[str, Any]], None]

SCALE_WINDOW_ROWS = 2_048  # latest rows from which the scale of a moving reference is estimated
GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class TrainData:
    """All rows of a run. The columns belong to the synthetic rows of `train`, each [n] or None.

    They are the checkers' log-probabilities of the labels, the log of a factor that people set, and the log of how
    much more at home the text is among real rows. The last `n_real` rows of `train` are real rows that join the
    training; `real_shares` are the shares of the classes among real rows. [K]
    """

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts
    label_names: Sequence[str]
    log_quality: np.ndarray | None = None
    log_reference: np.ndarray | None = None
    log_prior: np.ndarray | None = None
    log_relevance: np.ndarray | None = None
    real_shares: np.ndarray | None = None
    n_real: int = 0
    metric: str = "accuracy"


@dataclass(frozen=True)
class TrainResult:
    """The best model by validation, the weights of the synthetic rows as last used [n], and the figures."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    row_weights: np.ndarray
    test_log_probs: np.ndarray | None
    figures: dict[str, Any]


def train(config: TrainConfig, data: TrainData, report: Report) -> TrainResult:
    """Fine-tune on `data.train` with the configured loss; keep the best evaluation by validation.

    The validation rows only pick the evaluation that is kept; the test rows are scored once, at the end.
    """
    # --- what to compute with
    accelerator = accelerator_for(config)
    set_seed(config.seed)
    report({"event": "loading", "backbone": config.backbone})
    tokenizer, model = load_backbone(config.backbone, data.label_names)

    # --- rows, tokenised once
    train_rows, validation_rows, test_rows = (
        encode(tokenizer, rows, max_length=config.max_length) for rows in (data.train, data.validation, data.test)
    )
    collate = collator(tokenizer)
    sampler = _sampler(train_rows, config)
    loader: DataLoader[dict[str, Any]] = DataLoader(train_rows, config.batch_size, sampler=sampler, collate_fn=collate)  # type: ignore[arg-type]
    row_weights = _RowWeights(config, data)

    # --- optimiser
    steps_per_epoch = len(loader)
    total_steps = steps_per_epoch * config.epochs
    evaluate_every = max(1, round(steps_per_epoch / config.evaluations_per_epoch))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    scheduler = get_linear_schedule_with_warmup(optimizer, round(config.warmup_share * total_steps), total_steps)
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)
    report({
        "event": "started", "device": str(accelerator.device), "precision": precision_of(accelerator),
        "total_steps": total_steps, "epochs": config.epochs, "rows": len(train_rows),
        "effective_sample_size": row_weights.effective_sample_size() if row_weights.is_fixed else None,
    })  # fmt: skip

    # --- the loop
    started, step, rows_seen, stopped = time.perf_counter(), 0, 0, False
    best: dict[str, Any] = {}
    best_state: dict[str, torch.Tensor] = {}
    try:
        for _epoch in range(config.epochs):
            for batch in loader:
                model.train()
                positions = batch.pop("position")
                labels = batch.pop("labels")
                logits = model(**batch).logits.float()
                loss_per_row = cross_entropy(logits, labels, reduction="none")
                weight = row_weights.of_batch(positions, -loss_per_row.detach())
                loss = (weight * loss_per_row).mean()
                accelerator.backward(loss)
                accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
                learning_rate = scheduler.get_last_lr()[0]
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()

                step += 1
                rows_seen += len(labels)
                seconds = time.perf_counter() - started
                report({
                    "event": "step", "step": step, "total_steps": total_steps, "epoch": step / steps_per_epoch,
                    "loss": loss.item(), "learning_rate": learning_rate, "rows_per_second": rows_seen / seconds,
                    "seconds_left": seconds / step * (total_steps - step),
                })  # fmt: skip
                if step % evaluate_every == 0 or step == total_steps:
                    scores = _evaluate(accelerator, model, validation_rows, collate, data, config)
                    scores |= {"step": step, "epoch": step / steps_per_epoch}
                    scores["effective_sample_size"] = row_weights.effective_sample_size()
                    if not best or _better(scores, best):
                        best = scores
                        best_state = copy.deepcopy(accelerator.unwrap_model(model).state_dict())
                    report({"event": "evaluation", "total_steps": total_steps, **scores})
    except StopRequested:
        stopped = True

    # --- the best model, and the test rows once
    model = accelerator.unwrap_model(model)
    if best_state:
        model.load_state_dict(best_state)
    figures: dict[str, Any] = {
        "stopped": stopped,
        "steps": step,
        "train_seconds": time.perf_counter() - started,
        "rows_per_second": rows_seen / max(time.perf_counter() - started, 1e-9),
        "effective_sample_size": row_weights.effective_sample_size(),
        "validation": best or None,
        "test": None,
    }
    test_log_probs = None
    if not stopped and len(test_rows):
        test_log_probs = predict(
            model, test_rows, collate=collate, accelerator=accelerator, batch_size=config.batch_size
        )
        figures["test"] = _scores(test_log_probs, data.test.labels, data) | {
            "confusion": metrics.confusion(
                test_log_probs.argmax(axis=1), data.test.labels, n_classes=len(data.label_names)
            )
        }
    return TrainResult(model, tokenizer, row_weights.latest, test_log_probs, figures)


class _RowWeights:
    """The weight of each training row: fixed columns where the reference is fixed, else by the batch."""

    def __init__(self, config: TrainConfig, data: TrainData) -> None:
        self._loss = LOSSES[config.loss]
        self._settings = config.weight_settings
        n = len(data.train.texts) - data.n_real
        self.latest = np.ones(n)
        self._fixed: torch.Tensor | None = None
        self._recent: deque[torch.Tensor] = deque(maxlen=max(1, SCALE_WINDOW_ROWS // config.batch_size))
        asks_nobody = self._settings.alpha == self._settings.beta == 0  # then no row counts as not judged
        quality = np.zeros(n) if data.log_quality is None or asks_nobody else data.log_quality
        prior = np.zeros(n) if data.log_prior is None else data.log_prior
        self._log_quality = torch.as_tensor(quality, dtype=torch.float32)
        self._log_prior = torch.as_tensor(prior, dtype=torch.float32)
        if self._loss.reference != "model":
            reference = np.zeros(n) if data.log_reference is None else data.log_reference
            self.latest = weights(
                quality, reference, self._settings, log_prior=prior,
                log_relevance=0.0 if data.log_relevance is None else data.log_relevance,
                labels=data.train.labels[:n], real_shares=data.real_shares,
            )  # fmt: skip
            used = pooled(self.latest, data.n_real, self._settings.real_mass) if data.n_real else self.latest
            self._fixed = torch.as_tensor(used, dtype=torch.float32)

    def of_batch(self, positions: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
        """Weights of these rows, detached; `log_p` is the model's log-probability of their labels. [b]"""
        rows = positions.cpu()
        if self._fixed is not None:
            return self._fixed[rows].to(log_p.device)
        prior = self._log_prior[rows].to(log_p.device)
        if self._loss.focal_gamma:
            weight = focal_weights(log_p, gamma=self._loss.focal_gamma) * prior.exp()
        else:
            quality = self._log_quality[rows].to(log_p.device)
            log_w = log_weights(quality, log_p, alpha=self._settings.alpha, beta=self._settings.beta) + prior
            self._recent.append(log_w.cpu())  # many small steps: the CPU is quicker at it than a GPU
            factor = float(log_factor(torch.cat([*self._recent]), self._settings))
            weight = clip_and_scale(log_w, log_factor=factor, caps=self._settings, log_prior=prior)
        self.latest[rows.numpy()] = weight.cpu().numpy()
        return weight

    @property
    def is_fixed(self) -> bool:
        """Whether the weights are known before the first step."""
        return self._fixed is not None

    def effective_sample_size(self) -> float:
        """Of the weights as last used."""
        return effective_sample_size(self.latest)


def _sampler(rows: list[dict[str, Any]], config: TrainConfig) -> Sampler[int]:
    """Random order in which rows of like length share a batch."""
    lengths = [len(row["input_ids"]) for row in rows]
    generator = torch.Generator().manual_seed(config.seed)
    return LengthGroupedSampler(config.batch_size, lengths=lengths, generator=generator)


def _better(scores: dict[str, float], best: dict[str, float]) -> bool:
    """A higher project metric, or the same with a lower loss."""
    return (scores["metric"], -scores["loss"]) > (best["metric"], -best["loss"])


def _evaluate(
    accelerator: Accelerator,
    model: torch.nn.Module,
    rows: list[dict[str, Any]],
    collate: DataCollatorWithPadding,
    data: TrainData,
    config: TrainConfig,
) -> dict[str, Any]:
    log_probs = predict(model, rows, collate=collate, accelerator=accelerator, batch_size=config.batch_size)
    return _scores(log_probs, data.validation.labels, data)


def _scores(log_probs: np.ndarray, labels: np.ndarray, data: TrainData) -> dict[str, Any]:
    scores = metrics.score(log_probs, labels)
    recalls = metrics.recall_by_class(log_probs.argmax(axis=1), labels, data.label_names)
    return scores | {"recall": recalls, "metric": metrics.chosen(data.metric, scores, recalls)}
