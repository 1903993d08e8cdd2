"""One weighted fine-tuning run: config and rows in, a model and its figures out.

It knows no files, projects or pages. `report` is the only way out while it runs: a callable that takes a
dict. It may raise StopRequested; the run then ends early with the best model so far.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    get_linear_schedule_with_warmup,
)

from synweight_core import metrics
from synweight_core.errors import StopRequested
from synweight_core.prediction import (
    accelerator_for,
    by_length,
    collator,
    encode,
    load_backbone,
    precision_of,
    predict,
)
from synweight_core.row_weights import RowWeights, targets, warn_of_doubts
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData

Report = Callable[[dict[str, Any]], None]

GRADIENT_NORM = 1.0


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
    sampler = by_length(train_rows, batch_size=config.batch_size, seed=config.seed)
    loader: DataLoader[dict[str, Any]] = DataLoader(train_rows, config.batch_size, sampler=sampler, collate_fn=collate)  # type: ignore[arg-type]
    doubted = warn_of_doubts(config, data) if config.train_on == "synthetic" else []
    row_weights, soft = RowWeights(config, data), targets(config, data)

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
        "doubts": doubted,
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
                weight = row_weights.of_batch(positions, -loss_per_row)
                if soft is not None:
                    mixtures = soft[positions.cpu()].to(logits.device)
                    loss_per_row = cross_entropy(logits, mixtures, reduction="none")
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
