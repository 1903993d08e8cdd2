"""One weighted fine-tuning run: config and rows in, a model and its figures out.

It knows no files, projects or pages. While it runs, what happens goes out by three callables: `report` takes a dict,
`keep` a state to go on from, `epoch_ended` the weights that follow the model. `report` may raise StopRequested; the
run then keeps its state and ends early with the best model so far.

Several processes run the same loop over the same batches, each on its share of every batch and evaluation (see
`processes`); the curve is that of one process with the same batch size, but for dropout.
"""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from accelerate.utils import set_seed
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from synweight_core import metrics
from synweight_core.devices import memory_bytes, utilization
from synweight_core.errors import StopRequested
from synweight_core.learner import Learner
from synweight_core.prediction import (
    accelerator_for,
    by_length,
    collator,
    encode,
    load_backbone,
    paced,
    precision_of,
    predict,
)
from synweight_core.processes import Processes, Reports, processes_of
from synweight_core.row_weights import warn_of_doubts
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.train_state import Progress, TrainState, copied, need_same, prefixed, under

Report = Callable[[dict[str, Any]], None]
Keep = Callable[[TrainState], None]
EpochEnded = Callable[[int, np.ndarray], None]
Tokenise = Callable[..., list[dict[str, Any]]]  # as `encode`

KEEP_SECONDS = 180.0  # the most work that a kill may cost
KEEP_SHARE = 0.05  # of the time, at most, goes into keeping states


