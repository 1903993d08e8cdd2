"""A training run of a project: its rows and columns -> `training.train` -> a model folder and its figures."""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import checkpoints, epoch_weights, processes, storage
from synweight_core.curated import shuffled_weights, weight_columns
from synweight_core.curation import Curation, load_curation
from synweight_core.data import MIN_SYNTHETIC_ROWS, Dataset
from synweight_core.errors import CheckpointError, DataError, ModelError, StopRequested
from synweight_core.losses import LOSSES
from synweight_core.model_card import model_card
from synweight_core.prediction import LabelledTexts, is_out_of_memory
from synweight_core.prepare import Prepared, need_prepared
from synweight_core.projects import Project, load_dataset, load_project
from synweight_core.recipe import input_rows
from synweight_core.tokens import kept_tokens
from synweight_core.trackers import tracked
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.train_state import TrainState
from synweight_core.training import TrainResult, train
from synweight_core.weighting import real_visits

Report = Callable[[dict[str, Any]], None]

_NEW_MODEL = ".model"  # until it is whole


def run_training(path: Path, config: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Train as `config` says, write `model/` and `outputs.npz` into the run folder; the figures.

    A run that was started before goes on from its checkpoint, or from the beginning where it has none.

    Raises:
        SynweightError: something that it needs is not there, or does not fit.
    """
    started = time.perf_counter()
    _remove_unfinished(path)
    project, dataset, prepared, settings = _of_run(config)
    data = training_data(project, dataset, prepared, settings)
    kept = np.ones(data.n_synthetic, dtype=bool)
    if settings.train_on == "synthetic":
        kept, _ = taking_part(prepared, settings, load_curation(project, lines=settings.edits))
    start = _going_on(path, report) if (path / "metrics.jsonl").exists() else None
    try:
        with tracked(report, settings, path) as tell:
            result = train(
                settings, data, tell, start=start, keep=partial(_keep, path, report), tokenise=kept_tokens,
                epoch_ended=lambda epoch, weights: epoch_weights.add_epoch(path, _of_all(weights, kept), epoch=epoch),
            )  # fmt: skip
    except StopRequested:  # before the first step: there is no model to keep
        return {"stopped": True}
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError("The device's memory ran out. Use a smaller model or batch, or another device.") from error
    processes.leave()
    _save_model(path, result, model_card(project, settings, result.figures, inputs=input_rows(project, dataset)))
    arrays = {"row_weights": _of_all(result.row_weights, kept)}
    if result.test_log_probs is not None:
        arrays["test_log_probs"] = result.test_log_probs
    storage.write_atomically(path / "outputs.npz", lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    return result.figures | {"seconds": time.perf_counter() - started}


def _remove_unfinished(path: Path) -> None:
    """What a killed worker of this run was writing; not the zip of an earlier model, which a page may be packing."""
    for folder in (path, path / "playback"):
        storage.remove_unfinished(folder, ".json", ".npy", ".npz", ".safetensors")
    shutil.rmtree(path / _NEW_MODEL, ignore_errors=True)


def run_along(path: Path, config: Mapping[str, Any]) -> None:
    """Train along with `run_training` in another process, as one of several; write and report nothing.

    Raises:
        SynweightError: something that it needs is not there, or does not fit.
    """
    project, dataset, prepared, settings = _of_run(config)
    data = training_data(project, dataset, prepared, settings)
    try:
        start = checkpoints.load(path)
    except CheckpointError:  # the first process says so
        start = None
    with suppress(StopRequested):
        train(settings, data, lambda event: None, start=start, tokenise=kept_tokens)
    processes.leave()


def _of_run(config: Mapping[str, Any]) -> tuple[Project, Dataset, Prepared, TrainConfig]:
    project = load_project(config["project"])
    return project, load_dataset(project), need_prepared(project), TrainConfig(**config["settings"])


def _going_on(path: Path, report: Report) -> TrainState | None:
    """Where a run goes on that was interrupted, None for the beginning; says so."""
    try:
        state = checkpoints.load(path)
    except CheckpointError as error:
        state = None
        report({"event": "notice", "message": str(error)})
    facts = state.facts if state else {"epochs": 0, "total_steps": 1}
    epoch_weights.forget_after(path, facts["epochs"])
    report({"event": "resumed", "step": state.step if state else 0, "total_steps": facts["total_steps"]})
    return state


def _keep(path: Path, report: Report, state: TrainState) -> None:
    """Write the checkpoint; where the disk has no room for it, the run goes on without and says so."""
    started = time.perf_counter()
    try:
        checkpoints.save(path, state)
        event = {"event": "checkpoint", "step": state.step, "seconds": time.perf_counter() - started}
    except OSError as error:
        message = f"No checkpoint could be written ({error}): the run goes on without. Free some space on the disk."
        event = {"event": "notice", "message": message}
    with suppress(StopRequested):  # what is kept last is kept because of it
        report(event)


def _of_all(row_weights: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Weights of the rows that took part -> of all synthetic rows, 0 for the others. [n]"""
    found = np.zeros(len(kept))
    found[kept] = row_weights
    return found


def _save_model(path: Path, result: TrainResult, card: str) -> None:
    """Replace `model/` and what was made of an earlier one, so that a full disk leaves the model that there was."""
    new = path / _NEW_MODEL
    try:
        result.model.save_pretrained(new)
        result.tokenizer.save_pretrained(new)
        (new / "README.md").write_text(card, encoding="utf-8")
        for stale in ("model.zip", "map_log_probs.npz"):
            (path / stale).unlink(missing_ok=True)
        shutil.rmtree(path / "model", ignore_errors=True)
        new.rename(path / "model")
    finally:
        shutil.rmtree(new, ignore_errors=True)


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
    settings, curation = config.weight_settings, load_curation(project, lines=config.edits)
    columns = weight_columns(prepared, settings, curation)
    kept, row_weights = taking_part(prepared, config, curation)
    _check_enough(columns.labels[kept])
    synthetic = labelled_texts(dataset, dataset.synthetic[kept], labels=columns.labels[kept])
    n_real = len(real["train"])
    visits = real_visits(int(kept.sum()), n_real, settings.real_mass)
    joining = labelled_texts(dataset, real["train"].iloc[np.tile(np.arange(n_real), visits)])
    return TrainData(
        train=_together(synthetic, joining),
        log_quality=columns.log_quality[kept],
        log_reference=columns.log_reference[kept],
        log_prior=columns.log_prior[kept],
        log_relevance=columns.log_relevance[kept],
        quality=columns.quality[kept] if settings.soft_share else None,
        row_weights=row_weights,
        real_shares=columns.real_shares,
        n_real=len(joining.texts),
        **rest,
    )


def taking_part(prepared: Prepared, config: TrainConfig, curation: Curation) -> tuple[np.ndarray, np.ndarray | None]:
    """Which synthetic rows a run trains on, bool [n], and their weights where they are not those of their columns.

    A placebo leaves out as many rows as the settings do, but others.
    """
    loss, settings = LOSSES[config.loss], config.weight_settings
    if not loss.is_placebo:
        return weight_columns(prepared, settings, curation).kept, None
    kept, weights = shuffled_weights(
        prepared, settings, curation, within_classes=loss.shuffled == "within", seed=config.seed
    )
    return kept, weights[kept]


def _together(first: LabelledTexts, then: LabelledTexts) -> LabelledTexts:
    """The rows of both, in this order."""
    seconds = None if first.texts_b is None or then.texts_b is None else [*first.texts_b, *then.texts_b]
    return LabelledTexts([*first.texts, *then.texts], np.concatenate([first.labels, then.labels]), seconds)


def _check_enough(labels: np.ndarray) -> None:
    """Raise DataError unless rows with these labels can train a classifier."""
    counts = np.bincount(labels, minlength=1)
    if counts.sum() < MIN_SYNTHETIC_ROWS or (counts >= 2).sum() < 2:
        raise DataError(
            f"{counts.sum():,} synthetic rows with {(counts > 0).sum():,} labels are left after your edits and "
            f"the quality filter; expected at least {MIN_SYNTHETIC_ROWS} rows, and at least two labels with two rows "
            "each. Undo some edits, or drop fewer rows."
        )


def labelled_texts(dataset: Dataset, frame: pd.DataFrame, *, labels: np.ndarray | None = None) -> LabelledTexts:
    """Rows of a data set as a model reads them, with these label codes where they differ from the frame's."""
    second = [*frame["text_b"]] if dataset.is_pairs else None
    return LabelledTexts([*frame["text"]], dataset.label_codes(frame) if labels is None else labels, second)
