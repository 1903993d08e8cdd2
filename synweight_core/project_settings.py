"""The weight settings of a project: those in use, and those that it began with.

projects/<id>/  settings.json (as people left them)  suggested.json (as they were at first)
"""

from dataclasses import asdict

from synweight_core import storage
from synweight_core.presets import DEFAULT
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings

MAX_SETTING = 1000.0


def load_settings(project: Project) -> WeightSettings:
    """The weight settings last used in this project; the first ones where their file is damaged."""
    return _stored_settings(project, "settings") or first_settings(project)


def first_settings(project: Project) -> WeightSettings:
    """The weight settings of a project that nobody has changed: the suggested ones, before them the default."""
    return suggested_settings(project) or DEFAULT


def suggested_settings(project: Project) -> WeightSettings | None:
    """The first settings that were suggested for this project; None before, and where their file is damaged."""
    return _stored_settings(project, "suggested")


def is_untouched(project: Project) -> bool:
    """Whether nobody has changed the weight settings yet."""
    return not (project.folder / "settings.json").exists()


def save_settings(project: Project, settings: WeightSettings) -> None:
    """Keep the weight settings for the next visit. Raises ValueError when no slider could show them."""
    check_settings(settings)
    storage.write_json(project.folder / "settings.json", asdict(settings))


def save_first_settings(project: Project, settings: WeightSettings) -> None:
    """Keep the settings that were suggested: they are in use until somebody changes one."""
    storage.write_json(project.folder / "suggested.json", asdict(settings))


def check_settings(settings: WeightSettings) -> None:
    """Raise ValueError when no slider could show these settings."""
    numbers = {name: value for name, value in asdict(settings).items() if isinstance(value, int | float)}
    beyond = [name for name, value in numbers.items() if not abs(value) <= MAX_SETTING]
    if beyond:
        raise ValueError(f"{', '.join(beyond)}: expected finite numbers of at most {MAX_SETTING:g}.")


def _stored_settings(project: Project, name: str) -> WeightSettings | None:
    stored = storage.read_json(project.folder / f"{name}.json")
    try:
        return WeightSettings(**stored) if stored else None
    except (TypeError, ValueError, OverflowError):  # damaged, or of another version
        return None
