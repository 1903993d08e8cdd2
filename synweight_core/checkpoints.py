"""The state of a run on disk, to go on from: one safetensors file with all else as JSON in its header. No pickle.

The file is replaced by renaming, so that a kill at any moment leaves the old one or the new one. It knows no models.
Imports torch: for worker processes.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from synweight_core import runs, storage
from synweight_core.errors import CheckpointError
from synweight_core.train_state import TrainState

FILE = runs.CHECKPOINT


def save(folder: Path, state: TrainState) -> None:
    """Replace the checkpoint in a run's folder. Raises OSError; the old one then stays."""
    sums = {name: _sum(tensor) for name, tensor in state.tensors.items()}
    header = {"step": state.step, "facts": state.facts, "sums": sums}
    try:
        storage.write_atomically(
            folder / FILE, lambda path: save_file(dict(state.tensors), path, {"state": json.dumps(header)})
        )
    except SafetensorError as error:  # what the library makes of a full disk
        raise OSError(str(error)) from error


def load(folder: Path) -> TrainState | None:
    """The checkpoint in a run's folder, None when there is none.

    Raises:
        CheckpointError: it is damaged.
    """
    if not (folder / FILE).exists():
        return None
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            header = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        state = TrainState(header["step"], tensors, header["facts"])
        is_whole = header["sums"] == {name: _sum(tensor) for name, tensor in tensors.items()}
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(_DAMAGED) from error
    if not is_whole:
        raise CheckpointError(_DAMAGED)
    return state


_DAMAGED = (
    "The checkpoint of this run is damaged: its values are not those that were written. The run begins from the start."
)


def _sum(tensor: torch.Tensor) -> int:
    """A sum over the bytes, eight at a time: it takes a tenth of a checksum's time and finds what disks spoil."""
    values = tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else np.empty(0, np.uint8)
    whole = len(values) // 8 * 8
    return int(values[:whole].view(np.int64).sum()) + int(values[whole:].sum())
