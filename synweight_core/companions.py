"""The further processes of a run that trains on several: started by its worker, and gone with it, however it goes.

Each reads a pipe that only the worker holds: when the worker ends, killed or not, the pipe ends and so do they. Where
another launcher started the processes (`accelerate launch`, `torchrun`), these start none. It trains nothing, and
imports no torch.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MEETING = "SYNWEIGHT_MEETING"  # the file by which the processes of a run find each other
_POLL_SECONDS = 0.2
_LEAVING_SECONDS = 30.0
_NOTICING_SECONDS = 2.0  # that one is gone is often noticed as an error of another


@contextmanager
def companions(path: Path, count: int, *, failed: Callable[[str], None]) -> Iterator[None]:
    """Start `count` - 1 more processes for the worker of a run folder, and make this one their first.

    `failed` is told when one of them ends with an error; it should end this process, which may wait for it for ever.
    """
    if count == 1 or "WORLD_SIZE" in os.environ:
        yield
        return
    over = threading.Event()
    with tempfile.TemporaryDirectory(prefix="synweight-") as folder:
        here = environment(0, count, meeting=Path(folder) / "meeting")
        os.environ.update(here)  # before torch is imported
        others = [_started(path, here | {"RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(1, count)]
        threading.Thread(target=_watch, args=(others, over, failed), daemon=True).start()
        try:
            yield
        except BaseException:
            _tell_first(others, failed)
            raise
        finally:
            over.set()
            _end(others)
            for name in here:
                os.environ.pop(name, None)


def environment(rank: int, count: int, *, meeting: Path) -> dict[str, str]:
    """What a process of one machine is told, by the names that launchers use."""
    found = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, MEETING: meeting}
    threads = os.environ.get("OMP_NUM_THREADS", max(1, (os.cpu_count() or 1) // count))
    return {name: str(value) for name, value in {**found, "OMP_NUM_THREADS": threads}.items()}


def is_companion(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is not the first of its run."""
    return int(environ.get("RANK", "0")) > 0


def end_with_worker() -> None:
    """End this process as soon as the worker that started it has ended; nothing where a launcher watches over it."""
    if MEETING not in os.environ:
        return

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _command(path: Path) -> list[str]:
    return [sys.executable, "-m", "synweight_core.worker", str(path)]


def _started(path: Path, told: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(_command(path), stdin=subprocess.PIPE, env={**os.environ, **told})


def _watch(others: list[subprocess.Popen[bytes]], over: threading.Event, failed: Callable[[str], None]) -> None:
    while not over.wait(_POLL_SECONDS):
        _tell(others, failed)


def _tell(others: list[subprocess.Popen[bytes]], failed: Callable[[str], None]) -> None:
    for rank, process in enumerate(others, start=1):
        if process.poll():
            failed(
                f"Process {rank + 1} of {len(others) + 1} ended early (code {process.returncode}): it was killed, or "
                "memory ran out; worker.log may say more. Use a smaller batch or model, or fewer processes."
            )


def _tell_first(others: list[subprocess.Popen[bytes]], failed: Callable[[str], None]) -> None:
    """The error of this process may come from another's end: say that instead. Else the others end now."""
    deadline = time.monotonic() + _NOTICING_SECONDS
    while time.monotonic() < deadline:
        _tell(others, failed)
        time.sleep(_POLL_SECONDS)
    for process in others:
        process.kill()


def _end(others: list[subprocess.Popen[bytes]]) -> None:
    """Wait a while for those that leave by themselves, then end the rest."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    for process in others:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
