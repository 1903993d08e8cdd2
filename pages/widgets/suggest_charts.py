"""The Plotly figure of what many weight settings are forecast to be worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.widgets.charts import is_dark, layout
from synweight_core import palette
from synweight_core.suggest import ALPHAS, BETAS, GRID, Candidate


def landscape(table: pd.DataFrame, title: str, *, chosen: tuple[float, float] | None) -> go.Figure:
    """Points over CE by alpha and beta: orange above, blue below; a square marks the chosen point of the grid."""
    by_point = table.set_index(["alpha", "beta"])
    rows = [[by_point.loc[(a, b)] if (a, b) in by_point.index else None for a in ALPHAS] for b in BETAS]
    over = [[np.nan if cell is None else cell["points over CE"] for cell in row] for row in rows]
    reach = max(1.0, float(np.nanmax(np.abs(over))))
    figure = go.Figure(
        go.Heatmap(
            z=over, x=[f"{a:g}" for a in ALPHAS], y=[f"{b:g}" for b in BETAS], zmin=-reach, zmax=reach,
            text=[["" if cell is None else f"{cell['points over CE']:+.1f}" for cell in row] for row in rows],
            texttemplate="%{text}", hovertext=[[_hover(cell) for cell in row] for row in rows], hoverinfo="text",
            colorscale=palette.diverging(dark=is_dark()), colorbar={"title": "Points"},
        )
    )  # fmt: skip
    if chosen in by_point.index:
        marker = {"symbol": "square-open", "size": 34, "color": "#E8EAED" if is_dark() else "#1F2328"}
        x, y = (f"{value:g}" for value in chosen)
        figure.add_scatter(x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip", showlegend=False)
    layout(figure, title, x="Alpha", y="Beta", height=300)
    return figure.update_layout(xaxis={"type": "category"}, yaxis={"type": "category"})


def grid_table(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """The points of the grid: alpha, beta, points over CE, low, high."""
    over = [(each.settings.alpha, each.settings.beta, each.over_ce) for each in candidates[: len(GRID)]]
    return pd.DataFrame(
        [
            {"alpha": alpha, "beta": beta, "points over CE": 100 * e.mean, "low": 100 * e.low, "high": 100 * e.high}
            for alpha, beta, e in over
        ]
    )


def _hover(cell: pd.Series | None) -> str:
    if cell is None:
        return "not forecast"
    return f"{cell['points over CE']:+.1f} points over CE ({cell['low']:+.1f} to {cell['high']:+.1f})"
