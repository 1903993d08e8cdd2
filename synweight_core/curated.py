"""Weights of a prepared project under the edits of its rows. The formula itself is in `weighting.py`.

A relabelled row is judged by the stored log-probabilities of its new label. Where the quality checker does not
know that label, or the diversity checker has never seen it and beta is not 0, the row counts as not judged:
its weight is its factor alone. Rows that are excluded or below the quality filter weigh 0 and take no part in the
scaling.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synweight_core.calibration import tempered
from synweight_core.curation import Curation
from synweight_core.prepare import Prepared
from synweight_core.scaling import scale_factors
from synweight_core.weighting import (
    WeightSettings,
    log_weights,
    quality_filter,
    shuffle_order,
    weight_terms,
    weights,
)


def relabelled(prepared: Prepared, curation: Curation) -> Prepared:
    """The prepared columns with the current labels of the synthetic rows, and so their log-probabilities."""
    real = prepared.labels[prepared.n_synthetic :]
    return replace(prepared, labels=np.concatenate([curation.labels, real]))


@dataclass(frozen=True)
class WeightColumns:
    """What the weights of the synthetic rows are made of, under the edits and with the chosen temperature. [n] each.

    `kept` are the rows that take part: neither excluded nor below the quality filter. Log-probabilities are of the
    current labels, in nats; `quality` is of all classes, NaN in rows that a person relabelled: there the label alone is
    taught. [n, K] `real_shares` are the shares of the classes among the
    known real rows. [K]
    """

    kept: np.ndarray
    log_quality: np.ndarray
    log_reference: np.ndarray
    log_relevance: np.ndarray
    log_prior: np.ndarray
    labels: np.ndarray
    quality: np.ndarray
    real_shares: np.ndarray


def weight_columns(prepared: Prepared, settings: WeightSettings, curation: Curation) -> WeightColumns:
    """The columns of all synthetic rows at these settings."""
    n, columns = prepared.n_synthetic, relabelled(prepared, curation) if curation.edited else prepared
    if settings.temperature != 1:
        columns = replace(columns, quality=tempered(prepared.quality, settings.temperature))
    kept = kept_rows(columns.log_quality, settings, curation)
    real_counts = np.bincount(prepared.labels[n:], minlength=prepared.quality.shape[1])
    return WeightColumns(
        kept=kept,
        log_quality=columns.log_quality,
        log_reference=columns.log_reference,
        log_relevance=prepared.relevance[:n].astype(np.float64),
        log_prior=curation.log_factor,
        labels=columns.labels[:n],
        quality=_of_checker(columns.quality[:n], curation),
        real_shares=real_counts / max(real_counts.sum(), 1),
    )


def _of_checker(quality: np.ndarray, curation: Curation) -> np.ndarray:
    relabelled = curation.relabelled
    return np.where(relabelled[:, None], np.nan, quality) if relabelled.any() else quality


def kept_rows(log_quality: np.ndarray, settings: WeightSettings, curation: Curation) -> np.ndarray:
    """Which rows take part: neither excluded nor below the quality filter. bool [n]"""
    kept = curation.kept.copy()
    if settings.drop_share:
        kept[kept] = quality_filter(log_quality[kept], settings.drop_share)
    return kept


def curated_weights(prepared: Prepared, settings: WeightSettings, curation: Curation) -> np.ndarray:
    """Weights of all synthetic rows: 0 where left out, mean 1 over the kept rows that are judged. [n]"""
    return weights_of(weight_columns(prepared, settings, curation), settings)


def weights_of(columns: WeightColumns, settings: WeightSettings) -> np.ndarray:
    """`curated_weights` of columns that are at hand. [n]"""
    result = np.zeros(len(columns.kept))
    kept = slice(None) if columns.kept.all() else columns.kept  # no copies of a million rows for nothing
    result[kept] = weights(
        columns.log_quality[kept], columns.log_reference[kept], settings, log_prior=columns.log_prior[kept],
        log_relevance=columns.log_relevance[kept], labels=columns.labels[kept], real_shares=columns.real_shares,
    )  # fmt: skip
    return result


def shuffled_weights(
    prepared: Prepared, settings: WeightSettings, curation: Curation, *, within_classes: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows take part and what they weigh when both are moved to other rows: a placebo. [n] bool, [n]

    Rows that people excluded stay out; those below the quality filter change places with others.
    """
    columns = weight_columns(prepared, settings, curation)
    weights = curated_weights(prepared, settings, curation)
    there = np.flatnonzero(curation.kept)
    order = shuffle_order(len(there), seed=seed, classes=columns.labels[there] if within_classes else None)
    kept = columns.kept.copy()
    kept[there], weights[there] = columns.kept[there[order]], weights[there[order]]
    return kept, weights


def curated_terms(
    prepared: Prepared, settings: WeightSettings, curation: Curation, *, row: int
) -> list[tuple[str, float]]:
    """`weight_terms` of one synthetic row under the edits; none for a row that is left out."""
    columns = weight_columns(prepared, settings, curation)
    if not columns.kept[row]:
        return []
    kept = columns.kept
    log_w = columns.log_prior + log_weights(
        columns.log_quality, columns.log_reference, alpha=settings.alpha, beta=settings.beta,
        relevance=settings.relevance, log_relevance=columns.log_relevance,
    )  # fmt: skip
    factors = scale_factors(log_w[kept], settings, labels=columns.labels[kept], real_shares=columns.real_shares)
    factor = np.broadcast_to(factors, kept.sum())[int(kept[:row].sum())]
    return weight_terms(
        float(columns.log_quality[row]), float(columns.log_reference[row]), settings, log_factor=float(factor),
        log_prior=float(columns.log_prior[row]), log_relevance=float(columns.log_relevance[row]),
    )  # fmt: skip


def edit_words(curation: Curation) -> pd.Series:
    """What was done to each row, in words: "", "excluded", "relabelled", "factor 0.5", joined by ", ". [n]"""
    codes, factors = pd.factorize(curation.log_factor)
    names = np.array([f"factor {np.exp(factor):g}, " if factor else "" for factor in factors], dtype=object)
    excluded = np.where(curation.kept, "", "excluded, ")
    relabels = np.where(curation.relabelled, "relabelled, ", "")
    words = pd.Series(excluded, dtype=str) + pd.Series(relabels, dtype=str) + pd.Series(names[codes], dtype=str)
    return words.str.removesuffix(", ")
