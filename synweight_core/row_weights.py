"""The weights of the rows while a model is trained: fixed columns, or by the batch where they follow the model.

No gradient runs through them. Imports torch: for worker processes.
"""

import warnings
from collections import deque
from collections.abc import Mapping

import numpy as np
import torch

from synweight_core.doubts import DoubtfulWeightsWarning, doubts
from synweight_core.losses import AVERAGE_DECAY, LOSSES
from synweight_core.scaling import clip_and_scale, log_factor
from synweight_core.soft_targets import taught
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.weighting import (
    effective_sample_size,
    focal_weights,
    log_weights,
    moving_average,
    pooled,
    shuffle_order,
    warn_of_extremes,
    weights,
)

SCALE_WINDOW_ROWS = 2_048  # latest rows from which the scale of a moving reference is estimated


class RowWeights:
    """The weight of each training row under the loss of a run; `latest` are those of the synthetic rows. [n]

    Warns:
        DoubtfulWeightsWarning: what the weights are made of is doubtful; the message says why.
        ExtremeWeightsWarning: the raw weights span more than e^100.
    """

    def __init__(self, config: TrainConfig, data: TrainData) -> None:
        self._loss = LOSSES[config.loss]
        self._settings = config.weight_settings
        n = data.n_synthetic
        self.latest = np.ones(n)
        self._fixed: torch.Tensor | None = None
        self._recent: deque[torch.Tensor] = deque(maxlen=max(1, SCALE_WINDOW_ROWS // config.batch_size))
        self._warned = False
        asks_nobody = self._settings.alpha == self._settings.beta == 0  # then no row counts as not judged
        quality = np.zeros(n) if data.log_quality is None or asks_nobody else data.log_quality
        prior = np.zeros(n) if data.log_prior is None else data.log_prior
        self._log_quality = torch.as_tensor(quality, dtype=torch.float32)
        self._log_prior = torch.as_tensor(prior, dtype=torch.float32)
        self._average = torch.full((n,), torch.nan)
        if not self._loss.is_moving:
            self.latest = self._settled(config, data, quality, prior)
            used = pooled(self.latest, data.n_real, self._settings.real_mass) if data.n_real else self.latest
            self._fixed = torch.as_tensor(used, dtype=torch.float32)

    def of_batch(self, positions: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
        """Weights of these rows, without gradient; `log_p` is the model's log-probability of their labels. [b]"""
        rows, log_p = positions.cpu(), log_p.detach()
        if self._fixed is not None:
            return self._fixed[rows].to(log_p.device)
        prior = self._log_prior[rows].to(log_p.device)
        if self._loss.focal_gamma:
            weight = focal_weights(log_p, gamma=self._loss.focal_gamma) * prior.exp()
        else:
            weight = self._scaled(self._log_weights(rows, log_p) + prior, prior)
        self.latest[rows.numpy()] = weight.cpu().numpy()
        return weight

    @property
    def is_fixed(self) -> bool:
        """Whether the weights are known before the first step."""
        return self._fixed is not None

    def effective_sample_size(self) -> float:
        """Of the weights as last used."""
        return effective_sample_size(self.latest)

    def state(self) -> dict[str, torch.Tensor]:
        """What later weights follow from besides the model; {} where they are fixed."""
        if self.is_fixed:
            return {}
        sizes = torch.tensor([len(log_w) for log_w in self._recent], dtype=torch.int64)
        recent = torch.cat([torch.zeros(0), *self._recent])
        state = {"latest": torch.from_numpy(self.latest.copy()), "recent": recent, "recent_sizes": sizes}
        return state | ({"average": self._average.clone()} if self._loss.reference == "average" else {})

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        if self.is_fixed:
            return
        self.latest = state["latest"].numpy().copy()
        self._recent.clear()
        self._recent.extend(torch.split(state["recent"], state["recent_sizes"].tolist()))
        self._average = state.get("average", self._average).clone()

    def _settled(self, config: TrainConfig, data: TrainData, quality: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """The weights of the synthetic rows that no step changes. [n]"""
        if data.row_weights is not None:
            return data.row_weights
        labels = data.train.labels[: data.n_synthetic]
        found: np.ndarray = weights(
            quality, np.zeros(len(labels)) if data.log_reference is None else data.log_reference, self._settings,
            log_prior=prior, log_relevance=0.0 if data.log_relevance is None else data.log_relevance,
            labels=labels, real_shares=data.real_shares,
        )  # fmt: skip
        if not self._loss.is_placebo:
            return found
        classes = labels if self._loss.shuffled == "within" else None
        return found[shuffle_order(len(found), seed=config.seed, classes=classes)]

    def _log_weights(self, rows: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
        """Of these rows against the model, or against its average over the epochs. [b]"""
        if self._loss.reference == "average":
            averages = moving_average(self._average[rows], log_p.cpu(), decay=AVERAGE_DECAY)
            self._average[rows] = averages
            log_p = averages.to(log_p.device)
        quality = self._log_quality[rows].to(log_p.device)
        return log_weights(quality, log_p, alpha=self._settings.alpha, beta=self._settings.beta)

    def _scaled(self, log_w: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
        """Within the caps, with mean 1 over the latest rows. [b]"""
        self._recent.append(log_w.cpu())  # many small steps: the CPU is quicker at it than a GPU
        recent = torch.cat([*self._recent])
        self._warned = self._warned or warn_of_extremes(recent, self._settings)
        factor = float(log_factor(recent, self._settings))
        return clip_and_scale(log_w, log_factor=factor, caps=self._settings, log_prior=prior)


def targets(config: TrainConfig, data: TrainData, weights: np.ndarray) -> torch.Tensor | None:
    """What each training row teaches under the settings of a run, or None where it is its label alone. [n, K] float32

    `weights` are those of the synthetic rows [n]; a placebo moves what the checker says to other rows, too. Raises
    ValueError when the settings ask for the quality checker's distribution, and `data` lacks it.
    """
    settings, loss = config.weight_settings, LOSSES[config.loss]
    if not settings.soft_share or config.train_on == "real":
        return None
    if data.quality is None:
        raise ValueError("A soft share needs `quality`, the checker's log-probabilities of all classes; none given.")
    labels, n = data.train.labels, data.n_synthetic
    order = np.arange(n)
    if loss.is_placebo:
        order = shuffle_order(n, seed=config.seed, classes=labels[:n] if loss.shuffled == "within" else None)
    said = data.quality[order].astype(np.float32)
    of_synthetic = taught(said, labels[:n], settings, weights=weights, real_shares=data.real_shares)
    of_real = np.eye(said.shape[1], dtype=np.float32)[labels[n:]]
    return torch.from_numpy(np.concatenate([of_synthetic, of_real]))


def warn_of_doubts(config: TrainConfig, data: TrainData) -> list[str]:
    """The doubts about the weights of a run; each is warned of, too."""
    n, rows = data.n_synthetic, data.train
    texts = [*rows.texts[:n]] if rows.texts_b is None else [*zip(rows.texts[:n], rows.texts_b[:n], strict=True)]
    column = np.zeros(n) if data.log_quality is None else data.log_quality
    found = doubts(column, rows.labels[:n], texts, config.weight_settings, label_names=data.label_names)
    for sentence in found:
        warnings.warn(sentence, DoubtfulWeightsWarning, stacklevel=3)
    return found
