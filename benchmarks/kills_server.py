"""Part `server` of kills.py: the real app's server is killed while a run that it started is active.

A person presses the button in Chromium; the run's process must be a child of the server. No run is touched here.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import browser
import killing
import leftovers
import measuring

from synweight_core import runs
from synweight_core.launch import start_training
from synweight_core.projects import Project
from synweight_core.train_config import TrainConfig

LONG = 120_000  # milliseconds


def measure(
    stages: measuring.Stages, project: Project, config: TrainConfig, *, shares: Sequence[float]
) -> dict[str, Any]:
    """A server killed at each of these shares of an uninterrupted run."""
    model = start_training(project, config)  # whose settings the form begins with
    began = time.monotonic()
    killing.ended(model)
    whole, seconds = killing.outcome(model), time.monotonic() - began
    with browser.chromium() as chromium:
        kill = partial(_kill, chromium, project, model, whole=whole)
        kills = [
            stages.measure(f"server {number + 1}", partial(kill, at=share * seconds))
            for number, share in enumerate(shares)
        ]
        version = chromium.version
    return {"seconds_uninterrupted": round(seconds, 2), "browser": f"Chromium {version}", "kills": kills}


def _kill(
    chromium: Any,  # noqa: ANN401 (Playwright's types are a development extra)
    project: Project,
    model: str,
    *,
    whole: killing.Outcome,
    at: float,
) -> dict[str, Any]:
    """Kill a server `at` seconds after it started a run, let the run end, look at it by a new server."""
    run_id, seen = _orphaned(chromium, f"/train?project={project.id}&like={model}", at=at)
    while not seen["was_active"] and at > 0.1:  # it was quicker than the run that nobody interrupted
        at *= 0.7
        run_id, seen = _orphaned(chromium, f"/train?project={project.id}&like={model}", at=at)
    run = killing.ended(run_id)
    killing.wait_for(lambda: not leftovers.processes_of(run_id), seconds=killing.STATUS_SECONDS)
    compared, left = killing.compared(run_id, whole), leftovers.left(run_id, [])
    return {
        "run": run_id, "at_s": round(at, 2), **seen, "finished": run.status == "finished",
        "is_equal": compared.is_equal, "compared": asdict(compared), "is_clean": left.is_clean, "left": asdict(left),
        "shown_s": _shown_after(chromium, project, run),
    }  # fmt: skip


def _orphaned(chromium: Any, path: str, *, at: float) -> tuple[str, dict[str, bool]]:  # noqa: ANN401
    """A run that was started by the button of a server that was then killed; whose child it was, and is."""
    with browser.served() as (server, address), chromium.new_context() as context:
        known = {run.id for run in runs.list_runs()}
        page = context.new_page()
        page.goto(address + path)
        page.get_by_role("button", name="Start training").click(timeout=LONG)
        run_id = _new_run(known)
        began = time.monotonic()
        (worker,) = leftovers.processes_of(run_id)
        was_child = worker.ppid() == server.pid
        time.sleep(max(0.0, began + at - time.monotonic()))
        was_active = runs.load_run(run_id).is_active
        server.kill()
        server.wait()
        return run_id, {"was_child": was_child, "was_active": was_active, "went_on": leftovers.is_alive(worker)}


def _shown_after(chromium: Any, project: Project, run: runs.Run) -> float | None:  # noqa: ANN401
    """Seconds from the start of a new server until its page says that the run has finished; None: it does not."""
    began = time.monotonic()
    said = re.compile(f"{run.id[9:11]}:{run.id[11:13]}:{run.id[13:15]}.*finished")
    with browser.served() as (_, address), chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/train?project={project.id}")
        if not killing.wait_for(lambda: page.get_by_text(said).count() > 0, seconds=60):
            return None
        return round(time.monotonic() - began, 2)


def _new_run(known: set[str]) -> str:
    """The run that has just been started."""
    found: list[str] = []

    def is_there() -> bool:
        found[:] = [run.id for run in runs.list_runs() if run.id not in known]
        return bool(found) and bool(leftovers.processes_of(found[0]))

    if not killing.wait_for(is_there, seconds=60):
        raise RuntimeError("The button started no run within 60 s.")
    return found[0]
