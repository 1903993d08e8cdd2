"""Who wrote the synthetic rows that count: a scoreboard of generators, prompts, or any column of the upload."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from synweight_core.curation import Curation
from synweight_core.forecast import Forecaster, final
from synweight_core.map_rows import NONE
from synweight_core.weighting import WeightSettings, effective_sample_size

MAX_SOURCES = 20  # the rest is not scored: each costs a forecast
MAX_VALUES = 200  # a column with more values is no kind of source


def source_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of synthetic rows that can tell sources apart: 2 to MAX_VALUES values; the generator first."""
    names = ["generator", *(str(name) for name in rows if str(name).startswith("upload:"))]
    return [name for name in names if name in rows and 2 <= rows[name].nunique() <= MAX_VALUES]


def scoreboard(sources: pd.Series, weights: np.ndarray) -> pd.DataFrame:
    """One row a source, that with the most rows first: source, rows, share_rows, share_weight, mean_weight, effective.

    Args:
        sources: of the synthetic rows. [n]
        weights: of the same rows, 0 where left out. [n]
    """
    named = sources.where(sources != "", NONE).astype(str).to_numpy()
    total = weights.sum() or 1.0
    rows = [
        {
            "source": name,
            "rows": int(mine.sum()),
            "share_rows": float(mine.mean()),
            "share_weight": float(weights[mine].sum() / total),
            "mean_weight": float(weights[mine].mean()),
            "effective_sample_size": effective_sample_size(weights[mine]),
        }
        for name in pd.unique(named)
        for mine in [named == name]
    ]
    return pd.DataFrame(rows).sort_values("rows", ascending=False, kind="stable").reset_index(drop=True)


def left_out(
    board: pd.DataFrame,
    sources: pd.Series,
    settings: WeightSettings,
    curation: Curation,
    forecaster: Callable[[Curation], Forecaster],
) -> pd.DataFrame:
    """The scoreboard with what the forecast gains when a source is left out, in points: gain, low, high.

    The largest MAX_SOURCES sources are forecast, each on the same real rows as with all sources (paired). NaN
    elsewhere, and where nothing would be left. `forecaster` makes one for other edits.
    """
    named = sources.where(sources != "", NONE).astype(str).to_numpy()
    whole = forecaster(curation)
    before = final(whole, settings)
    found = board.assign(gain=np.nan, low=np.nan, high=np.nan)
    for row in found.index[:MAX_SOURCES]:
        kept = curation.kept & (named != found.loc[row, "source"])
        if not kept.any():
            continue
        said = final(forecaster(replace(curation, kept=kept)), settings)
        difference = whole.estimate(said, against=before)
        found.loc[row, ["gain", "low", "high"]] = 100 * np.array([difference.mean, difference.low, difference.high])
    return found
