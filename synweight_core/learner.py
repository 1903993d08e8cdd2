"""A classifier in training: takes one step at a time, and can be put back to where it was.

It knows no evaluation, files or projects. Imports torch: for worker processes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from synweight_core.gradients import Batch, Gradients
from synweight_core.processes import processes_of
from synweight_core.row_weights import RowWeights, targets
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.train_state import (
    Tensors,
    optimizer_tensors,
    plain_random,
    prefixed,
    restore_optimizer,
    restore_plain_random,
    restore_torch_random,
    torch_random,
    under,
)

GRADIENT_NORM = 1.0


class Learner:
    """A model with its optimizer, learning rate and weights of rows."""

    def __init__(
        self,
        model: PreTrainedModel,
        config: TrainConfig,
        data: TrainData,
        *,
        accelerator: Accelerator,
        total_steps: int,
        shrunk: Callable[[int], None] = lambda rows: None,
    ) -> None:
        """`shrunk` is told how many rows go through the model at once when memory has run out."""
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        warmup_steps = round(config.warmup_share * total_steps)
        scheduler = get_linear_schedule_with_warmup(optimizer, warmup_steps, total_steps)
        self._accelerator, self._seed = accelerator, config.seed
        # without evaluation_mode several processes would add up gradients in step with the backward pass
        self._prepared = accelerator.prepare_model(model, evaluation_mode=True)
        self._optimizer, self._scheduler = accelerator.prepare(optimizer, scheduler)
        self.model: PreTrainedModel = accelerator.unwrap_model(self._prepared)
        self.processes = processes_of(accelerator)
        self.processes.begin_alike(self.model, seed=config.seed)
        self.row_weights = RowWeights(config, data)
        self._gradients = Gradients(
            self._prepared, self.row_weights, targets(config, data, self.row_weights.latest),
            rows_at_once=config.batch_size, backward=accelerator.backward, shrunk=shrunk, processes=self.processes,
        )  # fmt: skip

    def step(self, batch: Mapping[str, torch.Tensor], *, of: Sequence[int] | None = None) -> dict[str, float]:
        """Learn from a batch of the collator; its `loss` (weighted, nats) and the `learning_rate` that was used.

        With several processes it is `processes.mine` of the rows at the positions `of`.
        """
        self._prepared.train()
        on_device = {name: values.to(self._accelerator.device) for name, values in batch.items()}
        positions, labels = on_device.pop("position"), on_device.pop("labels")
        whole = None if of is None else torch.tensor(of)
        loss = self._gradients.add(Batch(on_device, labels, positions, whole))
        self._accelerator.clip_grad_norm_(self._prepared.parameters(), GRADIENT_NORM)
        learning_rate = self._scheduler.get_last_lr()[0]
        self._optimizer.step()
        self._scheduler.step()
        self._optimizer.zero_grad()
        return {"loss": loss.item(), "learning_rate": learning_rate}

    def load(self, model: Mapping[str, torch.Tensor]) -> None:
        """Give the model these parameters; with {} it stays as it is."""
        if model:
            self.model.load_state_dict(model)

    def tensors(self) -> Tensors:
        """The tensors of its state, by name."""
        return (
            prefixed("model", self.model.state_dict())
            | prefixed("optimizer", optimizer_tensors(self._optimizer))
            | prefixed("weights", self.row_weights.state())
            | prefixed("random", torch_random())
        )

    def facts(self) -> dict[str, Any]:
        """All else of its state, as plain values."""
        return {
            "optimizer": self._optimizer.state_dict()["param_groups"],
            "scheduler": self._scheduler.state_dict(),
            "random": plain_random(),
            "rows_at_once": self._gradients.rows_at_once,
        }

    def restore(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """The inverse of `tensors` and `facts`."""
        self.model.load_state_dict(under("model", tensors))
        restore_optimizer(self._optimizer, under("optimizer", tensors), facts["optimizer"])
        self._scheduler.load_state_dict(dict(facts["scheduler"]))
        self.row_weights.restore(under("weights", tensors))
        self._gradients.rows_at_once = facts["rows_at_once"]
        restore_plain_random(facts["random"])
        restore_torch_random(under("random", tensors))
        self.processes.reseed(self._seed + self._scheduler.state_dict()["last_epoch"])  # of the others none are kept
