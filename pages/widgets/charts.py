"""Plotly figures and tables in the app's style. Names from files are escaped before Plotly sees them."""

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from synweight_core import palette
from synweight_core.map_rows import MAX_COLOUR_RATIO, NONE, OTHER, ColourBy, categories, log_colour

MAX_MAP_POINTS = 30_000  # beyond this the browser is slow to answer
MAX_LINE_POINTS = 500
MAX_LEGEND = 24  # more names than this would cover the map
MAX_BARS = 20  # classes in a bar chart; its table has all
NO_COLOUR = (NONE, OTHER)
_HOVER_WIDTH, _HOVER_CHARS, _NAME_CHARS = 60, 300, 24


def is_dark() -> bool:
    """Whether the viewer's theme is dark."""
    return st.context.theme.type == "dark"


def dark_or_light(dark: str, light: str) -> str:
    """The colour for the viewer's theme."""
    return dark if is_dark() else light


def short(name: str) -> str:
    """A name cut to what a legend or an axis has room for."""
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


def safe(text: object) -> str:
    """Text as Plotly shows it letter by letter: it reads some HTML tags otherwise."""
    return html.escape(str(text), quote=False)


def show(figure: go.Figure, table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A chart with its text alternative and its table twin."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})
    with st.expander("Show as table"):
        st.dataframe(table, hide_index=True, key=f"{key}_table")


def layout(figure: go.Figure, title: str, *, x: str, y: str, height: int = 320) -> go.Figure:
    """Title and axis names in the common style."""
    return figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xanchor": "left"},
        xaxis_title=x, yaxis_title=y, height=height, margin={"l": 10, "r": 10, "t": 48, "b": 10},
        legend={"orientation": "h", "y": -0.25},
    )  # fmt: skip


def embedding_map(rows: pd.DataFrame, colour: ColourBy, selected: Sequence[int], *, labels: Sequence[str]) -> go.Figure:
    """Synthetic rows as dots, real rows as rings on top; `selected` positions stay bright."""
    figure = go.Figure()
    is_real = rows["source"] == "real"
    for real in (False, True):
        part = rows[is_real == real]
        if colour.kind == "categorical":
            _add_categories(figure, part, colour, real=real, labels=labels)
        else:
            _add_scale(figure, part, colour, real=real)
    chosen = set(selected)
    for trace in figure.data:
        if chosen:
            trace.selectedpoints = [i for i, (row, _) in enumerate(trace.customdata) if row in chosen]
        trace.unselected = {"marker": {"opacity": 0.12}}
        trace.selected = {"marker": {"opacity": 0.95}}
    return figure.update_layout(
        height=620, margin={"l": 0, "r": 0, "t": 8, "b": 0}, dragmode="lasso", uirevision="map",
        xaxis={"visible": False}, yaxis={"visible": False}, hovermode="closest",
        legend={"orientation": "h", "y": 0, "yanchor": "top", "itemsizing": "constant"},
        hoverlabel={"align": "left", "font": {"size": 12, "color": dark_or_light("#E6EBF0", "#1B2430")},
                    "bgcolor": dark_or_light("#1B222B", "#FFFFFF")},
        showlegend=len(figure.data) <= MAX_LEGEND,
    )  # fmt: skip


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    *,
    x: str,
    y: str,
    x_end: float,
    markers: bool = False,
) -> go.Figure:
    """One line a name over 0 to `x_end`, thinned to at most MAX_LINE_POINTS over the whole range."""
    figure = go.Figure()
    colours = palette.class_colours(list(series))
    for name, (across, up) in series.items():
        figure.add_scatter(
            x=thinned(across), y=thinned(up), name=safe(name), showlegend=True,
            mode="lines+markers" if markers else "lines", line={"color": colours[name], "width": 2},
        )  # fmt: skip
    layout(figure, title, x=x, y=y)
    return figure.update_layout(xaxis={"range": [0, x_end * 1.02]}, yaxis={"minallowed": 0})


def thinned(points: Sequence[Any]) -> list[Any]:
    """At most MAX_LINE_POINTS of the points, evenly over the whole range."""
    if len(points) <= MAX_LINE_POINTS:
        return list(points)
    return [points[i] for i in np.linspace(0, len(points) - 1, MAX_LINE_POINTS).astype(int)]


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
    return figure.update_layout(bargap=0.05, xaxis={"tickvals": ticks, "ticktext": [_ratio(t) for t in ticks]})


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


