"""Sentences that somebody types -> unit vectors like those of the map's rows, by a child process."""

import sys
from collections.abc import Callable

import numpy as np

from synweight_core.sentence_process import SentenceProcess, answer_all


class QueryEncoder(SentenceProcess):
    """The encoder of a project. A pair of texts becomes one vector, as in the map's rows."""

    module, noun = "query_encoder", "encoder"


def _load(encoder: str) -> Callable[[list[str]], np.ndarray]:
    from synweight_core.devices import pick_device
    from synweight_core.embedding import embed_with, load_encoder
    from synweight_core.pairs import pair_positions

    model = load_encoder(encoder, device=pick_device("auto"))

    def ask(texts: list[str]) -> np.ndarray:
        vectors = [embed_with(model, [text]) for text in texts]
        return (pair_positions(*vectors) if len(vectors) == 2 else vectors[0])[0]

    return ask


if __name__ == "__main__":
    answer_all(lambda: _load(sys.argv[1]))
