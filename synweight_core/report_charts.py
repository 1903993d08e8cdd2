"""Figures of a report: charts by Plotly that fit on a page, and maps as drawings that need no script.

Colours are those of `palette`, for white paper. It reads no files.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from synweight_core import palette
from synweight_core.crossed import Interval
from synweight_core.map_rows import MAX_COLOUR_RATIO
from synweight_core.plots import layout, safe, short

WIDTH = 660  # pixels: fits between the margins of A4
MAX_DOTS, MAX_RINGS = 5_000, 1_000  # drawn rows: synthetic, real
_MAP_WIDTH, _EDGE, _DOT, _RING = 1000, 20, 7, 5  # of a drawing, in its own pixels
_ASPECTS = (0.4, 0.7)  # height by width: two maps fit on a page
_FRAME = (0.005, 0.995)
_STEPS = 13  # colours of weights, from 1/8 to 8 in half powers of two
_BAR_PIXELS = 26


def for_paper(figure: go.Figure, *, height: int | None = None) -> go.Figure:
    """A figure of the width of a page, on white."""
    height = height or figure.layout.height
    margin = {"l": 10, "r": 10, "t": 48, "b": 10}
    figure.update_layout(template="plotly_white", width=WIDTH, height=height, margin=margin, font={"size": 12})
    return figure.update_xaxes(automargin=True).update_yaxes(automargin=True)


def settings_chart(names: Sequence[str], figures: Mapping[str, Sequence[Interval]], title: str) -> go.Figure:
    """Mean and interval of each setting, the first on top; `figures` are by measure."""
    chart = go.Figure()
    rows = np.arange(len(names))
    colours = palette.class_colours(list(figures))
    for i, (measure, found) in enumerate(figures.items()):
        shift = 0.24 * (i - (len(figures) - 1) / 2)
        means = np.array([100 * each.mean for each in found])
        reach = np.nan_to_num([100 * each.half_width for each in found])
        chart.add_scatter(
            x=means, y=rows + shift, mode="markers", name=safe(measure), showlegend=True,
            marker={"color": colours[measure], "size": 9}, error_x={"array": reach, "color": colours[measure]},
        )  # fmt: skip
    layout(chart, title, x="%", y="")
    chart.update_yaxes(tickvals=rows, ticktext=[safe(short(name)) for name in names], range=[len(names) - 0.5, -0.5])
    return for_paper(chart, height=150 + 2 * _BAR_PIXELS * len(names))


def forecast_chart(ledger: pd.DataFrame, title: str) -> go.Figure:
    """Forecast and outcome of each setting that has both, with intervals; on the line both are equal."""
    met = 100 * ledger.dropna(subset="outcome")[["forecast", "low", "high", "outcome", "outcome_low", "outcome_high"]]
    chart = go.Figure()
    ends = [float(met[["forecast", "outcome"]].min().min()), float(met[["forecast", "outcome"]].max().max())]
    chart.add_scatter(x=ends, y=ends, mode="lines", line={"dash": "dash", "color": palette.NEUTRAL}, name="Equal")
    chart.add_scatter(
        x=met["forecast"], y=met["outcome"], mode="markers", name="Settings",
        marker={"color": palette.ABOVE, "size": 9},
        error_x={"array": met["high"] - met["forecast"], "arrayminus": met["forecast"] - met["low"]},
        error_y={"array": (met["outcome_high"] - met["outcome"]).fillna(0)},
    )  # fmt: skip
    return for_paper(layout(chart, title, x="Forecast (%)", y="Outcome (%)"), height=340)


def sample(n_synthetic: int, n_real: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted positions of the rows that a map draws: at most MAX_DOTS synthetic and MAX_RINGS real ones.

    The real rows come after the synthetic ones.
    """
    drawn = np.random.default_rng(0)
    dots = drawn.choice(n_synthetic, min(n_synthetic, MAX_DOTS), replace=False)
    rings = drawn.choice(n_real, min(n_real, MAX_RINGS), replace=False)
    return np.sort(dots), n_synthetic + np.sort(rings)


