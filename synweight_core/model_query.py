"""Sentences that somebody types -> what a trained model says of them, by a child process."""

import sys
from collections.abc import Callable

import numpy as np

from synweight_core import runs
from synweight_core.map_scores import need_model
from synweight_core.sentence_process import SentenceProcess, answer_all


class ModelQuery(SentenceProcess):
    """The model of a run, by the run's id: log-probabilities of the project's labels. [K]"""

    module, noun = "model_query", "model of run"


def _load(run_id: str) -> Callable[[list[str]], np.ndarray]:
    from synweight_core.prediction import LabelledTexts, accelerator_for, collator, encode, load_backbone, predict
    from synweight_core.projects import load_project
    from synweight_core.train_config import TrainConfig

    run = runs.load_run(run_id)
    need_model(run)
    settings = TrainConfig(**run.settings)
    accelerator = accelerator_for(settings)
    tokenizer, model = load_backbone(str(run.folder / "model"), load_project(run.project).labels)
    model, collate = model.to(accelerator.device), collator(tokenizer, accelerator.device)

    def ask(texts: list[str]) -> np.ndarray:
        rows = LabelledTexts(texts[:1], np.zeros(1, dtype=np.int64), texts[1:] or None)
        encoded = encode(tokenizer, rows, max_length=settings.max_length)
        return predict(model, encoded, collate=collate, accelerator=accelerator, batch_size=1)[0]

    return ask


if __name__ == "__main__":
    answer_all(lambda: _load(sys.argv[1]))
