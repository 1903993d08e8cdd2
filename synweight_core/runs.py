"""One folder per job: created, launched, watched, stopped. Status comes from files and a held lock.

    runs/<id>/config.json  lock  worker.log  metrics.jsonl  [stop]  [waiting]  [result.json | error.json]
              [checkpoint.safetensors]  model/

Whoever launches a job takes its lock and hands the open file to the worker, so that the lock is held from
before the worker exists until it is gone, however it goes. A job therefore never stays "starting", and a
recycled process id fools nobody. No process handle is kept.
"""

import fcntl
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from synweight_core import storage, stored
from synweight_core.errors import NotFoundError, RunError, WorkspaceError, file_sentence

Kind = Literal["train", "prepare", "score", "suggest", "fetch"]
Status = Literal["queued", "running", "finished", "stopped", "failed"]
# Threads that wait by spinning starve each other when anything else runs: measured 3 to 10 times slower.
WORKER_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
CHECKPOINT = "checkpoint.safetensors"
LOCKED = "SYNWEIGHT_LOCKED"  # set for a worker whose lock is held by whoever launched it
WAITING = "waiting"  # a run that goes on has events from before, and yet waits for the device
ASIDE = ("notice", "tokenising", "scoring", "checkpoint")  # events beside the course of a job
_LEAVING_SECONDS = 15.0  # of a worker that has written its result
_TAIL_BYTES = 65_536
_NOT_STARTED = "Nobody has started its worker yet. Start it by the command that was printed, or let the run go on here."
_ENDED_SILENTLY = (
    "The worker ended without a word: it was killed, or memory or disk space ran out. Start it again; what was "
    "finished is kept."
)
ACTIVE: tuple[Status, ...] = ("queued", "running")


@dataclass(frozen=True)
class Run:
    """A job as its folder tells. `settings` are the run's own, not those of any form."""

    id: str
    kind: Kind
    project: str
    name: str
    created: float
    settings: dict[str, Any]
    status: Status
    result: dict[str, Any] | None
    error: str | None

    @property
    def folder(self) -> Path:
        """The folder that holds this run."""
        return folder(self.id)

    @property
    def is_active(self) -> bool:
        """Whether a worker holds it."""
        return self.status in ACTIVE

    @property
    def can_resume(self) -> bool:
        """Whether `resume` would let it go on."""
        return self.kind == "train" and self.status in ("stopped", "failed")


def folder(run_id: str) -> Path:
    """The folder of a run. Raises NotFoundError for an id that is no id."""
    return storage.home() / "runs" / storage.checked_id(run_id)


