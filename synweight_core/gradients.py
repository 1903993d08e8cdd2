"""The weighted loss of one batch and its gradient, in as many parts as the device's memory asks for.

The parts of a batch together give the loss of the whole batch: a sum over its rows, divided by how many they are.
Weights that follow the model are made for the whole batch at once, so that they are scaled over the same rows
whatever the parts, and whatever the shares of several processes. It knows no optimizer, files or projects. Imports
torch: for worker processes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils.memory import clear_device_cache
from torch.nn.functional import cross_entropy

from synweight_core.errors import ModelError
from synweight_core.prediction import is_out_of_memory
from synweight_core.processes import ALONE, Processes
from synweight_core.row_weights import RowWeights
from synweight_core.train_state import restore_torch_random, torch_random


@dataclass(frozen=True)
class Batch:
    """Inputs of the model by name, labels and positions among the training rows; each of b rows.

    `whole` are the positions of the batch of all processes, of which this is a share; None where it is all. [n]
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    positions: torch.Tensor
    whole: torch.Tensor | None = None

    @property
    def all_positions(self) -> torch.Tensor:
        """Positions of the rows of all processes. [n]"""
        return self.positions if self.whole is None else self.whole

    def parts(self, rows: int) -> Iterator["Batch"]:
        """The same rows, at most `rows` at once."""
        for start in range(0, len(self.labels), rows):
            some = slice(start, start + rows)
            inputs = {name: values[some] for name, values in self.inputs.items()}
            yield Batch(inputs, self.labels[some], self.positions[some], self.all_positions)


class Gradients:
    """Adds the gradient of a batch to a model's parameters. `rows_at_once` falls when memory runs out."""

    def __init__(
        self,
        model: torch.nn.Module,
        row_weights: RowWeights,
        targets: torch.Tensor | None,
        *,
        rows_at_once: int,
        backward: Callable[[torch.Tensor], None],
        shrunk: Callable[[int], None] = lambda rows: None,
        processes: Processes = ALONE,
    ) -> None:
        """`targets` are those of `row_weights.targets`; `shrunk` is told how many rows are tried from then on."""
        self.rows_at_once = rows_at_once
        self._model, self._row_weights, self._targets = model, row_weights, targets
        self._backward, self._shrunk, self._processes = backward, shrunk, processes

    def add(self, batch: Batch) -> torch.Tensor:
        """The mean weighted loss of the batch, without gradient; its gradient is added to the parameters.

        With several processes both are those of the whole batch, in each of them.

        Raises:
            ModelError: memory runs out even at one row.
        """
        given: list[torch.Tensor] = []  # the weights, once they are known: a second try must not count the rows twice
        while (loss := self._tried(batch, given)) is None:
            self._model.zero_grad()
            clear_device_cache()
            self.rows_at_once = (min(self.rows_at_once, len(batch.labels)) + 1) // 2
            self._shrunk(self.rows_at_once)
        gradients = [parameter.grad for parameter in self._model.parameters() if parameter.grad is not None]
        self._processes.add_up([loss, *gradients])
        return loss

    def _tried(self, batch: Batch, given: list[torch.Tensor]) -> torch.Tensor | None:
        """The loss, or None when memory ran out; what the try held is free by then."""
        try:
            return self._added(batch, given)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if min(self.rows_at_once, len(batch.labels)) == 1:
                raise ModelError(
                    "The device's memory ran out, even with one row at a time. Use a smaller model, or another device."
                ) from None
            return None

    def _added(self, batch: Batch, given: list[torch.Tensor]) -> torch.Tensor:
        parts, total = [*batch.parts(self.rows_at_once)], torch.zeros(())
        states = self._weigh_beforehand(batch, parts, given) if len(parts) > 1 else [None]
        start = 0
        for part, state in zip(parts, states, strict=True):
            if state is not None:
                restore_torch_random(state)
            logits = self._logits(part)
            if not given:
                given.append(self._weights(batch, -cross_entropy(logits.detach(), part.labels, reduction="none")))
            weight = given[0][start : start + len(part.labels)]
            loss = (weight * self._losses(part, logits)).sum() / len(batch.all_positions)
            self._backward(loss)
            total = total.to(loss.device) + loss.detach()
            start += len(part.labels)
        return total

    def _weigh_beforehand(self, batch: Batch, parts: list[Batch], given: list[torch.Tensor]) -> list[Any]:
        """Weights of all rows before the first part; the random states that each part then begins with.

        Weights that follow the model need its answer for the whole batch: one more forward pass, with the same
        dropout as the pass that learns.
        """
        if self._row_weights.is_fixed:
            given[:] = [self._weights(batch, torch.zeros(0, device=batch.labels.device))]
            return [None] * len(parts)
        if given:
            return [None] * len(parts)
        states, said = [], []
        with torch.no_grad():
            for part in parts:
                states.append(torch_random())
                said.append(-cross_entropy(self._logits(part), part.labels, reduction="none"))
        given[:] = [self._weights(batch, torch.cat(said))]
        return states

    def _logits(self, part: Batch) -> torch.Tensor:
        logits: torch.Tensor = self._model(**part.inputs).logits
        return logits.float()

    def _weights(self, batch: Batch, log_p: torch.Tensor) -> torch.Tensor:
        """Of these rows, from the model's log-probabilities of their labels and of those of all processes. [b]"""
        rows = batch.all_positions
        said = log_p if self._row_weights.is_fixed else self._processes.of_all(log_p, len(rows))
        return self._processes.of_mine(self._row_weights.of_batch(rows, said))

    def _losses(self, part: Batch, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy with the labels, or with what each row teaches. [b]"""
        taught = part.labels if self._targets is None else self._targets[part.positions.cpu()].to(logits.device)
        return cross_entropy(logits, taught, reduction="none")
