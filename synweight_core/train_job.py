"""A training run of a project: its rows and columns -> `training.train` -> a model folder and its figures."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import storage
from synweight_core.data import Dataset
from synweight_core.errors import DataError
from synweight_core.prediction import LabelledTexts
from synweight_core.prepare import Prepared, need_prepared
from synweight_core.projects import Project, load_dataset, load_project
from synweight_core.train_config import TrainConfig
from synweight_core.training import StopRequested, TrainData, train


def run_training(path: Path, config: Mapping[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Train as `config` says, write `model/` and `outputs.npz` into the run folder; the figures."""
    started = time.perf_counter()
    settings = TrainConfig(**config["settings"])
    project = load_project(config["project"])
    data = training_data(project, load_dataset(project), need_prepared(project), settings)
    try:
        result = train(settings, data, report)
    except StopRequested:  # before the first step: there is no model to keep
        return {"stopped": True}
    result.model.save_pretrained(path / "model")
    result.tokenizer.save_pretrained(path / "model")
    arrays = {"row_weights": result.row_weights}
    if result.test_log_probs is not None:
        arrays["test_log_probs"] = result.test_log_probs
    storage.write_atomically(path / "outputs.npz", lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    return result.figures | {"seconds": time.perf_counter() - started}


def training_data(project: Project, dataset: Dataset, prepared: Prepared, config: TrainConfig) -> TrainData:
    """The rows of a run. Real rows alone (the baseline) have no weights.

    Raises:
        DataError: a split that the run needs is empty.
    """
    real = {name: dataset.real[dataset.real["split"] == name] for name in ("train", "validation", "test")}
    if real["validation"].empty:
        raise DataError("No validation row is left to pick the best epoch by. Add real rows.")
    on_real = config.train_on == "real"
    rows = real["train"] if on_real else dataset.synthetic
    return TrainData(
        train=labelled_texts(dataset, rows),
        validation=labelled_texts(dataset, real["validation"]),
        test=labelled_texts(dataset, real["test"]),
        label_names=dataset.labels,
        log_quality=None if on_real else prepared.log_quality,
        log_reference=None if on_real else prepared.log_reference,
        metric=project.metric,
    )


def labelled_texts(dataset: Dataset, frame: pd.DataFrame) -> LabelledTexts:
    """Rows of a data set as a model reads them."""
    second = [*frame["text_b"]] if dataset.is_pairs else None
    return LabelledTexts([*frame["text"]], dataset.label_codes(frame), second)
