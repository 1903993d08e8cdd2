"""The one table of losses: what each weighs by, and what it teaches. It computes nothing.

The reference of DIMP is the model in training. As in the paper, its weights are made anew in each batch, from the
forward pass of that batch before the step, and no gradient runs through them; a row that the model has just learned
counts less at once. The paper neither scales nor clips them; here they are scaled by a running estimate, so that
the learning rate keeps its meaning whatever the batch holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

SOFT_SHARE = 0.5  # of the target: neither the label nor the checker alone decides
AVERAGE_DECAY = 0.5  # of an epoch before: two epochs ago count a quarter


@dataclass(frozen=True)
class Loss:
    """One row of LOSSES.

    `reference` says what stands in the denominator: nothing, the diversity checker (fixed), the model in training
    (recomputed each step), or its average over the epochs. `alpha` and `beta` are the paper's exponents, None where
    the person's own settings are used. `focal_gamma` above 0 makes it the focal loss: w = (1 - p)^gamma.
    `soft_share` is how much of a row's target is the quality checker's distribution instead of its label, where the
    person's settings are not used. `shuffled` moves weights and targets to other rows: to any, or to one of the same
    class.
    """

    label: str
    help: str
    reference: Literal["none", "diversity", "model", "average"]
    alpha: float | None
    beta: float | None
    focal_gamma: float = 0.0
    soft_share: float = 0.0
    shuffled: Literal["no", "rows", "within"] = "no"

    @property
    def is_moving(self) -> bool:
        """Whether the weights follow the model in training."""
        return self.reference in ("model", "average")

    @property
    def is_placebo(self) -> bool:
        """Whether it is only there to be compared with: its weights are on the wrong rows."""
        return self.shuffled != "no"

    @property
    def is_its_settings(self) -> bool:
        """Whether all that it does is to weigh the rows by its settings, once: what is forecast of these settings."""
        return not (self.is_moving or self.is_placebo)


LOSSES: Mapping[str, Loss] = {
    "ce": Loss("CE", "Plain cross-entropy: every synthetic row counts the same.", "none", 0, 0),
    "focal": Loss(
        "Focal",
        "Rows that the model already gets right count less, whatever their quality: (1 - p)^1.",
        "model",
        0,
        0,
        focal_gamma=1.0,
    ),
    "quality": Loss("Quality only", "Weight = quality: alpha 1, beta 0.", "none", 1, 0),
    "imp": Loss("IMP", "Weight = quality / diversity checker: alpha 1, beta 1.", "diversity", 1, 1),
    "dimp": Loss(
        "DIMP",
        "Weight = quality / the model in training, recomputed at each step: alpha 1, beta 1.",
        "model",
        1,
        1,
    ),
    "dimp_ema": Loss(
        "DIMP, averaged",
        "As DIMP, but the model is remembered: its log-probability of each row is averaged over the epochs, so that "
        "one step changes a weight less.",
        "average",
        1,
        1,
    ),
    "soft": Loss(
        "Soft targets",
        f"All rows count the same; each teaches {1 - SOFT_SHARE:.0%} its label and {SOFT_SHARE:.0%} what the quality "
        "checker says of all labels.",
        "none",
        0,
        0,
        soft_share=SOFT_SHARE,
    ),
    "tuned": Loss(
        "Your weights",
        "Weight = quality^alpha / diversity checker^beta, with the exponents set on the Weights page.",
        "diversity",
        None,
        None,
    ),
    "placebo": Loss(
        "Placebo",
        "Your weights, shuffled over all rows: not meant to help. Weights that are worth something beat it; the "
        "seed of the run is that of the shuffle.",
        "diversity",
        None,
        None,
        shuffled="rows",
    ),
    "placebo_within": Loss(
        "Placebo within classes",
        "Your weights, shuffled among the rows of each class: not meant to help. What it gains over CE comes from the "
        "shares of the classes alone.",
        "diversity",
        None,
        None,
        shuffled="within",
    ),
}
