"""What runs showed of weight settings: test figures by setting, over seeds. It knows no forecasts.

A recipe is all that a run was told besides its weights, seed and device: backbone, epochs, learning rate, ...
"""

import json
import math
from collections.abc import Collection
from dataclasses import asdict, fields

from synweight_core import runs
from synweight_core.losses import LOSSES
from synweight_core.projects import Project
from synweight_core.runs import Run
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings

Setting = tuple[WeightSettings, int]  # the number is that of the lines of edits that were replayed
_WEIGHT_FIELDS = {field.name for field in fields(WeightSettings)}


def outcomes(project: Project, settings: Collection[Setting]) -> dict[Setting, list[float]]:
    """The project's metric on the test rows, one figure a seed, of each of these settings that was run.

    Runs count that are finished, trained on synthetic rows with fixed weights, and share one recipe: that under
    which most of the settings were run, so that outcomes can be compared; of two such recipes, that of the
    latest run. A seed that was run again counts once.
    """
    found: dict[str, dict[Setting, dict[int, float]]] = {}
    for run in runs.list_runs(project_id=project.id, kind="train")[::-1]:  # oldest first: later ones replace
        config, score = _config(run), _test_score(run)
        if config is None or score is None or _setting(config) not in settings:
            continue
        by_setting = found.pop(recipe(config), {})
        by_setting.setdefault(_setting(config), {})[config.seed] = score
        found[recipe(config)] = by_setting
    most = max(reversed(found.values()), key=len, default={})
    return {setting: list(by_seed.values()) for setting, by_seed in most.items()}


def _config(run: Run) -> TrainConfig | None:
    """What a finished run with fixed weights of synthetic rows was told; None for any other, or a damaged one."""
    try:
        config = TrainConfig(**run.settings)
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
        return None
    fixed = config.train_on == "synthetic" and LOSSES[config.loss].is_its_settings
    return config if fixed and run.status == "finished" else None


def _test_score(run: Run) -> float | None:
    """The project's metric on the test rows, as training wrote it (`metrics.chosen`); None without test rows."""
    try:
        score = float((run.result or {})["test"]["metric"])
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
        return None
    return score if math.isfinite(score) else None


def _setting(config: TrainConfig) -> Setting:
    told = asdict(config)
    return WeightSettings(**{name: told[name] for name in _WEIGHT_FIELDS & told.keys()}), config.edits


def recipe(config: TrainConfig) -> str:
    """All that a run was told besides its weights, seed and device, as one text."""
    apart = _WEIGHT_FIELDS | {"loss", "train_on", "edits", "seed", "device", "processes", "tracker"}
    return json.dumps({name: value for name, value in vars(config).items() if name not in apart}, sort_keys=True)
