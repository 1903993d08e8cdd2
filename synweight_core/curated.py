"""Weights of a prepared project under the edits of its rows. The formula itself is in `weighting.py`.

A relabelled row is judged by the stored log-probabilities of its new label. Where the quality checker does not
know that label, or the diversity checker has never seen it and beta is not 0, the row counts as not judged:
its weight is its factor alone. Excluded rows weigh 0 and take no part in the scaling.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from synweight_core.curation import Curation
from synweight_core.prepare import Prepared
from synweight_core.weighting import WeightSettings, log_factor, log_weights, weight_terms, weights


def relabelled(prepared: Prepared, curation: Curation) -> Prepared:
    """The prepared columns with the current labels of the synthetic rows, and so their log-probabilities."""
    real = prepared.labels[prepared.n_synthetic :]
    return replace(prepared, labels=np.concatenate([curation.labels, real]))


def curated_weights(prepared: Prepared, settings: WeightSettings, curation: Curation) -> np.ndarray:
    """Weights of all synthetic rows: 0 where excluded, mean 1 over the kept rows that are judged. [n]"""
    if not curation.edited:
        return weights(prepared.log_quality, prepared.log_reference, settings)
    columns, kept = relabelled(prepared, curation), curation.kept
    result = np.zeros(len(kept))
    result[kept] = weights(
        columns.log_quality[kept], columns.log_reference[kept], settings, log_prior=curation.log_factor[kept]
    )
    return result


def curated_terms(
    prepared: Prepared, settings: WeightSettings, curation: Curation, *, row: int
) -> list[tuple[str, float]]:
    """`weight_terms` of one synthetic row under the edits; none for an excluded row."""
    if not curation.kept[row]:
        return []
    columns, kept = relabelled(prepared, curation), curation.kept
    log_quality, log_reference = columns.log_quality, columns.log_reference
    log_w = log_weights(log_quality, log_reference, alpha=settings.alpha, beta=settings.beta) + curation.log_factor
    return weight_terms(
        float(log_quality[row]), float(log_reference[row]), settings,
        log_factor=float(log_factor(log_w[kept], settings)), log_prior=float(curation.log_factor[row]),
    )  # fmt: skip


def edit_words(curation: Curation) -> pd.Series:
    """What was done to each row, in words: "", "excluded", "relabelled", "factor 0.5", joined by ", ". [n]"""
    codes, factors = pd.factorize(curation.log_factor)
    names = np.array([f"factor {np.exp(factor):g}, " if factor else "" for factor in factors], dtype=object)
    excluded = np.where(curation.kept, "", "excluded, ")
    relabels = np.where(curation.relabelled, "relabelled, ", "")
    words = pd.Series(excluded, dtype=str) + pd.Series(relabels, dtype=str) + pd.Series(names[codes], dtype=str)
    return words.str.removesuffix(", ")
