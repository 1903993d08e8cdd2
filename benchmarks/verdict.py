"""The verdict: whether 95 % intervals between settings hold the truth 95 times in 100, and how often noise wins.

`simulation` (accuracy of two settings), `picking` (the best of several) and `macro_f1` draw studies of few seeds and
test rows, whose true difference is known, from real predictions: those of two settings of the demo by many bootstrap
seeds of a linear probe. `demo` and `finance` are verdicts on real runs (verdict_runs.py).

In `simulation`, each row has the probability of being right that the probes gave it under A and under B. Each seed of
each setting shifts the logits of all rows, so that the accuracy of seeds spreads by 0.5, 1 or 1.5 points (standard
deviation; a third of the studies each), and draws whether each row is right. A's logits are shifted so that the means
over all rows and seeds differ by the true effect. In `macro_f1`, each seed draws the class of each row.
"""

import math
import os
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import journey
import measuring
import numpy as np
import verdict_runs

from synweight_core import contributions, probe, runs
from synweight_core.crossed import CONFIDENCE, half_width, interval, mean_squares

NAME = "verdict"
PROBES = 60  # bootstrap seeds of each setting
SIMULATIONS = 10_000  # a cell: its coverage is known to 0.2 points
SEEDS, ROWS, EFFECTS = (3, 5, 10), (100, 300, 2_000), (0.0, 0.01, 0.03)
SPREADS = (0.005, 0.01, 0.015)  # standard deviations of accuracy over seeds
PAIRS = {"quality against IMP": ("quality", "imp"), "IMP against itself": ("imp", "imp")}
PICKED_OF, PICKING_SEEDS, PICKING_ROWS, PICKING_SIMULATIONS = 4, (3, 5, 10), (300, 2_000), 3_000
MACRO_SEEDS, MACRO_ROWS, MACRO_SIMULATIONS = (3, 5), (100, 300), 2_000
TARGETS = {"coverage_off": 2.0, "false_winner_rate": 6.0}
NOISE = 0.48  # points: two standard errors of a rate of 6 % over 10,000 studies
CHUNK = 4_000_000  # values drawn at once
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()


def main() -> None:
    """Measure what the options ask for."""
    os.environ.update(runs.WORKER_ENVIRONMENT)
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """The kept figures: a worst cell is only known from many studies of each."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    values = parts.get("simulation", {}).get("values", {})
    kept = {key: values.get(key) for key in ("coverage_95", "false_winner_rate")}
    cells = values.get("cells", [])
    kept["false_winner_rate_by_pair"] = {pair: false_winners(cells, pair) for pair in PAIRS} if cells else None
    kept["picking_false_winner_rate"] = parts.get("picking", {}).get("values", {}).get("false_winner_rate")
    kept["macro_f1_coverage_95"] = parts.get("macro_f1", {}).get("values", {}).get("coverage_95")
    return measuring.quick_report(NAME, {}, kept, stamped=stamped, parts=parts)


# --- the population


@dataclass(frozen=True)
class Population:
    """Log-probabilities of the classes of every row under A and B [t, K], and the labels [t]."""

    a: np.ndarray
    b: np.ndarray
    labels: np.ndarray


def measure_population(stages: measuring.Stages) -> dict[str, Any]:
    """Votes of bootstrap probes on the demo's test rows, [t, K] a setting; kept in the stage, so that all is seeded."""
    from synweight_core.curated import curated_weights
    from synweight_core.curation import load_curation
    from synweight_core.embedding import embed
    from synweight_core.prepare import load_features, need_prepared
    from synweight_core.presets import PRESETS
    from synweight_core.projects import load_dataset

    journey.prepare_demo()
    project = journey.the_project()
    prepared, dataset, drawn = need_prepared(project), load_dataset(project), np.random.default_rng(0)
    n, classes = prepared.n_synthetic, len(project.labels)
    features = load_features(project, np.arange(n))
    test = dataset.real[dataset.real["split"] == "test"]
    test_features, labels = embed([*test["text"]]), dataset.label_codes(test)
    rounded, votes, accuracies = probe.rounding(features), {}, {}
    for name in ("quality", "imp"):
        weights = curated_weights(prepared, PRESETS[name].settings, load_curation(project))
        samples = drawn.multinomial(n, np.full(n, 1 / n), size=PROBES) * weights
        fitted = probe.fit(features, prepared.labels[:n], samples, n_classes=classes, rounded=rounded)
        predicted = np.stack([probe.predict(one, test_features) for one in fitted])
        votes[name] = np.stack([(predicted == code).sum(axis=0) for code in range(classes)], axis=1).tolist()
        accuracy = (predicted == labels).mean(axis=1)
        accuracies[name] = {"mean": journey.points(accuracy.mean()), "spread": journey.points(accuracy.std(ddof=1))}
    return {"labels": labels.tolist(), "votes": votes, "accuracies": accuracies}


