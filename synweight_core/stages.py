"""What each stage of a preparation computes, from rows and what other stages computed. It knows no projects or cache.

For worker processes; what is heavy is imported where it is used.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synweight_core.cache import Arrays
from synweight_core.clusters import cluster_labels
from synweight_core.data import Dataset
from synweight_core.known_vectors import KnownVectors
from synweight_core.pairs import Features
from synweight_core.support import hole_numbers, hole_words, support_ratio, uncovered_by_chance, uncovered_share
from synweight_core.tuning import PROBE, Tuning
from synweight_core.vectors import text_vectors

Report = Callable[[dict[str, Any]], None]

SEED = 0


def vectors(
    encoder: str,
    dataset: Dataset,
    report: Report,
    device: str,
    *,
    kept_as: str | None = None,
    known: Mapping[str, KnownVectors] | None = None,
) -> Arrays:
    """Unit vectors of all texts, as `vectors.text_vectors`, which `kept_as` and `known` are for."""
    told = progress_of(report, "vectors")
    return text_vectors(dataset, encoder=encoder, device=device, progress=told, kept_as=kept_as, known=known or {})


def graph(dataset: Dataset, positions: np.ndarray, report: Report) -> Arrays:
    """The nearest neighbours of each row, and groups of near-duplicates."""
    from synweight_core.drawing import neighbour_graph

    n = len(dataset.synthetic)
    return neighbour_graph(positions, n_synthetic=n, seed=SEED, progress=progress_of(report, "graph"))


def checkers(
    dataset: Dataset, vectors: Arrays, groups: np.ndarray, report: Report, checker: str, tuning: Tuning
) -> Arrays:
    """What both checkers say of all rows, and what they are worth."""
    from synweight_core.checker_columns import checker_columns

    return checker_columns(
        dataset, lambda: features(vectors), groups, checker=checker, seed=SEED, tuning=tuning,
        progress=progress_of(report, "checkers"),
    )  # fmt: skip


def relevance(dataset: Dataset, vectors: Arrays, groups: np.ndarray) -> Arrays:
    """How much more often each text is real than synthetic, [n + m] nats, and how well the two are told apart."""
    from synweight_core import relevance as probes

    log_ratio, auc = probes.relevance(features(vectors), n_synthetic=len(dataset.synthetic), groups=groups, seed=SEED)
    return {"relevance": log_ratio, "relevance_auc": np.array(auc)}


def support(dataset: Dataset, positions: np.ndarray) -> Arrays:
    """How far each real row is from synthetic ones of its class, and the regions that have none."""
    n, known = len(dataset.synthetic), dataset.known_real
    labels, real_labels = dataset.label_codes(dataset.synthetic), dataset.label_codes(known)
    ratio, radius = support_ratio(positions[:n], labels, positions[n:], real_labels)
    numbers = hole_numbers(positions[n:], real_labels, ratio, radius)
    return {
        "ratio": ratio,
        "hole_numbers": numbers,
        "hole_words": np.array([" ".join(words) for words in hole_words(_joined(known), numbers)], dtype=np.str_),
        "uncovered": np.array(uncovered_share(ratio)),
        "uncovered_by_chance": np.array(uncovered_by_chance(labels, real_labels)),
    }


def coordinates(positions: np.ndarray, graph: Arrays) -> Arrays:
    """The map. [n + m, 2]"""
    from synweight_core import drawing

    return drawing.coordinates(positions, graph, seed=SEED)


def clusters(dataset: Dataset, xy: np.ndarray) -> Arrays:
    """Names of the regions of the map."""
    texts = [*_joined(dataset.synthetic), *_joined(dataset.known_real)]
    return cluster_labels(texts, xy, seed=SEED).to_arrays()


def findings(dataset: Dataset, graph: Arrays, quality: np.ndarray, encoder: str, report: Report) -> Arrays:
    """The flaws of the texts. `quality` is what the quality checker says of all classes. [n + m, K]"""
    from synweight_core.flaws.examination import examine
    from synweight_core.flaws.seen import seen

    texts = seen(dataset, graph=graph, quality=quality, encoder=encoder)
    return examine(texts, progress=progress_of(report, "findings"))


def folds(dataset: Dataset, vectors: Arrays, groups: np.ndarray) -> Arrays:
    """What quality checkers say that have not seen a fold of the real rows, for forecasts."""
    from synweight_core.checker_columns import checker_rows, map_labels
    from synweight_core.folds import cross_fit_quality

    found = cross_fit_quality(
        checker_rows(dataset, lambda: features(vectors)), map_labels(dataset), groups, positions=vectors["positions"],
        n_synthetic=len(dataset.synthetic), n_classes=len(dataset.labels), checker=PROBE, seed=SEED,
    )  # fmt: skip
    return vars(found)


def features(vectors: Arrays) -> Features:
    """What linear probes read, read when asked for."""
    return Features((vectors["first"], vectors["second"]) if "second" in vectors else (vectors["positions"],))


def progress_of(report: Report, stage: str) -> Callable[[int, int], None]:
    """A function that tells how far a stage has come."""
    return lambda done, total: report({"event": "stage", "stage": stage, "done": done, "total": total})


def _joined(rows: pd.DataFrame) -> list[str]:
    """Both texts of each row as one."""
    return [f"{text} {text_b}" for text, text_b in zip(rows["text"], rows["text_b"], strict=True)]
