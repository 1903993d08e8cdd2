"""The weights of the synthetic rows by the epoch of a run whose weights move: written as it trains, read to play back.

    runs/<id>/playback/0001.npy    float16 [n], after the first epoch

One file an epoch, so that an epoch costs one write of its own size. It computes no weight.
"""

from pathlib import Path

import numpy as np

from synweight_core import runs, storage

_HIGHEST = float(np.finfo(np.float16).max)


def add_epoch(path: Path, weights: np.ndarray, *, epoch: int | None = None) -> None:
    """Keep the weights of an epoch in the run folder `path`; those of later epochs are dropped.

    Args:
        path: the run's folder.
        weights: of all synthetic rows of the project, 0 for those that take no part. [n]
        epoch: its number, from 1; None: the one after the last. A run that is resumed gives it.
    """
    number = max(_epochs(path), default=0) + 1 if epoch is None else epoch
    short = np.minimum(weights, _HIGHEST).astype(np.float16)
    forget_after(path, number)
    storage.write_atomically(_file(path, number), lambda file: np.save(file, short, allow_pickle=False))


def forget_after(path: Path, epoch: int) -> None:
    """Drop the weights of later epochs, which a run is about to repeat."""
    for late in _epochs(path):
        if late > epoch:
            _file(path, late).unlink(missing_ok=True)


def n_epochs(run_id: str) -> int:
    """The last epoch of a run that can be played back, 0 where there is none."""
    return max(_epochs(runs.folder(run_id)), default=0)


def weights_at(run_id: str, epoch: int) -> np.ndarray | None:
    """The weights of an epoch, from 1; None where there are none, or they are damaged. float16 [n]"""
    try:
        found = np.load(_file(runs.folder(run_id), epoch), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if isinstance(found, np.ndarray) and found.dtype == np.float16 and found.ndim == 1 else None


def epoch_weights(run_id: str) -> np.ndarray:
    """The weights of all epochs that are whole. float16 [epochs, n], [0, 0] where there are none"""
    found = [weights_at(run_id, epoch) for epoch in range(1, n_epochs(run_id) + 1)]
    whole = [weights for weights in found if weights is not None]
    return np.stack(whole) if whole else np.zeros((0, 0), dtype=np.float16)


def _file(path: Path, epoch: int) -> Path:
    return path / "playback" / f"{epoch:04d}.npy"


def _epochs(path: Path) -> list[int]:
    """The epochs of which there is a file."""
    return [int(file.stem) for file in (path / "playback").glob("[0-9][0-9][0-9][0-9].npy")]
