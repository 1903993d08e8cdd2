"""What `evidence.py` trains on and is measured on: the sets, the budget, the two halves of the test rows.

A set is sampled once, made a project and prepared as in the app, in a workspace that stays: checkers and folds are
computed once. This module trains nothing.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import lab
import measuring
import numpy as np
import pandas as pd

from synweight_core import projects
from synweight_core.data import Dataset
from synweight_core.prepare import Prepared, has_folds, is_prepared, need_prepared, prepare
from synweight_core.projects import Project, load_dataset

EVIDENCE = ("tweet_sentiment", "sst2", "hypo_l", "mrpc", "finance_sentiment", "emotion")
CONTROL, DEMO = "atis_intent", "demo"  # saturated: weighting must do no harm; a demonstration, not evidence
SETS = (*EVIDENCE, CONTROL, DEMO)
ROWS, MOST_ROWS, TEST_ROWS, EPOCHS = 1_000, 3_000, 2_000, 3
RECIPE = {"backbone": "minilm", "batch_size": 16, "learning_rate": 1e-4, "max_length": 96, "evaluations_per_epoch": 1}
HALVES = ("A", "B")  # of the test rows: A for research, B reported once at the end


@dataclass(frozen=True)
class Budget:
    """How many rows of a set are used and how long a method trains on them; `recipe` are fields of TrainConfig."""

    rows: int = ROWS
    test_rows: int = TEST_ROWS
    epochs: int = EPOCHS
    recipe: Mapping[str, Any] = field(default_factory=lambda: dict(RECIPE))

    def to_json(self) -> dict[str, Any]:
        """As records have it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Case:
    """A prepared set: all that a method may see, and its test rows."""

    project: Project

    @cached_property
    def dataset(self) -> Dataset:
        """Its rows."""
        return load_dataset(self.project)

    @cached_property
    def prepared(self) -> Prepared:
        """What the checkers say."""
        return need_prepared(self.project)

    @cached_property
    def in_b(self) -> np.ndarray:
        """Which test rows are of half B. bool [t]"""
        test = self.dataset.real[self.dataset.real["split"] == "test"]
        return of_half_b([f"{a}\x1f{b}" for a, b in zip(test["text"], test["text_b"], strict=True)])


def of_half_b(texts: Sequence[str]) -> np.ndarray:
    """The half of each text, by its hash: the same text is always in the same half. bool [t]"""
    return np.array([hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 1 for text in texts])


def open_case(name: str, budget: Budget, *, data: Path, home: Path) -> Case:
    """A set as a prepared project of the workspace in use; prepared by one process at a time."""
    folder = home / "sets" / f"{name}-{budget.rows}-{budget.test_rows}"
    with locked(home / "locks" / f"prepare-{name}.lock"):
        lab.small(_source(name, data, home), folder, synthetic=budget.rows, test=budget.test_rows)
        files = (folder / f"{file}.jsonl" for file in ("synthetic", "real_train", "real_test"))
        project = projects.project_from_files(*files, name=f"{name} {budget.rows}")
        if not (is_prepared(project) and has_folds(project)):
            measuring.say(f"{name}: preparing ...")
            prepare(project, lambda event: None)
    return Case(project)


def _source(name: str, data: Path, home: Path) -> Path:
    return demo_files(home / "sets" / DEMO) if name == DEMO else data / name


def demo_files(folder: Path) -> Path:
    """The demo in the form of the other sets, without the column that names its planted rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, name in (("synthetic", "synthetic"), ("real", "real_train"), ("real_test", "real_test")):
        frame = pd.read_csv(projects.DEMO_FOLDER / f"{file}.csv", dtype=str, keep_default_na=False)
        rows = frame.drop(columns="planted", errors="ignore").to_dict("records")
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file; whether it is held, which without `wait` it may not be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:  # the lock falls when the file is closed, however the process ends
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
