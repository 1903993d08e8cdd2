"""The selection as a table and as distributions, beside all rows."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import charts
from pages.widgets.row_table import row_table
from synweight_core import meters
from synweight_core.map_view import MapView

MAX_ROWS = 500
ORDERS = {
    "Lightest first": ("weight", True),
    "Heaviest first": ("weight", False),
    "Least quality first": ("quality", True),
    "Rarest first": ("diversity", False),
}


def selected_rows(rows: pd.DataFrame, view: MapView) -> None:
    """The selected rows, the hits of a search by meaning in the order of their similarity."""
    if not len(view.selected):
        st.caption("The rows of a selection are listed here. Draw a lasso on the map, or search.")
        return
    orders = (["Most similar first"] if view.match is not None else []) + list(ORDERS)
    order = st.selectbox("Order", orders, width=220, key=f"order:{view.match is not None}")
    if view.match is not None and order == "Most similar first":
        ranks = -view.match
    else:
        column, is_ascending = ORDERS[order]
        values = rows[column].to_numpy()[view.selected]
        ranks = values if is_ascending else -values
    best = np.argsort(ranks, kind="stable")[:MAX_ROWS]
    found = rows.iloc[view.selected[best]]
    if view.match is not None:
        found = found.assign(similarity=view.match[best])
    if len(view.selected) > MAX_ROWS:
        st.caption(f"The first {MAX_ROWS} of {len(view.selected):,} rows in this order.")
    row_table(found, key="selection_table")


def distributions(rows: pd.DataFrame, view: MapView, *, n_synthetic: int) -> None:
    """Weights and labels of the selection beside those of all synthetic rows."""
    synthetic = view.selected[view.selected < n_synthetic]
    weights = rows["weight"].to_numpy()[:n_synthetic]
    left, right = st.columns(2)
    with left:
        table = meters.selection_histogram(weights, synthetic)
        title = (
            f"The selection weighs {weights[synthetic].mean():.2f} on average, all rows {weights.mean():.2f}"
            if len(synthetic)
            else f"Weights of all {n_synthetic:,} synthetic rows"
        )
        charts.show(charts.selection_histogram(table, title), table, key="selection_histogram", alt=title)
    with right:
        counts = meters.label_counts(rows["label"].iloc[:n_synthetic], synthetic)
        title = "Labels: selected and all synthetic rows"
        charts.show(charts.label_bars(counts, title), counts, key="label_bars", alt=title)