@dataclass(frozen=True)
class TrainResult:
    """The best model by validation, the weights of the synthetic rows as last used [n], and the figures."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    row_weights: np.ndarray
    test_log_probs: np.ndarray | None
    figures: dict[str, Any]


def train(
    config: TrainConfig,
    data: TrainData,
    report: Report,
    *,
    start: TrainState | None = None,
    keep: Keep = lambda state: None,
    epoch_ended: EpochEnded = lambda epoch, row_weights: None,
    tokenise: Tokenise = encode,
) -> TrainResult:
    """Fine-tune on `data.train` with the configured loss; keep the best evaluation by validation.

    The validation rows only pick the evaluation that is kept; the test rows are scored once, at the end.

    `keep` gets a state when an epoch ends (unless states would take more than KEEP_SHARE of the time), after
    KEEP_SECONDS, and when the run is stopped; `start` is such a state, and the run goes on after its step. On one
    CPU, in float32 and with the same number of threads, all is then equal to the last bit to a run that nobody
    interrupted: model, losses, learning rates, evaluations, weights of rows, test outputs. Where sums have no fixed
    order, as on most GPUs, it is equal up to rounding. Seconds and rows per second are of all sittings together.
    `epoch_ended` gets the weights of the synthetic rows after each epoch, where they follow the model. [n] `tokenise`
    is `encode`, or something that remembers what that said.

    With several processes each calls this with the same config, data and start; one of them, the first, with
    callables that do something. After a restart their dropout differs from that of a run without one.

    Raises:
        StopRequested: by `report`, before the run has begun or gone on.
        ModelError: the backbone cannot be loaded, the device is not there, or memory runs out at one row.
        CheckpointError: `start` is of other settings or rows.
    """
    # --- what to compute with
    accelerator = accelerator_for(config)
    processes = processes_of(accelerator)
    reports = Reports(report, processes)
    set_seed(config.seed)
    reports.together({"event": "loading", "backbone": config.backbone})
    tokenizer, model = load_backbone(config.backbone, data.label_names)
    device = str(accelerator.device)

    # --- rows, tokenised once
    tokens = partial(tokenise, tokenizer, max_length=config.max_length)
    progress = paced(reports.here, {"event": "tokenising"})
    splits = (data.train, data.validation, data.test)
    train_rows, validation_rows, test_rows = (tokens(rows, progress=progress) for rows in splits)
    collate = collator(tokenizer, accelerator.device)
    sampler = by_length(train_rows, batch_size=config.batch_size, seed=config.seed)
    doubted = warn_of_doubts(config, data) if config.train_on == "synthetic" else []

    # --- the learner, as it begins or where it was
    steps_per_epoch = -(-len(train_rows) // config.batch_size)
    total_steps = steps_per_epoch * config.epochs
    evaluate_every = max(1, round(steps_per_epoch / config.evaluations_per_epoch))
    learner = Learner(
        model,
        config,
        data,
        accelerator=accelerator,
        total_steps=total_steps,
        shrunk=partial(_tell_shrunk, reports.here),
    )
    row_weights = learner.row_weights
    made_for = {
        "settings": asdict(replace(config, processes=1, tracker="")),
        "rows": len(train_rows),
        "labels": [*data.label_names],
    }
    now = Progress() if start is None else _restored(start, learner, made_for)
    reports.together({
        "event": "started", "device": device, "precision": precision_of(accelerator),
        "total_steps": total_steps, "epochs": config.epochs, "rows": data.n_synthetic,
        "effective_sample_size": row_weights.effective_sample_size() if row_weights.is_fixed else None,
        "doubts": doubted,
    })  # fmt: skip

    # --- what is done after a step, or when a run goes on that was stopped before it was done
    says = partial(predict, learner.model, collate=collate, accelerator=accelerator, batch_size=config.batch_size)
    said = partial(_by_all, says, processes, n_classes=len(data.label_names))

    def settle() -> None:
        epoch = now.step / steps_per_epoch
        if now.evaluated < now.step and (now.step % evaluate_every == 0 or now.step == total_steps):
            log_probs = said(validation_rows, progress=paced(reports.here, {"event": "scoring", "split": "validation"}))
            scores = _scores(log_probs, data.validation.labels, data) | {"step": now.step, "epoch": epoch}
            scores["effective_sample_size"] = row_weights.effective_sample_size()
            now.evaluated = now.step
            if not now.best or _better(scores, now.best):
                now.best, now.best_model = scores, copy.deepcopy(learner.model.state_dict())
            reports.together({"event": "evaluation", "total_steps": total_steps, **scores})
        if now.step and epoch.is_integer() and not row_weights.is_fixed:
            epoch_ended(int(epoch), row_weights.latest)

    # --- the loop
    began, stopped, test_log_probs = time.perf_counter() - now.seconds, False, None

    def state() -> TrainState:
        now.seconds = time.perf_counter() - began
        facts = {
            "made_for": made_for, "progress": now.facts(), "learner": learner.facts(),
            "epochs": now.step // steps_per_epoch, "total_steps": total_steps,
        }  # fmt: skip
        return TrainState(now.step, copied(learner.tensors() | prefixed("best", now.best_model)), facts)

    keeping = _Keeping(keep, state, at=now.place)
    try:
        settle()
        for positions in islice(_batches(sampler, config), now.step, None):
            told = learner.step(collate([train_rows[i] for i in processes.mine(positions)]), of=positions)
            now.step += 1
            now.rows_seen += len(positions)
            now.seconds = time.perf_counter() - began
            reports.together({
                "event": "step", "step": now.step, "total_steps": total_steps, "epoch": now.step / steps_per_epoch,
                **told, "rows_per_second": now.rows_seen / now.seconds,
                "seconds_left": now.seconds / now.step * (total_steps - now.step),
                "memory_bytes": memory_bytes(device), "utilization": utilization(device),
            })  # fmt: skip
            settle()
            now.seconds = time.perf_counter() - began
            if now.step < total_steps and keeping.is_due(epoch_ended=now.step % steps_per_epoch == 0):
                keeping.keep(now.place)
        learner.load(now.best_model)
        if len(test_rows):
            test_log_probs = said(test_rows, progress=paced(reports.here, {"event": "scoring", "split": "test"}))
    except StopRequested:
        stopped = True
        keeping.keep(now.place)

    # --- the best model and its figures
    learner.load(now.best_model)
    figures: dict[str, Any] = {
        "stopped": stopped,
        "steps": now.step,
        "train_seconds": now.seconds,
        "rows_per_second": now.rows_seen / max(now.seconds, 1e-9),
        "effective_sample_size": row_weights.effective_sample_size(),
        "validation": now.best or None,
        "test": None if test_log_probs is None else _test_scores(test_log_probs, data),
    }
    return TrainResult(learner.model, tokenizer, row_weights.latest, test_log_probs, figures)


def _by_all(
    says: Callable[..., np.ndarray],
    processes: Processes,
    rows: list[dict[str, Any]],
    *,
    n_classes: int,
    progress: Callable[[int, int], None],
) -> np.ndarray:
    """The answers to all rows, each process asking its model about every so many-th row. [n, K] float64"""
    if processes.count == 1:
        return says(rows, progress=progress)
    own = slice(processes.index, None, processes.count)
    whole = torch.zeros((len(rows), n_classes), dtype=torch.float64)
    if some := rows[own]:
        whole[own] = torch.from_numpy(
            says(some, progress=lambda done, total: progress(done * len(rows) // total, len(rows)))
        )
    whole = whole.to(processes.device)
    processes.add_up([whole])
    return whole.cpu().numpy()


def _tell_shrunk(report: Report, rows: int) -> None:
    message = f"The device's memory ran out: from now on each batch goes through it {rows:,} rows at a time."
    report({"event": "notice", "message": message, "rows_at_once": rows})


def _restored(start: TrainState, learner: Learner, made_for: dict[str, Any]) -> Progress:
    """The progress of a state; the learner is put back to it."""
    need_same(start.facts["made_for"], made_for)
    learner.restore(start.tensors, start.facts["learner"])
    return Progress(**start.facts["progress"], best_model=under("best", start.tensors))


class _Keeping:
    """Hands out states, so seldom that it costs little, and none twice. A place is a step and the last evaluation."""

    def __init__(self, keep: Keep, state: Callable[[], TrainState], *, at: tuple[int, int]) -> None:
        self._keep, self._state, self._at = keep, state, at
        self._last, self._cost = time.perf_counter(), 0.0

    def is_due(self, *, epoch_ended: bool) -> bool:
        since = time.perf_counter() - self._last
        return since >= max(0 if epoch_ended else KEEP_SECONDS, self._cost / KEEP_SHARE)

    def keep(self, at: tuple[int, int]) -> None:
        if at == self._at:
            return
        began = time.perf_counter()
        self._keep(self._state())
        self._last = time.perf_counter()
        self._at, self._cost = at, self._last - began


def _batches(sampler: Sampler[int], config: TrainConfig) -> Iterator[Sequence[int]]:
    """Positions of the rows of each batch of all epochs: they follow from the seed, however often a run goes on."""
    for _ in range(config.epochs):
        order = [*sampler]
        for start in range(0, len(order), config.batch_size):
            yield order[start : start + config.batch_size]


def _better(scores: dict[str, float], best: dict[str, float]) -> bool:
    """A higher project metric, or the same with a lower loss."""
    return (scores["metric"], -scores["loss"]) > (best["metric"], -best["loss"])


def _scores(log_probs: np.ndarray, labels: np.ndarray, data: TrainData) -> dict[str, Any]:
    scores = metrics.score(log_probs, labels)
    recalls = metrics.recall_by_class(log_probs.argmax(axis=1), labels, data.label_names)
    return scores | {"recall": recalls, "metric": metrics.chosen(data.metric, scores, recalls)}


def _test_scores(log_probs: np.ndarray, data: TrainData) -> dict[str, Any]:
    predicted, n_classes = log_probs.argmax(axis=1), len(data.label_names)
    confusion = metrics.confusion(predicted, data.test.labels, n_classes=n_classes)
    return _scores(log_probs, data.test.labels, data) | {"confusion": confusion}
