"""Compile what the map needs while something else runs. Draws nothing itself, imports nothing heavy by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np


@contextmanager
def compiled_map() -> Iterator[None]:
    """Import and compile the map's code on a thread during the block; it is ready at the end of the block.

    A failure there says nothing here: drawing the map will meet it again.
    """
    with ThreadPoolExecutor(1) as background:
        background.submit(_draw_a_small_map)
        yield


def _draw_a_small_map() -> None:
    from synweight_core.neighbors import nearest
    from synweight_core.projection import project

    rows = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)  # types as those of real vectors
    project(rows, *nearest(rows))
