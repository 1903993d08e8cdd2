"""Comparisons of runs as small tables for pages, reports and the command line; shares in per cent."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from synweight_core.compare import Difference, Figures, Flipped, figures
from synweight_core.data import Dataset
from synweight_core.run_groups import Group, Recipe

MAX_FLIPPED = 200  # rows of a table; the rest is counted


def setting_table(recipe: Recipe) -> pd.DataFrame:
    """One row a setting, the best in the project's metric first.

    Columns: setting, seeds, then mean, low and high of the project's metric, and the means of accuracy, macro-F1 and
    calibration error.
    """
    rows = [_setting_row(group, figures(group)) for group in recipe.groups]
    return pd.DataFrame(rows).sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)


def class_table(a: Group, b: Group) -> pd.DataFrame:
    """Recall and precision of two settings by class that the test rows have, and how much higher A's are."""
    of_a, of_b = figures(a), figures(b)
    rows = []
    for name in of_a.recall:
        row: dict[str, object] = {"class": name}
        for figure in ("recall", "precision"):
            one, other = (100 * getattr(found, figure)[name].mean for found in (of_a, of_b))
            row |= {f"{figure} A": one, f"{figure} B": other, f"{figure} A − B": one - other}
        rows.append(row)
    return pd.DataFrame(rows)


def flipped_rows(dataset: Dataset, flipped: Flipped, found: Difference) -> pd.DataFrame:
    """The first MAX_FLIPPED test rows that changed sides: text, text_b, label, what A and B say most often, seeds."""
    test = dataset.real[dataset.real["split"] == "test"].reset_index(drop=True)
    positions = flipped.positions[:MAX_FLIPPED]
    names = np.array(found.a.test.names, dtype=object)
    return test.iloc[positions][["text", "text_b", "label"]].assign(
        a_says=names[_most_often(found.a, positions)],
        b_says=names[_most_often(found.b, positions)],
        seeds=flipped.seeds[:MAX_FLIPPED],
    )


def confusion_table(counts: np.ndarray, names: Iterable[str]) -> pd.DataFrame:
    """A confusion matrix [K, K] with its names: one row a true class."""
    columns = list(names)
    return pd.DataFrame(counts, columns=columns).assign(true=columns).set_index("true")


def _setting_row(group: Group, found: Figures) -> dict[str, object]:
    return {
        "setting": group.name,
        "seeds": len(group.seeds),
        "mean": 100 * found.metric.mean,
        "low": 100 * found.metric.low,
        "high": 100 * found.metric.high,
        "accuracy": 100 * found.accuracy.mean,
        "macro-F1": 100 * found.macro_f1.mean,
        "calibration error": 100 * found.calibration_error.mean,
    }


def _most_often(group: Group, positions: np.ndarray) -> np.ndarray:
    """The class that most seeds predict; of two, the one that comes first. [r]"""
    said = group.predicted[:, positions]
    counts = np.stack([(said == code).sum(axis=0) for code in range(len(group.test.names))])
    return counts.argmax(axis=0)
