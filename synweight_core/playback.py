"""The weights of the synthetic rows after each epoch of a run whose weights follow the model.

    runs/<id>/playback/<epoch>.npy      float16 [n], 0 for rows that took no part

It computes no weights.
"""

from pathlib import Path

import numpy as np

from synweight_core import runs, storage
from synweight_core.errors import NotFoundError

FOLDER = "playback"
_LARGEST = float(np.finfo(np.float16).max)


def save_epoch(folder: Path, epoch: int, row_weights: np.ndarray) -> None:
    """Keep the weights after an epoch, from 1, in a run's folder. [n] Raises OSError."""
    small = np.minimum(row_weights, _LARGEST).astype(np.float16)
    storage.write_atomically(folder / FOLDER / f"{epoch:04d}.npy", lambda path: np.save(path, small))


def forget_after(folder: Path, epoch: int) -> None:
    """Remove the weights of epochs that a run is about to repeat."""
    for path in _files(folder)[epoch:]:
        path.unlink(missing_ok=True)


def epoch_weights(run_id: str) -> np.ndarray:
    """The weights of all synthetic rows after each epoch so far, float16 [epochs, n]; 0 took no part.

    They keep three to four digits. The files are mapped one by one; the answer holds 2 bytes a row and epoch.

    Raises:
        NotFoundError: there is no such run, or its weights do not follow the model, or no epoch has ended.
    """
    files = _files(runs.load_run(run_id).folder)
    if not files:
        raise NotFoundError(
            "This run has no weights by epoch: only DIMP and focal losses move weights, and an epoch must have ended."
        )
    return np.stack([np.load(path, allow_pickle=False) for path in files])


def _files(folder: Path) -> list[Path]:
    """Of epoch 1, 2, ..., without a gap."""
    return sorted((folder / FOLDER).glob("[0-9]*.npy"))
