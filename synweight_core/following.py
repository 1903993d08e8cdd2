"""A run's events as lines in a terminal, until it ends."""

from typing import Any

import click

from synweight_core import runs
from synweight_core.prepare import STAGES

_STAGES = STAGES | {"scores": "Scoring the rows", "fetch": "Fetching rows"}
_LONG_STAGES = ("vectors", "scores", "fetch")  # those that always report their share


def follow(run_id: str, *, offset: int = 0) -> bool:
    """Print a run's events from a byte of their file until it ends; whether it ended well. Ctrl-C asks it to stop."""
    last = ""
    try:
        for event in runs.wait(run_id, offset=offset):
            line = _event_line(event)
            if line and line != last:
                click.echo(f"  {line}")
            last = line or last
    except KeyboardInterrupt:
        runs.request_stop(run_id)
        click.echo("Stopping.")
        for _ in runs.wait(run_id):
            pass
    run = runs.load_run(run_id)
    if run.error:
        click.echo(f"{run_id} failed: {run.error}", err=True)
        return False
    test = ((run.result or {}).get("test") or {}).get("accuracy")
    figure = f", test accuracy {100 * test:.1f} %" if test is not None else ""
    click.echo(f"{run_id} {run.status}{figure}")
    if run.kind == "prepare" and run.status == "stopped":
        click.echo(f"What was computed is kept. To go on: synweight prepare {run.project}")
    return True


def _event_line(event: dict[str, Any]) -> str:
    if event["event"] == "stage":
        is_long = event["stage"] in _LONG_STAGES or event["total"] > 1
        share = f" {100 * event['done'] / event['total']:.0f} %" if is_long else ""
        return f"{_STAGES[event['stage']]}{share}"
    if event["event"] == "evaluation":
        return f"epoch {event['epoch']:.1f}: validation accuracy {100 * event['accuracy']:.1f} %"
    if event["event"] == "resumed":
        return f"goes on after step {event['step']:,}" if event["step"] else "begins from the start"
    if event["event"] == "notice":
        return str(event["message"])
    if event["event"] == "candidate" and event["done"]:
        return f"setting {event['done']} of {event['total']}"
    return ""
