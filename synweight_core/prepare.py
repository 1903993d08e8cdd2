"""From a project's rows to everything that the map and the weights need, each stage cached by content.

vectors -> neighbour graph -> checkers -> map. `prepare` computes (in a worker process); `load_prepared`
only reads, and imports nothing heavy, so that pages may call it. Test rows take no part in any of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synweight_core import cache
from synweight_core.data import Dataset
from synweight_core.errors import NotFoundError
from synweight_core.models import fingerprint
from synweight_core.projects import Project, load_dataset

Report = Callable[[dict[str, Any]], None]

STAGES = {
    "vectors": "Reading the texts",
    "graph": "Finding neighbours",
    "checkers": "Training the two checkers",
    "map": "Drawing the map",
}
_VERSIONS = {"vectors": 1, "graph": 1, "checkers": 1, "map": 2}  # raise one when its results change
_NEEDS = {"vectors": (), "graph": ("vectors",), "checkers": ("graph",), "map": ("graph",)}
SEED = 0
CHECKER = "probe"


@dataclass(frozen=True)
class Prepared:
    """Computed columns; rows in the order synthetic (n), then known real (m).

    `quality` and `diversity` are calibrated log-probabilities of all classes, [n + m, K], out of fold where
    a row was trained on. `facts` has temperature, accuracy and calibration error of both checkers.
    """

    n_synthetic: int
    xy: np.ndarray  # [n + m, 2] float32
    groups: np.ndarray  # [n + m] int32, near-duplicate groups
    quality: np.ndarray
    diversity: np.ndarray
    labels: np.ndarray  # [n + m] int64
    facts: dict[str, float]

    @property
    def log_quality(self) -> np.ndarray:
        """Of each synthetic row's label, nats; NaN where the real rows lack the label. [n]"""
        return self._of_label(self.quality)

    @property
    def log_reference(self) -> np.ndarray:
        """Of each synthetic row's label by the diversity checker, nats. [n]"""
        return self._of_label(self.diversity)

    def _of_label(self, log_probs: np.ndarray) -> np.ndarray:
        rows = np.arange(self.n_synthetic)
        return log_probs[rows, self.labels[rows]]


def load_prepared(project: Project) -> Prepared | None:
    """What `prepare` stored, or None until all of it is there."""
    parts = {stage: cache.load(stage, _key(project, stage)) for stage in ("graph", "checkers", "map")}
    if any(part is None for part in parts.values()):
        return None
    graph, checkers, drawn = (parts[stage] or {} for stage in ("graph", "checkers", "map"))
    return Prepared(
        n_synthetic=project.counts["synthetic"],
        xy=drawn["xy"],
        groups=graph["groups"],
        quality=checkers["quality"],
        diversity=checkers["diversity"],
        labels=checkers["labels"],
        facts={name: float(value) for name, value in checkers.items() if value.ndim == 0},
    )


def need_prepared(project: Project) -> Prepared:
    """What `prepare` stored. Raises NotFoundError when it has not run."""
    prepared = load_prepared(project)
    if prepared is None:
        raise NotFoundError(
            f"Project '{project.id}' is not prepared yet. Run 'synweight prepare {project.id}', or open its "
            "map in the app."
        )
    return prepared


def is_prepared(project: Project) -> bool:
    """Whether everything is stored, without reading it."""
    return all(cache.exists(stage, _key(project, stage)) for stage in STAGES)


def prepare(project: Project, report: Report, *, device: str = "auto") -> None:
    """Compute what is missing. `report` gets {"event": "stage", "stage", "done", "total"}."""
    dataset = load_dataset(project)

    def stage(name: str, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        report({"event": "stage", "stage": name, "done": 0, "total": 1})
        return cache.cached(name, _key(project, name), compute)

    vectors = stage("vectors", lambda: _vectors(project, dataset, report, device))
    graph = stage("graph", lambda: _graph(vectors["positions"]))
    stage("checkers", lambda: _checkers(dataset, vectors, graph["groups"]))
    stage("map", lambda: _map(vectors["positions"], graph))


def _key(project: Project, stage: str) -> str:
    versions = {name: _VERSIONS[name] for name in (stage, *_NEEDS[stage], "vectors")}
    model = (project.encoder, fingerprint(project.encoder))
    return cache.content_key(project.data_hash, model, SEED, CHECKER, versions)


def _vectors(project: Project, dataset: Dataset, report: Report, device: str) -> cache.Arrays:
    from synweight_core.embedding import embed, pair_positions

    def side(name: str, number: int) -> np.ndarray:
        texts = [*dataset.synthetic[name], *dataset.known_real[name]]
        sides = 2 if dataset.is_pairs else 1

        def progress(done: int, total: int) -> None:
            share = {"done": done + number * total, "total": total * sides}
            report({"event": "stage", "stage": "vectors", **share})

        return embed(texts, encoder=project.encoder, device=device, progress=progress)

    first = side("text", 0)
    if not dataset.is_pairs:
        return {"positions": first}
    second = side("text_b", 1)
    return {"positions": pair_positions(first, second), "first": first, "second": second}


def _graph(positions: np.ndarray) -> cache.Arrays:
    from synweight_core.neighbors import near_duplicate_groups, nearest

    indices, distances = nearest(positions, seed=SEED)
    groups = near_duplicate_groups(indices, distances)
    return {"indices": indices, "distances": distances, "groups": groups}


def _checkers(dataset: Dataset, vectors: cache.Arrays, groups: np.ndarray) -> cache.Arrays:
    from synweight_core.checkers import CHECKERS
    from synweight_core.embedding import pair_features

    pairs = "second" in vectors
    features = pair_features(vectors["first"], vectors["second"]) if pairs else vectors["positions"]
    known = dataset.known_real
    labels = np.concatenate([dataset.label_codes(dataset.synthetic), dataset.label_codes(known)])
    is_synthetic = np.arange(len(labels)) < len(dataset.synthetic)
    is_checker_train = np.zeros(len(labels), dtype=bool)
    is_checker_train[~is_synthetic] = (known["split"] == "train").to_numpy()
    result: dict[str, np.ndarray] = {"labels": labels}
    for name, trains in (("quality", is_checker_train), ("diversity", is_synthetic)):
        scores = CHECKERS[CHECKER](
            features[trains], labels[trains], features[~trains],
            n_classes=len(dataset.labels), groups=groups[trains], seed=SEED,
        )  # fmt: skip
        log_probs = np.empty((len(labels), len(dataset.labels)))
        log_probs[trains], log_probs[~trains] = scores.trained, scores.other
        result[name] = log_probs
        for fact in ("temperature", "accuracy", "calibration_error"):
            result[f"{name}_{fact}"] = np.array(getattr(scores, fact))
    return result


def _map(positions: np.ndarray, graph: cache.Arrays) -> cache.Arrays:
    from synweight_core.projection import project

    return {"xy": project(positions, graph["indices"], graph["distances"], seed=SEED)}
