"""`synweight ...`: the same workspace as the app, from a terminal."""

import json
import os
import shutil
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from synweight_core import __version__, cli_projects, project_settings, projects, runs, workspace
from synweight_core.cli_findings import findings
from synweight_core.cli_projects import SUGGEST, prepare_and_tell
from synweight_core.cli_results import compare, export, reproduce, weigh
from synweight_core.cli_runs import delete, list_trash, queue, restore
from synweight_core.curation import history
from synweight_core.errors import SynweightError
from synweight_core.following import follow
from synweight_core.launch import project_config, start_training
from synweight_core.losses import LOSSES
from synweight_core.map_scores import load_map_scores, start_scoring
from synweight_core.models import MINILM
from synweight_core.prepare import need_prepared
from synweight_core.report_command import report
from synweight_core.train_config import DEVICES, PRECISIONS, TRAIN_ON, TrainConfig
from synweight_core.tuning import KINDS, PROBE

APP = Path(__file__).parent.parent / "app.py"
_MAX_COLUMNS = 1000  # of a terminal
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Commands(click.Group):
    """Turns errors that are written for people into one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own type)
        try:
            return super().invoke(ctx)
        except (SynweightError, ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands)
@click.version_option(__version__)
def main() -> None:
    """Weigh LLM-generated rows by quality over diversity, and train with the weights."""
    workspace.check()


@main.command()
@click.option("--wait/--no-wait", default=True, help="Wait until everything is computed.")
@SUGGEST
def demo(wait: bool, suggests: bool) -> None:
    """Create the demo project and prepare it, once."""
    prepare_and_tell(projects.demo_project(), wait=wait, suggests=suggests)


@main.command()
@click.argument("project_id", required=False)
@click.option(
    "--synthetic", type=_FILE, multiple=True,
    help="Synthetic rows (CSV, TSV, JSONL, JSON, Parquet, XLSX); may be given for several files, as --real and --test.",
)  # fmt: skip
@click.option("--real", type=_FILE, multiple=True, help="Real labelled rows.")
@click.option("--test", type=_FILE, multiple=True, help="Real test rows; otherwise 20 % of the real rows.")
@click.option("--name", default=None, help="The project's name; default: that of the synthetic file.")
@click.option("--metric", default="accuracy", help="accuracy, macro_f1 or recall:LABEL.")
@click.option("--encoder", default="minilm", help="minilm, a local folder or a hub id.")
@click.option(
    "--checker",
    type=click.Choice(list(KINDS)),
    default=None,
    help="Kind of the two checkers of a new project; default: probe. Fine-tuned ones take minutes, or a GPU.",
)
@click.option("--checker-model", default=None, help="What a fine-tuned checker begins with; default: minilm.")
@click.option(
    "--unjudged", type=click.Choice(["drop", "weight_one", "block"]), default="drop",
    help="Synthetic rows whose label no real row has.",
)  # fmt: skip
@click.option("--wait/--no-wait", default=True, help="Wait until everything is computed.")
@SUGGEST
def prepare(
    project_id: str | None, synthetic: tuple[Path, ...], real: tuple[Path, ...], test: tuple[Path, ...],
    name: str | None, metric: str, encoder: str, checker: str | None, checker_model: str | None, unjudged: Any,  # noqa: ANN401
    wait: bool, suggests: bool,
) -> None:  # fmt: skip
    """Prepare PROJECT_ID, or a new project from files: vectors, neighbours, checkers, map, first weight settings."""
    if checker_model and checker in (None, PROBE):
        raise click.UsageError("--checker-model is for --checker finetuned; a probe reads the encoder's vectors.")
    if project_id and checker:
        raise click.UsageError("The checker is chosen when a project is made: give --synthetic and --real with it.")
    if project_id:
        project = projects.load_project(project_id)
    elif synthetic and real:
        project = projects.project_from_files(
            synthetic, real, test or None,
            name=name or synthetic[0].stem, metric=metric, encoder=encoder, unjudged=unjudged,
            checker=checker or PROBE, checker_model=checker_model or MINILM,
        )  # fmt: skip
    else:
        raise click.UsageError("Give a project id, or both --synthetic and --real.")
    for finding in project.findings:
        click.echo(f"  {finding.message}")
    prepare_and_tell(project, wait=wait, suggests=suggests)


@main.command()
@click.argument("project_id")
@click.argument("text")
@click.option("--regex", is_flag=True, help="TEXT is a regular expression.")
@click.option("--similar", is_flag=True, help="The rows closest in meaning, closest first.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many rows to print.")
def find(project_id: str, text: str, regex: bool, similar: bool, limit: int) -> None:
    """Find the rows that hold TEXT: position on the map, label, source, text."""
    from synweight_core.project_search import find_rows

    if regex and similar:
        raise click.UsageError("Give --regex or --similar, not both.")
    way = "regex" if regex else "similar" if similar else "text"
    found = find_rows(projects.load_project(project_id), text, way=way)
    for position, row in found.rows.head(limit).iterrows():
        click.echo(_found_line(position, row))
    rest = len(found.rows) - limit
    if found.notice or rest > 0 or found.rows.empty:
        more = f"{rest:,} more rows; --limit shows them." if rest > 0 else "" if len(found.rows) else "No rows."
        click.echo(f"{found.notice} {more}".strip(), err=True)


@main.command()
@click.argument("project_id")
def edits(project_id: str) -> None:
    """List what was edited in a project: number, time, edit, rows, whether it is in force, and the reason."""
    for line in history(projects.load_project(project_id)):
        when = f"{datetime.fromtimestamp(line.time):%Y-%m-%d %H:%M}"
        rows = f"{line.rows:,} rows" if line.rows else ""
        state = "in force" if line.in_force else ""
        words, reason = _one_line(line.words), _one_line(line.reason)
        click.echo(f"{line.number:>4}  {when}  {words:<28}  {rows:>14}  {state:<8}  {reason}".rstrip())


@main.command()
@click.argument("project_id")
@click.option("--loss", type=click.Choice(list(LOSSES)), default="dimp", show_default=True)
@click.option("--train-on", type=click.Choice(list(TRAIN_ON)), default="synthetic", show_default=True)
@click.option("--epochs", type=int, default=TrainConfig.epochs, show_default=True)
@click.option("--batch-size", type=int, default=TrainConfig.batch_size, show_default=True)
@click.option("--learning-rate", type=float, default=TrainConfig.learning_rate, show_default=True)
@click.option("--backbone", default=TrainConfig.backbone, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, help="How many runs, with seeds SEED, SEED+1, ...")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes share each batch: one a GPU, or several on the CPU.",
)
@click.option("--tracker", default="", help="Log to this tracker, too, by Accelerate's name for it: tensorboard, ...")
@click.option("--by-hand", is_flag=True, help="Start nothing; print the command that does, on several machines too.")
@click.option("--wait/--no-wait", default=True, help="Follow the runs until they end.")
def train(project_id: str, seed: int, seeds: int, wait: bool, by_hand: bool, **options: Any) -> None:  # noqa: ANN401
    """Start weighted training runs; they show live in the app too."""
    project = projects.load_project(project_id)
    need_prepared(project)
    started = []
    for number in range(seed, seed + seeds):
        config = project_config(project, **options, seed=number)
        started.append(start_training(project, config, launch=not by_hand))
        command = f"accelerate launch --num_processes {config.processes} -m synweight_core.worker "
        click.echo(command + str(runs.folder(started[-1])) if by_hand else started[-1])
    if wait and not by_hand and not all([follow(run_id) for run_id in started]):
        sys.exit(1)


@main.command()
@click.argument("run_id")
@click.option("--wait/--no-wait", default=True, help="Wait until the scores are there.")
def score(run_id: str, wait: bool) -> None:
    """Score the rows of the map by a run's model, to colour the map by its loss."""
    run = runs.load_run(run_id)
    if load_map_scores(run) is not None:
        click.echo("It is scored.")
        return
    job = start_scoring(run)
    click.echo(job)
    if wait and not follow(job):
        sys.exit(1)