def start(kind: Kind, project_id: str, settings: dict[str, Any], *, name: str, launch: bool = True) -> str:
    """Create a run folder and launch its worker in a session of its own. The run's id.

    Without `launch` people start its worker themselves, on several machines for instance.

    Raises:
        WorkspaceError: the folder cannot be made: the workspace is read-only, or the disk is full.
    """
    now = datetime.now()
    # milliseconds: runs that are started together keep their order, and the queue theirs
    stamp = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
    run_id = f"{stamp}-{storage.slug(name)}-{secrets.token_hex(2)}"
    path = folder(run_id)
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise WorkspaceError(file_sentence(error)) from error
    config = {
        "kind": kind, "project": project_id, "name": name, "created": time.time(), "settings": settings,
    }  # fmt: skip
    with (path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        storage.write_json(path / "config.json", config)
        if launch:
            _launch(path, lock.fileno())
    return run_id


def resume(run_id: str) -> None:
    """Let a training run go on that was stopped, failed or was killed: the same folder, the same curves.

    It goes on from its checkpoint, or from the beginning where it has none.

    Raises:
        NotFoundError: there is no such run.
        RunError: it is no training run, has finished, or is active.
    """
    run = load_run(run_id)
    if run.kind != "train":
        raise RunError(f"'{run_id}' is no training run, and only these go on. Start it again.")
    with (run.folder / "lock").open("a") as lock:
        _take_lock(lock.fileno(), run_id)
        _reopen(run.folder)
        _launch(run.folder, lock.fileno())


@contextmanager
def taken_up(path: Path) -> Iterator[None]:
    """Hold the lock of a run whose worker people start themselves. Raises RunError: it has finished, or is active."""
    with (path / "lock").open("a") as lock:
        _take_lock(lock.fileno(), path.name)
        _reopen(path)
        yield


def _reopen(path: Path) -> None:
    """Remove how a run ended, so that it goes on; its lock is held. Raises RunError when it has finished."""
    result = storage.read_json(path / "result.json")
    if isinstance(result, dict) and result and not result.get("stopped"):
        raise RunError(f"The run '{path.name}' has finished: nothing is left to do. Start a new run for more epochs.")
    (path / WAITING).touch()
    for ended in ("stop", "error.json", "result.json"):
        (path / ended).unlink(missing_ok=True)


def _launch(path: Path, lock: int) -> None:
    """Start the worker of a run folder in a session of its own; it inherits the lock, an open file."""
    with (path / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "synweight_core.worker", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
            env=os.environ | WORKER_ENVIRONMENT | {"SYNWEIGHT_HOME": str(storage.home()), LOCKED: "1"},
        )
    threading.Thread(target=worker.wait, daemon=True).start()  # leaves no zombie; nothing else keeps the handle


def started_just_now(project_id: str, settings: dict[str, Any], *, seconds: float = 3.0) -> bool:
    """Whether the same run was started a moment ago."""
    newest = list_runs(project_id=project_id, kind="train")[:1]
    return any(
        run.settings == settings and 0 <= time.time() - run.created < seconds for run in newest
    )  # 0: the clock was set back


def load_run(run_id: str) -> Run:
    """One run. Raises NotFoundError."""
    run = _read(folder(run_id))
    if run is None:
        raise NotFoundError(f"There is no run '{run_id}' here. Choose one from the list.")
    return run


def list_runs(*, project_id: str | None = None, kind: Kind | None = None) -> list[Run]:
    """Runs of the workspace, newest first."""
    paths = sorted((storage.home() / "runs").glob("*/config.json"), reverse=True)
    found = (run for run in (_read(path.parent) for path in paths) if run)
    return [
        run for run in found if (project_id is None or run.project == project_id) and (kind is None or run.kind == kind)
    ]


def request_stop(run_id: str) -> None:
    """Ask the worker to end; it does so within seconds and keeps the best model so far. What is gone stays gone."""
    with suppress(FileNotFoundError):  # deleted in another tab
        (folder(run_id) / "stop").touch()


def stop_requested(path: Path) -> bool:
    """Whether somebody asked this run to end."""
    return (path / "stop").exists()


def read_metrics(run_id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events reported since byte `offset`, and the offset to go on from.

    Events that a run repeated when it went on are left out. Who reads a file piece by piece puts the pieces together
    by `one_curve`, since an event may undo some that were read before.
    """
    events, offset = _events(folder(run_id) / "metrics.jsonl", offset)
    return one_curve(events), offset


def one_curve(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a run in all its sittings, without those of steps that were repeated later."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["event"] == "resumed" and isinstance(event.get("step"), int):
            kept = [one for one in kept if (one.get("step") or 0) <= event["step"]]
        kept.append(event)
    return kept


def latest_event(run_id: str) -> dict[str, Any]:
    """The last event that tells how far a job has come, {} before the first. Reads only the end of the file."""
    path = folder(run_id) / "metrics.jsonl"
    start = max(0, path.stat().st_size - _TAIL_BYTES) if path.exists() else 0
    events, _ = _events(path, start)
    return next((event for event in reversed(events) if event["event"] not in ASIDE), {})


def _events(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The events in a file from a byte on; what names none is damaged, and left out."""
    lines, offset = storage.read_lines(path, offset)
    sound = (stored.figures(line) for line in lines)
    return [event for event in sound if "event" in event], offset


def wait(run_id: str, *, offset: int = 0, poll_seconds: float = 0.3) -> Iterator[dict[str, Any]]:
    """Events of a run as they come, from byte `offset`, until it ends."""
    while True:
        active = load_run(run_id).is_active
        events, offset = read_metrics(run_id, offset)
        yield from events
        if not active:
            return
        time.sleep(poll_seconds)


def active_run(project_id: str, *kinds: Kind) -> Run | None:
    """The newest run of a project that is of one of these kinds and that a worker holds, if any."""
    return next((run for run in active_runs() if run.project == project_id and run.kind in kinds), None)


def active_runs() -> list[Run]:
    """Runs that a worker holds, newest first. Of those that have ended it opens the lock only."""
    locks = sorted((storage.home() / "runs").glob("*/lock"), reverse=True)
    held = (_read(lock.parent) for lock in locks if is_held(lock))
    return [run for run in held if run and run.is_active]


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone, unless another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take_lock(descriptor: int, run_id: str) -> None:
    """Take the lock of a run that has ended; its worker may need a moment to leave. Raises RunError."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    while not try_lock(descriptor):
        if load_run(run_id).is_active or time.monotonic() > deadline:
            raise RunError(f"The run '{run_id}' is active already. Watch it, or stop it first.")
        time.sleep(0.1)


def _read(path: Path) -> Run | None:
    """The run in a folder; None for a folder that holds none, so that one bad folder breaks no page."""
    config = storage.read_json(path / "config.json")
    try:
        status, result, error = _outcome(path)
        run = Run(id=storage.checked_id(path.name), **config, status=status, result=result, error=error)
        return run if _is_sound(run) else None
    except (TypeError, KeyError, AttributeError, NotFoundError):
        return None


def _is_sound(run: Run) -> bool:
    """Whether all fields are of the kind that others count on."""
    is_known = run.kind in get_args(Kind) and all(map(stored.is_text, (run.project, run.name)))
    return (
        is_known and stored.is_number(run.created) and isinstance(run.settings, dict) and stored.has_kinds(run.settings)
    )


def _outcome(path: Path) -> tuple[Status, dict[str, Any] | None, str | None]:
    held = is_held(path / "lock")  # before the result is read: a worker writes it, then lets go
    result = storage.read_json(path / "result.json")
    if result is not None:
        result = stored.figures(result)
        return ("stopped" if result.get("stopped") else "finished"), result, None
    error = storage.read_json(path / "error.json")
    if error is not None:
        return "failed", None, str(error["message"])
    if held:
        is_running = (path / "metrics.jsonl").exists() and not (path / WAITING).exists()
        return ("running" if is_running else "queued"), None, None
    was_started = (path / "worker.log").exists() or (path / "metrics.jsonl").exists()
    return "failed", None, _ENDED_SILENTLY if was_started else _NOT_STARTED


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock file."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
