"""What makes the weights of a run doubtful before it begins, in sentences that name the cause.

It changes no weight: each of these cases has a finite, defined result.
"""

from collections.abc import Sequence

import numpy as np

from synweight_core.weighting import WeightSettings

WRONG_SHARE = 0.9  # of the judged rows: an honest checker of usable rows is far from it
DISTINCT_SHARE = 0.1  # of the rows: below it most of them are copies


class DoubtfulWeightsWarning(UserWarning):
    """The weights are defined, but there is little reason to believe in them."""


def doubts(
    log_quality: np.ndarray,
    labels: np.ndarray,
    texts: Sequence[object],
    settings: WeightSettings,
    *,
    label_names: Sequence[str],
) -> list[str]:
    """One sentence for each cause that holds; none for plain cross-entropy of rows that are not mostly copies.

    Args:
        log_quality: of each row's label, nats; NaN not judged. [n]
        labels: [n] int.
        texts: what tells rows apart, a text or a pair of them. [n]
        settings: an alpha and a soft share of 0 ask the quality checker nothing.
        label_names: of the K classes.
    """
    found = [_copies(texts)]
    if settings.alpha or settings.soft_share:
        found += [_not_judged(log_quality, labels, label_names), _wrong(log_quality, n_classes=len(label_names))]
    return [sentence for sentence in found if sentence]


def _copies(texts: Sequence[object]) -> str:
    distinct, n = len(set(texts)), len(texts)
    if distinct > DISTINCT_SHARE * n:
        return ""
    return (
        f"The {n:,} synthetic rows are copies: only {distinct:,} of their texts differ. Neither checker can be judged "
        "on rows that it has not seen, and the weights tell next to no rows apart. Remove duplicates."
    )


def _not_judged(log_quality: np.ndarray, labels: np.ndarray, label_names: Sequence[str]) -> str:
    unknown = np.isnan(log_quality)
    if not unknown.any():
        return ""
    names = ", ".join(label_names[label] for label in np.unique(labels[unknown]))
    return (
        f"{unknown.sum():,} of {len(labels):,} rows were not judged, because the checker's real rows lack their label "
        f"({names}): their weight is 1 times their factor. Add real rows with it, or leave these rows out."
    )


def _wrong(log_quality: np.ndarray, *, n_classes: int) -> str:
    judged = log_quality[~np.isnan(log_quality)]
    below = (judged < -np.log(n_classes)).mean() if judged.size else 0.0
    if below <= WRONG_SHARE:
        return ""
    return (
        f"The quality checker finds the label of {below:.0%} of the rows less likely than chance: either it is wrong, "
        "or the labels of the two files do not mean the same. Weights of such a checker are not to be trusted; look at "
        "its trust figures, or lower alpha and the soft targets."
    )
