"""Suggestions for a project: asked for, computed in a worker process, read again. Imports nothing heavy."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from synweight_core import project_settings, runs
from synweight_core.curation import load_curation
from synweight_core.errors import NotFoundError, SynweightError
from synweight_core.forecast import project_forecaster
from synweight_core.prepare import cache_key, has_folds, need_prepared
from synweight_core.projects import Project, load_project
from synweight_core.suggest import Suggestion, suggest
from synweight_core.weighting import WeightSettings


def start_suggesting(project: Project, *, is_first: bool = False) -> str:
    """Start the job that looks for good settings under the edits and caps of this moment; the job's id.

    With `is_first` what it finds becomes what the project starts with (`project_settings.first_settings`).

    Raises:
        NotFoundError: what forecasts need is not computed.
        DataError: the log of edits is damaged.
    """
    if not has_folds(project):
        raise NotFoundError(f"Project '{project.id}' has no checkers fold by fold yet. Prepare it first.")
    return runs.start("suggest", project.id, basis(project) | {"is_first": is_first}, name=f"suggest {project.name}")


def suggest_first(project: Project) -> None:
    """Start to look for the settings that a new project starts with, unless somebody has set some."""
    is_open = project_settings.is_untouched(project) and project_settings.suggested_settings(project) is None
    if is_open and has_folds(project):
        with suppress(SynweightError):  # whoever asked for the map has it all the same
            start_suggesting(project, is_first=True)


def basis(project: Project) -> dict[str, Any]:
    """What a suggestion rests on: with another basis it is outdated. Raises DataError for a damaged log of edits."""
    curation, settings = load_curation(project), project_settings.load_settings(project)
    return {
        "edits": curation.n_edits if curation.edited else 0,
        "metric": project.metric,
        "data": cache_key(project, "folds"),
        "caps": [settings.min_weight, settings.max_weight],
    }


def run_suggest(config: Mapping[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Look for good settings; the suggestion as a dict, its `basis`, and whether it was stopped.

    `report` as in `suggest`. `suggestion` is None when it was stopped before the first forecast.

    Raises:
        NotFoundError: the project is not prepared.
    """
    started = time.perf_counter()
    project, settings = load_project(config["project"]), config["settings"]
    curation = load_curation(project, lines=settings["edits"])
    forecaster = project_forecaster(project, need_prepared(project), curation)
    found = suggest(forecaster, report, WeightSettings(1, 0, *settings["caps"]))
    if settings.get("is_first") and found and found.is_complete and found.candidates[0].forecast.is_known:
        project_settings.save_first_settings(project, found.settings)
    return settings | {
        "stopped": found is None or not found.is_complete,
        "suggestion": found and found.to_json(),
        "seconds": time.perf_counter() - started,
    }


def suggestion_of(run: runs.Run) -> Suggestion | None:
    """What a job found; None for one that found nothing, or was written by another version."""
    try:
        return Suggestion.from_json((run.result or {})["suggestion"])
    except (TypeError, KeyError, ValueError):
        return None


def is_outdated(run: runs.Run, project: Project) -> bool:
    """Whether edits, caps, metric or data are others than those the job was started with. Raises DataError."""
    return {name: value for name, value in run.settings.items() if name != "is_first"} != basis(project)
