"""The commands that order and tidy runs: `synweight queue`, `delete`, `restore`, `trash`. `cli.py` has their group."""

import click

from synweight_core import device, trash
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
@click.argument("run_ids", nargs=-1, required=True)
def delete(run_ids: tuple[str, ...]) -> None:
    """Move runs that have ended to the trash."""
    for run_id in run_ids:
        trash.delete_run(run_id)
        click.echo(f"{run_id} is in the trash.")


@click.command()
@click.argument("run_ids", nargs=-1, required=True)
def restore(run_ids: tuple[str, ...]) -> None:
    """Bring runs back from the trash."""
    for run_id in run_ids:
        trash.restore_run(run_id)
        click.echo(f"{run_id} is restored.")


@click.command(name="trash")
@click.option("--empty", is_flag=True, help="Remove what it holds for good.")
def list_trash(empty: bool) -> None:
    """List deleted runs with their size, or remove them for good."""
    if empty:
        click.echo(f"Freed {size(trash.empty_trash())}.")
        return
    found = trash.deleted_runs()
    for run in found:
        click.echo(f"{run.id}  {run.name}  {size(run.n_bytes)}")
    click.echo(f"{size(sum(run.n_bytes for run in found))} in all." if found else "The trash is empty.")
