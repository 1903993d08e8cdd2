"""The commands that order runs, and the trash: `synweight queue`, `delete`, `restore`, `trash`. `cli.py` has
their group.
"""

import click

from synweight_core import device, project_trash, trash
from synweight_core.projects import is_project
from synweight_core.units import size


@click.command()
@click.option("--first", "run_id", metavar="RUN_ID", default=None, help="Move this waiting run to the top.")
def queue(run_id: str | None) -> None:
    """List the runs that wait for the device, the next one first."""
    if run_id:
        device.move(run_id, to="first")
    waiting = device.waiting()
    for place, run in enumerate(waiting, start=1):
        click.echo(f"{place:>3}  {run.id}  {run.name}")
    if not waiting:
        click.echo("No run waits for the device.")


@click.command()
@click.argument("ids", nargs=-1, required=True)
def delete(ids: tuple[str, ...]) -> None:
    """Move runs that have ended, or projects with all of their runs, to the trash."""
    for each in ids:
        if is_project(each):
            project_trash.delete_project(each)
        else:
            trash.delete_run(each)
        click.echo(f"{each} is in the trash.")


@click.command()
@click.argument("ids", nargs=-1, required=True)
def restore(ids: tuple[str, ...]) -> None:
    """Bring runs, or projects with their runs, back from the trash."""
    in_trash = {project.id for project in project_trash.deleted_projects()}
    for each in ids:
        if each in in_trash:
            project_trash.restore_project(each)
        else:
            trash.restore_run(each)
        click.echo(f"{each} is restored.")


@click.command(name="trash")
@click.option("--empty", is_flag=True, help="Remove what it holds for good.")
def list_trash(empty: bool) -> None:
    """List deleted projects and runs with their size, or remove them for good."""
    if empty:
        click.echo(f"Freed {size(trash.empty_trash() + project_trash.empty_trash())}.")
        return
    gone, found = project_trash.deleted_projects(), trash.deleted_runs()
    for project in gone:
        click.echo(f"{project.id}  project {project.name} with {project.n_runs} runs  {size(project.n_bytes)}")
    for run in found:
        click.echo(f"{run.id}  {run.name}  {size(run.n_bytes)}")
    total = sum(project.n_bytes for project in gone) + sum(run.n_bytes for run in found)
    click.echo(f"{size(total)} in all." if gone or found else "The trash is empty.")
