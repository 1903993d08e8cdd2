"""Intake: hostile files and links, several people at once, accidents, and what the report finds.

Parts: `hostile` (10,000 drawn inputs and a real browser), `sessions` (two who edit, twenty who look at 20,000 rows),
`accidents` (kills, a full disk, spoilt caches, a clock set back) and `findings` (precision and recall of the report on
planted faults). A million rows are measured by `scale.py`.
"""

import json
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import measuring

NAME = "intake"
CHUNK, CHUNKS = 500, 20  # inputs of one process, and how many processes
QUICK_INPUTS = 200
QUICK_KINDS = ("file", "id", "stored", "event")  # without pages and child processes
LINKS = 40
KILLS = 12
COUNTED = ("inputs", "tracebacks", "hangs", "escapes", "uploads", "uploads_lost", "refused")


def main() -> None:
    """Measure what the options ask for."""
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """Some inputs of the quick kinds anew; the whole count and what takes minutes from the results file."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    whole = parts.get("hostile", {}).get("values", {})
    scale = measuring.load_parts(out, "scale").get("rows", {}).get("values", {})
    now = [_chunk(CHUNKS, count=QUICK_INPUTS, kinds=QUICK_KINDS)]  # a seed that the results do not have
    kept = {
        "hostile_inputs": whole.get("inputs"),
        "escapes": None,
        "tracebacks": None,
        "meters_ms_1m": scale.get("meters", {}).get("meters_ms"),
    }
    measured = {
        "hostile_inputs_now": _sum(now, "inputs"),
        "escapes": _sum(now, "escapes") + whole.get("escapes", 0),
        "tracebacks": _sum(now, "tracebacks") + whole.get("tracebacks", 0),
    }
    return measuring.quick_report(NAME, measured, kept, stamped=stamped, parts=parts)


# --- part: hostile


def hostile(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Drawn inputs in short processes, then scripts in a browser."""
    chunks = [stages.measure(f"inputs {seed}", partial(_chunk, seed)) for seed in range(CHUNKS)]
    seen = stages.measure("browser", _in_browser)
    found: dict[str, Any] = {name: _sum(chunks, name) for name in COUNTED}
    found["inputs"] += seen["inputs"]
    found["tracebacks"] += seen["tracebacks"]
    kinds: dict[str, int] = {"browser": seen["inputs"]}
    for chunk in chunks:
        for kind, count in chunk["by_kind"].items():
            kinds[kind] = kinds.get(kind, 0) + count
    return found | {
        "scripts_run": seen["scripts_run"],
        "slowest_seconds": max(chunk["slowest_seconds"] for chunk in chunks),
        "by_kind": kinds,
        "failures": [failure for chunk in chunks for failure in chunk["failures"]] + seen["where"],
    }


def _chunk(seed: int, *, count: int = CHUNK, kinds: Sequence[str] = ()) -> dict[str, Any]:
    """What `hostile.py` says of some inputs, given in a process of their own."""
    program = str(measuring.ROOT / "benchmarks" / "hostile.py")
    command = [sys.executable, program, "--count", str(count), "--seed", str(seed), "--report"]
    done = measuring.run([*command, *(["--kinds", *kinds] if kinds else [])])
    return json.loads(done.output.splitlines()[-1])


def _in_browser() -> dict[str, Any]:
    import hostile_browser

    return _beside(partial(hostile_browser.scripts_run, links=LINKS))


def _beside(measure: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What is measured in a fresh folder, in which it makes its workspace."""
    with (
        tempfile.TemporaryDirectory(prefix="synweight-intake-") as folder,
        measuring.use_workspace(Path(folder) / "workspace"),
    ):
        return measure(Path(folder))


def _sum(chunks: list[dict[str, Any]], name: str) -> int:
    return sum(chunk[name] for chunk in chunks)


# --- the other parts


def sessions_at_once(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Two sessions that edit one project, and twenty that open its map."""
    import sessions

    two = stages.measure("two who edit", partial(_beside, sessions.two_who_edit))
    many = stages.measure("twenty who look", sessions.twenty_who_look)
    return {"two": two, "twenty": many}


def accidents_told(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Each kind of accident, in a workspace of its own."""
    import accidents
    import hostile_workspace

    def with_project(measure: Callable[[Any], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        return partial(_beside, lambda root: measure(hostile_workspace.build(root / "workspace")[0]))

    def kills(root: Path) -> dict[str, Any]:
        (root / "workspace").mkdir()
        return accidents.kills_during_upload(KILLS)

    pages = ("map", "weights", "train", "runs", "present")
    return {
        "killed_upload": stages.measure("killed upload", partial(_beside, kills)),
        "full_disk": stages.measure("full disk", with_project(accidents.full_disk)),
        "spoilt_cache": stages.measure("spoilt cache", with_project(partial(accidents.spoilt_caches, pages=pages))),
        "clock_back": stages.measure("clock back", with_project(accidents.clock_back)),
    }


def findings(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Precision and recall of the report of findings."""
    import intake_findings

    return stages.measure("findings", lambda: intake_findings.precision_and_recall(options.data))


PARTS: Mapping[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "hostile": hostile,
    "sessions": sessions_at_once,
    "accidents": accidents_told,
    "findings": findings,
}


# --- for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _hostile_tables(values: Mapping[str, Any]) -> list[str]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in values["by_kind"].items())
    rows = [(name.replace("_", " "), values[name]) for name in (*COUNTED, "scripts_run", "slowest_seconds")]
    failures = [str(failure) for failure in values["failures"][:20]]
    return [f"Inputs: {kinds}.", measuring.table(["what", "found"], rows), *failures]


def _flat_tables(values: Mapping[str, Any]) -> list[str]:
    """One table of each group of figures."""
    nested = {name: group for name, group in values.items() if isinstance(group, Mapping)}
    plain = {name: value for name, value in values.items() if name not in nested}
    groups = nested | ({"": plain} if plain else {})
    return [
        f"{name.replace('_', ' ')}\n\n" * bool(name)
        + measuring.table(["what", "found"], [(key.replace("_", " "), value) for key, value in group.items()])
        for name, group in groups.items()
    ]


def _findings_tables(values: Mapping[str, Any]) -> list[str]:
    """Precision and recall by finding and set; then what was named where real rows stood for synthetic ones."""
    judged = {name: found for name, found in values.items() if "precision" in found}
    columns = ("flawed", "found", "precision", "recall")
    table = measuring.table(
        ["finding: set", *columns], [(name, *(found[key] for key in columns)) for name, found in judged.items()]
    )
    others = [(name, ", ".join(f"{count:,} {kind}" for kind, count in found.items()))
              for name, found in values.items() if name not in judged]  # fmt: skip
    return [table, measuring.table(["set", "found"], others)]


TABLES: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "hostile": _hostile_tables,
    "sessions": _flat_tables,
    "accidents": _flat_tables,
    "findings": _findings_tables,
}


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
