"""Finished runs of a project, grouped by setting within one recipe, with what they said of each test row.

A setting is what a run trained on and how it weighed the rows; a recipe is all else that it was told besides its seed
and device. Runs that cannot be compared are left out and named. It computes no figure of merit.
"""

import math
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from synweight_core import runs
from synweight_core.data import label_codes
from synweight_core.errors import DataError
from synweight_core.losses import LOSSES
from synweight_core.outcomes import recipe
from synweight_core.presets import settings_words, terms_words
from synweight_core.projects import Project, read_part
from synweight_core.runs import Run
from synweight_core.runtable import setting_label
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings, loss_settings

_DAMAGED = (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError, TypeError)
_KEPT_IN_MEMORY = 512  # runs whose predictions stay read: 6 bytes a test row each
_SAID = ("backbone", "epochs", "batch_size", "learning_rate")
_NAMED = ("ce", "quality", "imp", "soft")  # losses whose weights are fixed
_PLAIN = "CE"  # what `terms_words` calls settings without any term


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """The test rows of a project: label codes [t], names of the classes [K], and the project's metric."""

    labels: np.ndarray
    names: tuple[str, ...]
    metric: str


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a run says of the test rows: the most likely of K classes int16 [t], and its probability float32 [t]."""

    predicted: np.ndarray
    confidence: np.ndarray
    n_classes: int


@dataclass(frozen=True, eq=False)
class Group:
    """The runs of one setting, one a seed, seeds ascending. `config` is that of the newest, with seed 0."""

    name: str
    config: TrainConfig
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]
    test: ScoredRows

    @property
    def is_real(self) -> bool:
        """Whether it trained on the real rows alone."""
        return self.config.train_on == "real"

    @property
    def is_ce(self) -> bool:
        """Whether it is the baseline: all synthetic rows as they came, each counting the same."""
        return not self.is_real and self.name == LOSSES["ce"].label

    @cached_property
    def predicted(self) -> np.ndarray:
        """Predicted classes. int16 [S, t]"""
        return np.stack([_outputs_of(run).predicted for run in self.runs])

    @cached_property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted classes. float32 [S, t]"""
        return np.stack([_outputs_of(run).confidence for run in self.runs])


@dataclass(frozen=True)
class Recipe:
    """The settings that were run under one recipe, in the order of their first run; the recipe in words."""

    words: str
    groups: tuple[Group, ...]

    def group(self, name: str) -> Group:
        """The setting of this name. Raises DataError."""
        for group in self.groups:
            if group.name == name:
                return group
        known = ", ".join(group.name for group in self.groups)
        raise DataError(f"No setting '{name}' was run under this recipe. Choose one of: {known}.")

    @property
    def ce(self) -> Group | None:
        """Plain cross-entropy on the synthetic rows."""
        return next((group for group in self.groups if group.is_ce), None)

    @property
    def real(self) -> Group | None:
        """The real rows alone."""
        return next((group for group in self.groups if group.is_real), None)


@dataclass(frozen=True)
class Compared:
    """All recipes of a project, that with the most settings first (of two, that of the latest run).

    `left_out` names the finished runs that cannot be compared, and why.
    """

    recipes: tuple[Recipe, ...]
    left_out: tuple[str, ...]


def settings_compared(project: Project) -> Compared:
    """The finished training runs of a project, by recipe and setting. A seed that was run again counts once.

    Reads the predictions of each run, those of unchanged files once a process.
    """
    test, left_out = scored_rows(project), []
    found: dict[str, dict[object, dict[int, tuple[TrainConfig, Run]]]] = {}
    for run in runs.list_runs(project_id=project.id, kind="train")[::-1]:  # oldest first: later ones replace
        if run.status != "finished":
            continue
        try:
            config = _checked(run, test)
        except DataError as error:
            left_out.append(f"{run.name} ({run.id}) is left out: {error}")
            continue
        key = recipe(config)
        by_setting = found.pop(key, {})
        by_setting.setdefault(_setting(config), {})[config.seed] = config, run
        found[key] = by_setting
    ordered = sorted(reversed(found.values()), key=len, reverse=True)
    return Compared(tuple(_recipe_of(by_setting, test) for by_setting in ordered), tuple(left_out))


def scored_rows(project: Project) -> ScoredRows:
    """The labels of a project's test rows, read without their texts."""
    frame = read_part(project, "real", columns=["split", "label"])
    codes = label_codes(frame.loc[frame["split"] == "test", "label"], project.labels)
    return ScoredRows(codes, project.labels, project.metric)


