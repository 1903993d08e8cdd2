"""The command about flaws of the texts: `synweight findings`. Its group is in `cli.py`."""

import json
from typing import Any

import click

from synweight_core import curation, projects
from synweight_core.errors import NotFoundError
from synweight_core.flaws import standing
from synweight_core.flaws.examination import Flaw, load_flaws
from synweight_core.flaws.kinds import KINDS
from synweight_core.flaws.stripping import made_from_words, stripped
from synweight_core.projects import Project

_KIND = click.Choice(list(KINDS))
_SHOWN = 100  # characters of an example


@click.command()
@click.argument("project_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--exclude", "excluded", type=_KIND, multiple=True, help="Exclude the synthetic rows of this finding.")
@click.option("--keep", "kept", type=_KIND, multiple=True, help="Note that this finding was seen and stays.")
@click.option("--strip", "strip", type=_KIND, default=None, help="Make a project without it; this one stays as it is.")
def findings(
    project_id: str, as_json: bool, excluded: tuple[str, ...], kept: tuple[str, ...], strip: str | None
) -> None:
    """List what was found in the texts of a project, and act on it: a count, the share, what to do, where it stands."""
    project = projects.load_project(project_id)
    flaws = {flaw.name: flaw for flaw in load_flaws(project)}
    absent = [name for name in (*excluded, *kept, *([strip] if strip else [])) if name not in flaws]
    if absent:
        raise NotFoundError(f"'{absent[0]}' was not found in this project. Found: {', '.join(flaws) or 'nothing'}.")
    for name in excluded:
        curation.exclude(project, flaws[name].rows, reason=reason(flaws[name]))
    for name in kept:
        standing.keep(project, flaws[name])
    if strip:
        _strip(project, flaws[strip])
        return
    where = standing.standings(project, flaws.values(), curation.load_curation(project))
    if as_json:
        found = [_as_json(flaw, where[flaw.name]) for flaw in flaws.values()]
        click.echo(json.dumps({"project": project.id, "findings": found}, ensure_ascii=False))
        return
    for flaw in flaws.values():
        _print(flaw, where[flaw.name])
    click.echo(f"{len(flaws)} findings, {standing.to_look_at(where)} to look at." if flaws else "Nothing was found.")


def reason(flaw: Flaw) -> str:
    """What the log of edits says of rows that were excluded for a flaw."""
    return f"Finding: {flaw.kind.title}"


def _strip(project: Project, flaw: Flaw) -> None:
    made = stripped(project, flaw)
    click.echo(f"Project {made.id}: {project.id} without {made_from_words(made)}. Prepare it before you use it.")


def _print(flaw: Flaw, where: str) -> None:
    count = "whole set" if flaw.is_whole else f"{len(flaw.rows):,} rows {100 * flaw.share:.1f} %"
    click.echo(f"{count:>20}  {flaw.name:<16} {flaw.kind.title} ({flaw.kind.level}; {flaw.kind.proposal}; {where})")
    for line in (flaw.sentence, *(each.part or each.note for each in flaw.examples[:1])):
        if line:
            click.echo(f"{'':>20}  {_one_line(line)[: 3 * _SHOWN]}")


def _one_line(text: str) -> str:
    """Text from files, without line ends and codes that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def _as_json(flaw: Flaw, where: str) -> dict[str, Any]:
    return {
        "name": flaw.name, "title": flaw.kind.title, "level": flaw.kind.level, "rows": len(flaw.rows),
        "share": round(flaw.share, 6), "proposal": flaw.kind.proposal, "standing": where, "sentence": flaw.sentence,
        "examples": [vars(example) for example in flaw.examples],
    }  # fmt: skip
