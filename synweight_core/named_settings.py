"""Weight settings that a project keeps under a name.

    projects/<id>/settings/<slug>.json    name, created, settings (the fields of WeightSettings)

The settings in use are another file (`project_settings`). It knows the fields of no setting, so that
`weighting` may get new ones: a file from before a field existed has its default.
"""

import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from synweight_core import kept
from synweight_core.errors import DataError, NotFoundError
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings


@dataclass(frozen=True)
class NamedSettings:
    """Weight settings under a name, as their file tells. `created` is in seconds since 1970."""

    slug: str
    name: str
    created: float
    settings: WeightSettings


def keep_settings(project: Project, name: str, settings: WeightSettings) -> str:
    """Keep weight settings under a name; the same name is replaced. Their slug.

    Raises:
        DataError: the name is empty, too long or no valid Unicode.
    """
    content = {"settings": asdict(settings)}
    return kept.keep(_folder(project), name, content, created=time.time(), noun="settings")


def list_settings(project: Project) -> list[NamedSettings]:
    """All named settings of a project, newest first. Files that `load_named_settings` refuses are left out."""
    found = []
    for file in kept.list_kept(_folder(project)):
        try:
            found.append(_parsed(file))
        except DataError:
            continue
    return found


def load_named_settings(project: Project, slug: str) -> NamedSettings:
    """The settings that are kept under a slug.

    Raises:
        NotFoundError: there are none, or `slug` is no id.
        DataError: their file is damaged, or has fields that this version does not know.
    """
    if not kept.exists(_folder(project), slug):
        raise NotFoundError(f"There are no settings '{slug}' in this project. Choose an entry from the list.")
    file = kept.load_kept(_folder(project), slug)
    if file is None:
        raise _damaged(slug)
    return _parsed(file)


def delete_settings(project: Project, slug: str) -> None:
    """Forget named settings; what is gone already stays gone. Raises NotFoundError when `slug` is no id."""
    kept.delete_kept(_folder(project), slug)


def _folder(project: Project) -> Path:
    return project.folder / "settings"


def _parsed(file: kept.KeptFile) -> NamedSettings:
    """Raises DataError as `load_named_settings`."""
    stored = file.content.get("settings")
    if not isinstance(stored, dict):
        raise _damaged(file.slug)
    known = {field.name for field in fields(WeightSettings)}
    unknown = sorted(set(stored) - known)
    if unknown:
        raise DataError(
            f"The settings '{file.slug}' were kept by another version of the app: this one does not know "
            f"{', '.join(unknown)}. Update the app, or keep the settings again."
        )
    try:
        return NamedSettings(file.slug, file.name, file.created, WeightSettings(**stored))
    except (TypeError, ValueError, OverflowError) as error:
        raise _damaged(file.slug) from error


def _damaged(slug: str) -> DataError:
    return DataError(
        f"The file of the settings '{slug}' is damaged: expected a name, a time and the fields of the weight "
        "settings. Delete it, and keep the settings again."
    )
