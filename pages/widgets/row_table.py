"""Rows with their weight and what it came from, as a table. Texts stay plain text."""

import pandas as pd
import streamlit as st

_COLUMNS = (
    "similarity",
    "text",
    "text_b",
    "label",
    "prediction",
    "before",
    "weight",
    "quality",
    "diversity",
    "source",
    "edit",
)
TEXT_CHARS = 1_000  # of a cell: the whole text is on the card of its row
_OPTIONAL = ("similarity", "text_b", "edit")  # shown where they say something


def row_table(rows: pd.DataFrame, *, key: str) -> None:
    """Rows of `map_rows.with_weights`, in the order given."""
    shown = [n for n in _COLUMNS if n in rows and (n not in _OPTIONAL or rows[n].astype(bool).any())]
    texts = {name: rows[name].str.slice(0, TEXT_CHARS) for name in ("text", "text_b") if name in shown}
    st.dataframe(
        rows[shown].assign(**texts),
        hide_index=True,
        height=360,
        key=key,
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "text_b": st.column_config.TextColumn("second text", width="large"),
            "similarity": st.column_config.NumberColumn(format="%.3f"),
            "before": st.column_config.NumberColumn("weight before", format="%.3f"),
            "weight": st.column_config.NumberColumn(format="%.3f"),
            "quality": st.column_config.NumberColumn(format="percent"),
            "diversity": st.column_config.NumberColumn("diversity (nats)", format="%.2f"),
        },
    )
