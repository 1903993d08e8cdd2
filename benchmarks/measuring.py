"""What every benchmark shares: options, where and when it ran, child processes, results files.

    results/NAME.json                   {"benchmark", "parts": {PART: {date, commit, command, machine, values}}}
    results/NAME.md                     the same for people
    results/NAME.PART.unfinished.json   stages measured so far; gone when the part is complete

A benchmark has one or more parts, each measured and stamped on its own. This module measures nothing by
itself: run as a program it does nothing. Seconds are wall seconds; 1 MB is 10^6 bytes.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from synweight_core import storage

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"
PACKAGES = ("torch", "transformers", "streamlit", "plotly", "umap-learn")
POLL_SECONDS = 0.1
NO_COMMIT = "uncommitted"
THIS_CHECKOUT = {"PYTHONPATH": str(ROOT)}  # a child measures the code whose commit is stamped, not what is installed


# --- command line


def parser(description: str, *, parts: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The options that all benchmarks have; `--only` and `--resume` when there are `parts`."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--quick", action="store_true", help="under 50 s; one JSON object as the last line")
    options.add_argument("--data", type=Path, default=DATA, help="folder of data sets (default ../shared/data)")
    options.add_argument("--out", type=Path, default=RESULTS, help="folder of results (default benchmarks/results)")
    if parts:
        options.add_argument("--only", choices=parts, help="measure one part and merge it into the results")
        options.add_argument("--resume", action="store_true", help="skip stages already measured at this commit")
    return options


def say(text: str) -> None:
    """Progress for people, on standard error: standard output ends with the result."""
    print(text, file=sys.stderr, flush=True)


def leave_on_sigterm() -> None:
    """Let a polite kill unwind this program like Ctrl-C, so that the processes it watches end with it."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


# --- where and when


def stamp() -> dict[str, Any]:
    """Date, commit, command and machine of a measurement that starts now."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "command": command_line(),
        "machine": machine(),
    }


def commit(root: Path = ROOT) -> str:
    """The commit of the checkout, with '-dirty' when a file differs; results themselves do not count."""
    head = _output(["git", "-C", str(root), "rev-parse", "--short=10", "HEAD"])
    if not head:
        return NO_COMMIT
    changed = ["git", "-C", str(root), "status", "--porcelain", "--", ".", ":(exclude)benchmarks/results"]
    return head + ("-dirty" if _output(changed) else "")


def command_line(words: Sequence[str] | None = None) -> str:
    """How this program was called, with paths relative to the checkout."""
    return shlex.join(["python", *(_relative(word) for word in (sys.argv if words is None else words))])


def machine() -> dict[str, Any]:
    """Processor, memory, GPUs, versions, and how busy the machine was before the measurement."""
    return {
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": _output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _relative(word: str) -> str:
    option, equals, value = word.rpartition("=")
    return option + equals + (os.path.relpath(Path(value).absolute(), ROOT) if os.sep in value else value)


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _output(command: Sequence[str]) -> str:
    """What a command prints, '' when it is missing or fails."""
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""


# --- child processes


@dataclass(frozen=True)
class Measured:
    """A child process that ended well. `peak_memory_mb`: highest sum of resident memory over its tree."""

    seconds: float
    peak_memory_mb: float
    output: str
    started: float  # time.time()

    def cost(self) -> dict[str, float]:
        """Seconds and memory as results keep them."""
        return {"seconds": round(self.seconds, 2), "peak_memory_mb": round(self.peak_memory_mb, 1)}


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    max_seconds: float = 7200,
    poll_seconds: float = POLL_SECONDS,
) -> Measured:
    """Run a command in the checkout and watch it and all its descendants, whatever session they are in.

    Memory is polled: a peak shorter than `poll_seconds` may be missed, and pages that processes share
    count once in each of them.

    Raises:
        RuntimeError: it failed; the end of its error output is told.
        TimeoutError: it took longer than `max_seconds` and was ended, with its descendants.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | THIS_CHECKOUT | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        seen = {psutil.Process(process.pid)}
        peak = 0
        try:
            while not _ended(process, poll_seconds):
                peak = max(peak, _tree_memory(process.pid, seen))
                if time.perf_counter() - clock > max_seconds:
                    raise TimeoutError(f"{shlex.join(command)} was ended after {max_seconds:g} s.")
            seconds = time.perf_counter() - clock
        finally:
            if process.returncode is None:
                _kill(seen)
                process.wait()
        if process.returncode:
            raise RuntimeError(f"{shlex.join(command)} failed ({process.returncode}): {_text(err)[-2000:]}")
        return Measured(seconds, peak / 1e6, _text(out), started)


def _ended(process: subprocess.Popen[bytes], poll_seconds: float) -> bool:
    try:
        process.wait(poll_seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _tree_memory(pid: int, seen: set[psutil.Process]) -> int:
    """Resident bytes of a process and its descendants. `seen` gathers them, so that orphans still count."""
    with suppress(psutil.NoSuchProcess):
        seen.update(psutil.Process(pid).children(recursive=True))
    return sum(map(_memory, seen))


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss) if process.is_running() else 0
    except psutil.Error:
        return 0


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _text(file: Any) -> str:  # noqa: ANN401 (an open binary file)
    file.seek(0)
    return file.read().decode(errors="replace")


# --- workspaces


def new_workspace() -> Path:
    """A fresh temporary folder for SYNWEIGHT_HOME."""
    return Path(tempfile.mkdtemp(prefix="synweight-benchmark-"))


