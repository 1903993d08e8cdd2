"""The commands on projects as a whole: `synweight projects`, `rename`, `archive`, `append`, `export-project`,
`import-project`, `fetch`, `clean`. `cli.py` has their group; `delete` and `restore` are in `cli_runs.py`.
"""

import json
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from synweight_core import cleaning, project_settings, project_shelf, projects, runs, storage, uploads
from synweight_core.errors import RunError
from synweight_core.following import follow
from synweight_core.prepare import is_complete, load_prepared
from synweight_core.presets import settings_words
from synweight_core.units import size

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


SUGGEST = click.option(
    "--suggest/--no-suggest", "suggests", default=True,
    help="Look for the weight settings that a new project starts with, by forecasts on its real rows.",
)  # fmt: skip


def prepare_and_tell(
    project: projects.Project, *, wait: bool, suggests: bool = True, waits_for_settings: bool = True
) -> None:
    """Start the preparation of a project where it is not ready, and follow it; ends with code 1 when that fails."""
    click.echo(f"Project {project.id} in {storage.home()}")
    if load_prepared(project) is not None and is_complete(project):
        click.echo("It is ready.")
        return
    run_id = runs.start("prepare", project.id, {"suggests": suggests}, name=f"prepare {project.name}")
    if not wait:
        return
    if not follow(run_id):
        sys.exit(1)
    search = runs.active_run(project.id, "suggest")
    if search and waits_for_settings:
        follow(search.id)
        click.echo(f"Weights: {settings_words(project_settings.load_settings(project))}")


@click.command(name="projects")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_projects(as_json: bool) -> None:
    """List projects, newest first: date, rows, runs, size, name; then what the disk is used for."""
    found = projects.list_projects()
    sizes = cleaning.project_sizes(found)
    trained = [run.project for run in runs.list_runs(kind="train")]
    for project in found:
        facts = _facts(project, n_runs=trained.count(project.id), n_bytes=sizes[project.id])
        click.echo(json.dumps(facts) if as_json else _line(facts))
    for sentence in project_shelf.unreadable_projects().values():
        click.echo(sentence, err=True)
    if not as_json:
        used = cleaning.disk_use()
        parts = (f"{title} {size(used[part])}" for part, title in cleaning.PARTS.items() if used[part])
        click.echo(", ".join(parts) if any(used.values()) else "There is no project yet.")


@click.command()
@click.argument("project_id")
@click.argument("name")
def rename(project_id: str, name: str) -> None:
    """Give a project another NAME; its id stays."""
    project_shelf.rename_project(project_id, name)


@click.command()
@click.argument("project_ids", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Take them back into short lists.")
def archive(project_ids: tuple[str, ...], undo: bool) -> None:
    """Put projects away: they are kept, and left out of the app's list."""
    for project_id in project_ids:
        project_shelf.archive_project(project_id, archived=not undo)
        click.echo(f"{project_id} is {'in use again' if undo else 'archived'}.")


@click.command()
@click.argument("project_id")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--name", default=None, help="The new version's name; default: the old one with its number.")
@click.option(
    "--unjudged", type=click.Choice(["drop", "weight_one", "block"]), default="drop",
    help="Rows whose label no real row has.",
)  # fmt: skip
@click.option("--wait/--no-wait", default=True, help="Wait until everything is computed.")
def append(project_id: str, files: tuple[Path, ...], name: str | None, unjudged: Any, wait: bool) -> None:  # noqa: ANN401
    """Add synthetic rows from FILES: the project's next version, with its edits, selections and settings."""
    from synweight_core.append import append_rows
    from synweight_core.several_files import combine

    upload = combine([projects.read_upload(file) for file in files])
    for note in upload.notes:
        click.echo(f"  {note}")
    project = append_rows(projects.load_project(project_id), upload, name=name, unjudged=unjudged)
    for finding in project.findings:
        click.echo(f"  {finding.message}")
    prepare_and_tell(project, wait=wait)


@click.command(name="export-project")
@click.argument("project_id")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A .zip file.")
@click.option("--without-models", is_flag=True, help="Leave the models of its runs out.")
def export_project(project_id: str, target: Path | None, without_models: bool) -> None:
    """Write a project with its edits and runs into one file, for another workspace."""
    from synweight_core import project_file

    target = target or Path(f"{project_id}.zip")
    project_file.export_project(projects.load_project(project_id), target.absolute(), with_models=not without_models)
    click.echo(f"{target} ({size(target.stat().st_size)})")


@click.command(name="import-project")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--wait/--no-wait", default=True, help="Wait until everything is computed.")
def import_project(files: tuple[Path, ...], wait: bool) -> None:
    """Bring in projects that were exported; each file is checked before anything of it is kept."""
    from synweight_core import project_import

    for file in files:
        prepare_and_tell(project_import.import_project(file), wait=wait)


@click.command()
@click.argument("name")
@click.option("--config", default="", help="Which configuration of the data set.")
@click.option("--split", default="train", show_default=True)
@click.option("--rows", default=200_000, show_default=True, help="At most so many, from the beginning.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A .parquet file.")
def fetch(name: str, config: str, split: str, rows: int, out: Path) -> None:
    """Save the data set NAME of the Hugging Face hub, or a folder in its layout, as one file for `prepare`."""
    from synweight_core.fetch_job import fetched_file, start_fetching
    from synweight_core.hub_data import HubSource

    if out.suffix != ".parquet":
        raise click.UsageError("The file of --out is Parquet: give it a name that ends in .parquet.")
    source = HubSource(name, config, split, rows, is_folder=Path(name).is_dir())
    job = start_fetching(source, anywhere=True)
    if not follow(job):
        sys.exit(1)
    found = fetched_file(runs.load_run(job))
    if found is None:
        raise RunError("Nothing was fetched: it was stopped.")
    shutil.copyfile(uploads.upload_path(found.sha256), out)
    for note in found.notes:
        click.echo(f"  {note}")
    click.echo(f"{out}: {found.rows:,} rows")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
def clean(dry_run: bool) -> None:
    """Remove cached columns, uploads and leftovers that no project and no draft needs."""
    if dry_run:
        found = cleaning.unneeded()
        click.echo(f"{size(sum(path.stat().st_size for path in found))} in {len(found):,} files would be freed.")
        return
    cleaned = cleaning.clean()
    click.echo(f"Freed {size(cleaned.n_bytes)} in {cleaned.files:,} files.")


def _facts(project: projects.Project, *, n_runs: int, n_bytes: int) -> dict[str, Any]:
    rows = sum(count for part, count in project.counts.items() if part != "dropped")
    return {
        "id": project.id, "name": project.name, "created": project.created, "rows": rows, "runs": n_runs,
        "bytes": n_bytes, "archived": project.archived, "after": project.after,
    }  # fmt: skip


def _line(facts: dict[str, Any]) -> str:
    name = "".join(character if character.isprintable() else " " for character in facts["name"])
    archived = " (archived)" if facts["archived"] else ""
    return (
        f"{facts['id']}  {datetime.fromtimestamp(facts['created']):%Y-%m-%d}  {facts['rows']:,} rows  "
        f"{facts['runs']} runs  {size(facts['bytes'])}  {name}{archived}"
    )
