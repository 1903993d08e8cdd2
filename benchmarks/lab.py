"""The weights lab: how soon its meters and forecasts are there, and how well forecasts rank settings.

Parts: `meters` (all but the forecast, 100,000 rows), `forecast` (a refit at 20,000 rows beside scikit-learn, and the
whole of it), `suggest` (the search on the tweets of `--data`), `forecasts` (of fixed settings on six sets) and, for
each of these, `outcomes-SET` (what fine-tuning makes of the settings). Forecasts and outcomes are ranked together.
"""

import math
import os
import random
import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import journey
import measuring
import numpy as np

from synweight_core import meters, probe, projects, ranks, runs
from synweight_core.alignment import build_alignment
from synweight_core.clusters import ClusterLabels
from synweight_core.curated import curated_weights, weight_columns
from synweight_core.curation import Curation, load_curation, unedited
from synweight_core.folds import Folds
from synweight_core.forecast import Forecaster, final, project_forecaster
from synweight_core.prepare import Prepared, need_prepared
from synweight_core.projects import Project, load_dataset
from synweight_core.weighting import WeightSettings

NAME = "lab"
REPEATS = 9
METER_ROWS, CLASSES, DIMENSIONS, REALS = 100_000, 5, 384, 400
REFIT_ROWS, TEST_ROWS = 20_000, 10_000
TWEETS = "tweet_sentiment"
TARGETS = {"meters_ms": 100, "refit_s": 0.2, "whole_s": 1.5, "suggest_s": 60, "spearman": 0.7}

OUTCOMES = "outcomes-"
SETS = ("tweet_sentiment", "sst2", "hypo_l", "emotion", "mrpc", "finance_sentiment")
SEEDS = (0, 1)
RANKED_ROWS, RANKED_TEST = 1_200, 800  # rows of each set that are used: fine-tuning 96 times takes an hour so
TRAINED_ROWS = 1_200  # that a fine-tuning sees, in as many epochs as that takes
RECIPE = {"batch_size": 16, "max_length": 96, "evaluations_per_epoch": 1}  # all else by default
OFF = WeightSettings(alpha=0, beta=0)
SETTINGS = {
    "CE": OFF,
    "alpha 1": WeightSettings(1, 0),
    "alpha 2": WeightSettings(2, 0),
    "IMP": WeightSettings(1, 1),
    "alpha 1, beta 0.5": WeightSettings(1, 0.5),
    "filter 30 %": replace(OFF, drop_share=0.3),
    "relevance": replace(OFF, relevance=1),
    "shuffled": OFF,  # the weights of alpha 1 on other rows: a placebo
}


