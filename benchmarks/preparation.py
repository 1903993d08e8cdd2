"""Preparation: from texts to map coordinates, against the defaults of the same libraries.

Three parts: `sample` (10,000 rows, seconds and trustworthiness, each way in fresh processes that alternate),
`same` (coordinates of two runs and two processes) and `whole` (a pool of 88,307 rows from files to map).
"""

import json
import random
import statistics
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import journey
import measuring
import numpy as np

from synweight_core import runs

NAME = "preparation"
ROWS = 10_000
ROUNDS = 2
NEIGHBOURS = 15
TRUST_ROWS = 3_000  # a seeded subsample, drawn alike from all: all rows would need gigabytes
TARGET_SPEEDUP = 2.5
TARGET_TRUST = -0.01  # trustworthiness may not fall by more
POOL, REAL = "dirty_pool", "tweet_sentiment"
WORKER = runs.WORKER_ENVIRONMENT  # ours is measured as workers run; the defaults without any setting


def main() -> None:
    """Measure what the options ask for."""
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """The kept figures: one cold start of either way alone takes most of the time allowed."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    sample, same, whole = (parts.get(part, {}).get("values", {}) for part in PARTS)
    kept = {
        "speedup_over_defaults": sample.get("speedup_over_defaults"),
        "trustworthiness_minus_defaults": sample.get("trustworthiness_minus_defaults"),
        "same_coordinates": same.get("same"),
        "whole_seconds": whole.get("seconds"),
    }
    return measuring.quick_report(NAME, {}, kept, stamped=stamped, parts=parts)


def sample_texts(data: Path, n: int = ROWS) -> list[str]:
    """All real rows and a seeded sample of the pool, `n` together."""
    pool, real = _texts(data / POOL / "synthetic.jsonl"), _texts(data / REAL / "real_train.jsonl")
    return random.Random(0).sample(pool, n - len(real)) + real


def _texts(path: Path) -> list[str]:
    if not path.exists():
        raise SystemExit(f"{path} was not found. Name the folder of data sets with --data.")
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def coordinates(way: str, stages: measuring.Stages, data: Path, *, name: str, times: int = 1) -> dict[str, Any]:
    """Cost, steps and hashes of one fresh process; its arrays in NAME.npz of the workspace."""
    texts = stages.workspace / "texts.json"
    texts.write_text(json.dumps(sample_texts(data)), encoding="utf-8")
    words = [way, str(texts), str(stages.workspace / f"{name}.npz"), "--times", str(times)]
    command = [sys.executable, "benchmarks/coordinates.py", *words]
    measured = measuring.run(command, env=WORKER if way == "ours" else {})
    return measured.cost() | json.loads(measured.output.splitlines()[-1])


# --- part: sample


def measure_sample(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Both ways in turn, and how well each keeps the neighbourhoods of the default vectors."""
    ways: dict[str, list[dict[str, Any]]] = {"defaults": [], "ours": []}
    for number in range(ROUNDS):
        for way, done in ways.items():
            name = f"{way} {number + 1}"
            done.append(stages.measure(name, partial(coordinates, way, stages, options.data, name=name)))
    trust = stages.measure("trustworthiness", lambda: _trust(stages.workspace))
    seconds = {way: statistics.median(one["seconds"] for one in done) for way, done in ways.items()}
    ratios = [theirs["seconds"] / own["seconds"] for theirs, own in zip(ways["defaults"], ways["ours"], strict=True)]
    return {
        "rows": ROWS,
        "speedup_over_defaults": round(seconds["defaults"] / seconds["ours"], 3),
        "speedup_by_round": [round(ratio, 3) for ratio in ratios],
        "trustworthiness": trust,
        "trustworthiness_minus_defaults": round(trust["ours"] - trust["defaults"], 4),
        "ways": ways,
    }


def _trust(folder: Path) -> dict[str, float]:
    """Trustworthiness of each way's last map on one subsample of rows, by the default float32 vectors, cosine."""
    from sklearn.manifold import trustworthiness

    with np.load(folder / f"defaults {ROUNDS}.npz") as stored:
        vectors = stored["vectors"]
    rows = np.random.default_rng(0).choice(len(vectors), TRUST_ROWS, replace=False)
    found = {}
    for way in ("defaults", "ours"):
        with np.load(folder / f"{way} {ROUNDS}.npz") as stored:
            xy = stored["xy"][rows]
        found[way] = float(trustworthiness(vectors[rows], xy, n_neighbors=NEIGHBOURS, metric="cosine"))
    return {way: round(value, 4) for way, value in found.items()}


# --- part: same


def measure_same(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Hashes of the coordinates: twice in one process, once in another."""
    twice = stages.measure("twice", partial(coordinates, "ours", stages, options.data, name="twice", times=2))
    other = stages.measure("other", partial(coordinates, "ours", stages, options.data, name="other"))
    hashes = [*twice["hashes"], *other["hashes"]]
    return {"rows": ROWS, "hashes": hashes, "same": len(set(hashes)) == 1}


# --- part: whole


def measure_whole(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """`synweight prepare` on the whole pool: seconds of each stage, memory of all."""

    def prepared() -> dict[str, Any]:
        real = options.data / REAL
        files = [options.data / POOL / "synthetic.jsonl", real / "real_train.jsonl", real / "real_test.jsonl"]
        words = [
            word for pair in zip(("--synthetic", "--real", "--test"), map(str, files), strict=True) for word in pair
        ]
        return journey.preparation(journey.synweight("prepare", *words, "--name", "pool"))

    return stages.measure("prepare", prepared) | {"rows": journey.the_project().counts}


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "sample": measure_sample,
    "same": measure_same,
    "whole": measure_whole,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _sample_tables(values: Mapping[str, Any]) -> list[str]:
    processes = [(f"{way} {i + 1}", one) for way, done in values["ways"].items() for i, one in enumerate(done)]
    steps = ["imports", "model and encode", "neighbours", "UMAP"]
    rows = [
        [name, one["seconds"], *(one["steps"].get(step, "") for step in steps), f"{one['peak_memory_mb']:,.0f}"]
        for name, one in processes
    ]
    trust, by_round = values["trustworthiness"], ", ".join(f"{ratio:.2f}" for ratio in values["speedup_by_round"])
    return [
        f"{values['rows']:,} rows. {values['speedup_over_defaults']:.2f} times as fast as the defaults (target "
        f"{TARGET_SPEEDUP:g}; by round {by_round}). Trustworthiness at {NEIGHBOURS} neighbours on {TRUST_ROWS:,} rows: "
        f"ours {trust['ours']:.4f}, defaults {trust['defaults']:.4f} (target: not lower by more than "
        f"{-TARGET_TRUST:g}). With the defaults UMAP finds the neighbours itself.",
        measuring.table(["process", "seconds", *steps, "peak MB"], rows),
    ]


def _same_tables(values: Mapping[str, Any]) -> list[str]:
    return [f"Same coordinates in two runs and two processes: {'yes' if values['same'] else 'NO'}."]


def _whole_tables(values: Mapping[str, Any]) -> list[str]:
    counts = ", ".join(f"{count:,} {name}" for name, count in values["rows"].items())
    return [
        f"Rows: {counts}. {values['seconds']:,.0f} s, {values['peak_memory_mb']:,.0f} MB at the most.",
        measuring.table(["stage", "seconds"], values["stage_seconds"].items()),
    ]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "sample": _sample_tables,
    "same": _same_tables,
    "whole": _whole_tables,
}

if __name__ == "__main__":
    main()
