"""Texts -> log-probabilities of all classes by a classifier: for evaluations, test rows and the map.

What training and scoring share: device and precision, the model folder, token ids, prediction. It trains nothing
and knows no files, projects or pages. Imports torch: for worker processes and notebooks.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from safetensors import SafetensorError
from torch import distributed
from torch.nn.functional import log_softmax
from torch.utils.data import Sampler
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BatchEncoding,
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from synweight_core.companions import MEETING
from synweight_core.devices import has_bf16, pick_device
from synweight_core.errors import ModelError
from synweight_core.models import is_local, model_source
from synweight_core.train_config import TrainConfig

Progress = Callable[[int, int], None]  # done, total

_BATCHES_IN_ONE = 4  # no gradients are kept: larger batches than in training fit
_TOKENS_IN_ONE = 32_768  # of a batch with padding: long rows share it with fewer others, so that it takes no minutes
_ROWS_TOKENISED = 5_000  # at once: between them a job hears that it should stop


@dataclass(frozen=True)
class LabelledTexts:
    """Rows for one purpose. `texts_b` is None for single texts; `labels` are int64 [n]."""

    texts: Sequence[str]
    labels: np.ndarray
    texts_b: Sequence[str] | None = None


def accelerator_for(config: TrainConfig, *, tracker: str | None = None, folder: Path | None = None) -> Accelerator:
    """The device and precision of a run. Raises ModelError when the device, or one for each process, is not there."""
    device = pick_device(config.device)
    _meet(device)
    bf16 = has_bf16(device) if config.precision == "auto" else config.precision == "bf16"
    return Accelerator(
        cpu=device == "cpu",
        mixed_precision="bf16" if bf16 else "no",
        dataloader_config=DataLoaderConfiguration(split_batches=True),  # a step is one step, however many share it
        log_with=tracker,
        project_dir=folder,
    )


def _meet(device: str) -> None:
    """Join the other processes of a run on this machine, where its worker started some."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    found = {"cuda": torch.cuda.device_count(), "mps": 1}.get(device, here)
    if here > found:
        raise ModelError(
            f"{here} processes were asked for on this machine; it has {found} devices of the kind '{device}', and each "
            "process needs one. Choose fewer processes, or the device cpu."
        )
    if MEETING in os.environ and not distributed.is_initialized():
        distributed.init_process_group(
            "nccl" if device == "cuda" else "gloo",
            init_method=Path(os.environ[MEETING]).as_uri(),
            rank=int(os.environ["RANK"]),
            world_size=int(os.environ["WORLD_SIZE"]),
        )


def precision_of(accelerator: Accelerator) -> str:
    """'bf16' or 'float32'."""
    return "bf16" if accelerator.mixed_precision == "bf16" else "float32"


def load_backbone(backbone: str, label_names: Sequence[str]) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Tokenizer and classifier from a folder or hub id, safetensors only, no code from the hub.

    Raises:
        ModelError: it cannot be loaded.
    """
    source = model_source(backbone)
    local = is_local(source)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        model = AutoModelForSequenceClassification.from_pretrained(
            source,
            local_files_only=local,
            use_safetensors=True,
            dtype=torch.float32,
            num_labels=len(label_names),
            id2label=dict(enumerate(label_names)),
            label2id={name: i for i, name in enumerate(label_names)},
            ignore_mismatched_sizes=True,  # a head for other classes is replaced by a new one
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"The backbone '{backbone}' could not be loaded: {error} Expected 'minilm', a folder with a "
            "transformers model in safetensors, or the id of one on the Hugging Face hub."
        ) from error
    return tokenizer, model


def encode(
    tokenizer: PreTrainedTokenizerBase,
    rows: LabelledTexts,
    *,
    max_length: int,
    progress: Progress = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Token ids, label and position of each row, ready for `collator`."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows.texts), _ROWS_TOKENISED):
        progress(start, len(rows.texts))
        some = slice(start, start + _ROWS_TOKENISED)
        pair = None if rows.texts_b is None else list(rows.texts_b[some])
        encoded = tokenizer(list(rows.texts[some]), pair, truncation=True, max_length=max_length)
        found += [
            {name: values[i] for name, values in encoded.items()} | {"labels": int(label), "position": start + i}
            for i, label in enumerate(rows.labels[some])
        ]
    return found


def collator(tokenizer: PreTrainedTokenizerBase, device: torch.device) -> DataCollatorWithPadding:
    """Encoded rows -> a padded batch. GPUs are quick at lengths that 8 divides; on a CPU, padding is only work."""
    return DataCollatorWithPadding(tokenizer, pad_to_multiple_of=None if device.type == "cpu" else 8)


def paced(report: Callable[[dict[str, Any]], None], event: Mapping[str, Any], *, seconds: float = 1.0) -> Progress:
    """A progress that reports `event` with `done` and `total`, at most once in so many seconds."""
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            report({**event, "done": done, "total": total})

    return progress


def by_length(rows: list[dict[str, Any]], *, batch_size: int, seed: int) -> Sampler[int]:
    """Random order in which encoded rows of like length share a batch."""
    lengths = [len(row["input_ids"]) for row in rows]
    return LengthGroupedSampler(batch_size, lengths=lengths, generator=torch.Generator().manual_seed(seed))


def predict(
    model: torch.nn.Module,
    rows: list[dict[str, Any]],
    *,
    collate: DataCollatorWithPadding,
    accelerator: Accelerator,
    batch_size: int,
    progress: Progress = lambda done, total: None,
) -> np.ndarray:
    """Log-probabilities of all classes, in the order of `rows` (from `encode`). [n, K] float64

    Rows of like length share a batch of four training batches (`batch_size`), of fewer where they are long, and of
    half as many as before wherever memory runs out.

    Raises:
        FloatingPointError: an output is not finite.
    """
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]["input_ids"]))
    size = batch_size * _BATCHES_IN_ONE
    model.eval()
    parts: list[np.ndarray] = []
    start = 0
    while start < len(order):
        progress(start, len(order))
        longest = len(rows[order[start]]["input_ids"])
        fitting = max(1, min(size, _TOKENS_IN_ONE // max(1, longest), len(order) - start))
        said = _said(model, collate([rows[i] for i in order[start : start + fitting]]), accelerator)
        if said is None and fitting == 1:
            raise ModelError("The device's memory ran out, even with one row at a time. Use a smaller model.")
        if said is None:
            size = fitting // 2
            clear_device_cache()
            continue
        parts.append(said)
        start += fitting
    progress(len(order), len(order))
    sorted_log_probs = np.concatenate(parts).astype(np.float64)
    log_probs = np.empty_like(sorted_log_probs)
    log_probs[order] = sorted_log_probs
    if not math.isfinite(float(log_probs.sum())):
        raise FloatingPointError("The model's outputs are not finite: lower the learning rate.")
    return log_probs


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the memory of the device, or of the machine, ran out in torch."""
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)


def _said(model: torch.nn.Module, batch: BatchEncoding, accelerator: Accelerator) -> np.ndarray | None:
    """Log-probabilities of a batch, or None when memory ran out. [b, K] float32"""
    inputs = {name: values for name, values in batch.items() if name not in ("position", "labels")}
    try:
        with torch.inference_mode(), accelerator.autocast():
            logits = model(**{name: values.to(accelerator.device) for name, values in inputs.items()}).logits
            found: np.ndarray = log_softmax(logits.float(), dim=-1).cpu().numpy()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None
    return found
