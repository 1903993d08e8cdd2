"""`synweight report`: the report of a project as one HTML file."""

from pathlib import Path

import click

from synweight_core import projects


@click.command()
@click.argument("project_id")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write it here: .html.")
def report(project_id: str, out: Path) -> None:
    """Write the report on PROJECT_ID for people who do not train models: one HTML file that needs no network."""
    from synweight_core.report import write_report

    if out.suffix not in (".html", ".htm"):
        raise click.UsageError(f"--out is {out}; expected a name that ends in .html.")
    write_report(projects.load_project(project_id), out)
    click.echo(f"Wrote {out}")
