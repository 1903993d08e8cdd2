"""Plotly figures of compared settings. Names from files are escaped before Plotly sees them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.widgets.charts import is_dark, layout, safe, short
from synweight_core import palette

MAX_CLASSES = 20  # of a confusion matrix that is drawn


def learning_curves(curves: Mapping[str, pd.DataFrame], title: str, *, y: str) -> go.Figure:
    """Mean over seeds by epoch with a band from the lowest to the highest seed, one a setting (`learning_curve`)."""
    figure = go.Figure()
    for (name, curve), colour in zip(curves.items(), (palette.ABOVE, palette.BELOW), strict=True):
        across = [*curve["epoch"], *curve["epoch"][::-1]]
        band = 100 * np.array([*curve["high"], *curve["low"][::-1]])
        figure.add_scatter(
            x=across, y=band, fill="toself", fillcolor=colour, opacity=0.2, line={"width": 0}, showlegend=False,
            hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=curve["epoch"],
            y=100 * curve["mean"],
            name=safe(short(name)),
            mode="lines+markers",
            line={"color": colour},
        )
    return layout(figure, title, x="Epoch", y=y)


def confusion(table: pd.DataFrame, title: str, *, diverging: bool = False) -> go.Figure:
    """Test rows by true class (down) and predicted class (across); a difference is orange above 0, blue below."""
    values = table.to_numpy(dtype=float)
    names = [safe(short(str(name))) for name in table.columns]
    reach = float(max(np.abs(values).max(initial=0), 1))
    scale = palette.diverging(dark=is_dark()) if diverging else "Greys_r" if is_dark() else "Greys"
    figure = go.Figure(
        go.Heatmap(
            z=values, x=names, y=names, zmin=-reach if diverging else 0, zmax=reach, colorscale=scale, showscale=False,
            texttemplate="%{z:+.1f}" if diverging else "%{z:.1f}", hovertemplate="true %{y}, said %{x}: %{z:.1f}"
            "<extra></extra>",
        )
    )  # fmt: skip
    layout(figure, title, x="Predicted", y="True", height=340)
    return figure.update_layout(yaxis={"autorange": "reversed"})
