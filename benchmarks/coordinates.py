"""Texts -> map coordinates in one fresh process, timed step by step: what `preparation.py` measures.

`python benchmarks/coordinates.py ours|defaults TEXTS.json OUT.npz [--times N]`. It prints one JSON object and
is no benchmark by itself.
"""

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

Steps = dict[str, float]
SEED = 0


def ours(texts: list[str], steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """The steps that `prepare` takes. Vectors [n, d], coordinates [n, 2]."""
    clock = Clock(steps)
    from synweight_core import embedding, neighbors
    from synweight_core.compilation import compiled_map

    clock.reached("imports")
    with compiled_map():
        vectors = embedding.embed(texts)
    clock.reached("model and encode")
    from synweight_core import projection

    graph = neighbors.nearest(vectors, seed=SEED)
    clock.reached("neighbours")
    xy = projection.project(vectors, *graph, seed=SEED)
    clock.reached("UMAP")
    return vectors, xy


def defaults(texts: list[str], steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """`SentenceTransformer.encode`, then `UMAP()`, which finds neighbours itself; all by default."""
    clock = Clock(steps)
    import umap
    from sentence_transformers import SentenceTransformer

    from synweight_core.models import MINILM, model_source

    clock.reached("imports")
    vectors = SentenceTransformer(model_source(MINILM)).encode(texts)
    clock.reached("model and encode")
    xy = umap.UMAP().fit_transform(vectors)
    clock.reached("UMAP")
    return vectors, xy


class Clock:
    """Seconds since the step before."""

    def __init__(self, steps: Steps) -> None:
        self._steps, self._last = steps, time.perf_counter()

    def reached(self, step: str) -> None:
        """A step ended."""
        now = time.perf_counter()
        self._steps[step], self._last = round(now - self._last, 2), now


WAYS = {"ours": ours, "defaults": defaults}


def main(way: str, source: str, target: str, times: int) -> None:
    """Compute `times` times; arrays of the last time, steps of the first."""
    texts = json.loads(Path(source).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"steps": {}, "hashes": []}
    for number in range(times):
        vectors, xy = WAYS[way](texts, told["steps"] if number == 0 else {})
        told["hashes"].append(hashlib.sha256(np.ascontiguousarray(xy).tobytes()).hexdigest()[:16])
    np.savez(target, vectors=vectors, xy=xy)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:4], times=int(sys.argv[5]) if len(sys.argv) > 5 else 1)
