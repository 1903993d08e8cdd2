"""A small prepared workspace with every kind of stored file, and what stands beside it that nobody may touch."""

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import hostile_inputs as made
import map as map_benchmark
import numpy as np
import pandas as pd

from synweight_core import (
    cache,
    curation,
    drafts,
    ledger,
    map_view,
    named_settings,
    prepare,
    project_settings,
    projects,
    run_queue,
    runs,
    selections,
    storage,
    uploads,
)
from synweight_core.data import Dataset
from synweight_core.train_config import run_config
from synweight_core.weighting import WeightSettings

DRAFT = "draft-0123456789ab"
ROWS, REALS = 90, 30
LABELS = ("plain", made.SCRIPTS[0], made.SCRIPTS[5])  # labels are texts from a file, too


def build(home: Path) -> tuple[projects.Project, list[Path]]:
    """A prepared project in `home`, with runs, edits, a draft; and the files that may be spoilt."""
    home.mkdir(parents=True)
    project = prepared_project(made.SCRIPTS[1])
    project_settings.save_settings(project, WeightSettings(alpha=2))
    view = map_view.MapView(look={"camera": [1, 2]}).select(np.arange(5), token="t")
    map_view.save_view(project, view, ROWS + REALS)
    curation.exclude(project, np.arange(3), reason=made.SCRIPTS[2])
    curation.relabel(project, np.arange(4, 6), label=LABELS[1])
    curation.set_factor(project, np.arange(7, 9), factor=2)
    curation.undo(project)
    selections.save_selection(project, made.SCRIPTS[3], np.arange(9), ROWS)
    named_settings.keep_settings(project, made.SCRIPTS[4], WeightSettings(beta=1))
    ledger.record(project, {
        "settings": asdict(WeightSettings()), "edits": 0, "metric": "accuracy", "method": made.SCRIPTS[0],
        "mean": 0.5, "low": 0.4, "high": 0.6,
    })  # fmt: skip
    _draft()
    _runs(project)
    run_queue._path().write_text(json.dumps([runs.list_runs()[0].id, "gone"]))
    return project, spoilable(home)


def spoilable(home: Path) -> list[Path]:
    """Stored text files, whose content somebody may have changed."""
    return sorted(path for path in home.rglob("*") if path.suffix in (".json", ".jsonl"))


@contextmanager
def spoilt(draw: random.Random, whole: Mapping[Path, bytes]) -> Iterator[Path]:
    """One of the files has another content inside this block."""
    with restored(whole):
        path = draw.choice([*whole])
        path.write_bytes(made.spoilt_bytes(draw, whole[path]))
        yield path


@contextmanager
def restored(whole: Mapping[Path, bytes]) -> Iterator[None]:
    """The files are as they were after this block: pages write settings and views, and delete runs."""
    try:
        yield
    finally:
        for path, content in whole.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def build_outside(root: Path) -> None:
    """Files beside the workspace that look as if they belonged to one."""
    for name in ("outside", "projects", "runs", "uploads", "drafts"):
        (root / name / "x").mkdir(parents=True)
        (root / name / "x" / "project.json").write_text("{}")
        (root / f"{name}.json").write_text("{}")


