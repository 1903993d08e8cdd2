"""A finished training run and its project's rows -> `map_scores`: what the model says of each row of the map.

Imports torch: for worker processes.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import runs
from synweight_core.map_scores import need_model, save_map_scores
from synweight_core.prediction import accelerator_for, collator, load_backbone, predict
from synweight_core.projects import load_dataset, load_project
from synweight_core.tokens import kept_tokens
from synweight_core.train_config import TrainConfig
from synweight_core.train_job import labelled_texts


def run_scoring(config: Mapping[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Score the map's rows by the model of the run `config["settings"]["run"]`; seconds and rows.

    `report` gets {"event": "stage", "stage": "scores", "done", "total"}.

    Raises:
        NotFoundError: there is no such run, or it has no model.
    """
    started = time.perf_counter()
    run = runs.load_run(config["settings"]["run"])
    need_model(run)
    log_probs = map_log_probs(run, report)
    save_map_scores(run, log_probs)
    return {"stopped": False, "rows": len(log_probs), "seconds": time.perf_counter() - started}


def map_log_probs(run: runs.Run, report: Callable[[dict[str, Any]], None]) -> np.ndarray:
    """Log-probabilities of all classes for synthetic, then known real rows, computed as training does. [n + m, K]"""
    settings = TrainConfig(**run.settings)
    dataset = load_dataset(load_project(run.project))
    accelerator = accelerator_for(settings)
    tokenizer, model = load_backbone(str(run.folder / "model"), dataset.labels)
    frame = pd.concat([dataset.synthetic, dataset.known_real], ignore_index=True)
    rows = kept_tokens(tokenizer, labelled_texts(dataset, frame), max_length=settings.max_length)

    def progress(done: int, total: int) -> None:
        report({"event": "stage", "stage": "scores", "done": done, "total": total})

    return predict(
        model.to(accelerator.device), rows, collate=collator(tokenizer, accelerator.device), accelerator=accelerator,
        batch_size=settings.batch_size, progress=progress,
    )  # fmt: skip
