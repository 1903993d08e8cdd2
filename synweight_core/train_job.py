"""A training run of a project: its rows and columns -> `training.train` -> a model folder and its figures."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import storage
from synweight_core.curated import relabelled
from synweight_core.curation import Curation, load_curation
from synweight_core.data import MIN_SYNTHETIC_ROWS, Dataset
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
    arrays = {"row_weights": _of_all_rows(result.row_weights, load_curation(project, lines=settings.edits), settings)}
    if result.test_log_probs is not None:
        arrays["test_log_probs"] = result.test_log_probs
    storage.write_atomically(path / "outputs.npz", lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    return result.figures | {"seconds": time.perf_counter() - started}


def training_data(project: Project, dataset: Dataset, prepared: Prepared, config: TrainConfig) -> TrainData:
    """The rows of a run, after the first `config.edits` lines of the project's edits.

    Excluded rows are left out, relabelled rows have their new label. Real rows alone (the baseline) have
    neither weights nor edits.

    Raises:
        DataError: a split that the run needs is empty, or the edits leave too few rows.
    """
    real = {name: dataset.real[dataset.real["split"] == name] for name in ("train", "validation", "test")}
    if real["validation"].empty:
        raise DataError("No validation row is left to pick the best epoch by. Add real rows.")
    rest: dict[str, Any] = {name: labelled_texts(dataset, real[name]) for name in ("validation", "test")}
    rest |= {"label_names": dataset.labels, "metric": project.metric}
    if config.train_on == "real":
        return TrainData(train=labelled_texts(dataset, real["train"]), **rest)
    curation = load_curation(project, lines=config.edits)
    kept = curation.kept
    _check_enough(curation)
    columns = relabelled(prepared, curation)
    return TrainData(
        train=labelled_texts(dataset, dataset.synthetic[kept], labels=curation.labels[kept]),
        log_quality=columns.log_quality[kept],
        log_reference=columns.log_reference[kept],
        log_prior=curation.log_factor[kept],
        **rest,
    )


def _check_enough(curation: Curation) -> None:
    """Raise DataError unless the kept rows can train a classifier."""
    counts = np.bincount(curation.labels[curation.kept])
    if counts.sum() < MIN_SYNTHETIC_ROWS or (counts >= 2).sum() < 2:
        raise DataError(
            f"{counts.sum():,} synthetic rows with {(counts > 0).sum():,} labels are left after your edits; expected "
            f"at least {MIN_SYNTHETIC_ROWS} rows, and at least two labels with two rows each. Undo some edits."
        )


def _of_all_rows(row_weights: np.ndarray, curation: Curation, config: TrainConfig) -> np.ndarray:
    """The weights of the rows that were trained on in the order of the whole file; 0 for excluded rows."""
    if config.train_on == "real":
        return row_weights
    result = np.zeros(len(curation.kept))
    result[curation.kept] = row_weights
    return result


def labelled_texts(dataset: Dataset, frame: pd.DataFrame, *, labels: np.ndarray | None = None) -> LabelledTexts:
    """Rows of a data set as a model reads them, with these label codes where they differ from the frame's."""
    second = [*frame["text_b"]] if dataset.is_pairs else None
    return LabelledTexts([*frame["text"]], dataset.label_codes(frame) if labels is None else labels, second)
