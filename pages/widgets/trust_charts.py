"""Plotly figures of what a checker is worth. Names from files are escaped before Plotly sees them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.widgets.charts import MAX_BARS, dark_or_light, is_dark, layout, safe, short
from synweight_core import palette
from synweight_core.trust import most_confused

_GUIDE = {"color": palette.NEUTRAL, "dash": "dash", "width": 1}


def reliability(bins: pd.DataFrame, title: str) -> go.Figure:
    """Accuracy against confidence with 95 % intervals; the larger a mark, the more rows; dashed: well calibrated."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=_GUIDE, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=100 * bins["confidence"], y=100 * bins["accuracy"], mode="markers", showlegend=False,
        marker={"color": palette.BELOW, "size": 8 + 32 * np.sqrt(bins["share"])},
        error_y=_bars(bins["accuracy"], bins), hoverinfo="text",
        hovertext=[
            f"{100 * row.confidence:.1f} % sure, {100 * row.accuracy:.1f} % right, {row.rows:,} rows"
            for row in bins.itertuples()
        ],
    )  # fmt: skip
    layout(figure, title, x="Mean confidence (%)", y="Right (%)")
    return figure.update_layout(xaxis={"range": [-4, 104]}, yaxis={"range": [-4, 104]})


def recalls(classes: pd.DataFrame, title: str) -> go.Figure:
    """Recall of each class with its 95 % interval, the lowest first; no bar where there are too few rows."""
    if len(classes) > MAX_BARS:
        title += f" ({MAX_BARS} lowest of {len(classes):,})"
    shown = classes.sort_values("recall", kind="stable").head(MAX_BARS)
    figure = go.Figure(
        go.Bar(
            x=100 * shown["recall"], y=np.arange(len(shown)), orientation="h", marker_color=palette.BELOW,
            error_x=_bars(shown["recall"], shown), hoverinfo="text",
            hovertext=[f"{safe(row.label)}: {row.rows:,} rows" for row in shown.itertuples()],
        )
    )  # fmt: skip
    layout(figure, title, x="Recall (%)", y="", height=max(320, 80 + 24 * len(shown)))
    notes = ["" if known else " (too few rows)" for known in shown["recall"].notna()]
    names = [safe(short(label)) + note for label, note in zip(shown["label"], notes, strict=True)]
    axis = {"tickvals": np.arange(len(shown)), "ticktext": names, "autorange": "reversed"}
    return figure.update_layout(xaxis={"range": [0, 104]}, yaxis=axis)


def confusion(counts: np.ndarray, names: Sequence[str], title: str) -> go.Figure:
    """Rows by true and predicted class, shaded by the share of the true class; the most confused when many."""
    chosen = most_confused(counts, at_most=MAX_BARS)
    if len(counts) > MAX_BARS:
        title += f" ({MAX_BARS} most confused of {len(counts):,} classes)"
    rows = counts[np.ix_(chosen, chosen)]
    shares = 100 * rows / np.maximum(counts.sum(axis=1)[chosen, None], 1)
    labels = [safe(names[c]) for c in chosen]
    hover = [[f"{true}, called {said}: {n:,} rows" for said, n in zip(labels, row, strict=True)]
             for true, row in zip(labels, rows, strict=True)]  # fmt: skip
    figure = go.Figure(
        go.Heatmap(
            z=shares, text=rows, texttemplate="%{text}", hovertext=hover, hoverinfo="text", zmin=0, zmax=100,
            colorscale=list(palette.sequential_stops(dark=is_dark())), colorbar={"title": "% of class"},
        )
    )  # fmt: skip
    layout(figure, title, x="Predicted class", y="True class", height=max(320, 120 + 26 * len(chosen)))
    axis = {"tickvals": np.arange(len(chosen)), "ticktext": [safe(short(names[c])) for c in chosen]}
    return figure.update_layout(xaxis=axis, yaxis=axis | {"autorange": "reversed"})


def learning_curve(curve: pd.DataFrame, title: str, *, majority_share: float) -> go.Figure:
    """Accuracy by number of real rows in a band of one standard error; dashed: the most frequent class."""
    figure, rows, middle = go.Figure(), curve["rows"], 100 * curve["accuracy"]
    band = 100 * curve["accuracy_error"]
    figure.add_scatter(x=rows, y=middle - band, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=rows, y=middle + band, mode="lines", line={"width": 0}, fill="tonexty", hoverinfo="skip", showlegend=False,
        fillcolor=dark_or_light("rgba(86,180,233,0.30)", "rgba(31,111,180,0.20)"),
    )  # fmt: skip
    figure.add_scatter(
        x=rows, y=middle, mode="lines+markers", line={"color": palette.BELOW}, showlegend=False, hoverinfo="text",
        hovertext=[
            f"{n:,} rows: {accuracy:.1f} % right, log loss {loss:.3f} nats"
            for n, accuracy, loss in zip(rows, middle, curve["log_loss"], strict=True)
        ],
    )  # fmt: skip
    figure.add_hline(100 * majority_share, line=_GUIDE, annotation_text="most frequent class")
    return layout(figure, title, x="Real rows to train on", y="Right (%)")


def _bars(middle: pd.Series, table: pd.DataFrame) -> dict[str, object]:
    """The interval from `low` to `high` as Plotly takes it, in per cent."""
    return {
        "type": "data", "symmetric": False, "array": 100 * (table["high"] - middle),
        "arrayminus": 100 * (middle - table["low"]), "color": palette.NEUTRAL, "thickness": 1, "width": 3,
    }  # fmt: skip
