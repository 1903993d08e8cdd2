"""Rows with their weight and what it came from, as a table. Texts stay plain text."""

import pandas as pd
import streamlit as st

_COLUMNS = ("similarity", "text", "text_b", "label", "prediction", "weight", "quality", "diversity", "source", "edit")
_OPTIONAL = ("similarity", "text_b", "edit")  # shown where they say something


def row_table(rows: pd.DataFrame, *, key: str) -> None:
    """Rows of `map_rows.with_weights`, in the order given."""
    shown = [n for n in _COLUMNS if n in rows and (n not in _OPTIONAL or rows[n].astype(bool).any())]
    st.dataframe(
        rows[shown],
        hide_index=True,
        height=360,
        key=key,
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "text_b": st.column_config.TextColumn("second text", width="large"),
            "similarity": st.column_config.NumberColumn(format="%.3f"),
            "weight": st.column_config.NumberColumn(format="%.3f"),
            "quality": st.column_config.NumberColumn(format="percent"),
            "diversity": st.column_config.NumberColumn("diversity (nats)", format="%.2f"),
        },
    )
