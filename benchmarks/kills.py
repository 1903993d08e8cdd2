"""Kills: training runs whose worker or server is killed by SIGKILL at random moments, and what is left of them.

Two parts: `worker` (40 runs; each goes on by `runs.resume`. Half of the moments are drawn from the whole time that an
uninterrupted run takes, half from the time after its imports, which take most of it) and `server` (10 runs started by
the button of the real app, whose server is then killed; the next server must show them finished). Rows and checker
columns are made up, and the backbone is tiny.
"""

import os
import random
import shutil
import statistics
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import killing
import kills_server
import measuring
from killing import Kill, Whole
from leftovers import GRACE_SECONDS
from map import grown_project
from tiny_backbone import make_tiny_backbone

from synweight_core.projects import Project
from synweight_core.train_config import TrainConfig

NAME = "kills"
LOSSES = ("ce", "imp", "dimp", "dimp_ema")
KILLS = 40
SERVER_KILLS = 10
EPOCHS = 8
ROWS = 400
SEED = 20261121
QUICK_SECONDS = 47.0
QUICK_KILLS = 4


def main() -> None:
    """Measure what the options ask for."""
    os.environ.update(measuring.THIS_CHECKOUT)  # workers are started from this process
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """A few kills afresh, as many as there is time for; on a machine too busy for one, what the results have."""
    deadline = time.monotonic() + QUICK_SECONDS
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    home = measuring.new_workspace()
    try:
        with measuring.use_workspace(home):
            project, backbone = prepared(home)
            kills = quick_kills(project, backbone, deadline=deadline)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    kept = figures(parts.get("worker", {}).get("values", {}).get("kills", []))
    return measuring.quick_report(NAME, figures(kills) if kills else {}, kept, stamped=stamped, parts=parts)


def quick_kills(project: Project, backbone: str, *, deadline: float) -> list[dict[str, Any]]:
    """Kills of DIMP runs until another might not end before `deadline` of the monotonic clock."""
    config = killing.tiny_config(backbone, loss="dimp", epochs=EPOCHS)
    whole = killing.run_whole(project.id, config)
    kills: list[dict[str, Any]] = []
    for share in moments(QUICK_KILLS):
        at = share * whole.seconds
        if time.monotonic() + at + 1.2 * whole.seconds > deadline:
            continue
        if found := killing.kill_and_resume(project.id, config, at=at, whole=whole.outcome):
            kills.append(told(found))
    return kills


