"""The rows of a training run and what is known of them. Holds; computes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synweight_core.prediction import LabelledTexts


@dataclass(frozen=True)
class TrainData:
    """All rows of a run. The columns belong to the synthetic rows of `train`, each [n] or None.

    They are the checkers' log-probabilities of the labels, the log of a factor that people set, and the log of how
    much more at home the text is among real rows; `quality` is the quality checker's of all classes, for losses with
    soft targets. [n, K] The last `n_real` rows of `train` are the real rows that join the training, each as often
    as a pass sees it; `real_shares` are the shares of the classes among real rows. [K] `row_weights` are weights as
    given, instead of those of the columns, for losses whose weights do not follow the model.
    """

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts
    label_names: Sequence[str]
    log_quality: np.ndarray | None = None
    log_reference: np.ndarray | None = None
    log_prior: np.ndarray | None = None
    log_relevance: np.ndarray | None = None
    quality: np.ndarray | None = None
    real_shares: np.ndarray | None = None
    row_weights: np.ndarray | None = None
    n_real: int = 0
    metric: str = "accuracy"

    @property
    def n_synthetic(self) -> int:
        """Synthetic rows of `train`."""
        return len(self.train.texts) - self.n_real
