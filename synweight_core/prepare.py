"""From a project's rows to everything that the map and the weights need, each stage cached by content.

vectors -> neighbour graph -> checkers, relevance, support, map, folds; map -> clusters; checkers -> findings.
`prepare` computes (in a worker process); `load_prepared` only reads, and imports nothing heavy, so that pages may call
it. Test rows take no part in any of it, except that rows which repeat one are found.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synweight_core import cache, stages
from synweight_core.clusters import ClusterLabels
from synweight_core.compilation import compiled_map
from synweight_core.data import Dataset
from synweight_core.errors import NotFoundError
from synweight_core.folds import Folds
from synweight_core.known_vectors import KnownVectors, known_vectors
from synweight_core.models import fingerprint
from synweight_core.pairs import pair_features
from synweight_core.projects import Project, load_dataset, load_project
from synweight_core.sampling import is_many
from synweight_core.stages import SEED, Report
from synweight_core.support import Hole, holes
from synweight_core.tuning import PROBE, Tuning, checker_key
from synweight_core.vectors import remove_pieces, texts_of

STAGES = {
    "vectors": "Reading the texts",
    "graph": "Finding neighbours",
    "checkers": "Training the two checkers",
    "relevance": "Telling real from synthetic rows",
    "support": "Looking for gaps in the synthetic rows",
    "map": "Drawing the map",
    "clusters": "Naming the regions of the map",
    "findings": "Examining the texts",
    "folds": "Training checkers fold by fold, for forecasts",
}
# raise one when its results change
_VERSIONS = {
    "vectors": 1, "graph": 1, "checkers": 1, "folds": 2, "relevance": 1, "support": 1, "map": 3, "clusters": 2,
    "findings": 1,
}  # fmt: skip
_NEEDS = {
    "vectors": (), "graph": ("vectors",), "checkers": ("graph",), "folds": ("graph",), "relevance": ("graph",),
    "support": (), "map": ("graph",), "clusters": ("graph", "map"),
    "findings": ("graph", "checkers"),
}  # fmt: skip
_LATER = ("findings", "folds")  # the validation report and forecasts need them: pages open before they are there
_OF_CHECKER = ("checkers", "findings")  # stages that another kind of checker changes
_SHOWN = tuple(stage for stage in STAGES if stage not in ("vectors", *_LATER))
_UNSHOWN = ("indices", "distances")  # of the graph


@dataclass(frozen=True)
class Prepared:
    """Computed columns; rows in the order synthetic (n), then known real (m).

    `quality` and `diversity` are calibrated log-probabilities of all classes, [n + m, K], out of fold where
    a row was trained on. `facts` has temperature, accuracy and calibration error of both checkers,
    `relevance_auc` (0.5: real and synthetic rows are alike), the shares `uncovered` and `uncovered_by_chance` of
    real rows, and `drawn` where the map was fitted on a sample of so many rows.
    """

    n_synthetic: int
    xy: np.ndarray  # [n + m, 2] float32
    groups: np.ndarray  # [n + m] int32, near-duplicate groups
    quality: np.ndarray
    diversity: np.ndarray
    labels: np.ndarray  # [n + m] int64
    relevance: np.ndarray  # [n + m] float32, log P(x)/Q(x) of real against synthetic texts, nats
    support: np.ndarray  # [m] float32: above 1 no synthetic row is near; NaN not judged
    holes: tuple[Hole, ...]  # regions of real rows without support, largest first
    clusters: ClusterLabels
    facts: dict[str, float]

    @cached_property
    def log_quality(self) -> np.ndarray:
        """Of each synthetic row's label, nats; NaN where the real rows lack the label. [n]"""
        return self._of_label(self.quality)

    @cached_property
    def log_reference(self) -> np.ndarray:
        """Of each synthetic row's label by the diversity checker, nats. [n]"""
        return self._of_label(self.diversity)

    @property
    def map_note(self) -> str:
        """How the map was made, where it was fitted on a sample; else ""."""
        if "drawn" not in self.facts:
            return ""
        fitted = f"Map fitted on {self.facts['drawn']:,.0f} of {len(self.xy):,} rows"
        return f"{fitted}; the others are placed at their nearest neighbours."

    def _of_label(self, log_probs: np.ndarray) -> np.ndarray:
        rows = np.arange(self.n_synthetic)
        return log_probs[rows, self.labels[rows]].astype(np.float64, copy=False)