def population(found: Mapping[str, Any], pair: tuple[str, str]) -> Population:
    """Both settings' votes as log-probabilities, each class with half a vote more."""
    sides = [np.log(np.array(found["votes"][name]) + 0.5) for name in pair]
    a, b = (side - np.log(np.exp(side).sum(axis=1, keepdims=True)) for side in sides)
    return Population(a, b, np.array(found["labels"]))


def logits(log_probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Log-odds of each row's label. [t]"""
    right = log_probs[np.arange(len(labels)), labels]
    return right - np.log1p(-np.exp(right))


def mean_and_spread(logit: np.ndarray, size: float) -> tuple[float, float]:
    """Mean and standard deviation over seeds of the accuracy, when seeds shift the logits by N(0, size^2)."""
    by_shift = sigmoid(logit[:, None] + size * _NODES).mean(axis=0)
    mean = float(_NODE_WEIGHTS @ by_shift)
    return mean, math.sqrt(float(_NODE_WEIGHTS @ np.square(by_shift - mean)))


def settled(rows: Population, effect: float, spread: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Logits of A and B with this true effect [t], and the size of the shifts that gives this spread of accuracy."""
    from scipy.optimize import brentq

    a, b = logits(rows.a, rows.labels), logits(rows.b, rows.labels)
    size = float(brentq(lambda size: mean_and_spread(b, size)[1] - spread, 1e-3, 5))
    target = mean_and_spread(b, size)[0] + effect
    return a + float(brentq(lambda shift: mean_and_spread(a + shift, size)[0] - target, -5, 5)), b, size


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-values))."""
    return 1 / (1 + np.exp(-values))


# --- part: simulation


def measure_simulation(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Coverage of every cell, and how often a setting that is no better wins."""
    found = stages.measure("population", lambda: measure_population(stages))
    cells = []
    for pair, names in PAIRS.items():
        rows = population(found, names)
        for effect in EFFECTS if names[0] != names[1] else (0.0,):
            for seeds in SEEDS:
                for n in ROWS:
                    stage = f"{pair}, {100 * effect:g} points, {seeds} seeds, {n} rows"
                    done = stages.measure(stage, lambda: cell(rows, effect, seeds, n))  # noqa: B023
                    cells.append({"pair": pair, "effect": effect, "seeds": seeds, "rows": n, **done})
    by_spread = [value for one in cells for value in one["by_spread"].values()]
    return {
        "simulations": SIMULATIONS,
        "coverage_95": worst([one["coverage"] for one in cells]),
        "false_winner_rate": max(false_winners(cells, pair) for pair in PAIRS),
        "coverage_of_one_spread": [min(by_spread), max(by_spread)],
        "accuracies": found["accuracies"],
        "cells": cells,
    }


def cell(rows: Population, effect: float, seeds: int, n: int, *, simulations: int = SIMULATIONS) -> dict[str, Any]:
    """Coverage in per cent, and half of the interval's width in points (median), over all spreads alike."""
    drawn = np.random.default_rng([seeds, n, round(1000 * effect)])
    held, widths = {}, []
    for spread in SPREADS:
        means, halves = studies(
            *settled(rows, effect, spread), seeds=seeds, n=n, simulations=simulations // len(SPREADS) + 1, drawn=drawn
        )
        held[f"{100 * spread:g}"] = np.abs(means - effect) <= halves
        widths.append(halves)
    return {
        "coverage": _per_cent(np.concatenate([*held.values()])),
        "by_spread": {spread: _per_cent(values) for spread, values in held.items()},
        "half_width": journey.points(np.median(np.concatenate(widths))),
    }


def studies(
    a: np.ndarray, b: np.ndarray, size: float, *, seeds: int, n: int, simulations: int, drawn: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Differences of accuracy and half widths of their intervals. [simulations] each"""
    means, halves = [], []
    for some in np.diff([*range(0, simulations, max(1, CHUNK // (seeds * n))), simulations]):
        chosen = drawn.integers(0, len(a), (some, 1, n))
        right = [_right(side.astype(np.float32)[chosen], size, seeds, drawn) for side in (a, b)]
        found = mean_squares(right[0].astype(np.float32) - right[1])
        means.append(found.mean)
        halves.append(half_width(found, seeds=seeds, rows=n))
    return np.concatenate(means), np.concatenate(halves)


def _right(logit: np.ndarray, size: float, seeds: int, drawn: np.random.Generator) -> np.ndarray:
    """Whether each seed is right on each row. bool [simulations, S, n]"""
    shifts = drawn.normal(0, size, (len(logit), seeds, 1)).astype(np.float32)
    return drawn.random((len(logit), seeds, logit.shape[-1]), dtype=np.float32) < sigmoid(logit + shifts)


def false_winners(cells: Sequence[Mapping[str, Any]], pair: str) -> float:
    """How often one of the two wins in the worst cell of a pair without a true effect, in per cent."""
    return round(max(100 - one["coverage"] for one in cells if one["pair"] == pair and not one["effect"]), 2)


def worst(coverages: list[float]) -> float:
    """The coverage that is farthest from 95."""
    return max(coverages, key=lambda value: abs(value - 95))


def _per_cent(held: np.ndarray) -> float:
    return round(100 * float(held.mean()), 2)


# --- part: picking


def measure_picking(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """How often the best of several settings that are all as good as CE is said to differ from it."""
    found = stages.measure("population", lambda: measure_population(stages))
    rows = population(found, PAIRS["quality against IMP"])
    cells = []
    for seeds in PICKING_SEEDS:
        for n in PICKING_ROWS:
            done = stages.measure(f"{seeds} seeds, {n} rows", lambda: picked(rows, seeds, n))  # noqa: B023
            cells.append({"seeds": seeds, "rows": n, **done})
    return {
        "simulations": PICKING_SIMULATIONS, "settings": PICKED_OF, "cells": cells,
        "false_winner_rate": max(one["wins"] for one in cells),
    }  # fmt: skip


def picked(rows: Population, seeds: int, n: int, *, simulations: int = PICKING_SIMULATIONS) -> dict[str, float]:
    """In per cent: the best of the settings wins over CE, or loses to it, after Bonferroni's correction."""
    drawn, wins, losses = np.random.default_rng([seeds, n, PICKED_OF]), 0, 0
    each = simulations // len(SPREADS)
    for spread in SPREADS:
        a, b, size = settled(rows, 0.0, spread)
        for _ in range(each):
            chosen = drawn.integers(0, len(a), (1, 1, n))
            settings = [_right(side[chosen], size, seeds, drawn)[0] for side in (b, *(a, b) * (PICKED_OF // 2))]
            best = max(settings[1:], key=np.mean)
            low, high = _bounds(best.astype(np.float32) - settings[0])
            wins, losses = wins + (low > 0), losses + (high < 0)
    return {"wins": round(100 * wins / (3 * each), 2), "losses": round(100 * losses / (3 * each), 2)}


def _bounds(values: np.ndarray) -> tuple[float, float]:
    found = interval(values, confidence=1 - (1 - CONFIDENCE) / PICKED_OF)
    return found.low, found.high


# --- part: macro_f1


def measure_macro_f1(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Coverage for macro-F1 without a true effect of the setting: A and B are the same, so that the truth is 0.

    Beside it, quality against IMP as they are; the truth is then the mean difference of a million rows.
    """
    found = stages.measure("population", lambda: measure_population(stages))
    cells = []
    for pair, names in PAIRS.items():
        rows = population(found, names)
        size = settled(rows, 0.0, SPREADS[1])[2]
        truth = stages.measure(f"truth, {pair}", lambda: {"points": f1_truth(rows, size)})["points"]  # noqa: B023
        for seeds in MACRO_SEEDS:
            for n in MACRO_ROWS:
                done = stages.measure(
                    f"{pair}, {seeds} seeds, {n} rows",
                    lambda: {"coverage": f1_coverage(rows, size, truth / 100, seeds, n)},  # noqa: B023
                )
                cells.append({"pair": pair, "truth": truth, "seeds": seeds, "rows": n, **done})
    return {
        "simulations": MACRO_SIMULATIONS, "spread": SPREADS[1], "cells": cells,
        "coverage_95": worst([one["coverage"] for one in cells]),
    }  # fmt: skip


def f1_truth(rows: Population, size: float) -> float:
    """Macro-F1 of A minus that of B in points, mean over 400 seeds of 20,000 rows."""
    if rows.a is rows.b or np.array_equal(rows.a, rows.b):
        return 0.0
    drawn = np.random.default_rng(1)
    chosen = np.resize(np.arange(len(rows.labels)), 20_000)
    labels = rows.labels[chosen]
    sides = [_classes(side[chosen], labels, size, 400, drawn) for side in (rows.a, rows.b)]
    a, b = (float(contributions.macro_f1(side, labels).mean()) for side in sides)
    return round(100 * (a - b), 3)


def f1_coverage(rows: Population, size: float, truth: float, seeds: int, n: int) -> float:
    """In per cent."""
    drawn, held = np.random.default_rng([seeds, n]), []
    for _ in range(MACRO_SIMULATIONS):
        chosen = drawn.integers(0, len(rows.labels), n)
        labels = rows.labels[chosen]
        a, b = (_classes(side[chosen], labels, size, seeds, drawn) for side in (rows.a, rows.b))
        found = mean_squares(contributions.macro_f1(a, labels) - contributions.macro_f1(b, labels))
        held.append(abs(found.mean - truth) <= half_width(found, seeds=seeds, rows=n))
    return _per_cent(np.array(held))


def _classes(
    log_probs: np.ndarray, labels: np.ndarray, size: float, seeds: int, drawn: np.random.Generator
) -> np.ndarray:
    """The class that each seed draws for each row (Gumbel's way). int64 [S, n]"""
    result = np.empty((seeds, len(labels)), dtype=np.int64)
    for seed in range(seeds):
        shifted = log_probs + drawn.gumbel(size=log_probs.shape)
        shifted[np.arange(len(labels)), labels] += drawn.normal(0, size)
        result[seed] = shifted.argmax(axis=1)
    return result


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "simulation": measure_simulation,
    "picking": measure_picking,
    "macro_f1": measure_macro_f1,
    "demo": verdict_runs.measure_demo,
    "finance": verdict_runs.measure_finance,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _simulation_tables(values: Mapping[str, Any]) -> list[str]:
    spreads = [f"{100 * spread:g}" for spread in SPREADS]
    rows = [
        [one["pair"], f"{100 * one['effect']:g}", one["seeds"], one["rows"], one["coverage"], one["half_width"],
         *(one["by_spread"][spread] for spread in spreads)]
        for one in values["cells"]
    ]  # fmt: skip
    low, high = values["coverage_of_one_spread"]
    by_pair = ", ".join(f"{false_winners(values['cells'], pair):.1f} % for {pair}" for pair in PAIRS)
    return [
        f"Worst cell: the 95 % interval holds the truth in {values['coverage_95']:.2f} % of the studies (target: "
        f"within {TARGETS['coverage_off']:g} points of 95). With zero effect one of the two wins in at most "
        f"{values['false_winner_rate']:.2f} % (target {TARGETS['false_winner_rate']:g}; {by_pair}). "
        f"{values['simulations']:,} studies a cell (two standard errors: up to {NOISE:g} points), a third each "
        f"with accuracies that spread over seeds by {', '.join(spreads)} points; of cells of one spread alone, the "
        f"lowest coverage is {low:.1f} %, the highest {high:.1f} %.",
        measuring.table(
            ["pair", "true effect, points", "seeds", "test rows", "coverage %", "half width, points",
             *(f"coverage at {spread}" for spread in spreads)], rows,
        ),
    ]  # fmt: skip


def _picking_tables(values: Mapping[str, Any]) -> list[str]:
    rows = [[one["seeds"], one["rows"], one["wins"], one["losses"]] for one in values["cells"]]
    return [
        f"The best of {values['settings']} settings against CE, all of them equally good, with Bonferroni's "
        f"correction: it wins in at most {values['false_winner_rate']:.1f} %. {values['simulations']:,} studies a "
        "cell.",
        measuring.table(["seeds", "test rows", "wins %", "losses %"], rows),
    ]


def _macro_tables(values: Mapping[str, Any]) -> list[str]:
    rows = [[one["pair"], one["truth"], one["seeds"], one["rows"], one["coverage"]] for one in values["cells"]]
    return [
        f"Macro-F1 by the delta method, {values['simulations']:,} studies a cell; worst coverage "
        f"{values['coverage_95']:.1f} %. Accuracies spread over seeds by {100 * values['spread']:g} point.",
        measuring.table(["pair", "true effect, points", "seeds", "test rows", "coverage %"], rows),
    ]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "simulation": _simulation_tables,
    "picking": _picking_tables,
    "macro_f1": _macro_tables,
    "demo": verdict_runs.tables,
    "finance": verdict_runs.tables,
}

if __name__ == "__main__":
    main()
