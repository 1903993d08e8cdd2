"""The commands about results: `synweight weigh`, `export`, `reproduce`, `compare`. Their group is in `cli.py`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from synweight_core import project_settings, projects, runs
from synweight_core.prepare import STAGES, need_prepared
from synweight_core.presets import settings_words
from synweight_core.weighting import BALANCES, WeightSettings, effective_sample_size, rows_carrying

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("project_id")
@click.option("--alpha", type=float, default=None, help="Exponent of quality.")
@click.option("--beta", type=float, default=None, help="Exponent of the diversity checker.")
@click.option("--relevance", type=float, default=None, help="Exponent of how much more often a text is real.")
@click.option("--temperature", type=float, default=None, help="Factor on the fitted temperature of quality; 1: as is.")
@click.option("--balance", type=click.Choice(list(BALANCES)), default=None, help="Class shares of what is taught.")
@click.option("--soft-share", type=float, default=None, help="Share of what a row teaches that the checker decides.")
@click.option("--drop-share", type=float, default=None, help="Share of the rows, lowest quality first, to leave out.")
@click.option("--real-mass", type=float, default=None, help="Share of the weight that real rows hold in training.")
@click.option("--min-weight", type=float, default=None, help="No row counts less than this.")
@click.option("--max-weight", type=float, default=None, help="No row counts more than this.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the weighted rows: .parquet, .csv or .jsonl.")
def weigh(project_id: str, out: Path | None, **given: float | str | None) -> None:
    """Weigh the synthetic rows as they are edited; the settings become those of the project."""
    from synweight_core import export as forms

    if out and out.suffix not in forms.FORMS:
        raise click.UsageError(f"--out is {out}; expected a name that ends in .parquet, .csv or .jsonl.")
    project = projects.load_project(project_id)
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = WeightSettings(**asdict(project_settings.load_settings(project)) | chosen)
    need_prepared(project)
    rows = forms.project_weights(project_id, settings)
    project_settings.save_settings(project, settings)
    weights = rows["weight"].to_numpy()
    click.echo(
        f"{len(rows):,} rows, effective sample size {effective_sample_size(weights):,.0f}; half of the weight "
        f"sits on {rows_carrying(weights):,} rows ({settings_words(settings)})"
    )
    if out:
        out.write_bytes(forms.FORMS[out.suffix](rows))
        click.echo(f"Wrote {out}")


@click.command()
@click.argument("run_id")
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path("export"), show_default=True)
def export(run_id: str, folder: Path) -> None:
    """Write a run's weighted rows in every form, its recipe, snippets, map and model (zip)."""
    from synweight_core.export import export_run

    for path in export_run(runs.load_run(run_id), folder):
        click.echo(f"Wrote {path}")


@click.command()
@click.argument("recipe", type=_FILE)
@click.option("--synthetic", type=_FILE, help="Compute everything again from these synthetic rows.")
@click.option("--real", type=_FILE, help="The real rows that belong to them.")
@click.option("--test", type=_FILE, help="The test rows, where they were a file of their own.")
@click.option("--weights", type=_FILE, help="Compute from the log-probabilities in this exported Parquet file.")
@click.option("--encoder", default=None, help="Confirms the encoder of the recipe where it is not the built-in one.")
def reproduce(
    recipe: Path, synthetic: Path | None, real: Path | None, test: Path | None, weights: Path | None,
    encoder: str | None,
) -> None:  # fmt: skip
    """Rebuild the weights of a recipe.json from this workspace, from an exported file, or from the texts."""
    from synweight_core.recipe_reading import read_recipe
    from synweight_core.reproduce import reproduce as rebuild
    from synweight_core.reproduce import reproduction_words

    files = {role: path for role, path in (("synthetic", synthetic), ("real", real), ("test", test)) if path}
    if files and (weights or not {"synthetic", "real"} <= set(files)):
        raise click.UsageError("Give both --synthetic and --real, or --weights, or none of them.")
    found = rebuild(read_recipe(recipe), files=files, exported=weights, encoder=encoder, report=_echo_stage)
    click.echo(reproduction_words(found))


def _echo_stage(event: dict[str, Any]) -> None:
    if event["event"] == "stage" and event["done"] == 0:
        click.echo(f"  {STAGES[event['stage']]}")


@click.command()
@click.argument("project_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def compare(project_id: str, as_json: bool) -> None:
    """Compare the finished runs of a project by setting over their seeds, and say what can be said."""
    from synweight_core.compare_tables import setting_table
    from synweight_core.run_groups import settings_compared
    from synweight_core.verdict import project_verdict

    found = settings_compared(projects.load_project(project_id))
    told = [(recipe.words, project_verdict(recipe), setting_table(recipe)) for recipe in found.recipes]
    if as_json:
        recipes = [
            {"recipe": words, "verdict": {"kind": said.kind, "sentence": said.sentence, "missing": said.missing},
             "settings": json.loads(table.to_json(orient="records"))}
            for words, said, table in told
        ]  # fmt: skip
        click.echo(json.dumps({"recipes": recipes, "left_out": found.left_out}, ensure_ascii=False))
        return
    for words, said, table in told:
        click.echo(f"{words}\n{said.sentence}")
        for row in table.to_dict("records"):
            seeds = f"{row['seeds']} seed{'' if row['seeds'] == 1 else 's'}"
            click.echo(f"  {row['mean']:5.1f} % ({row['low']:.1f} to {row['high']:.1f}), {seeds}  {row['setting']}")
        for sentence in said.missing:
            click.echo(sentence)
    for sentence in found.left_out:
        click.echo(sentence)
    if not told:
        click.echo("No finished run with test figures yet.")
