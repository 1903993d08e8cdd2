"""Training: rows per second of CE, IMP and DIMP against the paper's recipe and Hugging Face's Trainer.

Each data set is a part: `recipes.py` runs all ways in turn in one process, for some rounds. A speedup is the median
over the rounds of the ratio within a round, so that what else runs on the machine weighs on both sides. The part
`accuracy` compares test rows after equal epochs.
"""

import json
import statistics
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import measuring

from synweight_core import runs

NAME = "training"
ROWS = 256
ROUNDS = 3
EPOCHS = 5  # the paper's: over so many the one pass of each checker is spread
CHECKERS = {"ce": 0, "dimp": 1, "imp": 2}
SETS = ("tweet_sentiment", "mrpc")


def main() -> None:
    """Measure what the options ask for."""
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """The kept figures of the first data set: one round of all ways takes longer than allowed."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    values = parts.get(SETS[0], {}).get("values", {})
    kept = {key: values.get(key) for key in ("imp_speedup", "dimp_speedup", "imp_over_ce", "dimp_over_ce")}
    return measuring.quick_report(NAME, {}, kept, stamped=stamped, parts=parts)


def measure_set(name: str, stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """All ways on one data set."""
    path = _of_data(options, name) / "synthetic.jsonl"

    def rounds() -> dict[str, Any]:
        words = ["benchmarks/recipes.py", str(path), "--rows", str(ROWS), "--rounds", str(ROUNDS)]
        done = measuring.run([sys.executable, *words], env=runs.WORKER_ENVIRONMENT)
        return json.loads(done.output.splitlines()[-1]) | {"peak_memory_mb": done.cost()["peak_memory_mb"]}

    found = stages.measure(name, rounds)
    return found | {"rows": ROWS, "rows_per_second": rows_per_second(found["ways"])} | ratios(found["ways"])


def measure_accuracy(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Both ways to the same number of epochs, with paired seeds."""
    counts = {"rows": 384, "test-rows": 1000, "seeds": 3}

    def trained() -> dict[str, Any]:
        words = ["benchmarks/recipe_accuracy.py", str(_of_data(options, SETS[0]))]
        words += [word for name, count in counts.items() for word in (f"--{name}", str(count))]
        return json.loads(measuring.run([sys.executable, *words], env=runs.WORKER_ENVIRONMENT).output.splitlines()[-1])

    return stages.measure("accuracy", trained) | counts


def _of_data(options: Namespace, name: str) -> Path:
    if not (options.data / name).is_dir():
        raise SystemExit(f"{options.data / name} was not found. Name the folder of data sets with --data.")
    return options.data / name


def rows_per_second(ways: Mapping[str, list[dict[str, float]]]) -> dict[str, float]:
    """The median of the rounds, by way."""
    return {way: round(statistics.median(ROWS / one["seconds"] for one in done), 1) for way, done in ways.items()}


def ratios(ways: Mapping[str, list[dict[str, float]]]) -> dict[str, float]:
    """How many times as fast; `imp_over_ce` and `dimp_over_ce`: how many times as long as CE takes.

    Keys that end in `_processor` count processor seconds instead of wall seconds.
    `_with_scoring` adds to ours what fine-tuned checkers cost once, spread over the epochs.
    """
    found = {}
    for unit, ending in (("seconds", ""), ("processor_seconds", "_processor")):
        seconds = {way: [one[unit] for one in done] for way, done in ways.items()}
        for loss, n_checkers in CHECKERS.items():
            own = seconds[f"ours {loss}"]
            once = [n_checkers * one / EPOCHS for one in seconds["ours scoring"]]
            found[f"{loss}_speedup{ending}"] = _ratio(seconds[f"paper {loss}"], own)
            with_scoring = [a + b for a, b in zip(own, once, strict=True)]
            found[f"{loss}_speedup_with_scoring{ending}"] = _ratio(seconds[f"paper {loss}"], with_scoring)
            found[f"{loss}_over_ce{ending}"] = _ratio(own, seconds["ours ce"])
        found[f"ce_over_trainer{ending}"] = _ratio(seconds["trainer ce"], seconds["ours ce"])
    return {key: value for key, value in found.items() if not key.startswith(("ce_over_ce", "ce_speedup_with"))}


def _ratio(theirs: list[float], own: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(theirs, own, strict=True)), 3)


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    **{name: partial(measure_set, name) for name in SETS},
    "accuracy": measure_accuracy,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, {**dict.fromkeys(SETS, _tables), "accuracy": _accuracies})


def _accuracies(values: Mapping[str, Any]) -> list[str]:
    points = {way: [100 * one for one in found] for way, found in values["accuracy"].items()}
    rows = [[way, f"{statistics.mean(one):.1f}", ", ".join(f"{x:.1f}" for x in one)] for way, one in points.items()]
    return [
        f"{values['rows']} synthetic rows of {SETS[0]}, {values['epochs']} epochs, {values['test-rows']:,} test rows; "
        f"ours in {values['precision']}, the recipe in float32, both with the same two fine-tuned checkers.",
        measuring.table(["way", "accuracy, %", "by seed"], rows),
    ]


def _tables(values: Mapping[str, Any]) -> list[str]:
    rows = [
        [way, f"{values['rows_per_second'][way]:,.1f}", ", ".join(f"{one['seconds']:.1f}" for one in done),
         ", ".join(f"{one['processor_seconds']:.1f}" for one in done)]
        for way, done in values["ways"].items()
    ]  # fmt: skip
    keys = [key for key in values if f"{key}_processor" in values]
    speedups = [[key, f"{values[key]:.2f}", f"{values[f'{key}_processor']:.2f}"] for key in keys]
    return [
        f"{values['rows']:,} rows of {values['mean_tokens']:.1f} tokens on {values['device']}. Ours and the "
        "Trainer pad to the longest row of a batch, the paper's recipe to 128 tokens. Ours is in the precision "
        "of the device, the others in float32.",
        measuring.table(["way", "rows/s, median", "seconds by round", "processor seconds by round"], rows),
        measuring.table(["ratio, median of the rounds", "wall seconds", "processor seconds"], speedups),
    ]


if __name__ == "__main__":
    main()