def load_prepared(project: Project) -> Prepared | None:
    """What `prepare` stored, or None until all of it is there."""
    parts: dict[str, cache.Arrays] = {}
    for stage in _SHOWN:
        part = cache.load(stage, cache_key(project, stage), leave=_UNSHOWN)
        if part is None:
            return None
        parts[stage] = part
    graph, checkers, drawn = parts["graph"], parts["checkers"], parts["map"]
    n = project.counts["synthetic"]
    return Prepared(
        n_synthetic=n,
        xy=drawn["xy"],
        groups=graph["groups"],
        quality=checkers["quality"],
        diversity=checkers["diversity"],
        labels=checkers["labels"],
        relevance=parts["relevance"]["relevance"],
        support=parts["support"]["ratio"],
        holes=_holes(project, parts["support"], labels=checkers["labels"][n:], xy=drawn["xy"][n:]),
        clusters=ClusterLabels.from_arrays(parts["clusters"]),
        facts={name: float(value) for part in parts.values() for name, value in part.items() if value.ndim == 0},
    )


def need_prepared(project: Project) -> Prepared:
    """What `prepare` stored. Raises NotFoundError when it has not run."""
    prepared = load_prepared(project)
    if prepared is None:
        raise _not_prepared(project)
    return prepared


def load_positions(project: Project) -> np.ndarray:
    """Unit vectors of all rows, memory-mapped read-only, [n + m, d]. Raises NotFoundError when there are none."""
    positions = cache.load_mapped("vectors", cache_key(project, "vectors"), "positions")
    if positions is None:
        raise _not_prepared(project)
    return positions


def load_folds(project: Project) -> Folds:
    """What the checkers of all folds say. Raises NotFoundError when it is not computed."""
    stored = cache.load("folds", cache_key(project, "folds"))
    if stored is None:
        raise _not_prepared(project)
    return Folds(**stored)


def load_features(project: Project, rows: np.ndarray) -> np.ndarray:
    """What linear probes read of these rows: the vectors, or features of the pairs. [k, d] float32

    Raises NotFoundError when there are no vectors.
    """
    if not project.is_pairs:
        return np.asarray(load_positions(project)[rows], dtype=np.float32)
    sides = [cache.load_mapped("vectors", cache_key(project, "vectors"), name) for name in ("first", "second")]
    if any(side is None for side in sides):
        raise _not_prepared(project)
    return pair_features(*(np.asarray(side[rows], dtype=np.float32) for side in sides if side is not None))


def is_prepared(project: Project) -> bool:
    """Whether all that the pages need is stored, without reading it."""
    return all(cache.exists(stage, cache_key(project, stage)) for stage in STAGES if stage not in _LATER)


def has_folds(project: Project) -> bool:
    """Whether what forecasts need is stored, without reading it."""
    return cache.exists("folds", cache_key(project, "folds"))


def has_findings(project: Project) -> bool:
    """Whether the texts were examined, without reading what was found."""
    return cache.exists("findings", cache_key(project, "findings"))


def is_complete(project: Project) -> bool:
    """Whether `prepare` has nothing left to do, without reading anything."""
    return is_prepared(project) and has_findings(project) and has_folds(project)


