"""The processes that train one model together, as one of them sees them: who takes which rows, and sums over all.

Each process holds the whole model and all rows, and takes its share of every batch; gradients are added up after the
backward pass. Not in step with it, as DistributedDataParallel does: shares may then differ in size or be empty, and a
process whose memory runs out may go through its share in parts of its own. It launches nothing (see `companions`) and
knows no files or projects. Imports torch: for worker processes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import distributed

from synweight_core.errors import ModelError, StopRequested

T = TypeVar("T")
Report = Callable[[dict[str, Any]], None]

_BYTES_AT_ONCE = 2**25  # of gradients that are copied side by side: few messages, little memory


@dataclass(frozen=True)
class Processes:
    """How many there are, and which one this is. Alone, every method gives back what it gets.

    Methods with "over all" in their first line are called by all processes in the same order, or all of them hang.
    """

    index: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def share(self, n: int) -> slice:
        """Which of n rows this process takes: as many as the others, up to one."""
        return slice(n * self.index // self.count, n * (self.index + 1) // self.count)

    def mine(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows of the share; the first of all where the share is empty, so that there is a batch: it counts 0."""
        return rows[self.share(len(rows))] or rows[:1]

    def of_mine(self, values: torch.Tensor) -> torch.Tensor:
        """Of values of all rows those of `mine`: 0 for a row that is there only for there to be one. [b]"""
        own = values[self.share(len(values))]
        return own if len(own) else torch.zeros_like(values[:1])

    def of_all(self, values: torch.Tensor, n: int) -> torch.Tensor:
        """Values of `mine` -> those of all n rows, over all processes. [n, ...]"""
        if self.count == 1:
            return values
        own = self.share(n)
        whole = values.new_zeros((n, *values.shape[1:]))
        whole[own] = values[: own.stop - own.start]
        self.add_up([whole])
        return whole

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count > 1:
            for some in _side_by_side(tensors):
                values = torch.cat([tensor.detach().reshape(-1) for tensor in some])
                self._add_up(values)
                parts = torch.split(values, [tensor.numel() for tensor in some])
                for tensor, part in zip(some, parts, strict=True):
                    tensor.detach().copy_(part.view_as(tensor))

    def of_first(self, flag: bool) -> bool:
        """What the first process says, over all of them."""
        if self.count == 1:
            return flag
        said = torch.tensor([int(flag and self.index == 0)], device=self.device)
        self.add_up([said])
        return bool(said.item())

    def begin_alike(self, model: torch.nn.Module, *, seed: int) -> None:
        """Give all processes the first one's model, and each random numbers of its own, over all processes."""
        tensors = model.state_dict().values()
        if self.index:
            for tensor in tensors:
                tensor.zero_()
        self.add_up(tensors)
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Dropout must not be the same in every share; the first process keeps the random numbers of a run alone."""
        if self.index:
            torch.manual_seed(seed + 7_919 * self.index)  # a prime: runs with seeds side by side do not meet

    def _add_up(self, values: torch.Tensor) -> None:
        distributed.all_reduce(values)


ALONE = Processes()


def leave() -> None:
    """Part from the other processes, over all; alone it does nothing."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def processes_of(accelerator: Accelerator) -> Processes:
    """Those that `accelerator` found. Raises ModelError where each would not hold the whole model."""
    kind = accelerator.distributed_type
    if kind in (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM):
        raise ModelError(
            f"The launcher is set to {kind.value}; expected plain data parallelism, in which each process holds the "
            "whole model. Choose MULTI_GPU or MULTI_CPU as `distributed_type`."
        )
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator.device)


class Reports:
    """A report for several processes: all of them stop at the same event."""

    def __init__(self, report: Report, processes: Processes) -> None:
        self._report, self._processes, self._stopping = report, processes, False

    def here(self, event: dict[str, Any]) -> None:
        """Report what not all processes report at once. With several, a stop waits for the next `together`."""
        try:
            self._report(event)
        except StopRequested:
            if self._processes.count == 1:
                raise
            self._stopping = True

    def together(self, event: dict[str, Any]) -> None:
        """Report what all report, over all processes. Raises StopRequested in all of them."""
        self.here(event)
        if self._processes.of_first(self._stopping):
            raise StopRequested


def _side_by_side(tensors: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """The tensors in groups of one type, of at least _BYTES_AT_ONCE bytes but for the last."""
    groups: dict[torch.dtype, list[torch.Tensor]] = {}
    for tensor in tensors:
        group = groups.setdefault(tensor.dtype, [])
        group.append(tensor)
        if sum(one.nbytes for one in group) >= _BYTES_AT_ONCE:
            yield groups.pop(tensor.dtype)
    yield from groups.values()
