"""The map as a Plotly figure of a sample, for browsers without WebGL2: dots, rings for real rows, lasso.

It loses zoom at each recolour; the component in `embedding_map` does not.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.widgets import map_session
from pages.widgets.charts import dark_or_light, is_dark, safe, short
from synweight_core import palette
from synweight_core.map_rows import MAX_COLOUR_NATS, MAX_COLOUR_RATIO, NONE, OTHER, ColourBy, categories, log_colour
from synweight_core.map_view import MapView
from synweight_core.projects import Project

MAX_POINTS = 30_000  # beyond this the browser is slow to answer
MAX_LEGEND = 24  # more names than this would cover the map
NO_COLOUR = (NONE, OTHER)
_HOVER_WIDTH, _HOVER_CHARS = 60, 300


def map_of_sample(project: Project, rows: pd.DataFrame, colour: ColourBy, view: MapView) -> None:
    """The picture, which says that it is a sample where it is one; a lasso selects rows of the sample."""
    n = len(rows)
    drawn = rows.sample(MAX_POINTS, random_state=0).sort_index() if n > MAX_POINTS else rows
    part = f" It is a random sample of {len(drawn):,} of {n:,} rows." if len(drawn) < n else ""
    st.caption(f"This browser offers no WebGL2, so the map is a simpler picture.{part}")

    def take_selection() -> None:
        points = st.session_state["map_of_sample"]["selection"]["points"]
        chosen = {int(np.ravel(point["customdata"])[0]) for point in points if point.get("customdata") is not None}
        map_session.select(project, n, np.array(sorted(chosen), dtype=np.int64))

    st.plotly_chart(
        figure(drawn.assign(hover=hover_texts(drawn)), colour, view.selected.tolist(), labels=project.labels),
        key="map_of_sample", on_select=take_selection, selection_mode=("lasso", "box", "points"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"Map of {len(drawn):,} rows coloured by {colour.label}. The table below lists a selection.",
    )  # fmt: skip


def figure(rows: pd.DataFrame, colour: ColourBy, selected: Sequence[int], *, labels: Sequence[str]) -> go.Figure:
    """Synthetic rows as dots, real rows as rings on top; `selected` positions stay bright."""
    drawn = go.Figure()
    is_real = rows["source"] == "real"
    for real in (False, True):
        part = rows[is_real == real]
        if colour.kind == "categorical":
            _add_categories(drawn, part, colour, real=real, labels=labels)
        else:
            _add_scale(drawn, part, colour, real=real)
    chosen = set(selected)
    for trace in drawn.data:
        if chosen:
            trace.selectedpoints = [i for i, (row, _) in enumerate(trace.customdata) if row in chosen]
        trace.unselected = {"marker": {"opacity": 0.12}}
        trace.selected = {"marker": {"opacity": 0.95}}
    return drawn.update_layout(
        height=620, margin={"l": 0, "r": 0, "t": 8, "b": 0}, dragmode="lasso", uirevision="map",
        xaxis={"visible": False}, yaxis={"visible": False}, hovermode="closest",
        legend={"orientation": "h", "y": 0, "yanchor": "top", "itemsizing": "constant"},
        hoverlabel={"align": "left", "font": {"size": 12, "color": dark_or_light("#E6EBF0", "#1B2430")},
                    "bgcolor": dark_or_light("#1B222B", "#FFFFFF")},
        showlegend=len(drawn.data) <= MAX_LEGEND,
    )  # fmt: skip


def _add_scale(figure: go.Figure, part: pd.DataFrame, colour: ColourBy, *, real: bool) -> None:
    values = colour.values(part)
    marker: dict[str, Any] = {"size": 6, "opacity": 0.85}
    if colour.kind == "weight" and not real:
        end = float(np.log2(MAX_COLOUR_RATIO))
        ticks = np.arange(-end, end + 1)
        marker |= {"color": log_colour(values), "colorscale": palette.diverging(dark=is_dark()),
                   "cmin": -end, "cmax": end,
                   "colorbar": _colorbar("Weight", ticks, [palette.ratio(t) for t in ticks])}  # fmt: skip
    elif colour.kind == "diverging":
        end = MAX_COLOUR_NATS
        marker |= {"color": values, "colorscale": palette.diverging(dark=is_dark()), "cmin": -end, "cmax": end}
        if not real:
            marker["colorbar"] = _colorbar(colour.label)
    elif colour.kind == "sequential":
        limits = values.quantile([0.02, 0.98]).to_list()
        marker |= {
            "color": values,
            "colorscale": palette.sequential_stops(dark=is_dark()),
            "cmin": limits[0],
            "cmax": limits[1],
        }
        if not real:
            marker["colorbar"] = _colorbar(colour.label)
    if real:
        _as_ring(marker, keep_colour=colour.kind != "weight")
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
