"""What a run must remember to go on as if nobody had interrupted it: tensors and plain values.

It knows no files and trains nothing. Imports torch: for worker processes.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from synweight_core.errors import CheckpointError

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TrainState:
    """A run after `step` steps: tensors by name (on the CPU), and all else as plain values that go to JSON and back."""

    step: int
    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]


@dataclass
class Progress:
    """How far a run has come; `evaluated` is the step of the last evaluation, 0 before the first."""

    step: int = 0
    rows_seen: int = 0
    seconds: float = 0.0
    evaluated: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    best_model: Tensors = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int]:
        """What differs between two states of a run: the step, and whether its evaluation is done."""
        return self.step, self.evaluated

    def facts(self) -> dict[str, Any]:
        """All but the best model's tensors."""
        return {name: value for name, value in vars(self).items() if name != "best_model"}


def prefixed(name: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The same tensors under `name/...`."""
    return {f"{name}/{key}": tensor for key, tensor in tensors.items()}


def under(name: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The tensors whose names begin with `name/`, without it."""
    return {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}


def copied(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The same values on the CPU, in memory of their own: training goes on in the old one."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def need_same(kept: object, now: object) -> None:
    """Raise CheckpointError unless a state was kept by a run of the same settings and rows."""
    if kept != now:
        raise CheckpointError(
            "The checkpoint of this run was made with other settings, rows or another version: it cannot go on from "
            "there. Start a new run with the same settings."
        )


# --- optimizer


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Its state by parameter, `INDEX/NAME`."""
    state = optimizer.state_dict()["state"]
    return {f"{index}/{name}": value for index, values in state.items() for name, value in values.items()}


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], groups: Iterable[Mapping[str, Any]]
) -> None:
    """The inverse of `optimizer_tensors`; `groups` are the parameter groups as `state_dict` names them."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": [dict(group) for group in groups]})


# --- random numbers


def torch_random() -> Tensors:
    """The states of torch's generators: of the CPU, and of each GPU."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_torch_random(states: Mapping[str, torch.Tensor]) -> None:
    """The inverse of `torch_random`; states of devices that are not there are left out."""
    torch.set_rng_state(states["cpu"])
    for index in range(torch.cuda.device_count()):
        if f"cuda{index}" in states:
            torch.cuda.set_rng_state(states[f"cuda{index}"], index)
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def plain_random() -> dict[str, Any]:
    """The states of the generators of Python and NumPy, as plain values."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    version, internal, gauss_next = random.getstate()
    return {
        "numpy": [name, np.asarray(keys).tolist(), position, has_gauss, gauss],
        "python": [version, list(internal), gauss_next],
    }


def restore_plain_random(states: Mapping[str, Any]) -> None:
    """The inverse of `plain_random`."""
    name, keys, position, has_gauss, gauss = states["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = states["python"]
    random.setstate((version, tuple(internal), gauss_next))
