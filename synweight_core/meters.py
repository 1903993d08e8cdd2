"""What a setting of weights amounts to, as small tables for the Weights page."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from synweight_core.presets import settings_words
from synweight_core.weighting import WeightSettings, effective_sample_size, rows_carrying

COLLAPSED_SHARE = 0.1  # an effective sample size below this share of the rows is a collapse
STARVED = 0.2  # a class whose share of the weight is below this part of its real share
HISTOGRAM_EDGES = np.geomspace(1 / 64, 64, 37)


def summary(weights: np.ndarray) -> dict[str, float]:
    """Effective sample size, its share of the rows, rows that carry half of the weight, rows below 0.1."""
    n = len(weights)
    effective = effective_sample_size(weights)
    return {
        "rows": n,
        "effective_sample_size": effective,
        "effective_share": effective / n if n else 0.0,
        "half_rows": rows_carrying(weights),
        "nearly_off": int((weights < 0.1).sum()),
    }


def compare(
    settings: Iterable[tuple[str, WeightSettings]], weigh: Callable[[WeightSettings], np.ndarray]
) -> pd.DataFrame:
    """One row a named setting: name, settings (in words), effective sample size and its share, half_rows.

    `weigh` gives the weights of the rows that are compared, at these settings.
    """
    columns = ["effective_sample_size", "effective_share", "half_rows"]
    rows = [{"name": name, "settings": settings_words(each)} | summary(weigh(each)) for name, each in settings]
    return pd.DataFrame(rows, columns=["name", "settings", *columns])


def is_collapsed(weights: np.ndarray) -> bool:
    """Whether a few rows carry nearly everything."""
    return summary(weights)["effective_share"] < COLLAPSED_SHARE


def histogram(weights: np.ndarray) -> pd.DataFrame:
    """Rows per weight bin on a log scale: columns low, high, rows. The end bins take what lies beyond."""
    counts, _ = np.histogram(weights.clip(HISTOGRAM_EDGES[0], HISTOGRAM_EDGES[-1]), HISTOGRAM_EDGES)
    return pd.DataFrame({"low": HISTOGRAM_EDGES[:-1], "high": HISTOGRAM_EDGES[1:], "rows": counts})


def selection_histogram(weights: np.ndarray, selected: np.ndarray) -> pd.DataFrame:
    """`histogram` of all rows, and in `selected` of those at these positions."""
    return histogram(weights).assign(selected=histogram(weights[selected])["rows"])


def label_counts(labels: pd.Series, selected: np.ndarray) -> pd.DataFrame:
    """Per label: rows and how many of them are at the selected positions, the most frequent first."""
    rows = labels.value_counts()
    chosen = labels.iloc[selected].value_counts().reindex(rows.index, fill_value=0)
    return pd.DataFrame({"label": rows.index, "rows": rows.to_numpy(), "selected": chosen.to_numpy()})


def by_class(labels: pd.Series, weights: np.ndarray, real_labels: pd.Series) -> pd.DataFrame:
    """Per class: rows, share raw, weighted and real, effective sample size, rows with half the weight."""
    codes, names = pd.factorize(labels, sort=True)
    of_class = [weights[codes == code] for code in range(len(names))]
    total = weights.sum() or 1.0
    real_shares = real_labels.value_counts(normalize=True)
    return pd.DataFrame(
        [
            {
                "label": label,
                "rows": len(own),
                "share_raw": len(own) / len(weights),
                "share_weighted": float(own.sum() / total),
                "share_real": float(real_shares.get(label, 0.0)),
                "effective_sample_size": effective_sample_size(own),
                "half_rows": rows_carrying(own),
            }
            for label, own in zip(names, of_class, strict=True)
        ]
    )


def class_warnings(classes: pd.DataFrame) -> list[str]:
    """What to do about classes of `by_class` that have next to no weight, or whose weight sits on a few rows."""
    starved = (classes["share_weighted"] < STARVED * classes["share_real"]) & (classes["share_real"] > 0)
    collapsed = ~starved & (classes["share_weighted"] > 0)
    collapsed &= classes["effective_sample_size"] < COLLAPSED_SHARE * classes["rows"]
    sentences = {
        "Hardly any weight is left for: {}. A model trained so may never name it. Raise the smallest weight, "
        "lower alpha, or balance the classes as in the real rows.": starved,
        "A few rows carry nearly all of the weight of: {}. Lower alpha or beta, or the largest weight.": collapsed,
    }
    return [text.format(_names(classes["label"][found])) for text, found in sentences.items() if found.any()]


def most_changed(before: np.ndarray, after: np.ndarray, *, rows: int) -> np.ndarray:
    """Positions of the rows whose weight changed most by factor, at most `rows` of them. Weights are [n] each.

    Weights below 0.01 count as 0.01: from next to nothing to nothing is no change.
    """
    change = np.abs(np.log(np.maximum(after, 0.01) / np.maximum(before, 0.01)))
    order = np.argsort(-change, kind="stable")[:rows]
    return order[change[order] > 1e-6]


def _names(labels: pd.Series) -> str:
    return ", ".join(map(str, labels[:3])) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
