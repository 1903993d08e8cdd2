"""Accidents: a server killed during an upload, a disk that fills up, cache files spoilt or gone, the clock set back.

Each function makes one kind of them happen and tells what became of the person's work; `intake.py` measures them, and
`tests/test_accidents.py` holds the short forms. What needs a kernel's limit or a kill happens in a child process.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hostile

from synweight_core import cache, drafts, prepare, projects, storage, uploads
from synweight_core.tables.apart import sha256_of

ROOT = Path(__file__).resolve().parent.parent
UPLOAD_BYTES = 60_000_000
DAY = 86_400.0

# The steps of an upload as the page takes them, said aloud so that a kill can be aimed.
_UPLOADER = """
import io, sys
from synweight_core import drafts, uploads
content = b"text,label\\n" + b"a text of a row,b\\n" * (int(sys.argv[1]) // 18)
while True:
    print("begins", flush=True)
    sha = uploads.store_upload(io.BytesIO(content))
    drafts.save_draft(sys.argv[2], {"real": [{"sha256": sha, "name": "a.csv", "columns": None}]})
    print("stored", flush=True)
"""
# What people do, each step until the disk is full; each must end in an OSError or a sentence, and spoil nothing.
_WRITER = """
import io, json, os, resource, signal, sys
from dataclasses import replace
import numpy as np
from synweight_core import curation, drafts, map_view, named_settings, project_settings, projects, runs, selections
from synweight_core import storage, tables, uploads
from synweight_core.errors import SynweightError, file_sentence
from synweight_core.weighting import WeightSettings
project = projects.load_project(sys.argv[1])
room = int(sys.argv[2])
if room >= 0:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
upload = b"text,label\\n" + b"another text,b\\n" * 50
steps = {
    "upload": lambda: uploads.store_upload(io.BytesIO(upload)),
    "read": lambda: projects.read_upload(uploads.upload_path(sys.argv[3]), name=sys.argv[4]),
    "draft": lambda: drafts.save_draft("draft-00", {"choices": {"name": "n" * 300}}),
    "settings": lambda: project_settings.save_settings(project, WeightSettings(alpha=1.5)),
    "view": lambda: map_view.save_view(project, replace(map_view.MapView(), colour="x" * 300), 100),
    "edit": lambda: curation.exclude(project, np.arange(1), reason="x" * 300),
    "selection": lambda: selections.save_selection(project, "n", np.arange(60), 90),
    "named": lambda: named_settings.keep_settings(project, "n", WeightSettings(beta=0.5)),
    "run": lambda: runs.start("train", project.id, {"backbone": "x" * 300}, name="t", launch=False),
}
told = {}
for name, act in steps.items():
    try:
        act()
        told[name] = ""
    except SynweightError as error:
        told[name] = str(error)
    except OSError as error:
        told[name] = file_sentence(error)
    except Exception as error:
        told[name] = f"TRACEBACK {type(error).__name__}: {error}"
print(json.dumps(told))
"""


def child(program: str, *words: str) -> subprocess.Popen[str]:
    """A Python program in a process of its own, which imports this checkout."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    return subprocess.Popen(
        [sys.executable, "-c", program, *words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # without room for a file Python would leave half of its bytecode, and believe it the next time
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def kills_during_upload(times: int, *, n_bytes: int = UPLOAD_BYTES, seed: int = 0) -> dict[str, Any]:
    """Kill a process that stores uploads at drawn moments. What is stored is whole; drafts can be read."""
    draw, found = random.Random(seed), {"kills": times, "during": 0, "broken": 0, "drafts_lost": 0, "unfinished": 0}
    draft, folder = drafts.new_draft(), storage.home() / "uploads"
    folder.mkdir(exist_ok=True)
    drafts.save_draft(draft, {"choices": {"name": "before"}})
    for _ in range(times):
        with child(_UPLOADER, str(n_bytes), draft) as process:
            assert process.stdout is not None
            process.stdout.readline()
            if draw.random() < 0.7:  # while it writes, else while it reads
                _wait_for_unfinished(seconds=20)
            time.sleep(draw.random() * 0.05 * n_bytes / UPLOAD_BYTES)
            process.kill()
            found["during"] += process.stdout.read().count("stored") == 0
        found["drafts_lost"] += drafts.load_draft(draft) == {}
    for path in folder.iterdir():
        if path.name.startswith("."):
            found["unfinished"] += 1
            os.utime(path, (time.time() - 2 * DAY,) * 2)  # two days later
        else:
            found["broken"] += sha256_of(path) != path.name
    storage.remove_abandoned(folder)
    found["left_after_a_day"] = len(_unfinished())
    return found


def _unfinished() -> set[Path]:
    return {path for path in (storage.home() / "uploads").iterdir() if path.name.startswith(".")}


def _wait_for_unfinished(*, seconds: float) -> None:
    """Until another file is being written."""
    before, deadline = _unfinished(), time.monotonic() + seconds
    while not _unfinished() - before and time.monotonic() < deadline:
        time.sleep(0.001)


def full_disk(project: projects.Project, *, rooms: tuple[int, ...] = (0, 100, 250)) -> dict[str, Any]:
    """Let every kind of write end after so many bytes: all from before is there still, and a sentence says why."""
    csv = storage.home() / "before.csv"
    csv.write_text("text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(40)))
    with csv.open("rb") as file:
        sha = uploads.store_upload(file)
    files = {path: path.read_bytes() for path in storage.home().rglob("*") if path.is_file()}
    told: dict[str, dict[str, str]] = {}
    for room in rooms:
        with child(_WRITER, project.id, str(room), sha, f"a{room}.csv") as process:
            told[str(room)] = json.loads(process.communicate(timeout=120)[0])
    kept = [path.name for path, content in files.items() if not path.exists() or not _begins(path, content)]
    leftover = [path for path in storage.home().rglob(".*") if path.is_file() and path not in files]
    home = str(storage.home())
    sentences = [sentence.replace(home, "WORKSPACE") for steps in told.values() for sentence in steps.values()]
    return {
        "writes": len(sentences), "told": sum(bool(sentence) for sentence in sentences),
        "tracebacks": sum("TRACEBACK" in sentence for sentence in sentences), "spoilt": kept,
        "leftover": len(leftover), "examples": sorted(set(filter(None, sentences)))[:4],
    }  # fmt: skip


def _begins(path: Path, content: bytes) -> bool:
    """Whether a file is as it was, was replaced as a whole, or had whole lines appended."""
    now = path.read_bytes()
    if path.suffix == ".jsonl":
        return now.startswith(content) and now.endswith(b"\n")
    return now == content or (path.suffix == ".json" and isinstance(json.loads(now), dict))


def spoilt_caches(
    project: projects.Project, *, ways: tuple[str, ...] = ("cut", "gone", "zeros"), pages: tuple[str, ...] = ("map",)
) -> dict[str, Any]:
    """Cut, delete or blank each cache file of a prepared project, and open pages: the sentence, or all as before."""
    import streamlit as st  # noqa: TID251 (its caches hold what was read before)

    stages = [stage for stage in prepare.STAGES if cache.exists(stage, prepare.cache_key(project, stage))]
    found: dict[str, Any] = {"files": len(stages), "ways": len(ways), "opened": 0, "tracebacks": [], "edits_lost": 0}
    edits = (project.folder / "edits.jsonl").read_bytes()
    for stage in stages:
        for way in ways:
            path = storage.home() / "cache" / stage / f"{prepare.cache_key(project, stage)}.npz"
            with _spoilt(path, way):
                st.cache_resource.clear()
                for page in pages:
                    found["opened"] += 1
                    _note(found, f"{stage} {way} {page}", lambda page=page: _open(page, project))
    st.cache_resource.clear()
    found["edits_lost"] = int((project.folder / "edits.jsonl").read_bytes() != edits)
    return found


def _open(page: str, project: projects.Project) -> None:
    with hostile.quiet():
        hostile.open_page(page, {"project": project.id}, draw=None)


def _note(found: dict[str, Any], what: str, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:  # whatever it is, a person would have seen it
        found["tracebacks"].append(f"{what}: {type(error).__name__}: {error}"[:500])


@contextmanager
def _spoilt(path: Path, way: str) -> Iterator[None]:
    whole = path.read_bytes()
    if way == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if way == "cut" else bytes(len(whole)))
    try:
        yield
    finally:
        path.write_bytes(whole)


# The clock is set back between two sittings: the second one is a process whose clock is a day behind.
_LATER = """
import sys, time, json
back = float(sys.argv[2])
now = time.time
time.time = lambda: now() - back
import numpy as np
from synweight_core import curation, projects, runs, selections
project = projects.load_project(sys.argv[1])
before = curation.load_curation(project)
curation.exclude(project, np.arange(20, 30), reason="after")
selections.save_selection(project, "later", np.arange(3), 90)
run = runs.start("train", project.id, {"seed": 5}, name="later", launch=False)
print(json.dumps({
    "edits_in_force": int((~curation.load_curation(project).kept).sum() - (~before.kept).sum()),
    "is_in_list": run in [each.id for each in runs.list_runs()],
    "double_click": runs.started_just_now(project.id, {"seed": 4}),
    "projects": len(projects.list_projects()), "selections": len(selections.list_selections(project)),
}))
"""


def clock_back(project: projects.Project, *, seconds: float = DAY) -> dict[str, Any]:
    """Work on with a clock that was set back: edits, runs and selections from before and after are all there."""
    from synweight_core import runs

    runs.start("train", project.id, {"seed": 4}, name="before", launch=False)
    with child(_LATER, project.id, str(seconds)) as process:
        return json.loads(process.communicate(timeout=120)[0])
