"""Real processes that wait for the device as workers do, and do nothing with it: they load no model."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict

from synweight_core import runs, storage
from synweight_core.train_config import TrainConfig

# Waits for its turn, notes it, and ends as it was told: well, badly, or only when it is stopped.
_PROGRAM = """
import sys, time
from pathlib import Path
from synweight_core import device, runs, storage
path, way = Path(sys.argv[1]), sys.argv[2]
with device.turn(path, poll_seconds=0.05) as turn:
    if turn:
        storage.append_line(storage.home() / "turns.jsonl", {"run": path.name})
        storage.append_line(path / "metrics.jsonl", {"event": "loading"})
        if way == "fails":
            storage.write_json(path / "error.json", {"message": "as told"})
            sys.exit(1)
        while way == "stays" and not runs.stop_requested(path):
            time.sleep(0.05)
storage.write_json(path / "result.json", {"stopped": runs.stop_requested(path)})
"""


def waiting_run(number, *, way="ends", project="demo"):
    """Start such a process as run `number` of a project; its id and the process."""
    path = runs.folder(f"20261120-101112-{number:03d}-x-0000")
    path.mkdir(parents=True)
    fields = {"kind": "train", "project": project, "name": f"run {number}", "created": 0.0}
    with (path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        storage.write_json(path / "config.json", fields | {"settings": asdict(TrainConfig())})
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(path), way], pass_fds=[lock.fileno()], env=dict(os.environ)
        )
    return path.name, process


@contextmanager
def device_taken():
    """Nobody gets the device inside this block."""
    path = storage.home() / "runs" / "device.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def turns():
    """The runs that had the device, in this order."""
    return [line["run"] for line in storage.read_lines(storage.home() / "turns.jsonl")[0]]