def snapshot(root: Path, *, besides: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of all that lies in `root`, but not in `besides`."""
    found = (path for path in root.rglob("*") if besides != path and besides not in path.parents)
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found if path.is_file()}


def prepared_project(name: str, *, n: int = ROWS) -> projects.Project:
    """A project with texts that do harm, whose computed columns are made up."""
    random_, draw = np.random.default_rng(0), random.Random(0)
    codes = random_.integers(0, len(LABELS), n + REALS)
    texts = [made.text(draw).replace("\0", "").encode("utf-8", "replace").decode() or "x" for _ in codes]
    rows = pd.DataFrame({
        "text": texts, "text_b": "", "label": np.array(LABELS)[codes], "generator": np.array(made.SCRIPTS)[codes],
        "row": range(len(codes)), f"upload:{made.SCRIPTS[1]}": "1",
    })  # fmt: skip
    real = rows.iloc[n:].reset_index(drop=True).assign(split="train")
    real.loc[::5, "split"], real.loc[1::5, "split"] = "validation", "test"
    dropped = rows.iloc[:0].assign(file="", reason="")
    dataset = Dataset(rows.iloc[:n].reset_index(drop=True), real, LABELS, (), dropped)
    project = projects.create_project(dataset, name, files={"synthetic": made.SCRIPTS[0]})
    known = np.concatenate([codes[:n], dataset.label_codes(dataset.known_real)])
    for stage, arrays in map_benchmark.made_up(random_, known, n_real=len(known) - n, classes=len(LABELS)).items():
        cache.cached(stage, prepare.cache_key(project, stage), lambda arrays=arrays: arrays)
    return project


def _draft() -> None:
    """A draft with two files, its columns and its choices."""
    rows = "".join(f"a text {i},{'ab'[i % 2]}\n" for i in range(40))
    entry = {
        "name": f"{made.SCRIPTS[0]}.csv",
        "columns": {"text": "text", "label": "label", "text_b": None, "generator": None},
    }
    path = storage.home() / "sent.csv"
    path.write_text("text,label\n" + rows)
    with path.open("rb") as file:
        entry["sha256"] = uploads.store_upload(file)
    choices = {
        "name": "n", "metric": "accuracy", "encoder": "minilm", "checker": "probe", "checker_model": "minilm",
        "unjudged": "drop", "label_map": {"a": "b"},
    }  # fmt: skip
    drafts.save_draft(DRAFT, {"synthetic": [entry], "real": [entry], "choices": choices})


def _runs(project: projects.Project) -> None:
    """A finished run with a model, a failed one, one that was killed on its way, a search and a deleted run."""
    scores = {"accuracy": 0.75, "macro_f1": 0.5, "metric": 0.75, "loss": 0.7, "recall": dict.fromkeys(LABELS, 0.5)}
    for number, (kind, files) in enumerate((
        ("train", {"result.json": {"stopped": False, "validation": scores, "test": scores, "seconds": 2.0, "steps": 10,
                                   "rows_per_second": 5.0, "effective_sample_size": 50.0, "best_epoch": 1}}),
        ("train", {"error.json": {"message": made.SCRIPTS[0]}}), ("train", {}),
        ("suggest", {"result.json": {"stopped": True, "suggestion": None, "seconds": 1.0}}),
        ("prepare", {"error.json": {"message": made.SCRIPTS[1]}}),
    )):  # fmt: skip
        run_id = f"20261120-101112-{number:03d}-x-0000"
        path = runs.folder(run_id)
        settings = asdict(run_config(loss="dimp", seed=number)) if kind == "train" else {}
        about = {"kind": kind, "project": project.id, "name": made.SCRIPTS[0], "created": 0.0, "settings": settings}
        for name, content in {"config.json": about, **files}.items():
            storage.write_json(path / name, content)
        for event in _events():
            storage.append_line(path / "metrics.jsonl", event)
    (runs.folder("20261120-101112-000-x-0000") / "model").mkdir()
    storage.write_json(runs.folder("20261120-101112-000-x-0000") / "model" / "config.json", {})
    shutil.copytree(path, storage.home() / "trash" / "20261120-101112-009-x-0000")


def _events() -> Iterator[dict[str, object]]:
    yield {
        "event": "started", "device": "cpu", "precision": "float32", "total_steps": 10, "rows": 90,
        "effective_sample_size": 60.0, "doubts": [made.SCRIPTS[0]],
    }  # fmt: skip
    yield {"event": "notice", "message": made.SCRIPTS[1]}
    for step in range(1, 7):
        yield {
            "event": "step", "step": step, "total_steps": 10, "epoch": step / 2, "loss": 1 / step, "done": step,
            "learning_rate": 0.001, "rows_per_second": 84.0, "seconds_left": 200.0, "memory_bytes": 1_500, "total": 32,
            "utilization": 80, "stage": "map",
        }  # fmt: skip
        yield {
            "event": "evaluation", "step": step, "epoch": step / 2, "accuracy": 0.5, "macro_f1": 0.4, "loss": 0.9,
            "metric": 0.5, "effective_sample_size": 50.0,
        }  # fmt: skip
