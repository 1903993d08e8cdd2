"""How the page and the command start training: the project's settings and edits as they are at that moment."""

from dataclasses import asdict
from typing import Any

from synweight_core import project_settings, runs
from synweight_core.curation import load_curation
from synweight_core.projects import Project
from synweight_core.train_config import TrainConfig, run_config, run_name


def project_config(project: Project, **choices: Any) -> TrainConfig:  # noqa: ANN401 (the fields of TrainConfig)
    """`run_config` of these choices, the project's weight settings, and the edits that are in force now.

    Raises:
        ValueError: a choice is out of its range.
        DataError: the log of edits is damaged.
    """
    curation = load_curation(project)
    edits = curation.n_edits if curation.edited else 0  # all undone is the same as none
    return run_config(**asdict(project_settings.load_settings(project)) | choices | {"edits": edits})


def config_like(config: TrainConfig, **choices: Any) -> TrainConfig:  # noqa: ANN401 (the fields of TrainConfig)
    """`run_config` of these choices; all else, weights and edits too, as in the settings of a run.

    Raises ValueError when a choice is out of its range.
    """
    return run_config(**asdict(config) | choices)


def start_training(project: Project, config: TrainConfig, *, launch: bool = True) -> str:
    """Start a run, or with `launch` false only make its folder; its id."""
    return runs.start("train", project.id, asdict(config), name=run_name(config), launch=launch)
