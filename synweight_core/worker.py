"""The child process: takes a run folder, does its job, writes `result.json` or `error.json` last.

`python -m synweight_core.worker RUN_FOLDER`. The lock was taken by whoever launched it (see `runs.py`); where people
launch it themselves, on several machines for instance, it takes it. Of the processes of a run that trains on several,
the first writes the files; the others write nothing but an error.
"""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from synweight_core import companions, device, runs, storage
from synweight_core.errors import StopRequested, SynweightError, file_sentence

POLL_SECONDS = 0.3
Report = Callable[[dict[str, Any]], None]


def main(path: Path) -> None:
    """Do the job of the run folder `path`."""
    config = storage.read_json(path / "config.json")
    with ExitStack() as held:
        if runs.LOCKED not in os.environ:
            held.enter_context(runs.taken_up(path))
        result = _done(path, partial(JOBS[config["kind"]], path, config))
        if result is None:
            return
        storage.write_json(path / "result.json", result)
        if not result.get("stopped"):
            (path / runs.CHECKPOINT).unlink(missing_ok=True)  # there is nothing left to go on with


def along(path: Path) -> None:
    """Train along with the first process of a run. Ends this process with code 1 when that fails."""

    def train() -> dict[str, Any]:
        from synweight_core.train_job import run_along

        run_along(path, storage.read_json(path / "config.json"))
        return {}

    companions.end_with_worker()
    if _done(path, train, is_first=False) is None:
        sys.exit(1)


def _done(path: Path, job: Callable[[], dict[str, Any]], *, is_first: bool = True) -> dict[str, Any] | None:
    """What a job gives; None when it failed, and `error.json` says why."""
    try:
        return job()
    except SynweightError as error:
        _fail(path, str(error))
    except MemoryError:
        _fail(path, "Memory ran out. Use a smaller batch size, a smaller model or fewer rows.")
    except OSError as error:
        _fail(path, file_sentence(error))
    except Exception as error:  # the outermost frame: whatever it was, the page must be able to say so
        if is_first or not isinstance(error, RuntimeError):  # which may be that another process is gone
            _fail(path, f"{type(error).__name__}: {error}")
        else:
            traceback.print_exc()
    return None


def prepare_job(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Vectors, graph, checkers and map of a project; then another worker looks for its first settings."""
    _end_on_stop(path)
    from synweight_core.prepare import prepare
    from synweight_core.projects import load_project  # not above: a worker that waits for the device needs no tables
    from synweight_core.suggest_job import suggest_first

    started, project = time.perf_counter(), load_project(config["project"])
    prepare(project, _reporter(path))
    if config["settings"].get("suggests", True):
        suggest_first(project)
    return {"stopped": False, "seconds": time.perf_counter() - started}


def train_job(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """One training run, when the device is free."""
    with device.turn(path) as turn:
        if not turn:
            return {"stopped": True}
        (path / runs.WAITING).unlink(missing_ok=True)
        begun = threading.Event()
        _end_on_stop(path, unless=begun)  # imports and a large model take long, and nothing is lost by then
        count = config["settings"].get("processes", 1)
        try:
            with companions.companions(path, count, failed=partial(_give_up, path)):
                from synweight_core.train_job import run_training  # torch reads the number of threads at its import

                return run_training(path, config, _stoppable_reporter(path, begun))
        finally:
            begun.set()


def score_job(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a trained model says of the rows of the map, when the device is free."""
    _end_on_stop(path)
    with device.turn(path) as turn:
        if not turn:
            return {"stopped": True}
        from synweight_core.score_job import run_scoring

        return run_scoring(config, _reporter(path))


def suggest_job(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """Forecasts of many weight settings, and the one that they suggest. It does not wait for the device."""
    from synweight_core.suggest_job import run_suggest

    return run_suggest(config, _stoppable_reporter(path))


def fetch_job(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of a data set of the hub as a stored upload."""
    _end_on_stop(path)
    from synweight_core.fetch_job import run_fetch

    return run_fetch(config, _reporter(path))


JOBS: Mapping[str, Callable[[Path, Mapping[str, Any]], dict[str, Any]]] = {
    "prepare": prepare_job,
    "train": train_job,
    "score": score_job,
    "suggest": suggest_job,
    "fetch": fetch_job,
}


def _reporter(path: Path) -> Report:
    return lambda event: storage.append_line(path / "metrics.jsonl", event | {"time": time.time()})


def _stoppable_reporter(path: Path, begun: threading.Event | None = None) -> Report:
    """A report that raises StopRequested when it is time; `begun` is set by the event that training starts."""
    write = _reporter(path)

    def report(event: dict[str, Any]) -> None:
        write(event)
        if begun is not None and event["event"] == "started":
            begun.set()
        if runs.stop_requested(path):
            raise StopRequested

    return report


def _end_on_stop(path: Path, *, unless: threading.Event | None = None) -> None:
    """End this process soon after a stop was asked for, even inside a library call that takes minutes.

    Only for jobs whose files are all written atomically, so that they can end anywhere; or before `unless` is set.
    """
    over = unless or threading.Event()

    def watch() -> None:
        while not runs.stop_requested(path) and not over.is_set():
            time.sleep(POLL_SECONDS)
        if over.is_set():
            return
        if not (path / "result.json").exists():
            storage.write_json(path / "result.json", {"stopped": True})
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _fail(path: Path, message: str) -> None:
    traceback.print_exc()  # to worker.log
    if not (path / "error.json").exists():  # of several processes the first to fail knows why
        storage.write_json(path / "error.json", {"message": message})


def _give_up(path: Path, message: str) -> None:
    """End this process at once: it may wait for ever for one that is gone."""
    _fail(path, message)
    os._exit(1)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    (along if companions.is_companion() else main)(Path(sys.argv[1]))
