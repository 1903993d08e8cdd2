"""Rows that say what another row says: exact and near copies within the synthetic rows, of real rows, of test rows.

Rows are near copies when their vectors are as close as near-duplicates are (`neighbors`), or somewhat less close and
most of their letters stand in the same order too. Only the first of several copies is no copy.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synweight_core.findings import pair_keys
from synweight_core.flaws.hits import Hits, whole_rows
from synweight_core.flaws.seen import Seen
from synweight_core.flaws.shingles import alike, likeness, signatures

CLOSE_COSINE = 0.95  # near copies whatever their letters: as `neighbors.NEAR_DUPLICATE_COSINE`
ALIKE_COSINE, ALIKE_LETTERS = 0.87, 0.35  # near copies by both
TEST_LETTERS = 0.7  # test rows have no vectors: letters alone


def same_text(seen: Seen) -> Hits:
    """Synthetic rows with the text and the label of an earlier one."""
    return whole_rows(np.flatnonzero(_identity(seen).duplicated()))


def two_labels(seen: Seen) -> Hits:
    """Synthetic rows whose text stands elsewhere in the set with another label."""
    keys = seen.keys
    labels = seen.synthetic["label"]
    each = pd.DataFrame({"key": keys.to_numpy(), "label": labels.to_numpy()})
    several = each.groupby("key", sort=False)["label"].transform("nunique") > 1
    names = each[several].groupby("key", sort=False)["label"].agg(lambda found: ", ".join(sorted(set(found))))
    rows = np.flatnonzero(several)
    return whole_rows(rows, note=lambda i: f"with the labels {names[each['key'].iloc[rows[i]]]}")


def copy_of_real(seen: Seen) -> Hits:
    """Synthetic rows with the text of a known real row."""
    return whole_rows(np.flatnonzero(seen.keys.isin(set(seen.real_keys))))


def near_copies(seen: Seen) -> Hits:
    """Synthetic rows close to an earlier one that is itself no near copy; exact copies are not named again."""
    links = _links(seen, among_synthetic=True)
    copies = np.zeros(seen.n, dtype=bool)
    partner = np.full(seen.n, -1)
    for row, earlier in zip(links.rows.tolist(), links.partners.tolist(), strict=True):  # in the order of rows
        if not copies[earlier]:
            copies[row], partner[row] = True, earlier
    copies[_identity(seen).duplicated().to_numpy()] = False
    return _beside(seen, np.flatnonzero(copies), partner, seen.joined(seen.synthetic))


def near_real(seen: Seen) -> Hits:
    """Synthetic rows close to a known real row; those with its very text are not named again."""
    links = _links(seen, among_synthetic=False)
    partner = np.full(seen.n, -1)
    partner[links.rows] = links.partners - seen.n
    partner[copy_of_real(seen).rows] = -1
    return _beside(seen, np.flatnonzero(partner >= 0), partner, seen.joined(seen.real))


def near_test(seen: Seen) -> Hits:
    """Synthetic and known real rows with nearly the text of a test row, by letters. Its text is not shown."""
    known = pd.concat([seen.keys, seen.real_keys], ignore_index=True).tolist()
    rows, _ = alike(signatures(known), signatures(pair_keys(seen.test).tolist()), at_least=TEST_LETTERS)
    return whole_rows(rows, note=lambda i: "a real row" if rows[i] >= seen.n else "")


@dataclass(frozen=True, eq=False)
class _Links:
    rows: np.ndarray  # [k] int, synthetic, ascending
    partners: np.ndarray  # [k] int: an earlier synthetic row, or a real one


def _identity(seen: Seen) -> pd.Series:
    return seen.keys + "\x1f" + seen.synthetic["label"]


def _links(seen: Seen, *, among_synthetic: bool) -> _Links:
    """Near copies among the neighbours in the graph."""
    n, k = seen.n, seen.indices.shape[1]
    rows = np.repeat(np.arange(len(seen.indices)), k)
    others = seen.indices.ravel().astype(np.int64)
    cosines = 1 - np.square(seen.distances.ravel()) / 2
    close = cosines >= ALIKE_COSINE
    low, high = np.minimum(rows, others)[close], np.maximum(rows, others)[close]
    wanted = (high < n) if among_synthetic else (low < n) & (high >= n)
    low, high, cosines = low[wanted], high[wanted], cosines[close][wanted]
    near = cosines >= CLOSE_COSINE
    unsure = np.flatnonzero(~near)
    near[unsure] = _letters_alike(seen, low[unsure], high[unsure])
    first, second = (high[near], low[near]) if among_synthetic else (low[near], high[near])
    pairs = np.unique(first * len(seen.indices) + second)  # one number a pair: each is met from both ends
    return _Links(pairs // len(seen.indices), pairs % len(seen.indices))


def _letters_alike(seen: Seen, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pairs of rows have enough letters in common. bool [k]"""
    needed, places = np.unique(np.concatenate([one, other]), return_inverse=True)
    keys = pd.concat([seen.keys, seen.real_keys], ignore_index=True).iloc[needed]
    found = signatures(keys.tolist())
    return likeness(found[places[: len(one)]], found[places[len(one) :]]) >= ALIKE_LETTERS


def _beside(seen: Seen, rows: np.ndarray, partner: np.ndarray, texts: list[str]) -> Hits:
    return whole_rows(rows, note=lambda i: f"close to: {texts[partner[rows[i]]]}")
