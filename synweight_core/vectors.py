"""The texts of a data set as unit vectors, kept piece by piece while the encoder runs. It knows no projects.

What is made of a few thousand texts is kept at once, under their content: a preparation that was interrupted, or
killed, goes on there. When all are made they are one array, and the pieces go.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from synweight_core import cache
from synweight_core.data import Dataset
from synweight_core.known_vectors import KnownVectors, completed
from synweight_core.pairs import pair_positions
from synweight_core.sampling import is_many, pieces

if TYPE_CHECKING:
    from synweight_core.embedding import Encode, Keep

_PIECES = "pieces"  # of the cache

Progress = Callable[[int, int], None]  # done, total


def text_vectors(
    dataset: Dataset,
    *,
    encoder: str,
    device: str,
    progress: Progress,
    kept_as: str | None = None,
    known: Mapping[str, KnownVectors] = {},
) -> cache.Arrays:
    """`positions` of synthetic, then known real rows; of pairs the vectors `first` and `second`, too. [n + m, d]

    float32; float16 where the rows are very many (see `sampling`).

    Args:
        dataset: its rows.
        encoder: its name.
        device: of DEVICES.
        progress: gets done and total texts.
        kept_as: what the keys of pieces begin with; None to keep none.
        known: vectors that are there already, by column of texts.

    Raises:
        ModelError: the encoder cannot be loaded.
    """
    from synweight_core.embedding import embed

    sides = ("text", "text_b")[: 1 + dataset.is_pairs]
    made = []
    for number, name in enumerate(sides):
        texts = texts_of(dataset, name)
        more: dict[str, Any] = {} if kept_as is None else {"keep": _kept(kept_as)}
        more |= {"dtype": np.float16} if is_many(len(texts)) else {}
        more |= {"encoder": encoder, "device": device, "progress": _share(progress, number, len(sides))}
        fresh: Callable[[list[str]], np.ndarray] = partial(embed, **more)
        made.append(completed(texts, known[name], fresh) if name in known else fresh(texts))
    if len(made) == 1:
        return {"positions": made[0]}
    return {"positions": _between(*made), "first": made[0], "second": made[1]}


def texts_of(dataset: Dataset, column: str) -> list[str]:
    """The texts of synthetic, then known real rows."""
    return [*dataset.synthetic[column], *dataset.known_real[column]]


def remove_pieces(kept_as: str) -> None:
    """They are part of what is stored by now."""
    cache.remove(_PIECES, f"{kept_as}-")


def _kept(prefix: str) -> "Keep":
    """Whole pieces are kept; a smaller one is quick to make again."""
    from synweight_core import embedding

    def keep(texts: list[str], encode: "Encode") -> np.ndarray:
        if len(texts) < embedding.PIECE_TEXTS:
            return encode(texts)
        key = f"{prefix}-{cache.content_key(texts)}"
        return cache.cached(_PIECES, key, lambda: {"vectors": encode(texts)})["vectors"]

    return keep


def _share(progress: Progress, number: int, sides: int) -> Progress:
    return lambda done, total: progress(done + number * total, total * sides)


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`pair_positions`, a piece of rows at a time, of the type of `first`."""
    result = np.empty_like(first)
    for piece in pieces(len(first)):
        result[piece] = pair_positions(*(np.asarray(side[piece], dtype=np.float32) for side in (first, second)))
    return result
