"""Where a flaw stands: still to look at, kept on purpose, or taken out by edits.

    projects/<id>/flaws.json   {"kept": {name: rows that it had}}

A flaw that was kept and has other rows by now (the detectors learn) is to be looked at again.
"""

from collections.abc import Iterable

from synweight_core import storage
from synweight_core.curation import Curation
from synweight_core.errors import NotFoundError
from synweight_core.flaws.examination import Flaw
from synweight_core.flaws.kinds import KINDS
from synweight_core.projects import Project

OPEN, KEPT, EXCLUDED = "to look at", "kept", "excluded"


def keep(project: Project, flaw: Flaw) -> None:
    """Note that this flaw was seen and stays."""
    _write(project, _kept(project) | {flaw.name: len(flaw.rows)})


def look_again(project: Project, name: str) -> None:
    """Forget that a flaw was kept. Raises NotFoundError when there is no such kind."""
    if name not in KINDS:
        raise NotFoundError(f"There is no finding '{name}'. Choose one of: {', '.join(KINDS)}.")
    _write(project, {each: rows for each, rows in _kept(project).items() if each != name})


def standings(project: Project, flaws: Iterable[Flaw], edits: Curation) -> dict[str, str]:
    """For each flaw OPEN, KEPT or EXCLUDED, under the edits of now."""
    kept = _kept(project)
    return {flaw.name: _standing(flaw, kept.get(flaw.name), edits) for flaw in flaws}


def to_look_at(standing: dict[str, str]) -> int:
    """How many warnings are neither kept nor excluded."""
    return sum(where == OPEN and KINDS[name].level == "warning" for name, where in standing.items())


def _standing(flaw: Flaw, kept: int | None, edits: Curation) -> str:
    synthetic = flaw.rows[flaw.rows < len(edits.kept)]
    if len(synthetic) and not edits.kept[synthetic].any():
        return EXCLUDED
    return KEPT if kept == len(flaw.rows) else OPEN


def _kept(project: Project) -> dict[str, int]:
    stored = storage.read_json(project.folder / "flaws.json")
    kept = stored.get("kept") if isinstance(stored, dict) else None
    return {name: rows for name, rows in kept.items() if name in KINDS} if isinstance(kept, dict) else {}


def _write(project: Project, kept: dict[str, int]) -> None:
    storage.write_json(project.folder / "flaws.json", {"kept": kept})