def map_svg(dots: np.ndarray, colours: Sequence[str], rings: np.ndarray, *, alt: str) -> Markup:
    """Synthetic rows as dots of their colours, real rows as rings on top.

    Args:
        dots: coordinates; a few far ones are drawn at the edge. [n, 2]
        colours: one a dot. [n]
        rings: coordinates. [m, 2]
        alt: what the drawing shows.
    """
    places, height = _pixels(np.concatenate([dots, rings]))
    codes = pd.Series(list(colours), dtype=str)
    at = places[: len(dots)]
    parts = [
        f'<path d="{"".join(f"M{x} {y}h0" for x, y in at[members])}" stroke="{colour}"/>'
        for colour, members in codes.groupby(codes, sort=False).indices.items()
    ]
    circles = "".join(f'<circle cx="{x}" cy="{y}" r="{_RING}"/>' for x, y in places[len(dots) :])
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<rect width="100%" height="100%" fill="#FFFFFF"/>'
        '<g fill="none" stroke-width="{}" stroke-linecap="round" stroke-opacity="0.8">{}</g>'
        '<g fill="none" stroke="#1B2430" stroke-width="1.5">{}</g></svg>'
    ).format(_MAP_WIDTH, height, alt, _DOT, Markup("".join(parts)), Markup(circles))


def weight_map(xy: np.ndarray, weights: np.ndarray) -> Markup:
    """The rows of `sample` by weight: `xy` [n + m, 2] of all rows, `weights` [n] of the synthetic ones."""
    dots, rings = sample(len(weights), len(xy) - len(weights))
    colours = weight_colours(weights[dots])
    return map_svg(xy[dots], colours, xy[rings], alt="Map of rows by weight")


def weight_colours(weights: np.ndarray) -> list[str]:
    """The colour of each weight: blue below 1, orange above, grey without weight. [n]"""
    end = np.log2(MAX_COLOUR_RATIO)
    logs = np.log2(np.clip(weights, 1 / MAX_COLOUR_RATIO, MAX_COLOUR_RATIO))
    steps = np.rint((logs / end + 1) / 2 * (_STEPS - 1)).astype(int)
    scale = np.array(weight_scale(), dtype=object)
    return np.where(weights > 0, scale[steps], palette.NO_VALUE_LIGHT).tolist()


def weight_scale() -> list[str]:
    """Colours from the smallest to the largest weight, the middle one of weight 1."""
    stops = np.array([tuple(bytes.fromhex(stop[1:])) for stop in palette.diverging_stops(dark=False)])
    places = np.linspace(0, len(stops) - 1, _STEPS)
    mixed = np.column_stack([np.interp(places, range(len(stops)), channel) for channel in stops.T])
    return [f"#{bytes(colour).hex()}" for colour in np.rint(mixed).astype(np.uint8)]


def weight_legend(weights: np.ndarray) -> tuple[tuple[str, str], ...]:
    """Colours of whole powers of two and the weights that they stand for; grey where a row has no weight."""
    scale, middle = weight_scale(), _STEPS // 2
    end = round(np.log2(MAX_COLOUR_RATIO))
    names = {power: f"weight {palette.ratio(power)}" for power in range(-end, end + 1)}
    names[-end], names[end] = f"{names[-end]} or less", f"{names[end]} or more"
    steps = tuple((scale[middle + power * middle // end], name) for power, name in names.items())
    return steps if (weights > 0).all() else (*steps, (palette.NO_VALUE_LIGHT, "no weight"))


def _pixels(xy: np.ndarray) -> tuple[np.ndarray, int]:
    """Coordinates as whole pixels of a drawing that nearly all of them fill, and its height. [n, 2] int; up is up"""
    low, high = np.quantile(xy, _FRAME, axis=0) if len(xy) else np.zeros((2, 2))
    reach = np.maximum(high - low, 1e-9)
    height = round(_MAP_WIDTH * float(np.clip(reach[1] / reach[0], *_ASPECTS)))
    size = np.array([_MAP_WIDTH, height])
    scale = ((size - 2 * _EDGE) / reach).min()
    places = size / 2 + (xy - (low + high) / 2) * scale * [1, -1]
    return np.rint(np.clip(places, _RING, size - _RING)).astype(int), height