@contextmanager
def use_workspace(home: Path) -> Iterator[Path]:
    """Let this process and its children work in `home`; afterwards as before."""
    before = os.environ.get("SYNWEIGHT_HOME")
    os.environ["SYNWEIGHT_HOME"] = str(home)
    try:
        yield home
    finally:
        if before is None:
            del os.environ["SYNWEIGHT_HOME"]
        else:
            os.environ["SYNWEIGHT_HOME"] = before


# --- results


class Stages:
    """The stages of one part, written down one by one, and the workspace that they share."""

    def __init__(self, out: Path, name: str, part: str, *, resume: bool = False) -> None:
        self.path = out / f"{name}.{part}.unfinished.json"
        now = commit()
        kept = storage.read_json(self.path) if resume else None
        if not (kept and kept["commit"] == now and Path(kept["workspace"]).is_dir()):
            kept = {"commit": now, "workspace": str(new_workspace()), "stages": {}}
        self._kept: dict[str, Any] = kept
        self.workspace = Path(kept["workspace"])

    def measure(self, stage: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of `compute`, which must be JSON; read back where it was measured before."""
        stages = self._kept["stages"]
        if stage in stages:
            say(f"{stage}: measured before")
            return stages[stage]
        say(f"{stage} ...")
        stages[stage] = compute()
        storage.write_json(self.path, self._kept)
        return stages[stage]

    def close(self) -> None:
        """The part is in the results: what was kept for a resumption goes."""
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.workspace, ignore_errors=True)


def load_parts(out: Path, name: str) -> dict[str, Any]:
    """The parts measured so far, {} without a results file."""
    return (storage.read_json(out / f"{name}.json") or {"parts": {}})["parts"]


def save_part(
    out: Path,
    name: str,
    part: str,
    values: Mapping[str, Any],
    *,
    stamped: Mapping[str, Any],
    render: Callable[[Mapping[str, Any]], str],
) -> None:
    """Replace one part in NAME.json and write NAME.md, which `render` makes from all parts."""
    parts = load_parts(out, name) | {part: {**stamped, "values": values}}
    whole = json.dumps({"benchmark": name, "parts": parts}, indent=2, ensure_ascii=False) + "\n"
    for path, text in ((out / f"{name}.json", whole), (out / f"{name}.md", render(parts))):
        storage.write_atomically(path, partial(Path.write_text, data=text, encoding="utf-8"))


def quick_report(
    name: str,
    measured: Mapping[str, Any],
    kept: Mapping[str, Any],
    *,
    stamped: Mapping[str, Any],
    parts: Mapping[str, Any],
) -> str:
    """The one line of `--quick`: what was measured now, what was read from results, and of when those are.

    `kept` has all keys as the results have them, None where they lack one; those measured now replace them.
    """
    from_results = {key: value for key, value in kept.items() if key not in measured}
    line = {"benchmark": name, **measured, **from_results, "measured": [*measured], "from_results": [*from_results]}
    line["missing"] = [key for key, value in from_results.items() if value is None]
    line["missing_means"] = f"not in the results file: run benchmarks/{name}.py without --quick"
    line["results"] = {name: {key: part[key] for key in ("date", "commit")} for name, part in parts.items()}
    return json.dumps(line | dict(stamped), ensure_ascii=False)


def measure(
    name: str,
    description: str | None,
    *,
    parts: Mapping[str, Callable[[Stages, argparse.Namespace], dict[str, Any]]],
    quick: Callable[[Path], str],
    render: Callable[[Mapping[str, Any]], str],
) -> None:
    """The command line of a benchmark: its quick line, or each part in a workspace of its own, merged into the results.

    `description` is the docstring of its module.
    """
    options = parser((description or "").splitlines()[0], parts=[*parts]).parse_args()
    leave_on_sigterm()
    if options.quick:
        print(quick(options.out))
        return
    for part in [options.only] if options.only else parts:
        stamped = stamp()
        stages = Stages(options.out, name, part, resume=options.resume)
        say(f"Part {part}, workspace {stages.workspace} (kept for --resume until the part is complete)")
        with use_workspace(stages.workspace):
            values = parts[part](stages, options)
        save_part(options.out, name, part, values, stamped=stamped, render=render)
        stages.close()
    print(render(load_parts(options.out, name)))


# --- tables for people


def report(
    name: str,
    description: str | None,
    parts: Mapping[str, Any],
    tables: Mapping[str, Callable[[Mapping[str, Any]], list[str]]],
    *,
    more: Sequence[str] = (),
) -> str:
    """All parts that are measured as Markdown, each with its origin and its tables; then `more` paragraphs."""
    sections = [f"# {name}: {(description or '').splitlines()[0]}"]
    for part, paragraphs in tables.items():
        if part in parts:
            sections += [f"## {part}", origin(parts[part]), *paragraphs(parts[part]["values"])]
    return "\n\n".join([*sections, *more]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def origin(part: Mapping[str, Any]) -> str:
    """One paragraph: when, where and how a part was measured."""
    found = part["machine"]
    gpus = ", ".join(found["gpus"]) or "no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{part['date']}, commit {part['commit']}, `{part['command']}`. Machine: {found['cores']} cores of "
        f"{found['cpu']}, {found['memory_gb']:g} GB, {gpus}, {found['system']}, Python {found['python']}, {versions}; "
        f"load before the start {found['load_before']:g}."
    )


def _cell(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
