"""Plotly figures and tables in the app's style. Names from files are escaped before Plotly sees them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from synweight_core import palette
from synweight_core.curves import smoothed, thinned
from synweight_core.plots import MAX_BARS, class_shares, layout, safe, short, weight_histogram

__all__ = ["MAX_BARS", "class_shares", "layout", "safe", "short", "weight_histogram"]  # also of the app's style

Line = tuple[np.ndarray, np.ndarray]  # across and up: x ascending [n], y [n]


def is_dark() -> bool:
    """Whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def dark_or_light(dark: str, light: str) -> str:
    """The colour for the viewer's theme."""
    return dark if is_dark() else light


def show(
    figure: go.Figure, table: pd.DataFrame, *, alt: str, key: str, folded: bool = True,
    columns: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """A chart with its text alternative and its table twin, which may be open because it says more."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})
    with st.expander("Show as table") if folded else st.container():
        st.dataframe(table, hide_index=True, key=f"{key}_table", column_config=columns)


def lines(
    series: Mapping[str, Line], title: str, *, x: str, y: str, x_end: float, markers: bool = False, smooth_over: int = 1
) -> go.Figure:
    """One line a name over 0 to `x_end`, thinned; smoothed over about so many points, with what was measured in pale.

    A zoom survives new points.
    """
    figure = go.Figure()
    colours = palette.class_colours(list(series))
    mode = "lines+markers" if markers else "lines"
    for name, (across, up) in series.items():
        style = {"line": {"color": colours[name], "width": 2}, "mode": mode, "name": safe(name)}
        if smooth_over > 1:
            _add_line(figure, (across, up), style | {"opacity": 0.25, "showlegend": False, "hoverinfo": "skip"})
            up = smoothed(up, over=smooth_over)
        _add_line(figure, (across, up), style | {"showlegend": True})
    said = f"<br><sup>smoothed over about {smooth_over:,} points</sup>" if smooth_over > 1 else ""
    layout(figure, title + said, x=x, y=y)
    return figure.update_layout(xaxis={"range": [0, x_end * 1.02]}, yaxis={"minallowed": 0}, uirevision=title)


def _add_line(figure: go.Figure, line: Line, style: Mapping[str, Any]) -> None:
    across, up = thinned(*line)
    figure.add_scatter(x=across, y=up, **style)


def selection_histogram(table: pd.DataFrame, title: str) -> go.Figure:
    """Rows per weight on a log axis: all rows in grey, the selected ones over them."""
    middle = np.log2(np.sqrt(table["low"] * table["high"]))
    figure = go.Figure()
    for name, column, colour in (("All", "rows", palette.NEUTRAL), ("Selected", "selected", palette.ABOVE)):
        figure.add_bar(x=middle, y=table[column], name=name, marker_color=colour)
    layout(figure, title, x="Weight (log scale)", y="Rows", height=280)
    ticks = np.arange(-6, 7, 2)
    tick_texts = [palette.ratio(tick) for tick in ticks]
    return figure.update_layout(barmode="overlay", bargap=0.05, xaxis={"tickvals": ticks, "ticktext": tick_texts})


def label_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Rows per label: all in grey, the selected ones over them."""
    if len(table) > MAX_BARS:
        title += f" ({MAX_BARS} largest of {len(table):,})"
        table = table.head(MAX_BARS)
    names = [safe(short(label)) for label in table["label"]]
    figure = go.Figure()
    for name, column, colour in (("All", "rows", palette.NEUTRAL), ("Selected", "selected", palette.ABOVE)):
        figure.add_bar(y=names, x=table[column], name=name, marker_color=colour, orientation="h")
    layout(figure, title, x="Rows", y="", height=280)
    return figure.update_layout(barmode="overlay", yaxis={"autorange": "reversed"})


def waterfall(table: pd.DataFrame, title: str) -> go.Figure:
    """From nothing to the log weight, term by term (nats); the last bar is the log weight itself."""
    total = float(table["nats"].sum())
    steps = [*table["nats"], total]
    figure = go.Figure(
        go.Waterfall(
            y=[*map(safe, table["term"]), "log weight"], x=steps, orientation="h",
            measure=["relative"] * len(table) + ["total"],
            text=[f"{step:+.2f}" for step in steps], textposition="outside", cliponaxis=False,
            decreasing={"marker": {"color": palette.BELOW}}, increasing={"marker": {"color": palette.ABOVE}},
            totals={"marker": {"color": palette.NEUTRAL}},
        )
    )  # fmt: skip
    layout(figure, title, x="Nats", y="", height=300)
    reach = 0.15 * float(np.ptp([0.0, *np.cumsum(table["nats"])]) or 1.0)  # room for the texts
    ends = np.cumsum([0.0, *table["nats"]])
    scale = {"range": [float(ends.min()) - reach, float(ends.max()) + reach]}
    return figure.update_layout(showlegend=False, yaxis={"autorange": "reversed"}, xaxis=scale)
