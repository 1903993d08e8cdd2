"""Plotly figures that pages and reports share, in one style. Names from files are escaped before Plotly sees them.

It shows nothing and knows no page: whoever shows a figure adds its text alternative.
"""

import html

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from synweight_core import palette

MAX_BARS = 20  # classes in a bar chart; its table has all
_NAME_CHARS = 24


def short(name: str) -> str:
    """A name cut to what a legend or an axis has room for."""
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


def safe(text: object) -> str:
    """Text as Plotly shows it letter by letter: it reads some HTML tags otherwise."""
    return html.escape(str(text), quote=False)


def layout(figure: go.Figure, title: str, *, x: str, y: str, height: int = 320) -> go.Figure:
    """Title and axis names in the common style."""
    return figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"},
        xaxis_title=x, yaxis_title=y, height=height, margin={"l": 10, "r": 10, "t": 48, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    )  # fmt: skip


def weight_histogram(table: pd.DataFrame, title: str) -> go.Figure:
    """Rows per weight on a log axis, blue below 1 and orange above."""
    middle = np.sqrt(table["low"] * table["high"])
    figure = go.Figure(
        go.Bar(
            x=np.log2(middle), y=table["rows"], marker_color=np.where(middle < 1, palette.BELOW, palette.ABOVE),
            hovertext=[f"{low:.3g} to {high:.3g}: {count:,} rows" for low, high, count in table.to_numpy()],
            hoverinfo="text",
        )
    )  # fmt: skip
    layout(figure, title, x="Weight (log scale)", y="Rows", height=280)
    ticks = np.arange(-6, 7, 2)
    return figure.update_layout(
        bargap=0.05, xaxis={"tickvals": ticks, "ticktext": [palette.ratio(float(t)) for t in ticks]}
    )


def class_shares(table: pd.DataFrame, title: str) -> go.Figure:
    """Share of each class among synthetic rows, weighted synthetic rows and real rows."""
    figure = go.Figure()
    if len(table) > MAX_BARS:
        title += f" ({MAX_BARS} largest of {len(table):,})"
        table = table.nlargest(MAX_BARS, "rows")
    names = {"share_raw": "Synthetic", "share_weighted": "Synthetic, weighted", "share_real": "Real"}
    for (column, name), colour in zip(names.items(), (palette.NEUTRAL, palette.ABOVE, palette.BELOW), strict=True):
        figure.add_bar(x=[safe(short(label)) for label in table["label"]], y=100 * table[column], name=name,
                       marker_color=colour)  # fmt: skip
    return layout(figure, title, x="Class", y="Share of rows or weight (%)", height=320)