@main.command()
@click.argument("project_id")
@click.option("--apply", "applies", is_flag=True, help="Make the suggested setting the project's.")
def suggest(project_id: str, applies: bool) -> None:
    """Forecast many weight settings on the real rows that are not test, and suggest one."""
    from synweight_core.suggest import sentence
    from synweight_core.suggest_job import start_suggesting, suggestion_of

    project = projects.load_project(project_id)
    job = start_suggesting(project)
    click.echo(job)
    if not follow(job):
        sys.exit(1)
    found = suggestion_of(runs.load_run(job))
    if found is None:
        return
    click.echo(sentence(found))
    if applies and found.is_recommended:
        project_settings.save_settings(project, found.candidates[found.chosen].settings)
        click.echo("The settings are now the project's.")
    elif applies:
        click.echo("The settings were left as they are.")


@main.command(name="runs")
@click.argument("project_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_runs(project_id: str | None, as_json: bool) -> None:
    """List training runs, newest first."""
    if project_id:
        projects.load_project(project_id)
    for run in runs.list_runs(project_id=project_id, kind="train"):
        if as_json:
            click.echo(json.dumps(asdict(run)))
            continue
        test = ((run.result or {}).get("test") or {}).get("accuracy")
        figure = f"{100 * test:.1f} % test accuracy" if test is not None else ""
        click.echo(f"{run.id}  {run.status:<9} {figure}")


@main.command()
@click.argument("run_id")
def stop(run_id: str) -> None:
    """Ask a run to end; it keeps the best model so far, and a checkpoint to go on from."""
    runs.load_run(run_id)
    runs.request_stop(run_id)


@main.command()
@click.argument("run_id")
@click.option("--wait/--no-wait", default=True, help="Follow the run until it ends.")
def resume(run_id: str, wait: bool) -> None:
    """Let a training run go on that was stopped, failed or was killed, from its last checkpoint."""
    _, offset = runs.read_metrics(run_id)
    runs.resume(run_id)
    if wait and not follow(run_id, offset=offset):
        sys.exit(1)


@main.command()
@click.option("--port", type=int, default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--demo", "with_demo", is_flag=True, help="Prepare the demo project first, once.")
def app(port: int, address: str, with_demo: bool) -> None:
    """Open the app."""
    if not APP.exists():
        raise click.ClickException(f"{APP} was not found: the app runs from a checkout of the project.")
    if with_demo:
        prepare_and_tell(projects.demo_project(), wait=True, waits_for_settings=False)
    os.chdir(APP.parent)  # where .streamlit/config.toml is
    options = ["--server.port", str(port), "--server.address", address]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(APP), *options])


for command in (
    findings, weigh, export, reproduce, compare, report, queue, delete, restore, list_trash, cli_projects.list_projects,
    cli_projects.rename, cli_projects.archive, cli_projects.append, cli_projects.export_project,
    cli_projects.import_project, cli_projects.fetch, cli_projects.clean,
):  # fmt: skip
    main.add_command(command)


def _found_line(position: Any, row: Any) -> str:  # noqa: ANN401 (pandas' own types)
    label, text = _one_line(row["label"][:20]), _one_line(row["text"][:_MAX_COLUMNS])
    line = f"{position:>7}  {label:<20}  {row['source']:<9}  {text}"
    return line[: shutil.get_terminal_size().columns].rstrip()


def _one_line(text: str) -> str:
    """Text that people gave, without line ends and codes that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
