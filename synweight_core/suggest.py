"""Which weight settings to use: many are forecast on the same folds, and the simplest good one is suggested.

The best of many forecasts flatters itself (the winner's curse), so that what is reported beside it is `nested`: in
each fold the setting is chosen by the rows of the other folds. It reads no files.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from synweight_core.errors import StopRequested
from synweight_core.forecast import Estimate, Forecaster, estimated, final
from synweight_core.presets import terms_words
from synweight_core.weighting import ExtremeWeightsWarning, WeightSettings

EXPONENTS = ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (1.0, 0.5), (1.0, 1.0), (2.0, 1.0))
TAUGHT = tuple(itertools.product((0.0, 0.5, 1.0), ("none", "real")))  # share of the checker in targets, balance
GRID = tuple((*exponents, *taught) for taught in TAUGHT for exponents in EXPONENTS)  # first of all CE
SWITCHES: tuple[Mapping[str, Any], ...] = (  # each alone, at the best point of the grid
    {"drop_share": 0.3}, {"relevance": 0.5}, {"real_mass": 0.3},
)  # fmt: skip
TOTAL = len(GRID) + len(SWITCHES)
UNKNOWN = Estimate(math.nan, math.nan, math.nan)
_OFF = WeightSettings(alpha=0, beta=0)
_CAPS = ("min_weight", "max_weight")


@dataclass(frozen=True)
class Candidate:
    """A setting, its forecast in the project's metric, and how much higher that is than CE's (paired)."""

    settings: WeightSettings
    forecast: Estimate
    over_ce: Estimate

    @property
    def words(self) -> str:
        """The setting as people say it."""
        return terms_words(self.settings)


@dataclass(frozen=True)
class Suggestion:
    """What the forecasts of all candidates come to; the first candidate is CE.

    `best` has the highest forecast; `chosen` is the simplest that is not told apart from it. `nested` is the honest
    forecast of choosing so. `real` is the forecast of real rows alone, `real_over_best` how much higher it is than
    the best. All figures are shares from 0 to 1. Not complete: it was stopped, and has no `nested`.
    """

    candidates: tuple[Candidate, ...]
    best: int
    chosen: int
    nested: Estimate
    nested_over_ce: Estimate
    real: Estimate
    real_over_best: Estimate
    is_complete: bool

    @property
    def is_better_than_ce(self) -> bool:
        """Whether the chosen setting beats CE, also when each fold chooses for itself."""
        chosen = self.candidates[self.chosen]
        return self.is_complete and chosen.over_ce.low > 0 and self.nested_over_ce.low > 0

    @property
    def settings(self) -> WeightSettings:
        """What to start with: the chosen setting, or CE where it is not forecast to be better."""
        return self.candidates[self.chosen if self.is_better_than_ce else 0].settings

    @property
    def is_recommended(self) -> bool:
        """Whether the chosen setting beats CE and is not beaten by real rows alone."""
        return self.is_better_than_ce and not self.real_over_best.low > 0

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it: dicts, lists, None for what is not known."""
        return {name: _without_nan(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Suggestion":
        """The suggestion that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        rows = [
            Candidate(WeightSettings(**row["settings"]), _estimate(row["forecast"]), _estimate(row["over_ce"]))
            for row in stored["candidates"]
        ]
        figures = ("nested", "nested_over_ce", "real", "real_over_best")
        return cls(**{**stored, "candidates": tuple(rows)} | {name: _estimate(stored[name]) for name in figures})


def suggest(
    forecaster: Forecaster, report: Callable[[dict[str, Any]], None], caps: WeightSettings,
    *, switches: Sequence[Mapping[str, Any]] = SWITCHES,
) -> Suggestion | None:  # fmt: skip
    """Forecast all candidates and choose one of them.

    Args:
        forecaster: of the project under its edits.
        report: gets {"event": "candidate", "done", "total"} at first, then with "settings" and "mean" after each.
            It may raise StopRequested: the suggestion then has the candidates so far, and is None before the first.
        caps: gives the smallest and the largest weight of all candidates.
        switches: tried at the best point of the grid, each alone.
    """
    total = len(GRID) + len(switches)
    off = replace(_OFF, min_weight=caps.min_weight, max_weight=caps.max_weight)
    done: list[_Scored] = []

    def score(settings: WeightSettings) -> None:
        said = final(forecaster, settings)
        done.append(_Scored(settings, said, forecaster.values(said)))
        tell(settings=asdict(settings), mean=_without_nan(float(done[-1].values[0])))

    def tell(**more: Any) -> None:  # noqa: ANN401 (any JSON value)
        report({"event": "candidate", "done": len(done), "total": total, **more})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtremeWeightsWarning)  # the forecast shows what comes of it
        try:
            tell()
            for alpha, beta, soft_share, balance in GRID:
                score(replace(off, alpha=alpha, beta=beta, soft_share=soft_share, balance=balance))
                if np.isnan(done[0].values[0]):
                    return _nothing_known(done[0].settings)
            at_best = done[choose(_values(done), _settings(done))[0]].settings
            for switch in switches:
                score(replace(at_best, **switch))
        except StopRequested:
            if not done:
                return None
    return _suggestion(forecaster, done, is_complete=len(done) == total)


def choose(values: np.ndarray, settings: Sequence[WeightSettings]) -> tuple[int, int]:
    """The best candidate, and the simplest one within one standard error of it (Breiman et al., CART, 1984).

    The standard error is that of the paired difference from the best, by bootstrap. Ties go to the simpler.

    Args:
        values: the metric of each candidate as it is, then in each bootstrap sample. [C, 1 + B]
        settings: of the candidates. [C]
    """
    simplest_first = sorted(range(len(settings)), key=lambda i: complexity(settings[i]))
    best = max(simplest_first, key=lambda i: values[i, 0])
    behind = values[best] - values
    errors = behind[:, 1:].std(axis=1)
    return best, next(i for i in simplest_first if behind[i, 0] <= errors[i])


def complexity(settings: WeightSettings) -> tuple[int, float]:
    """How many terms are active, then how far alpha and beta are from 0. CE is the simplest setting."""
    off, given = asdict(_OFF), asdict(settings)
    active = sum(given[name] != off[name] for name in given if name not in _CAPS)
    return active, math.hypot(settings.alpha, settings.beta)


def sentence(suggestion: Suggestion) -> str:
    """What to do, in plain words."""
    if not suggestion.candidates[0].forecast.is_known:
        return "Not enough real rows to suggest anything."
    if not suggestion.is_complete:
        return f"Stopped after {len(suggestion.candidates)} of {TOTAL} settings: nothing is suggested."
    best, chosen = suggestion.candidates[suggestion.best], suggestion.candidates[suggestion.chosen]
    if suggestion.real_over_best.low > 0:
        return (
            f"Real rows alone beat every setting: {_percent(suggestion.real)}, {_points(suggestion.real_over_best)} "
            f"over the best of them ({best.words})."
        )
    if suggestion.is_better_than_ce:
        text = (
            f"Suggested: {chosen.words}. Forecast {_percent(chosen.forecast)}, {_points(chosen.over_ce)} over CE; "
            f"chosen honestly fold by fold it is {_points(suggestion.nested_over_ce)}."
        )
    else:
        text = "No setting is forecast to differ from CE: keep the weights off."
    may_do_as_well = suggestion.real_over_best.mean >= 0 or suggestion.real_over_best.high > 0
    return text + f" Real rows alone may do as well: {_percent(suggestion.real)}." * may_do_as_well


@dataclass(frozen=True)
class _Scored:
    settings: WeightSettings
    predictions: np.ndarray  # [R, m]
    values: np.ndarray  # [1 + RESAMPLES]


def _suggestion(forecaster: Forecaster, done: Sequence[_Scored], *, is_complete: bool) -> Suggestion:
    values, ce = _values(done), done[0]
    best, chosen = choose(values, _settings(done))
    alone = forecaster.values(forecaster.real_alone())
    rows = [Candidate(each.settings, estimated(each.values), estimated(each.values - ce.values)) for each in done]
    nested = forecaster.values(_chosen_fold_by_fold(forecaster, done)) if is_complete else np.full_like(alone, np.nan)
    return Suggestion(
        tuple(rows), best, chosen, estimated(nested), estimated(nested - ce.values), estimated(alone),
        estimated(alone - values[best]), is_complete,
    )  # fmt: skip


def _chosen_fold_by_fold(forecaster: Forecaster, done: Sequence[_Scored]) -> np.ndarray:
    """Predictions of each fold by the setting that is chosen without its rows. [R, m]"""
    result = np.full_like(done[0].predictions, -1)
    for repeat, held_out in forecaster.held_out():
        others = np.stack([forecaster.values(np.where(held_out, -1, each.predictions)) for each in done])
        chosen = 0 if np.isnan(others[0, 0]) else choose(others, _settings(done))[1]
        result[repeat, held_out] = done[chosen].predictions[repeat, held_out]
    return result


def _nothing_known(ce: WeightSettings) -> Suggestion:
    return Suggestion((Candidate(ce, UNKNOWN, UNKNOWN),), 0, 0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, True)


def _values(done: Iterable[_Scored]) -> np.ndarray:
    return np.stack([each.values for each in done])


def _settings(done: Iterable[_Scored]) -> list[WeightSettings]:
    return [each.settings for each in done]


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.1f} % (interval {100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _points(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.1f} points ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _estimate(stored: Mapping[str, float | None]) -> Estimate:
    return Estimate(**{name: math.nan if value is None else value for name, value in stored.items()})


def _without_nan(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
