"""What a trained model says of the rows of the map: asked for, stored in its run's folder, read again.

Imports nothing heavy: pages may call all of it. The computing is `score_job`'s, in a worker process.
"""

import zipfile

import numpy as np

from synweight_core import runs, storage
from synweight_core.errors import NotFoundError

FILE = "map_log_probs.npz"


def start_scoring(run: runs.Run) -> str:
    """Start the job that scores the rows of the map by the model of `run`; the job's id.

    Raises:
        NotFoundError: as `need_model`.
    """
    need_model(run)
    return runs.start("score", run.project, {"run": run.id}, name=f"score {run.name}")


def need_model(run: runs.Run) -> None:
    """Raises NotFoundError when `run` is no training run that has ended with a model."""
    if run.kind != "train":
        raise NotFoundError(f"Run '{run.id}' trains no model (it is of kind '{run.kind}'). Choose a training run.")
    if run.is_active:
        raise NotFoundError(f"Run '{run.id}' is still {run.status}: its model can be asked when it has ended.")
    if run.result is None or not (run.folder / "model" / "config.json").exists():
        raise NotFoundError(f"Run '{run.id}' kept no model: it failed, or ended before its first step.")


def load_map_scores(run: runs.Run) -> np.ndarray | None:
    """Log-probabilities of all classes by the model of `run`, or None before they are computed. [n + m, K] float32

    Rows as in `prepare.Prepared`: synthetic, then known real; never test rows.
    """
    try:
        with np.load(run.folder / FILE, allow_pickle=False) as stored:
            return stored["log_probs"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def save_map_scores(run: runs.Run, log_probs: np.ndarray) -> None:
    """Store them in the folder of the training run, at once or not at all."""
    columns = {"log_probs": log_probs.astype(np.float32)}
    storage.write_atomically(run.folder / FILE, lambda path: np.savez(path, **columns))  # type: ignore[arg-type]