def main() -> None:
    """Measure what the options ask for."""
    os.environ.update(runs.WORKER_ENVIRONMENT)  # as pages and workers run
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """Meters and refit afresh; what needs real texts or training from the results file."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    forecast, suggested = (parts.get(part, {}).get("values", {}) for part in ("forecast", "suggest"))
    kept = {
        "meters_ms_100k": None,
        "forecast_refit_s_20k": None,
        "forecast_whole_s_20k": forecast.get("whole_seconds"),
        "suggest_s": suggested.get("seconds"),
        "forecast_spearman_mean": mean_over_sets(parts, "spearman"),
    }
    measured = {
        "meters_ms_100k": time_meters()["median_ms"],
        "forecast_refit_s_20k": time_refit(against_sklearn=False)["median_seconds"],
    }
    return measuring.quick_report(NAME, measured, kept, stamped=stamped, parts=parts)


def timed(compute: Callable[[], Any], times: int = REPEATS) -> list[float]:
    """Seconds of each call."""
    seconds = []
    for _ in range(times):
        clock = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - clock)
    return seconds


# --- part: meters


def time_meters() -> dict[str, Any]:
    """Weights and all meters of a move of a slider, on rows that are made up."""
    drawn = np.random.default_rng(0)
    n, labels = METER_ROWS, drawn.integers(0, CLASSES, METER_ROWS + REALS)
    vectors = drawn.normal(size=(n + REALS, DIMENSIONS)).astype(np.float32)
    prepared = made_up(drawn, labels, n_synthetic=n)
    curation = unedited(labels[:n])
    alignment = build_alignment(vectors, labels, prepared.relevance, n_synthetic=n)
    names = np.array([f"class {i}" for i in range(CLASSES)])
    import pandas as pd

    synthetic, real = pd.Series(names[labels[:n]]), pd.Series(names[labels[n:]])
    before = curated_weights(prepared, WeightSettings(), curation)
    steps = {
        "weights": lambda: curated_weights(prepared, WeightSettings(1, 0.5), curation),
        "figures, histogram": lambda: (meters.summary(before), meters.is_collapsed(before), meters.histogram(before)),
        "classes": lambda: meters.class_warnings(meters.by_class(synthetic, before, real)),
        "alignment": lambda: alignment.measure(before),
        "rows": lambda: (np.argsort(before), meters.most_changed(before, before[::-1], rows=50)),
    }  # fmt: skip
    seconds = {name: timed(step) for name, step in steps.items()}
    moves = np.sum([*seconds.values()], axis=0)
    return {
        "rows": n,
        "median_ms": round(1000 * float(np.median(moves)), 1),
        "steps_ms": {name: round(1000 * statistics.median(each), 1) for name, each in seconds.items()},
    }


def made_up(drawn: np.random.Generator, labels: np.ndarray, *, n_synthetic: int) -> Prepared:
    """A prepared project whose checkers say anything."""
    rows = len(labels)
    scores = [np.log(drawn.dirichlet(np.ones(CLASSES), rows)) for _ in range(2)]
    return Prepared(
        n_synthetic=n_synthetic, labels=labels, groups=np.arange(rows), quality=scores[0], diversity=scores[1],
        relevance=drawn.normal(size=rows), xy=np.zeros((rows, 2), dtype=np.float32), facts={}, holes=(),
        support=np.zeros(rows - n_synthetic), clusters=ClusterLabels(*np.zeros((2, 0)), np.zeros(0), np.zeros(0), []),
    )  # fmt: skip


def measure_meters(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """See `time_meters`."""
    return stages.measure("meters", time_meters)


# --- part: forecast


def clouds(drawn: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors in overlapping clouds, one a class, and their labels."""
    centres = np.random.default_rng(1).normal(size=(CLASSES, DIMENSIONS))
    labels = drawn.integers(0, CLASSES, n)
    vectors = 0.14 * centres[labels] + drawn.normal(size=(n, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def time_refit(*, against_sklearn: bool = True) -> dict[str, Any]:
    """A warm refit at weights that differ, and the same problem by scikit-learn; accuracies in points."""
    drawn = np.random.default_rng(0)
    features, labels = clouds(drawn, REFIT_ROWS)
    tests, truth = clouds(drawn, TEST_ROWS)
    wrong = drawn.random(REFIT_ROWS) < 0.2
    labels = np.where(wrong, drawn.integers(0, CLASSES, REFIT_ROWS), labels)
    row_weights = np.where(wrong, 0.2, 1.0) * drawn.lognormal(0, 0.5, REFIT_ROWS)
    rounded = probe.rounding(features)
    fit = partial(probe.fit, features, labels, n_classes=CLASSES, rounded=rounded)
    start = fit(np.ones((1, REFIT_ROWS)))[0]

    def refit() -> np.ndarray:
        return fit(row_weights[None], start=start)[0]

    found = {
        "rows": REFIT_ROWS,
        "median_seconds": round(statistics.median(timed(refit)), 3),
        "accuracy": journey.points(float((probe.predict(refit(), tests) == truth).mean())),
        "accuracy_unweighted": journey.points(float((probe.predict(start, tests) == truth).mean())),
    }
    if against_sklearn:
        from sklearn.linear_model import LogisticRegression

        clock = time.perf_counter()
        model = LogisticRegression(C=probe.STRENGTH, max_iter=1000).fit(features, labels, sample_weight=row_weights)
        found["sklearn_seconds"] = round(time.perf_counter() - clock, 3)
        found["sklearn_accuracy"] = journey.points(float(model.score(tests, truth)))
        found["accuracy_minus_sklearn"] = round(found["accuracy"] - found["sklearn_accuracy"], 3)
    return found


def time_whole() -> dict[str, Any]:
    """A forecast with all its folds and its interval at REFIT_ROWS rows, and when its first figure is there."""
    drawn = np.random.default_rng(0)
    features, labels = clouds(drawn, REFIT_ROWS + REALS)
    prepared = made_up(drawn, labels, n_synthetic=REFIT_ROWS)
    fold = np.stack([drawn.permutation(np.arange(REALS) % 5) for _ in range(2)])
    says = np.log(drawn.dirichlet(np.ones(CLASSES), (10, REFIT_ROWS))).astype(np.float32)
    held_out = np.log(drawn.dirichlet(np.ones(CLASSES), (2, REALS))).astype(np.float32)
    folds = Folds(np.arange(REFIT_ROWS), fold, says, held_out, np.zeros((10, REFIT_ROWS), dtype=bool))
    names = tuple(f"class {i}" for i in range(CLASSES))
    forecaster = Forecaster(
        prepared, unedited(labels[:REFIT_ROWS]), folds, features, metric="accuracy", label_names=names
    )
    forecaster.baselines()  # once in a session
    firsts, alls = [], []
    for alpha in (0.5, 1.0, 1.5):
        clock, first = time.perf_counter(), 0.0
        for said in forecaster.predictions(WeightSettings(alpha, 0.5)):
            known = forecaster.estimate(said).is_known
            first = first or known * (time.perf_counter() - clock)
        firsts.append(first)
        alls.append(time.perf_counter() - clock)
    return {
        "first_figure_seconds": round(statistics.median(firsts), 3),
        "whole_seconds": round(statistics.median(alls), 3),
    }


def measure_forecast(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Refit and whole."""
    return stages.measure("refit", time_refit) | stages.measure("whole", time_whole)


# --- part: suggest


def measure_suggest(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """`synweight suggest` on the tweets once they are prepared: wall seconds, worker start included."""
    stages.measure("prepare", lambda: journey.prepare_set(options.data / TWEETS, TWEETS).cost())

    def suggested() -> dict[str, Any]:
        measured = journey.synweight("suggest", journey.the_project().id)
        return measured.cost() | {"sentence": measured.output.strip().splitlines()[-1]}

    return stages.measure("suggest", suggested)


# --- part: ranking


def ranked_sets(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The sets that have forecasts and outcomes: both by setting in points, their rank correlation, its ceiling."""
    forecasts = parts.get("forecasts", {}).get("values", {})
    found = {name: parts[OUTCOMES + name]["values"] for name in SETS if name in forecasts and OUTCOMES + name in parts}
    return {
        name: {
            "forecasts": forecasts[name],
            "accuracies": accuracies,
            "spearman": spearman(
                [forecasts[name][setting] for setting in SETTINGS],
                [statistics.mean(accuracies[setting]) for setting in SETTINGS],
            ),
            "ceiling": spearman(*zip(*(accuracies[setting] for setting in SETTINGS), strict=True)),
        }
        for name, accuracies in found.items()
    }


def mean_over_sets(parts: Mapping[str, Any], figure: str) -> float | None:
    """Mean of a figure over all six sets; None as long as one is not measured."""
    found = [values[figure] for values in ranked_sets(parts).values()]
    return round(statistics.mean(found), 3) if len(found) == len(SETS) else None


def measure_forecasts(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """The forecast of every setting on each set, in points."""
    return {name: stages.measure(name, partial(_forecasts, stages, options.data, name)) for name in SETS}


def measure_outcomes(name: str, stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Test accuracy of all settings on a set after fine-tuning, one a seed, in points."""
    stages.measure("prepare", lambda: _small_project(stages, options.data, name))
    project = journey.the_project()
    return {
        setting: [
            stages.measure(f"{setting}, seed {seed}", partial(_trained, project, setting, seed))["accuracy"]
            for seed in SEEDS
        ]
        for setting in SETTINGS
    }


def _small_project(stages: measuring.Stages, data: Path, name: str) -> dict[str, Any]:
    folder = stages.workspace / "sets" / name
    small(data / name, folder)
    return journey.prepare_set(folder, name).cost()


def small(source: Path, folder: Path, *, synthetic: int = RANKED_ROWS, test: int = RANKED_TEST) -> None:
    """A seeded sample of a set's synthetic and test rows, and all of its small real set."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, most in (("synthetic", synthetic), ("real_train", None), ("real_test", test)):
        path = source / f"{file}.jsonl"
        if not path.exists():
            raise SystemExit(f"{path} was not found. Name the folder of data sets with --data.")
        lines = path.read_text(encoding="utf-8").splitlines()
        if most and len(lines) > most:
            lines = random.Random(0).sample(lines, most)
        (folder / path.name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _curation(project: Project, setting: str) -> Curation:
    """No edits; for the placebo, factors that are the weights of other rows."""
    curation = load_curation(project)
    if setting != "shuffled":
        return curation
    weights = curated_weights(need_prepared(project), SETTINGS["alpha 1"], curation)
    shuffled = np.random.default_rng(0).permutation(weights)
    return replace(curation, log_factor=np.log(np.maximum(shuffled, 1e-3)))


def _forecasts(stages: measuring.Stages, data: Path, name: str) -> dict[str, float]:
    _small_project(stages, data, name)
    (project,) = (each for each in projects.list_projects() if each.name == name)
    found = {}
    for setting, settings in SETTINGS.items():
        forecaster = project_forecaster(project, need_prepared(project), _curation(project, setting))
        found[setting] = journey.points(forecaster.estimate(final(forecaster, settings)).mean)
    return found


def _trained(project: Project, setting: str, seed: int) -> dict[str, float]:
    """One fine-tuning of MiniLM; its accuracy on the test rows in points. Validation picks its best evaluation."""
    from synweight_core.train_config import run_config
    from synweight_core.train_job import training_data
    from synweight_core.training import train

    settings, prepared = SETTINGS[setting], need_prepared(project)
    epochs = max(1, round(TRAINED_ROWS / prepared.n_synthetic))
    config = run_config(loss="tuned", seed=seed, epochs=epochs, **RECIPE, **asdict(settings))
    data = training_data(project, load_dataset(project), prepared, config)
    columns = weight_columns(prepared, settings, _curation(project, setting))
    clock = time.perf_counter()
    result = train(config, replace(data, log_prior=columns.log_prior[columns.kept]), lambda event: None)
    return {
        "accuracy": journey.points(result.figures["test"]["accuracy"]),
        "seconds": round(time.perf_counter() - clock, 1),
    }


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation; 0 where one of them is constant."""
    found = ranks.spearman(one, other)
    return 0.0 if math.isnan(found) else round(found, 3)


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "meters": measure_meters,
    "forecast": measure_forecast,
    "suggest": measure_suggest,
    "forecasts": measure_forecasts,
    **{OUTCOMES + name: partial(measure_outcomes, name) for name in SETS},
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES, more=_ranking_tables(parts))


def _meter_tables(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{values['median_ms']:g} ms for weights and all meters at {values['rows']:,} rows (target "
        f"{TARGETS['meters_ms']}).",
        measuring.table(["step", "ms"], values["steps_ms"].items()),
    ]


def _forecast_tables(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{values['rows']:,} rows, {DIMENSIONS} dimensions, {CLASSES} classes. A warm refit takes "
        f"{values['median_seconds']:g} s (target {TARGETS['refit_s']:g}), scikit-learn's LogisticRegression "
        f"{values['sklearn_seconds']:g} s; accuracy {values['accuracy']:.2f} against {values['sklearn_accuracy']:.2f} "
        f"(without weights {values['accuracy_unweighted']:.2f}). A whole forecast over 10 folds takes "
        f"{values['whole_seconds']:g} s (target {TARGETS['whole_s']:g}), its first figure is there after "
        f"{values['first_figure_seconds']:g} s."
    ]


def _suggest_tables(values: Mapping[str, Any]) -> list[str]:
    return [
        f"`synweight suggest` on {TWEETS}: {values['seconds']:g} s (target {TARGETS['suggest_s']}), "
        f"{values['peak_memory_mb']:,.0f} MB. It said: {values['sentence']}"
    ]


def _ranking_tables(parts: Mapping[str, Any]) -> list[str]:
    found = ranked_sets(parts)
    if not found:
        return []
    rows = [
        [name, each["spearman"], each["ceiling"], *(_cell(each, setting) for setting in SETTINGS)]
        for name, each in found.items()
    ]
    mean, ceiling = (statistics.mean(each[figure] for each in found.values()) for figure in ("spearman", "ceiling"))
    return [
        "## ranking",
        f"Forecasts: {measuring.origin(parts['forecasts'])}",
        *(f"Outcomes of {name}: {measuring.origin(parts[OUTCOMES + name])}" for name in found),
        f"Over {len(found)} of {len(SETS)} sets, mean Spearman correlation between forecast and test accuracy "
        f"{mean:.2f} (target {TARGETS['spearman']:g}); between the two seeds of fine-tuning, the noise ceiling, "
        f"{ceiling:.2f}. Up to {RANKED_ROWS:,} synthetic rows of each set, MiniLM fine-tuned on about "
        f"{TRAINED_ROWS:,} of them with batches of {RECIPE['batch_size']}, up to {RANKED_TEST:,} test rows. Cells: "
        f"forecast / mean test accuracy over {len(SEEDS)} seeds.",
        measuring.table(["set", "Spearman", "ceiling", *SETTINGS], rows),
    ]


def _cell(values: Mapping[str, Any], setting: str) -> str:
    return f"{values['forecasts'][setting]:.1f} / {statistics.mean(values['accuracies'][setting]):.1f}"


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "meters": _meter_tables,
    "forecast": _forecast_tables,
    "suggest": _suggest_tables,
}

if __name__ == "__main__":
    main()
