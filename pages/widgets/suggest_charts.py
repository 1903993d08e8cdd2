"""The Plotly figure of what many weight settings are forecast to be worth."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from pages.widgets.charts import is_dark, layout
from synweight_core import palette
from synweight_core.suggest import GRID, Candidate

_KEYS = ["weights", "taught"]


def landscape(table: pd.DataFrame, title: str, *, chosen: int | None) -> go.Figure:
    """Points over CE by exponents and by what rows teach: orange above, blue below; a square marks the `chosen` row."""
    columns, rows = (list(dict.fromkeys(table[name])) for name in _KEYS)
    cells = table.assign(hover=[_hover(row) for row in table.to_dict("records")]).pivot(
        index="taught", columns="weights"
    )
    over, hover = (cells[name].reindex(index=rows, columns=columns) for name in ("points over CE", "hover"))
    reach = max(1.0, float(over.abs().max(axis=None)))
    figure = go.Figure(
        go.Heatmap(
            z=over.to_numpy(), x=columns, y=rows, zmin=-reach, zmax=reach, texttemplate="%{z:+.1f}",
            hovertext=hover.fillna("not forecast").to_numpy(), hoverinfo="text",
            colorscale=palette.diverging(dark=is_dark()), colorbar={"title": "Points"},
        )
    )  # fmt: skip
    if chosen is not None:
        marker = {"symbol": "square-open", "size": 34, "color": "#E8EAED" if is_dark() else "#1F2328"}
        at = table.iloc[chosen]
        figure.add_scatter(
            x=[at["weights"]], y=[at["taught"]], mode="markers", marker=marker, hoverinfo="skip", showlegend=False
        )
    layout(figure, title, x="Exponents of the weights", y="What rows teach", height=360)
    axes = {"type": "category", "automargin": True}
    return figure.update_layout(xaxis=axes, yaxis=axes | {"autorange": "reversed"})


def grid_table(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """The points of the grid: exponents and what rows teach in words, points over CE, low, high."""
    return pd.DataFrame(
        [
            {"weights": f"α {each.settings.alpha:g}, β {each.settings.beta:g}", "taught": _taught_words(each),
             "points over CE": 100 * each.over_ce.mean, "low": 100 * each.over_ce.low, "high": 100 * each.over_ce.high}
            for each in candidates[: len(GRID)]
        ]
    )  # fmt: skip


def _taught_words(candidate: Candidate) -> str:
    share, is_balanced = candidate.settings.soft_share, candidate.settings.balance != "none"
    source = {0.0: "labels", 1.0: "checker"}.get(share, f"{100 * share:g} % checker")
    return source + (", real class shares" if is_balanced else "")


def _hover(row: dict[str, float]) -> str:
    return f"{row['points over CE']:+.1f} points over CE ({row['low']:+.1f} to {row['high']:+.1f})"
