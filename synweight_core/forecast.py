"""A forecast of what training with a weight setting will be worth, in seconds instead of minutes.

A weighted linear probe on the cached vectors stands in for the model. It is scored by repeated cross-validation over
the real rows that are not test; the quality checker, and so the weights, are made anew in each fold, and synthetic rows
that look written from a held-out row are left out (see `folds`), else the forecast would flatter itself. All settings
are scored on the same rows, so that differences are paired.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from synweight_core import probe
from synweight_core.curated import WeightColumns, weight_columns, weights_of
from synweight_core.curation import Curation
from synweight_core.folds import Folds
from synweight_core.prepare import Prepared, load_features, load_folds
from synweight_core.projects import RECALL_PREFIX, Project
from synweight_core.soft_targets import taught
from synweight_core.weighting import WeightSettings, pooled

METHOD = "linear probe, repeated cross-validation"
RESAMPLES = 1_000
CONFIDENCE = 0.95
MIN_ROWS = 30  # real rows below which an interval would be a guess
BASELINES = {"ce": "CE on synthetic rows", "real": "Real rows alone", "pooled": "CE on both, all rows alike"}


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval, shares from 0 to 1; NaN when there is not enough data."""

    mean: float
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite([self.low, self.high]).all())


class Forecaster:
    """Scores weight settings of one project under its edits. Nothing in it is changed by a forecast."""

    def __init__(
        self, prepared: Prepared, curation: Curation, folds: Folds, features: np.ndarray, *, metric: str,
        label_names: tuple[str, ...], seed: int = 0,
    ) -> None:  # fmt: skip
        """`features` are of the sampled synthetic rows, then of all known real rows. [s + m, d] float32"""
        n, sample = prepared.n_synthetic, folds.sample
        rows = np.concatenate([sample, np.arange(n, len(prepared.labels))])
        self._folds, self._metric, self._names, self._seed = folds, metric, label_names, seed
        self._curation = Curation(
            curation.labels[sample], curation.kept[sample], curation.log_factor[sample], curation.original[sample],
            curation.n_edits, curation.can_undo, curation.can_redo,
        )  # fmt: skip
        self._prepared = replace(
            prepared, n_synthetic=len(sample), labels=prepared.labels[rows], groups=prepared.groups[rows],
            quality=prepared.quality[rows], diversity=prepared.diversity[rows], relevance=prepared.relevance[rows],
            xy=prepared.xy[rows],
        )  # fmt: skip
        self._features = features
        self.labels = self._prepared.labels[len(sample) :]

    @property
    def derived_share(self) -> float:
        """Share of the synthetic rows that look written from a real row: left out where that row is held out."""
        return self._folds.derived_share

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self._names)

    def predictions(self, settings: WeightSettings) -> Iterator[np.ndarray]:
        """Predicted classes of the real rows by models that have not seen them; -1 where there is none yet. [R, m]

        First one that knows nothing, then one with one more repeat of the folds than the last.
        """
        result = np.full(self._folds.fold.shape, -1)
        yield result
        for repeat in range(self._folds.n_repeats):
            result = result.copy()
            for held_out, said in self._in_folds(settings, self._folds.of_repeat(repeat)):
                result[repeat, held_out] = said
            yield result

    def baselines(self) -> Mapping[str, np.ndarray]:
        """Predictions of what weighting must beat: BASELINES by name. [R, m] each"""
        n_real = len(self.labels)
        share = n_real / max(n_real + int(self._curation.kept.sum()), 1)
        alike = WeightSettings(alpha=0, beta=0, real_mass=min(share, 0.95))
        together, ce = final(self, alike), final(self, WeightSettings(alpha=0, beta=0))
        return {"ce": ce, "real": self.real_alone(), "pooled": together}

    def real_alone(self) -> np.ndarray:
        """Predictions of the quality checker, which is trained on real rows only. [R, m]"""
        return np.where(self._folds.fold >= 0, np.nan_to_num(self._folds.held_out, nan=-np.inf).argmax(axis=2), -1)

    def held_out(self) -> Iterator[tuple[int, np.ndarray]]:
        """The repeat and the held-out real rows of each fold. [m] bool"""
        for repeat in range(self._folds.n_repeats):
            yield from ((repeat, rows) for _, rows in self._folds.of_repeat(repeat))

    def estimate(self, predictions: np.ndarray, *, against: np.ndarray | None = None) -> Estimate:
        """The project's metric, or with `against` how much higher it is than of those predictions (paired).

        The interval is that of a bootstrap over the real rows; repeats of a row stay together.
        """
        values = self.values(predictions)
        return estimated(values if against is None else values - self.values(against, rows_of=predictions))

    def values(self, predictions: np.ndarray, *, rows_of: np.ndarray | None = None) -> np.ndarray:
        """The project's metric over all real rows that are predicted, or that `rows_of` predicts; NaN if too few.

        First over the rows as they are, then over each bootstrap sample, the same for all predictions.
        [1 + RESAMPLES]
        """
        known = predictions if rows_of is None else rows_of
        scored = [(repeat, np.flatnonzero(said >= 0)) for repeat, said in enumerate(known)]
        usable = [(repeat, rows) for repeat, rows in scored if len(rows) >= MIN_ROWS]
        if not usable:
            return np.full(1 + RESAMPLES, np.nan)
        return np.mean([self._scores(predictions[repeat], rows) for repeat, rows in usable], axis=0)

    @cached_property
    def _resampled(self) -> np.ndarray:
        """How often each real row counts: first as it is, then in each bootstrap sample. [1 + RESAMPLES, m]"""
        m = len(self.labels)
        drawn = np.random.default_rng(self._seed).multinomial(m, np.full(m, 1 / m), size=RESAMPLES)
        return np.concatenate([np.ones((1, m)), drawn])

    @cached_property
    def _rounded(self) -> np.ndarray:
        return probe.rounding(self._features)

    @cached_property
    def _start(self) -> np.ndarray:
        """The probe of CE: every fit starts from it, so that a forecast does not depend on those before it.

        It has seen no row that any fold leaves out: a few steps from it would not make it forget them.
        """
        seen = self._curation.kept & ~self._folds.derived.any(axis=0)
        every = np.concatenate([seen, np.zeros(len(self.labels))])
        return self._fit(every[None], start=None)[0]

    def _fit(
        self, row_weights: np.ndarray, targets: np.ndarray | None = None, *, start: np.ndarray | None
    ) -> np.ndarray:
        """Probes for sets of weights of the synthetic, then the real rows [F, s + m]. [F, d + 1, K]

        With `targets` rows teach these distributions instead of their labels. [F, s + m, K]
        """
        labels = np.concatenate([self._curation.labels, self.labels])
        return probe.fit(
            self._features, labels, row_weights, n_classes=self.n_classes, rounded=self._rounded, targets=targets,
            start=start,
        )  # fmt: skip

    def _in_folds(
        self, settings: WeightSettings, folds: Sequence[tuple[int, np.ndarray]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The held-out real rows of each fold [m] bool, and their predictions [h]."""
        if not folds:
            return
        columns = [self._columns(settings, number) for number, _ in folds]
        of_folds = [*zip(columns, folds, strict=True)]
        row_weights = np.stack([self._weights(settings, found, *fold) for found, fold in of_folds])
        targets = None
        if settings.soft_share:
            targets = np.stack([self._targets(settings, *each) for each in zip(columns, row_weights, strict=True)])
        probes = self._fit(row_weights, targets, start=self._start)
        real = self._features[len(self._curation.kept) :]
        for (_, held_out), of_fold, fitted in zip(folds, row_weights, probes, strict=True):
            if of_fold.any():
                yield held_out, probe.predict(fitted, real[held_out])
            else:
                yield held_out, np.full(held_out.sum(), np.bincount(self.labels).argmax())

    def _columns(self, settings: WeightSettings, number: int) -> WeightColumns:
        """The columns of the synthetic rows by the quality checker of a fold."""
        quality = self._prepared.quality.copy()
        quality[: len(self._curation.kept)] = self._folds.synthetic[number]
        return weight_columns(replace(self._prepared, quality=quality), settings, self._curation)

    def _targets(self, settings: WeightSettings, columns: WeightColumns, row_weights: np.ndarray) -> np.ndarray:
        """What each synthetic, then each real row teaches in a fold. [s + m, K]"""
        weights = row_weights[: len(columns.kept)]
        of_synthetic = taught(
            columns.quality, columns.labels, settings, weights=weights, real_shares=columns.real_shares
        )
        return np.concatenate([of_synthetic, np.eye(self.n_classes, dtype=of_synthetic.dtype)[self.labels]])

    def _weights(
        self, settings: WeightSettings, columns: WeightColumns, number: int, held_out: np.ndarray
    ) -> np.ndarray:
        """What each synthetic, then each real row counts in a fold; held-out rows nothing. [s + m]"""
        s = len(self._curation.kept)
        result = np.zeros(s + len(held_out))
        result[:s] = weights_of(columns, settings)
        result[:s][self._folds.derived[number]] = 0
        if settings.real_mass:
            taking_part = np.concatenate([result[:s] > 0, ~held_out])
            result[taking_part] = pooled(result[:s][result[:s] > 0], int((~held_out).sum()), settings.real_mass)
        return result

    def _scores(self, predicted: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """The metric over these rows: as they are, then in each bootstrap sample. [1 + RESAMPLES]"""
        right = (predicted == self.labels)[rows]
        of = self._resampled[:, rows]
        if self._metric == "accuracy":
            return of @ right / np.maximum(of.sum(axis=1), 1)
        one_hot = np.eye(self.n_classes)
        true, said = one_hot[self.labels[rows]], one_hot[predicted[rows]]
        hits, trues, saids = of @ (true * said), of @ true, of @ said
        if self._metric.startswith(RECALL_PREFIX):
            label = self._names.index(self._metric.removeprefix(RECALL_PREFIX))
            return hits[:, label] / np.maximum(trues[:, label], 1)
        f1 = 2 * hits / np.maximum(trues + saids, 1)
        return f1.sum(axis=1) / np.maximum((trues > 0).sum(axis=1), 1)


def project_forecaster(project: Project, prepared: Prepared, curation: Curation) -> Forecaster:
    """The forecaster of a prepared project under these edits. Raises NotFoundError when there are no folds yet."""
    folds, n = load_folds(project), prepared.n_synthetic
    features = load_features(project, np.concatenate([folds.sample, np.arange(n, len(prepared.labels))]))
    return Forecaster(prepared, curation, folds, features, metric=project.metric, label_names=project.labels)


def final(forecaster: Forecaster, settings: WeightSettings) -> np.ndarray:
    """The predictions of a setting when all folds are done. [R, m]"""
    *_, predictions = forecaster.predictions(settings)
    return predictions


def estimate_table(forecaster: Forecaster, predictions: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The estimate of each set of predictions in per cent: name, mean, low, high."""
    found = {name: forecaster.estimate(said) for name, said in predictions.items()}
    return pd.DataFrame(
        [{"name": n, "mean": 100 * e.mean, "low": 100 * e.low, "high": 100 * e.high} for n, e in found.items()]
    )


def estimated(values: np.ndarray) -> Estimate:
    """A figure as it is, then in bootstrap samples, as an estimate: the quantiles are its interval."""
    low, high = np.quantile(values[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(values[0]), float(low), float(high))


def verdict(difference: Estimate, *, over: str) -> str:
    """Whether a setting is forecast to beat another one, in words; the figures in points."""
    if not difference.is_known:
        return "Not enough real rows for a forecast."
    span = f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f} points"
    if difference.low > 0:
        return f"Forecast to beat {over} by {100 * difference.mean:.1f} points ({span})."
    if difference.high < 0:
        return f"Forecast to lose to {over} by {-100 * difference.mean:.1f} points ({span})."
    return f"Not distinguishable from {over} ({span})."
