"""Claims about data sets of very many rows, with the threshold lowered: samples, pieces, placed rows, interruptions."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, until
from many_texts import PIECE_TEXTS, FakeModel, made_dataset, vectors_of

from synweight_core import cells, drawing, following, neighbors, placement, prepare, projects, sampling, storage
from synweight_core.checker_rows import Rows
from synweight_core.checkers import probe_checker
from synweight_core.clusters import cluster_labels
from synweight_core.pairs import Features, pair_features
from synweight_core.relevance import relevance
from synweight_core.sampling import pieces, rows_of_fit, rows_of_map
from synweight_core.support import support_ratio

FEW = 300


@pytest.fixture
def few(monkeypatch):
    """More than FEW rows are very many."""
    monkeypatch.setattr(sampling, "MANY_ROWS", FEW)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clumps(n: int, *, n_clumps: int = 40, noise: float = 0.25, d: int = 24) -> np.ndarray:
    """Unit vectors around common centres, in turn. [n, d]"""
    random = np.random.default_rng(0)
    centres = unit(random.normal(size=(n_clumps, d)))
    return unit(centres[np.arange(n) % n_clumps] + noise * random.normal(size=(n, d)) / np.sqrt(d))


# --- samples and pieces ---------------------------------------------------------------------


def test_pieces_cover_all_rows_once_and_few_rows_are_one_piece(few):
    assert list(pieces(FEW)) == [slice(0, 300)]
    assert list(pieces(FEW + 1)) == [slice(0, 300), slice(300, 301)]
    assert list(pieces(5, size=2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(pieces(0)) == []


def test_sample_of_the_map_has_all_real_rows_and_is_seeded(few):
    rows = rows_of_map(2000, 50, seed=0)
    assert len(rows) == FEW and (np.diff(rows) > 0).all()
    assert set(range(2000, 2050)) <= set(rows.tolist())
    assert np.array_equal(rows, rows_of_map(2000, 50, seed=0)) and not np.array_equal(
        rows, rows_of_map(2000, 50, seed=1)
    )


def test_sample_of_the_map_is_synthetic_by_half_at_least(few):
    assert (rows_of_map(2000, 5000, seed=0) < 2000).sum() == FEW // 2


def test_sample_of_a_fit_knows_every_class_and_small_data_are_not_sampled(few, monkeypatch):
    monkeypatch.setattr(sampling, "ROWS_PER_CLASS", 5)
    labels = np.repeat([0, 1, 2], [5000, 4, 9])
    rows = rows_of_fit(labels, seed=0)
    assert FEW <= len(rows) <= FEW + 15 and (labels[rows] == 1).sum() == 4 and (labels[rows] == 2).sum() >= 5
    assert rows_of_fit(labels[:FEW], seed=0).tolist() == list(range(FEW))


def test_features_are_float32_of_the_rows_that_are_asked_for():
    first, second = (np.array(side, dtype=np.float16) for side in ([[1, 0], [0, 1]], [[0.5, 0], [0, 1]]))
    assert Features((first,))[np.array([1])].tolist() == [[0, 1]] and Features((first,))[:1].dtype == np.float32
    wanted = pair_features(first.astype(np.float32), second.astype(np.float32))
    assert Features((first, second))[np.array([True, True])].tolist() == wanted.tolist()


# --- neighbours -----------------------------------------------------------------------------


def exact(vectors, rows, sample, k):
    order = np.argsort(-(vectors[rows] @ vectors[sample].T), axis=1, kind="stable")[:, :k]
    return sample[order]


def test_neighbours_in_cells_are_nearly_all_of_the_true_ones_nearest_first():
    vectors = clumps(3000)
    sample = np.arange(0, 3000, 2)
    rows = np.arange(1, 3000, 2)
    found, distances = cells.nearest_in_cells(vectors.astype(np.float16), rows, sample, k=10)
    truth = exact(vectors, rows, sample, 10)
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]) > 0.9
    assert (np.diff(distances, axis=1) >= 0).all() and (found[:, 0] == truth[:, 0]).mean() > 0.9
    np.testing.assert_allclose(distances[0], np.linalg.norm(vectors[1] - vectors[found[0]], axis=1), atol=2e-3)


def test_neighbours_do_not_depend_on_the_size_of_a_piece(monkeypatch):
    vectors, sample, rows = clumps(900), np.arange(0, 900, 3), np.setdiff1d(np.arange(900), np.arange(0, 900, 3))
    whole = cells.nearest_in_cells(vectors, rows, sample, k=5)
    monkeypatch.setattr(cells, "PIECE_ROWS", 64)
    parts = cells.nearest_in_cells(vectors, rows, sample, k=5)
    assert (whole[0] == parts[0]).mean() > 0.99
    np.testing.assert_allclose(whole[1], parts[1], atol=1e-3)


def test_where_cells_hold_too_few_rows_the_nearest_is_repeated():
    vectors = unit(np.array([[1.0, 0], [0, 1], [1, 0.1]]))
    found, _ = cells.nearest_in_cells(vectors, np.array([2]), np.array([0, 1]), k=4)
    assert found.tolist() == [[0, 1, 0, 0]]


def test_near_duplicates_of_rows_that_are_not_sampled_are_found():
    vectors = clumps(1200, n_clumps=1200, noise=0.0)
    random = np.random.default_rng(1)
    origins = np.arange(0, 400)
    vectors = np.concatenate([vectors, unit(vectors[origins] + 0.05 * random.normal(size=(400, 24)) / np.sqrt(24))])
    sample = np.arange(1, 1600, 4)
    indices, distances = neighbors.nearest_of_sample(vectors, sample, k=8)
    groups = neighbors.near_duplicate_groups_of_many(vectors, sample, indices, distances)
    truth = neighbors.near_duplicate_groups(*neighbors.nearest(vectors))
    assert (groups[:400] == groups[1200:]).mean() > 0.97
    apart = np.bincount(truth)[truth] == 1
    assert (np.bincount(groups)[groups][apart] == 1).all()


def test_a_company_that_is_too_large_is_compared_in_parts(monkeypatch):
    monkeypatch.setattr(neighbors, "MAX_COMPANY", 10)
    vectors = np.concatenate([np.tile(unit(np.ones((1, 8))), (200, 1)), unit(np.eye(8))])
    sample = np.array([0, 100, *range(200, 208)])
    indices, distances = neighbors.nearest_of_sample(vectors, sample, k=3)
    groups = neighbors.near_duplicate_groups_of_many(vectors, sample, indices, distances)
    assert len(set(groups[:200])) == 1 and len(set(groups)) == 9


# --- placed rows ----------------------------------------------------------------------------

PLACES = np.array([[0.0, 0], [0.4, 0], [10, 10], [10.4, 10]], dtype=np.float32)


def test_row_between_two_places_goes_to_the_one_with_most_neighbours_not_into_the_void():
    placed = placement.place(np.array([[2, 0, 1]]), np.array([[0.5, 0.5, 0.5]]), PLACES)
    np.testing.assert_allclose(placed, [[0.2, 0]], atol=6 * placement.JITTER)


def test_near_neighbours_count_more():
    placed = placement.place(np.array([[0, 1]]), np.array([[0.1, 0.5]]), PLACES)
    weight = np.exp(-0.4 / 0.2)
    np.testing.assert_allclose(placed, [[0.4 * weight / (1 + weight), 0]], atol=6 * placement.JITTER)


def test_copies_of_a_drawn_row_lie_beside_it_each_in_a_place_of_its_own():
    placed = placement.place(np.zeros((50, 3), dtype=int), np.zeros((50, 3)), PLACES, seed=1)
    assert np.abs(placed).max() < 6 * placement.JITTER and len(np.unique(placed, axis=0)) == 50
    assert np.array_equal(placed, placement.place(np.zeros((50, 3), dtype=int), np.zeros((50, 3)), PLACES, seed=1))


# --- what judges rows -----------------------------------------------------------------------


def blobs(n):
    """Two clouds that touch, and their labels in turn."""
    labels = np.arange(n) % 2
    return np.random.default_rng(0).normal(3 * labels[:, None] * [1, 0], 1, size=(n, 2)), labels


def test_checker_fitted_on_a_sample_says_of_all_rows_what_one_fitted_on_all_says(monkeypatch):
    features, labels = blobs(3000)
    rows, other = Rows.of_features(features), Rows.of_features(features[:700])
    whole = probe_checker(rows, labels, other, n_classes=2)
    monkeypatch.setattr(sampling, "MANY_ROWS", 600)
    part = probe_checker(rows, labels, other, n_classes=2)
    assert part.trained.shape == whole.trained.shape and part.other.shape == whole.other.shape
    for own, all_rows in ((part.trained, whole.trained), (part.other, whole.other)):
        assert np.abs(np.exp(own) - np.exp(all_rows)).mean() < 0.03


def test_rows_beyond_the_sample_are_told_by_a_model_without_their_near_duplicates(monkeypatch):
    monkeypatch.setattr(sampling, "MANY_ROWS", 100)
    monkeypatch.setattr(sampling, "ROWS_PER_CLASS", 10)
    features, labels = blobs(400)
    own = np.repeat(np.arange(200), 2)  # each row has a copy
    features = np.hstack([features[own], 30 * np.eye(200)[own]])
    labels = np.random.default_rng(0).permutation(labels[:200])[own]  # nothing to learn, all to memorise
    scores = probe_checker(Rows.of_features(features), labels, Rows.of_features(features[:0]), n_classes=2, groups=own)
    right = scores.trained.argmax(axis=1) == labels
    assert right.mean() < 0.65


@pytest.mark.parametrize("size", [50, 10_000])
def test_relevance_does_not_depend_on_the_size_of_a_piece(monkeypatch, size):
    features, _ = blobs(800)
    features = features.astype(np.float32)
    groups = np.arange(800)
    whole, auc = relevance(features, n_synthetic=500, groups=groups)
    monkeypatch.setattr(sampling, "MANY_ROWS", size)
    found, same = relevance(Features((features,)), n_synthetic=500, groups=groups)
    np.testing.assert_allclose(found, whole, atol=1e-4)
    assert same == pytest.approx(auc)


def test_support_of_float16_vectors_is_that_of_float32():
    vectors = clumps(300)
    labels = np.arange(300) % 2
    halves = vectors.astype(np.float16)
    whole, _ = support_ratio(vectors[:200], labels[:200], vectors[200:], labels[200:])
    found, _ = support_ratio(halves[:200], labels[:200], halves[200:], labels[200:])
    np.testing.assert_allclose(found, whole, rtol=0.02)


def test_names_of_regions_from_a_sample_of_the_words(few):
    xy = np.repeat([[0.0, 0.0], [9.0, 9.0]], 500, axis=0) + np.random.default_rng(0).normal(size=(1000, 2))
    found = cluster_labels(["parcel late courier"] * 500 + ["refund money bank"] * 500, xy)
    assert any("parcel" in name for name in found.names) and any("refund" in name for name in found.names)
    assert found.size[found.level == 0].sum() > FEW  # sizes are those of all rows


# --- preparation ----------------------------------------------------------------------------


@pytest.fixture
def encoder(monkeypatch):
    """A function that makes a FakeModel the encoder."""
    embedding = pytest.importorskip("synweight_core.embedding")
    monkeypatch.setattr(embedding, "PIECE_TEXTS", PIECE_TEXTS)
    monkeypatch.setattr(prepare, "compiled_map", nullcontext)

    def use(**options):
        model = FakeModel(**options)
        monkeypatch.setattr(embedding, "load_encoder", lambda encoder, *, device: model)
        return model

    return use


def test_interrupted_preparation_goes_on_at_the_piece_where_it_stopped(encoder):
    project = projects.create_project(made_dataset(400), "shop")
    broken = encoder(breaks_after=200)
    with pytest.raises(KeyboardInterrupt):
        vectors_of(project)
    kept = storage.home() / "cache" / "pieces"
    assert len(list(kept.iterdir())) == 3 == len(broken.read) // 64  # 192 of the texts
    whole = encoder()
    events = []
    found = vectors_of(project, events.append)
    assert not set(broken.read[:192]) & set(whole.read)
    assert events[-1] == {
        "event": "stage",
        "stage": "vectors",
        "done": events[-1]["total"],
        "total": events[-1]["total"],
    }
    assert not list(kept.iterdir())  # they are part of the stored vectors
    embedding = sys.modules["synweight_core.embedding"]
    dataset = projects.load_dataset(project)
    texts = [*dataset.synthetic["text"], *dataset.known_real["text"]]
    assert np.array_equal(found, embedding.embed_with(FakeModel(), texts))


def test_vectors_of_very_many_rows_are_mapped_float16(encoder, few):
    project = projects.create_project(made_dataset(400), "shop")
    encoder()
    found = vectors_of(project)
    assert isinstance(found, np.memmap) and found.dtype == np.float16
    assert np.abs(np.linalg.norm(found.astype(np.float32), axis=1) - 1).max() < 2e-3
    encoder(breaks_after=0)
    assert np.array_equal(vectors_of(project), found)


def test_killed_preparation_leaves_whole_pieces_and_goes_on(encoder, workspace):
    program = [sys.executable, "tests/many_texts.py"]
    kept = workspace / "cache" / "pieces"
    with subprocess.Popen(program, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}) as child:
        try:
            until(lambda: len(list(kept.glob("[0-9a-f]*.npz"))) >= 2)
        finally:
            child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    there = len(list(kept.glob("[0-9a-f]*.npz")))
    (project,) = projects.list_projects()
    model = encoder()
    found = vectors_of(project)
    texts = {*made_dataset(400).synthetic["text"], *made_dataset(400).known_real["text"]}
    assert len(model.read) == len(texts) - 64 * there
    assert np.isfinite(found).all() and len(found) == project.counts["synthetic"] + len(made_dataset(400).known_real)


def test_very_many_rows_are_prepared_and_the_map_says_on_how_many_it_was_fitted(encoder, few, monkeypatch):
    project = projects.create_project(made_dataset(700), "shop")
    encoder()
    drawn = SimpleNamespace(project=lambda vectors, indices, distances, *, seed=0: vectors[:, :2].astype(np.float32))
    monkeypatch.setitem(sys.modules, "synweight_core.projection", drawn)
    stages = []
    prepare.prepare(project, lambda event: stages.append(event["stage"]), device="cpu")
    prepared = prepare.need_prepared(project)
    assert list(dict.fromkeys(stages)) == [*prepare.STAGES]
    n = len(prepared.xy)
    assert prepared.map_note == f"Map fitted on 300 of {n} rows; the others are placed at their nearest neighbours."
    assert np.isfinite(prepared.xy).all() and len(np.unique(prepared.groups)) > 1
    assert prepared.quality.dtype == np.float32 and prepared.log_quality.dtype == np.float64
    assert np.isfinite(prepared.log_quality).all() and np.isfinite(prepared.relevance).all()


def test_a_preparation_that_was_stopped_says_how_to_go_on(monkeypatch, capsys):
    run = SimpleNamespace(kind="prepare", status="stopped", project="shop-1", error=None, result={"stopped": True})
    monkeypatch.setattr(following, "runs", SimpleNamespace(wait=lambda *_, **__: iter(()), load_run=lambda _: run))
    assert following.follow("1-prepare")
    assert capsys.readouterr().out.endswith("What was computed is kept. To go on: synweight prepare shop-1\n")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Tensorflow not installed")  # umap tells at its import
def test_placed_rows_keep_their_neighbourhoods_as_fitted_ones_do(monkeypatch):
    from sklearn.manifold import trustworthiness

    vectors = clumps(1500, n_clumps=15, noise=0.8)
    monkeypatch.setattr(sampling, "MANY_ROWS", 750)
    graph = drawing.neighbour_graph(vectors, n_synthetic=1400, seed=0, progress=lambda done, total: None)
    drawn = drawing.coordinates(vectors, graph, seed=0)
    rest = np.setdiff1d(np.arange(1500), graph["drawn"])
    fitted, placed = (
        trustworthiness(vectors[rows], drawn["xy"][rows], n_neighbors=15) for rows in (graph["drawn"], rest)
    )
    assert int(drawn["drawn"]) == 750 and placed > fitted - 0.03


# --- the benchmark --------------------------------------------------------------------------


def test_made_rows_differ_and_their_vectors_are_near_those_of_the_texts(benchmark, tmp_path):
    job, scale = benchmark("scale_job"), benchmark("scale")
    written = pd.DataFrame({"text": ["where is it", "pay me", "hello"], "label": ["a", "b", "b"]})
    made = scale.edited(written, 30)
    assert made["text"].nunique() == 30 and made["text"][:3].tolist() == written["text"].tolist()
    assert made["label"].tolist() == ["a", "b", "b"] * 10
    (tmp_path / "base.json").write_text('["where is it", "pay me", "hello"]')
    np.save(tmp_path / "base.npy", np.eye(3, 40, dtype=np.float32))
    vectors = job.MadeEncoder(tmp_path).encode(made["text"].tolist())
    assert np.array_equal(vectors, job.MadeEncoder(tmp_path).encode(made["text"].tolist()))
    assert vectors[:3].tolist() == np.eye(3, 40).tolist() and len(np.unique(vectors, axis=0)) == 30
    assert (np.argmax(unit(vectors) @ np.eye(3, 40).T, axis=1) == np.arange(30) % 3).all()


def test_figures_of_the_benchmark_are_told_with_their_bounds(benchmark, tmp_path):
    scale = benchmark("scale")
    cost = {"seconds": 1.0, "cpu_seconds": 2.0, "peak_memory_mb": 3000.0}
    seconds = dict.fromkeys(scale.PAGES, 1.5)
    values = {
        "rows": 7, "worker_peak_mb": 3000.0, "encoder_hours": 1.25, "slowest_page_s": 1.5,
        "project": {"steps": {"read the files": cost}, "counts": {"synthetic": 7}},
        "prepare": {"steps": {"vectors": cost}, "cache_mb": {"graph": 5.0}},
        "base": {"texts_per_second": 200.0}, "meters": {"meters_ms": 180.0, "steps": {"load": cost}},
        "pages": dict.fromkeys(("cold", "cold_cpu", "warm", "warm_cpu"), seconds)
        | {"server_peak_mb": 900.0, "server_mb": 800.0, "server_mapped_mb": 90.0},
    }  # fmt: skip
    measuring = benchmark("measuring")
    measuring.save_part(tmp_path, "scale", "rows", values, stamped=measuring.stamp(), render=scale.report)
    told = (tmp_path / "scale.md").read_text()
    assert "at most 3,000 MB (bound 8,000)" in told and "in 180 ms (target 300)" in told
    assert "| vectors | 1.00 | 2.00 | 3,000 |" in told and "| map | 1.50 | 1.50 | 1.50 | 1.50 |" in told
    quick = json.loads(scale.quick(tmp_path))
    assert quick["meters_ms_1m"] == 180.0 and quick["slowest_page_s"] == 1.5 and quick["missing"] == []
