"""Claims about the names on the map."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from conftest import ROOT

from synweight_core.clusters import (
    NAME_CHARS,
    ClusterLabels,
    _choose,
    class_tfidf,
    cluster_labels,
    densest,
    distinctive_words,
    nested_clusters,
    word_counts,
)


def islands(count: int, rows: int = 20) -> np.ndarray:
    """Tight clouds far from each other, [count * rows, 2], in order of cloud."""
    centres = 100.0 * np.arange(count)[:, None] * [1, 0.5]
    return np.repeat(centres, rows, axis=0) + np.random.default_rng(0).normal(size=(count * rows, 2))


def test_class_tfidf_by_hand():
    scores = class_tfidf(np.array([2, 1]), np.array([2, 4]), 3.0)
    np.testing.assert_allclose(scores, [2 * np.log(1 + 3 / 2), np.log(1 + 3 / 4)])


def test_words_that_are_as_frequent_elsewhere_are_not_distinctive():
    texts = ["the cat", "the cat", "the dog", "the dog"]
    assert distinctive_words(*word_counts(texts), np.array([0, 0, 1, 1])) == [["cat"], ["dog"]]


def test_words_of_one_row_and_numbers_are_left_out():
    counts, words = word_counts(["Red 42 once", "red 42 _ x", "RED 3rd", "3rd"])
    assert words.tolist() == ["3rd", "red"]
    assert counts.toarray().tolist() == [[0, 1], [0, 1], [1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["退货流程 refund", "退货"], ["退货"]),
        (["हिन्दी में", "हिन्दी"], ["हिन्दी"]),
        (["don’t", "don’t"], ["don’t"]),
        (["ümlaut Äther", "äther"], ["äther"]),
        (["สวัสดี", "สวัสดี"], ["ดี", "วั", "สว", "สด", "ัส"]),
    ],
)
def test_words_of_other_scripts_stay_whole(texts, words):
    assert sorted(word_counts(texts)[1]) == sorted(words)


def test_islands_are_named_by_their_words():
    words = ["parcel", "refund", "invoice"]
    texts = [f"my {word} number {i}" for word in words for i in range(20)]
    labels = cluster_labels(texts, islands(3))
    assert labels.level.tolist() == [0, 0, 0] and labels.size.tolist() == [20, 20, 20]
    assert sorted(name.split(", ")[0] for name in labels.names) == sorted(words)


def test_finer_clusters_lie_within_coarser_ones():
    levels = nested_clusters(np.random.default_rng(0).normal(size=(5000, 2)))
    assert [level.max() + 1 for level in levels] == [6, 20, 60]
    for coarse, fine in pairwise(levels):
        assert all(len(set(coarse[fine == cluster])) == 1 for cluster in set(fine))


def test_anchor_is_a_row_in_the_densest_part():
    points = np.array([[0.0, 0], [10, 0], [10.1, 0], [10, 0.1], [20, 0], [30, 0], [40, 0], [50, 0]])
    assert densest(points) in (1, 2, 3)
    assert densest(points[:1]) == 0


def test_words_of_the_parent_come_last_and_variants_not_at_all():
    ranked = ["parcel", "late", "lately", "courier", "door"]
    assert _choose(ranked, avoid=frozenset({"parcel"}), taken=set()) == ["late", "courier", "door"]
    assert _choose(ranked[:3], avoid=frozenset({"parcel"}), taken=set()) == ["late", "parcel"]


def test_a_taken_name_gives_way_to_the_next_word():
    taken = {frozenset(["a1", "b1", "c1"])}
    assert _choose(["a1", "b1", "c1", "d1"], avoid=frozenset(), taken=taken) == ["a1", "b1", "d1"]
    assert _choose(["c1", "a1", "b1"], avoid=frozenset(), taken=taken) == ["c1", "a1"]
    assert _choose(["a1"], avoid=frozenset(), taken={frozenset(["a1"])}) == []


def test_names_on_the_demo_are_words_of_its_rows_and_differ_within_a_level(demo):
    from synweight_core.prepare import need_prepared
    from synweight_core.projects import load_dataset

    dataset, prepared = load_dataset(demo), need_prepared(demo)
    labels = prepared.clusters
    known = set(word_counts([*dataset.synthetic["text"], *dataset.known_real["text"]])[1])
    assert {word for name in labels.names for word in name.split(", ")} <= known
    assert set(labels.level) == {0, 1, 2} and labels.size[labels.level == 0].sum() == 1460
    assert labels.size.min() >= 10
    for level in range(3):
        names = [name for name, of in zip(labels.names, labels.level, strict=True) if of == level]
        assert len(set(names)) == len(names) > 3
    on_rows = {tuple(point) for point in prepared.xy.tolist()}
    assert {(x, y) for x, y in zip(labels.x.tolist(), labels.y.tolist(), strict=True)} <= on_rows


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["12", "34"] * 30, []),
        ([""] * 60, []),
        (["hello"] * 60, ["hello"]),
        ([], []),
        (["only row"], ["only, row"]),
        (["x" * 500] * 60, ["x" * NAME_CHARS]),
    ],
)
def test_hostile_texts_at_one_place_give_one_name_or_none(texts, names):
    labels = cluster_labels(texts, np.zeros((len(texts), 2), dtype=np.float32))
    assert labels.names == names
    assert len(labels.x) == len(labels.y) == len(labels.level) == len(labels.size) == len(names)


def test_clusters_without_a_word_of_their_own_have_no_name():
    assert cluster_labels(["hello"] * 60, islands(3)).names == []


def test_labels_survive_storing():
    labels = cluster_labels(["a parcel came"] * 20, islands(1))
    again = ClusterLabels.from_arrays(labels.to_arrays())
    assert again.names == labels.names and again.to_arrays().keys() == labels.to_arrays().keys()


def test_labels_are_the_same_in_another_process():
    program = """
import numpy as np
from synweight_core.clusters import cluster_labels
random = np.random.default_rng(0)
words = np.array([f"word{i}" for i in range(300)])
texts = [" ".join(random.choice(words, 6)) for _ in range(4500)]
labels = cluster_labels(texts, random.normal(size=(4500, 2)))
print([(name, float(x), int(size)) for name, x, size in zip(labels.names, labels.x, labels.size)])
"""
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT) for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout and len(runs[0].stdout) > 1000