def prepare(project: Project, report: Report, *, device: str = "auto") -> None:
    """Compute what is missing. `report` gets {"event": "stage", "stage", "done", "total"}."""
    dataset = load_dataset(project)

    def stage(name: str, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        report({"event": "stage", "stage": name, "done": 0, "total": 1})
        return cache.cached(name, cache_key(project, name), compute)

    vectors = _stored_vectors(project, dataset, report, device)
    graph = stage("graph", lambda: stages.graph(dataset, vectors["positions"], report))
    tuning = replace(tuning_of(project), device=device)
    groups = graph["groups"]
    checkers = stage("checkers", lambda: stages.checkers(dataset, vectors, groups, report, project.checker, tuning))
    stage("relevance", lambda: stages.relevance(dataset, vectors, groups))
    stage("support", lambda: stages.support(dataset, vectors["positions"]))
    drawn = stage("map", lambda: stages.coordinates(vectors["positions"], graph))
    stage("clusters", lambda: stages.clusters(dataset, drawn["xy"]))
    stage("findings", lambda: stages.findings(dataset, graph, checkers["quality"], project.encoder, report))
    stage("folds", lambda: stages.folds(dataset, vectors, groups))


def _not_prepared(project: Project) -> NotFoundError:
    return NotFoundError(
        f"Project '{project.id}' is not prepared yet. Run 'synweight prepare {project.id}', or open its map in the app."
    )


def tuning_of(project: Project) -> Tuning:
    """How the checkers of a project are fine-tuned, if they are."""
    return Tuning(backbone=project.checker_model)


def cache_key(project: Project, stage: str) -> str:
    """Under which key the cache has a stage of this project: its content, encoder, seed, checker and versions."""
    versions = {name: _VERSIONS[name] for name in (stage, *_NEEDS[stage], "vectors")}
    model = (project.encoder, fingerprint(project.encoder))
    checker = checker_key(project.checker, tuning_of(project)) if stage in _OF_CHECKER else PROBE
    return cache.content_key(project.data_hash, model, SEED, checker, versions)


def judged(dataset: Dataset, encoder: str, *, report: Report, device: str = "auto") -> Prepared:
    """The columns that weights are made of, by probes, without the cache; all of the map and of support is empty.

    `report` gets what that of `prepare` gets. Raises ModelError when the encoder cannot be loaded.
    """

    def stage(name: str, compute: Callable[[], cache.Arrays]) -> cache.Arrays:
        report({"event": "stage", "stage": name, "done": 0, "total": 1})
        return compute()

    vectors = stage("vectors", lambda: stages.vectors(encoder, dataset, report, device))
    groups = stage("graph", lambda: stages.graph(dataset, vectors["positions"], report))["groups"]
    checkers = stage("checkers", lambda: stages.checkers(dataset, vectors, groups, report, PROBE, Tuning()))
    relevance = stage("relevance", lambda: stages.relevance(dataset, vectors, groups))["relevance"]
    nothing = np.zeros(0)
    no_clusters = ClusterLabels(nothing, nothing, nothing, nothing, [])
    return Prepared(
        n_synthetic=len(dataset.synthetic), xy=np.zeros((len(groups), 2)), groups=groups, relevance=relevance,
        support=nothing, holes=(), clusters=no_clusters, facts={},
        **{name: checkers[name] for name in ("quality", "diversity", "labels")},
    )  # fmt: skip


def _known(project: Project) -> dict[str, KnownVectors]:
    """The vectors of the project to which rows were added, by column of texts; {} where there are none."""
    try:
        before = load_project(project.after) if project.after else None
    except NotFoundError:
        return {}
    if before is None or before.encoder != project.encoder:
        return {}
    rows, known = load_dataset(before), {}
    names = {"text": "first", "text_b": "second"} if before.is_pairs else {"text": "positions"}
    for column, name in names.items():
        vectors = cache.load_mapped("vectors", cache_key(before, "vectors"), name)
        if vectors is not None:
            known[column] = known_vectors(texts_of(rows, column), vectors)
    return known


def _stored_vectors(project: Project, dataset: Dataset, report: Report, device: str) -> cache.Arrays:
    """The vectors, computed from the pieces that are there when they are not stored; memory maps of very many rows."""
    key = cache_key(project, "vectors")
    stages.progress_of(report, "vectors")(0, 1)

    def compute() -> cache.Arrays:
        with compiled_map():  # the encoder leaves a processor idle now and then
            return stages.vectors(project.encoder, dataset, report, device, kept_as=key, known=_known(project))

    find = cache.cached_mapped if is_many(len(dataset.synthetic) + len(dataset.known_real)) else cache.cached
    found = find("vectors", key, compute)
    remove_pieces(key)
    return found


def _holes(project: Project, support: cache.Arrays, *, labels: np.ndarray, xy: np.ndarray) -> tuple[Hole, ...]:
    return holes(
        support["hole_numbers"],
        support["ratio"],
        labels=[project.labels[label] for label in labels],
        xy=xy,
        words=[str(words).split() for words in support["hole_words"]],
        n_synthetic=project.counts["synthetic"],
    )
