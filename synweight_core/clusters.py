"""Regions of the map at several levels, each named by the words that set it apart.

Regions come from Ward's hierarchy over the map coordinates, so that finer ones lie within coarser ones;
names from class-based TF-IDF over the rows' words. It knows no files; nothing here depends on labels.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from synweight_core import sampling

TARGETS = (6, 20, 60)  # clusters of each level, coarse to fine
ROWS_PER_CLUSTER = 20  # on average at least; fewer rows make fewer clusters
MIN_ROWS = 10  # a smaller cluster is not named
HIERARCHY_ROWS = 4_000  # Ward's hierarchy takes memory of the square of this; other rows join the nearest
WORDS_IN_NAME = 3
NAME_CHARS = 60
# c-TF-IDF alone names large classes by their function words; these two hold in any language
TYPICAL_RATIO = 2.0
COMMON_SHARE = 0.2
_ANCHOR_ROWS = 1_000
_CANDIDATES = 40

# Thai, Lao, Myanmar, Khmer, kana and Han are written without spaces: their runs are read as pairs of characters
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff"  # within words, yet not in \w
_WORD = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}_])[\w{_MARKS}])+(?:['’](?:(?![{_UNSPACED}_])[\w{_MARKS}])+)*")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


@dataclass(frozen=True)
class ClusterLabels:
    """Names on the map, coarse levels first, larger clusters first within a level; c of them.

    `x`, `y` [c] float32: a row in the densest part of the cluster. `level` [c] int: 0 is the coarsest.
    `size` [c] int, rows. No two clusters of a level have the same name.
    """

    x: np.ndarray
    y: np.ndarray
    level: np.ndarray
    size: np.ndarray
    names: list[str]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays that can be stored without pickle."""
        names = np.array(self.names, dtype=f"<U{NAME_CHARS}")
        return {"x": self.x, "y": self.y, "level": self.level, "size": self.size, "names": names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ClusterLabels":
        """What `to_arrays` gave."""
        parts = {name: arrays[name] for name in ("x", "y", "level", "size")}
        return cls(**parts, names=[str(name) for name in arrays["names"]])


def cluster_labels(texts: Sequence[str], xy: np.ndarray, *, seed: int = 0) -> ClusterLabels:
    """Names for the regions of the map, the same for the same rows and seed.

    Clusters without a word of their own, and those below MIN_ROWS rows, have no name. Of very many rows the words of a
    sample are read: names need no more.

    Args:
        texts: [n].
        xy: map coordinates, [n, 2].
        seed: of the samples.
    """
    read = _rows_to_read(len(texts), seed)
    counts, vocabulary = word_counts([texts[row] for row in read.tolist()])
    levels = nested_clusters(xy, seed=seed)
    found: list[tuple[int, np.ndarray, list[str]]] = []
    # words to avoid, of each cluster of the level above: its name's, its parents', and those of any text
    inherited = [_common_words(counts, vocabulary)]
    above = np.zeros(len(texts), dtype=int)
    for level, clusters in enumerate(levels):
        members = [np.flatnonzero(clusters == cluster) for cluster in range(clusters.max() + 1)]
        avoided = [inherited[above[rows[0]]] for rows in members]
        ranked = distinctive_words(counts, vocabulary, clusters[read], n_classes=len(members))
        sizes = np.array([len(rows) for rows in members])
        names = _names(ranked, avoided, sizes)
        largest_first = sorted(names, key=lambda cluster: -sizes[cluster])
        found += [(level, members[cluster], names[cluster]) for cluster in largest_first]
        inherited = [words.union(names.get(cluster, ())) for cluster, words in enumerate(avoided)]
        above = clusters
    anchors = np.array([rows[densest(xy[rows])] for _, rows, _ in found], dtype=int)
    return ClusterLabels(
        x=xy[anchors, 0].astype(np.float32),
        y=xy[anchors, 1].astype(np.float32),
        level=np.array([level for level, _, _ in found], dtype=np.int32),
        size=np.array([len(rows) for _, rows, _ in found], dtype=np.int32),
        names=[", ".join(words)[:NAME_CHARS] for _, _, words in found],
    )


def nested_clusters(xy: np.ndarray, *, seed: int = 0) -> list[np.ndarray]:
    """The cluster of each row [n] int from 0, for each level, coarse to fine. Finer ones lie within coarser ones.

    Ward's hierarchy of a seeded sample of HIERARCHY_ROWS rows, cut at TARGETS; other rows join the nearest
    sampled row.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial import cKDTree

    n = len(xy)
    most = max(1, n // ROWS_PER_CLUSTER)
    if most == 1:
        return [np.zeros(n, dtype=int)] if n else []
    sample = np.arange(n)
    if n > HIERARCHY_ROWS:
        sample = np.sort(np.random.default_rng(seed).choice(n, HIERARCHY_ROWS, replace=False))
    tree = linkage(xy[sample].astype(np.float64), method="ward")
    nearest = cKDTree(xy[sample]).query(xy)[1]
    levels = [
        fcluster(tree, target, criterion="maxclust")[nearest] for target in sorted({min(t, most) for t in TARGETS})
    ]
    numbered = [np.unique(level, return_inverse=True)[1] for level in levels]
    return [level for i, level in enumerate(numbered) if i == 0 or level.max() > numbered[i - 1].max()]


def _rows_to_read(n: int, seed: int) -> np.ndarray:
    """Positions of all rows, or of MANY_ROWS of very many. [r] int"""
    if not sampling.is_many(n):
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, sampling.MANY_ROWS, replace=False))


def word_counts(texts: Sequence[str]) -> tuple[Any, np.ndarray]:
    """How often each word occurs in each row: a sparse matrix [n, v], and the words [v].

    Words are lower case and have a letter; scripts without spaces give pairs of characters. Words of one row
    only are left out, unless there is no more than one row.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(analyzer=_words, min_df=min(2, len(texts)), dtype=np.int32)
    try:
        counts = csr_array(vectorizer.fit_transform(texts))
    except ValueError:  # no word is left
        return csr_array((len(texts), 0), dtype=np.int32), np.empty(0, dtype=str)
    return counts, vectorizer.get_feature_names_out()


def class_tfidf(in_class: np.ndarray, in_all: np.ndarray, words_per_class: float) -> np.ndarray:
    """tf * log(1 + A / f), elementwise: a word's count in a class (tf), in all classes (f), and A.

    Class-based TF-IDF of "BERTopic" (Grootendorst 2022); A is the mean number of words of a class.
    """
    return in_class * np.log1p(words_per_class / in_all)


def distinctive_words(
    counts: Any,  # noqa: ANN401
    vocabulary: np.ndarray,
    classes: np.ndarray,
    *,
    n_classes: int | None = None,
) -> list[list[str]]:
    """The typical words of each class by class-based TF-IDF, best first. `classes` [n] int from 0.

    Typical: at TYPICAL_RATIO times the rate of the other classes or more. `n_classes` where the last ones may have no
    row.
    """
    from scipy.sparse import csr_array

    n_classes = n_classes or int(classes.max(initial=-1)) + 1
    membership = (np.ones(len(classes), dtype=np.int64), (classes, np.arange(len(classes))))
    table = csr_array(csr_array(membership, shape=(n_classes, len(classes))) @ counts)
    of_class, in_all = table.sum(axis=1), table.sum(axis=0)[table.indices]
    size = np.repeat(of_class, np.diff(table.indptr))
    scores = class_tfidf(table.data, in_all, float(of_class.mean()) if n_classes else 0.0)
    others_rate = (in_all - table.data) / np.maximum(of_class.sum() - size, 1)
    scores[table.data / size < TYPICAL_RATIO * others_rate] = 0
    return [
        _best_words(scores[start:stop], vocabulary[table.indices[start:stop]]) for start, stop in pairwise(table.indptr)
    ]


def _best_words(scores: np.ndarray, words: np.ndarray) -> list[str]:
    order = np.lexsort((words, -scores))[:_CANDIDATES]
    return [str(words[i]) for i in order if scores[i] > 0]


def densest(points: np.ndarray) -> int:
    """The position of the point whose nearest quarter of all points lies closest. [n, 2], n at least 1."""
    from scipy.spatial import cKDTree

    step = -(-len(points) // _ANCHOR_ROWS)
    some = points[::step]
    quarter = max(2, len(some) // 4)
    return int(cKDTree(some).query(some, k=[min(quarter, len(some))])[0].argmin()) * step


def _common_words(counts: Any, vocabulary: np.ndarray) -> frozenset[str]:  # noqa: ANN401
    """Words of more than COMMON_SHARE of the rows, and words that only join others in an English text."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    rows = (counts > 0).sum(axis=0)
    frequent = frozenset(str(word) for word in vocabulary[rows > COMMON_SHARE * counts.shape[0]])
    return frequent | ENGLISH_STOP_WORDS


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.lower()):
        if _IS_UNSPACED.match(word):
            yield from (word[i : i + 2] for i in range(len(word) - 1))
        elif len(word) > 1 and not word.isnumeric():
            yield word


def _names(
    ranked: Sequence[Sequence[str]], avoided: Sequence[frozenset[str]], sizes: np.ndarray
) -> dict[int, list[str]]:
    """Words for each cluster of a level that has enough rows, no two the same; larger clusters choose first."""
    names: dict[int, list[str]] = {}
    taken: set[frozenset[str]] = set()
    for cluster in np.argsort(-sizes, kind="stable"):
        words = _choose(ranked[cluster], avoid=avoided[cluster], taken=taken)
        if words and sizes[cluster] >= min(MIN_ROWS, sizes.sum()):
            names[int(cluster)] = words
            taken.add(frozenset(words))
    return names


def _choose(ranked: Sequence[str], *, avoid: frozenset[str], taken: set[frozenset[str]]) -> list[str]:
    """The best words that are no variants of each other, those to avoid last; none when the name is taken."""
    chosen: list[str] = []
    for word in [*(w for w in ranked if w not in avoid), *(w for w in ranked if w in avoid)]:
        is_last = len(chosen) == WORDS_IN_NAME - 1
        if any(_is_variant(word, other) for other in chosen) or (is_last and frozenset([*chosen, word]) in taken):
            continue
        chosen.append(word)
        if len(chosen) == WORDS_IN_NAME:
            break
    return [] if frozenset(chosen) in taken else chosen


def _is_variant(word: str, other: str) -> bool:
    return word.startswith(other) or other.startswith(word)