def figures(kills: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The keys of --quick; None without a kill."""
    if not kills:
        return dict.fromkeys(("killed", "status_max_s", "resumed_equal", "orphans", "locks_left"))
    left = [kill[when] for kill in kills for when in ("after_kill", "after_resume")]
    return {
        "killed": len(kills),
        "status_max_s": max(kill["status_s"] for kill in kills),
        "resumed_equal": sum(kill["is_equal"] for kill in kills),
        "orphans": sum(len(one["orphans"]) for one in left),
        "locks_left": sum(len(one["locks"]) for one in left),
    }


def prepared(home: Path) -> tuple[Project, str]:
    """The made-up project and the tiny backbone of a workspace."""
    return grown_project(ROWS), make_tiny_backbone(home / "backbone")


def moments(n: int) -> list[float]:
    """One random moment in each n-th of a run, in random order: shares from 0 to 1."""
    drawn = random.Random(SEED)
    shares = [(place + drawn.random()) / n for place in range(n)]
    drawn.shuffle(shares)
    return shares


# --- part: worker


def measure_worker(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """One run of each loss that nobody interrupts, then the kills, the losses in turn."""
    project, backbone = prepared(stages.workspace)
    configs = {loss: killing.tiny_config(backbone, loss=loss, epochs=EPOCHS) for loss in LOSSES}
    wholes = {loss: killing.run_whole(project.id, config) for loss, config in configs.items()}
    kills = []
    for number, share in enumerate(moments(KILLS // 2)):
        for after_imports in (False, True):
            loss = LOSSES[(number + 2 * after_imports) % len(LOSSES)]
            kill = partial(_killed, project.id, configs[loss], share, wholes[loss], after_imports=after_imports)
            kills.append(stages.measure(f"kill {2 * number + after_imports + 1}, {loss}", kill))
    return {"seconds_uninterrupted": {loss: whole.seconds for loss, whole in wholes.items()}, "kills": kills}


def _killed(project_id: str, config: TrainConfig, share: float, whole: Whole, *, after_imports: bool) -> dict[str, Any]:
    """A kill after this share of a whole run; where the run was quicker than that one, it is killed earlier."""
    at = share * (whole.seconds_after_imports if after_imports else whole.seconds)
    for _ in range(20):
        found = killing.kill_and_resume(project_id, config, at=at, whole=whole.outcome, after_imports=after_imports)
        if found:
            return told(found)
        at *= 0.8
    raise RuntimeError(f"A run of {config.loss} ended before each of 20 kills.")


def told(kill: Kill) -> dict[str, Any]:
    """A kill as results keep it."""
    return asdict(kill) | {"is_equal": kill.compared.is_equal, "is_clean": kill.is_clean}


# --- part: server


def measure_server(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Runs of the app whose server is killed."""
    project, backbone = prepared(stages.workspace)
    config = killing.tiny_config(backbone, loss="dimp", epochs=EPOCHS)
    return kills_server.measure(stages, project, config, shares=moments(SERVER_KILLS))


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "worker": measure_worker,
    "server": measure_server,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _worker_tables(values: Mapping[str, Any]) -> list[str]:
    kills = values["kills"]
    seconds = ", ".join(f"{loss} {one:.1f}" for loss, one in values["seconds_uninterrupted"].items())
    equal = "model, row weights, weights by epoch, test log-probabilities, figures, losses, learning rates, evaluations"
    head = ["killed in", "kills", "shown as failed", "slowest s", "resumed and finished", "equal to the last bit"]
    head += ["each step once", "nothing left"]
    phases = Counter(kill["phase"] for kill in kills)
    rows = [[name, *_counts([kill for kill in kills if kill["phase"] == name])] for name in phases]
    return [
        f"{len(kills)} kills, the losses {', '.join(LOSSES)} in turn; seconds of an uninterrupted run: {seconds}. "
        f"Equal means these, against an uninterrupted run of the same seed: {equal}. Nothing left: no process, no held "
        f"lock and no unfinished file after {GRACE_SECONDS:g} s.",
        measuring.table(head, [*rows, ["all", *_counts(kills)]]),
        measuring.table(["figure", "value"], [[key, value] for key, value in figures(kills).items()]),
        f"Moments of the kills (s): {', '.join(f'{at:.1f}' for at in sorted(kill['at_s'] for kill in kills))}.",
    ]


def _counts(kills: Sequence[Mapping[str, Any]]) -> list[object]:
    held: list[Callable[[Mapping[str, Any]], bool]] = [
        lambda kill: kill["status"] == "failed",
        lambda kill: kill["resumed_status"] == "finished",
        lambda kill: kill["is_equal"],
        lambda kill: kill["compared"]["each_step_once"] and kill["metrics_readable"],
        lambda kill: kill["is_clean"],
    ]
    first, *rest = (sum(map(one, kills)) for one in held)
    return [len(kills), first, f"{max(kill['status_s'] for kill in kills):.3f}", *rest]


def _server_tables(values: Mapping[str, Any]) -> list[str]:
    kills = values["kills"]
    checks = {
        "run was a child of the server": "was_child",
        "run was active when the server died": "was_active",
        "run went on in the same process": "went_on",
        "run finished": "finished",
        "equal to the last bit to a run that nobody interrupted": "is_equal",
        "nothing left": "is_clean",
    }
    rows = [[name, sum(kill[key] for kill in kills)] for name, key in checks.items()]
    shown = [kill["shown_s"] for kill in kills if kill["shown_s"] is not None]
    return [
        f"{len(kills)} servers killed, {values['browser']}. A new server's page showed the run as finished "
        f"{statistics.median(shown):.1f} s after the start of that server (median).",
        measuring.table(["check", "held"], [*rows, ["the next server shows it finished", len(shown)]]),
    ]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {"worker": _worker_tables, "server": _server_tables}

if __name__ == "__main__":
    main()
