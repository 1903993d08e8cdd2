"""Plotly figures of forecasts and alignment. Names from files are escaped before Plotly sees them."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.widgets.charts import MAX_BARS, dark_or_light, layout, safe, short
from synweight_core import palette


def estimates(table: pd.DataFrame, title: str, *, x: str = "Forecast (%)", height: int = 260) -> go.Figure:
    """A mark with its interval for each row of `name`, `mean`, `low`, `high` (per cent); the first stands out."""
    colours = [palette.ABOVE] + [palette.NEUTRAL] * (len(table) - 1)
    figure = go.Figure()
    for colour, row in zip(colours, table.itertuples(), strict=True):
        figure.add_scatter(
            x=[row.mean], y=[safe(row.name)], mode="markers", marker={"size": 11, "color": colour}, showlegend=False,
            error_x={"type": "data", "array": [row.high - row.mean], "arrayminus": [row.mean - row.low], "width": 5},
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    layout(figure, title, x=x, y="", height=height)
    return figure.update_layout(yaxis={"autorange": "reversed"})


def against_outcomes(table: pd.DataFrame, title: str) -> go.Figure:
    """Outcome over forecast (per cent), a mark a setting with both intervals; on the line where they agree."""
    figure = go.Figure()
    ends = [
        table[["low", "outcome_low", "outcome"]].min(axis=None),
        table[["high", "outcome_high", "outcome"]].max(axis=None),
    ]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": palette.NEUTRAL, "width": 1, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=table["forecast"], y=table["outcome"], mode="markers", marker={"size": 11, "color": palette.ABOVE},
        error_x={"type": "data", "array": table["high"] - table["forecast"],
                 "arrayminus": table["forecast"] - table["low"], "width": 4},
        error_y={"type": "data", "array": table["outcome_high"] - table["outcome"],
                 "arrayminus": table["outcome"] - table["outcome_low"], "width": 4},
        text=[safe(words) for words in table["settings"]],
        hovertemplate="%{text}<br>forecast %{x:.1f} %, outcome %{y:.1f} %<extra></extra>",
    )  # fmt: skip
    layout(figure, title, x="Forecast (%)", y="Outcome on test rows (%)", height=360)
    return figure.update_layout(showlegend=False)


def alignment(table: pd.DataFrame, title: str) -> go.Figure:
    """MMD² of each class and of all rows with its interval, over the floor of real against real rows."""
    if len(table) > MAX_BARS:
        title += f" ({MAX_BARS} farthest of {len(table):,})"
        table = table.nlargest(MAX_BARS, "mmd2")
    names = [safe(short(str(name))) for name in table["class"]]
    figure = go.Figure(
        go.Bar(
            x=table["floor"], y=names, orientation="h", name="Real against real (95 %)", marker_color=palette.NEUTRAL
        )
    )
    figure.add_scatter(
        x=table["mmd2"], y=names, mode="markers", name="Weighted synthetic against real",
        marker={"size": 10, "color": np.where(table["told_apart"], palette.ABOVE, palette.BELOW)},
        error_x={
            "type": "data", "array": table["mmd2_high"] - table["mmd2"],
            "arrayminus": table["mmd2"] - table["mmd2_low"], "width": 4, "color": dark_or_light("#C9D1D9", "#3B4754"),
        },
    )  # fmt: skip
    layout(figure, title, x="MMD² (0: alike)", y="", height=120 + 34 * len(table))
    return figure.update_layout(yaxis={"autorange": "reversed"})
