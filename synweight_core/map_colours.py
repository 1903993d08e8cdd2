"""A column as one byte per row and a legend: what the map needs to colour rows.

Code 255 means "no value". On a scale the codes 0 to 254 span it, and 127 is exactly the centre of a diverging
one. For categories the code is the position of the name in the legend. Colours themselves are in `palette`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import palette
from synweight_core.map_rows import MAX_COLOUR_NATS, MAX_COLOUR_RATIO, NONE, OTHER, ColourBy, categories

NO_VALUE = 255
CENTRE = 127
_SCALE_QUANTILES = (0.02, 0.98)  # a few extreme rows would take all the contrast from the others


@dataclass(frozen=True)
class Colouring:
    """`codes` uint8 [n], and a legend of plain values that goes to the browser as JSON."""

    codes: np.ndarray
    legend: dict[str, Any]


def colouring(colour: ColourBy, rows: pd.DataFrame, labels: Sequence[str]) -> Colouring:
    """Codes and legend of `rows`; `labels` are the project's, so that a class keeps its colour everywhere."""
    values = colour.values(rows)
    if colour.kind == "categorical":
        return _by_category(colour, values, labels)
    numbers = values.to_numpy(dtype=np.float64)
    if colour.kind == "sequential":
        return _on_scale(colour, numbers)
    return _weights(colour, numbers) if colour.kind == "weight" else _nats(colour, numbers)


def weight_codes(weights: np.ndarray) -> np.ndarray:
    """Codes of weights on a log axis from 1/8 to 8: 127 is weight 1. [n] uint8, NO_VALUE for 0 and NaN"""
    with np.errstate(divide="ignore"):
        logs = np.log(weights)
    return diverging_codes(np.where(weights == 0, np.nan, logs), end=math.log(MAX_COLOUR_RATIO))


def diverging_codes(values: np.ndarray, *, end: float) -> np.ndarray:
    """Codes of values between -`end` (0) and `end` (254), 127 at 0; beyond them the end codes. [n] uint8"""
    return _codes(CENTRE + CENTRE * np.clip(values / end, -1, 1))


def scale_codes(values: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Codes of values between `low` (0) and `high` (254); beyond them the end codes. [n] uint8"""
    return _codes(254 * np.clip((values - low) / ((high - low) or 1.0), 0, 1))


def _codes(places: np.ndarray) -> np.ndarray:
    known = np.isfinite(places)
    return np.where(known, np.rint(np.where(known, places, 0)), NO_VALUE).astype(np.uint8)


def _weights(colour: ColourBy, weights: np.ndarray) -> Colouring:
    end = round(math.log2(MAX_COLOUR_RATIO))
    ticks = [(0.5 + power / (2 * end), palette.ratio(power)) for power in range(-end, end + 1)]
    beyond = int(np.sum((weights > 0) & ((weights < 2.0**-end) | (weights > 2.0**end))))
    note = f"Log scale, grey at weight 1. {beyond:,} rows beyond the ends have the end colours."
    legend = _scale_legend(colour, "diverging", ticks, note)
    return Colouring(weight_codes(weights), legend | {"none": _none("no weight: real or excluded")})


def _nats(colour: ColourBy, values: np.ndarray) -> Colouring:
    end = MAX_COLOUR_NATS
    ticks = [(0.5 + value / (2 * end), f"{value:+g}" if value else "0") for value in (-end, 0.0, end)]
    note = f"In nats, grey at 0. {int(np.sum(np.abs(values) > end)):,} rows beyond the ends have the end colours."
    return Colouring(diverging_codes(values, end=end), _scale_legend(colour, "diverging", ticks, note))


def _on_scale(colour: ColourBy, values: np.ndarray) -> Colouring:
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, _SCALE_QUANTILES) if known.size else (0.0, 1.0)
    ticks = [(share, f"{low + share * (high - low):.3g}") for share in (0.0, 0.5, 1.0)]
    note = f"The scale spans the middle 96 % of the rows; the others have the end colours. All: {_span(known)}."
    return Colouring(scale_codes(values, low=low, high=high), _scale_legend(colour, "sequential", ticks, note))


def _by_category(colour: ColourBy, values: pd.Series, labels: Sequence[str]) -> Colouring:
    named, names = categories(values)
    kept = [name for name in names if name != NONE]
    colours = palette.class_colours(labels if set(kept) <= set(labels) else [n for n in kept if n != OTHER])
    codes = pd.Index(kept).get_indexer(pd.Index(named))  # -1, which is 255, for no value
    entries = [{"name": name, "colour": colours.get(name, palette.NEUTRAL)} for name in kept]
    legend = {"kind": "categorical", "title": colour.label, "entries": entries, "note": ""}
    return Colouring(codes.astype(np.uint8), legend | {"none": _none(NONE)})


def _scale_legend(colour: ColourBy, kind: str, ticks: list[tuple[float, str]], note: str) -> dict[str, Any]:
    scale = palette.diverging_stops if kind == "diverging" else palette.sequential_stops
    stops = {"light": scale(dark=False), "dark": scale(dark=True)}
    legend = {"kind": kind, "title": colour.label, "entries": [], "stops": stops, "ticks": ticks, "note": note}
    return legend | {"none": _none("no value")}


def _none(name: str) -> dict[str, str]:
    return {"name": name, "light": palette.NO_VALUE_LIGHT, "dark": palette.NO_VALUE_DARK}


def _span(known: np.ndarray) -> str:
    return f"{known.min():.3g} to {known.max():.3g}" if known.size else "no values"