def _add_scale(figure: go.Figure, part: pd.DataFrame, colour: ColourBy, *, real: bool) -> None:
    values = colour.values(part)
    marker: dict[str, Any] = {"size": 6, "opacity": 0.85}
    if colour.kind == "weight" and not real:
        end = float(np.log2(MAX_COLOUR_RATIO))
        ticks = np.arange(-end, end + 1)
        marker |= {"color": log_colour(values), "colorscale": palette.diverging(dark=is_dark()),
                   "cmin": -end, "cmax": end,
                   "colorbar": _colorbar("Weight", ticks, [_ratio(t) for t in ticks])}  # fmt: skip
    elif colour.kind == "sequential":
        limits = values.quantile([0.02, 0.98]).to_list()
        marker |= {"color": values, "colorscale": palette.SEQUENTIAL, "cmin": limits[0], "cmax": limits[1]}
        if not real:
            marker["colorbar"] = _colorbar(colour.label)
    if real:
        _as_ring(marker, keep_colour=colour.kind == "sequential")
    _add_points(figure, part, "Real rows" if real else "Synthetic rows", marker, values, colour.label)


def _add_categories(
    figure: go.Figure, part: pd.DataFrame, colour: ColourBy, *, real: bool, labels: Sequence[str]
) -> None:
    values, names = categories(colour.values(part))
    colours = palette.class_colours(labels if set(names) <= set(labels) else [n for n in names if n not in NO_COLOUR])
    for name in names:
        members = values == name
        marker: dict[str, Any] = {"size": 6, "opacity": 0.85, "color": colours.get(name, palette.NEUTRAL)}
        if real:
            _as_ring(marker, keep_colour=True)
        title = f"{short(name)} (real)" if real else short(name)
        count = int(members.sum())
        _add_points(figure, part[members], f"{title} · {count:,}", marker, values[members], colour.label)


def _as_ring(marker: dict[str, Any], *, keep_colour: bool) -> None:
    marker |= {"symbol": "circle-open", "size": 8, "line": {"width": 1.3}}
    if not keep_colour:
        marker["color"] = dark_or_light("#E6EBF0", "#1B2430")


def _add_points(
    figure: go.Figure, part: pd.DataFrame, name: str, marker: dict[str, Any], values: pd.Series, meaning: str
) -> None:
    is_number = pd.api.types.is_numeric_dtype(values)
    shown = values if is_number else values.map(safe)
    value = "%{customdata[1]:.3g}" if is_number else "%{customdata[1]}"
    line = "" if values.isna().all() else f"<br>{safe(meaning)}: {value}"
    figure.add_scattergl(
        x=part["x"].to_numpy(),
        y=part["y"].to_numpy(),
        mode="markers",
        name=safe(name),
        marker=marker,
        customdata=list(zip(part.index.tolist(), shown.tolist(), strict=True)),
        text=part["hover"].tolist(),
        hovertemplate="%{text}" + line + "<extra></extra>",
    )


def hover_texts(rows: pd.DataFrame) -> list[str]:
    """What the pointer shows for each row: its texts, wrapped and cut, its source and label."""
    return [
        "<br>".join(safe(line) for line in [*_wrapped(text), *_wrapped(text_b), f"{source} · label: {label}"])
        for text, text_b, source, label in zip(
            rows["text"], rows["text_b"], rows["source"], rows["label"].str.slice(0, _HOVER_WIDTH), strict=True
        )
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text if len(text) <= _HOVER_CHARS else text[: _HOVER_CHARS - 1] + "…", _HOVER_WIDTH)


def _colorbar(title: str, ticks: Sequence[float] | None = None, texts: Sequence[str] | None = None) -> dict[str, Any]:
    bar: dict[str, Any] = {"title": {"text": title, "side": "top"}, "thickness": 12, "len": 0.6}
    if ticks is not None:
        bar |= {"tickvals": ticks, "ticktext": texts}
    return bar


def _ratio(log2_value: float) -> str:
    return f"{2**log2_value:g}" if log2_value >= 0 else f"1/{2**-log2_value:g}"