def _checked(run: Run, test: ScoredRows) -> TrainConfig:
    """What a run was told, when its predictions fit the test rows. Raises DataError, which says what is wrong."""
    try:
        config = TrainConfig(**run.settings)
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError) as error:
        raise DataError(f"its settings cannot be read ({error}).") from error
    told = (run.result or {}).get("test")
    if not isinstance(told, Mapping):
        raise DataError("it was not scored on test rows. Add test rows to the project and run it again.")
    found = _outputs_of(run)
    shape, expected = (len(found.predicted), found.n_classes), (len(test.labels), len(test.names))
    if shape != expected:
        raise DataError(
            f"it was scored on {shape[0]:,} test rows of {shape[1]:,} classes; expected the {expected[0]:,} of "
            f"{expected[1]:,} classes of this project. Run it again."
        )
    if not _is_near(told.get("accuracy"), float(np.mean(found.predicted == test.labels))):
        raise DataError("its predictions do not give the accuracy that it reported: other test rows. Run it again.")
    return config


def _is_near(told: object, found: float) -> bool:
    return isinstance(told, int | float) and math.isclose(told, found, abs_tol=1e-6)


def _outputs_of(run: Run) -> Outputs:
    """Raises DataError when they are damaged."""
    path = run.folder / "outputs.npz"
    try:
        return _outputs(path, path.stat().st_mtime_ns)
    except _DAMAGED as error:
        raise DataError("its predictions (outputs.npz) are absent or damaged. Run it again.") from error


@lru_cache(maxsize=_KEPT_IN_MEMORY)
def _outputs(path: Path, _changed: int) -> Outputs:
    """Raises one of _DAMAGED."""
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as stored:  # closed also where it is no npz
        log_probs = stored["test_log_probs"]
    if log_probs.ndim != 2 or not log_probs.size or np.isnan(log_probs).any():
        raise ValueError("expected log-probabilities [t, K]")
    confidence = np.exp(log_probs.max(axis=1)).astype(np.float32)
    return Outputs(log_probs.argmax(axis=1).astype(np.int16), confidence, log_probs.shape[1])


def _setting(config: TrainConfig) -> object:
    """What makes two runs the same setting. Caps say nothing where all rows count the same."""
    if config.train_on == "real":
        return "real"
    loss, settings = LOSSES[config.loss], config.weight_settings
    if terms_words(settings) == _PLAIN and not config.edits:
        settings = replace(settings, min_weight=0.0, max_weight=10.0)
    return ("fixed" if loss.is_its_settings else config.loss), settings, config.edits


def _recipe_of(by_setting: Mapping[object, Mapping[int, tuple[TrainConfig, Run]]], test: ScoredRows) -> Recipe:
    configs = [[*by_seed.values()][-1][0] for by_seed in by_setting.values()]
    short = [_name(config) for config in configs]
    names = [
        name if short.count(name) == 1 else f"{name} ({settings_words(config.weight_settings)})"
        for name, config in zip(short, configs, strict=True)
    ]
    groups = [
        Group(
            name,
            replace(config, seed=0, device="auto", processes=1, tracker=""),
            seeds,
            tuple(by_seed[seed][1] for seed in seeds),
            test,
        )
        for name, config, by_seed in zip(names, configs, by_setting.values(), strict=True)
        for seeds in [tuple(sorted(by_seed))]
    ]
    return Recipe(_words(configs[0]), tuple(groups))


def _name(config: TrainConfig) -> str:
    """ "IMP", "alpha 1, beta 0.5, 3 edits", "Real rows alone (baseline)"."""
    settings, loss = config.weight_settings, config.loss
    if LOSSES[loss].is_its_settings:
        loss = next((name for name in _NAMED if _is_of(name, settings)), "tuned")
    label = terms_words(settings) if loss == "tuned" else setting_label(loss, config.train_on)
    return label + (f", {config.edits:,} edit{'s' if config.edits > 1 else ''}" if config.edits else "")


def _is_of(loss: str, settings: WeightSettings) -> bool:
    return loss_settings(loss, settings) == settings


def _words(config: TrainConfig) -> str:
    """The recipe: its main choices, then what else is not as usual."""
    usual, told = asdict(TrainConfig()), asdict(config)
    weights = {*asdict(config.weight_settings), "loss", "train_on", "edits", "seed", "device", "processes", "tracker"}
    unusual = [name for name in told if name not in {*weights, *_SAID} and told[name] != usual[name]]
    shown = [f"{name.replace('_', ' ')} {told[name]}" for name in (*_SAID[1:], *unusual)]
    return ", ".join([config.backbone, *shown])
