"""The peer of `map.py`: the same slider, colours and lasso with st.plotly_chart, in one fragment. Rows: ROWS."""

import os

import numpy as np
import plotly.graph_objects as go
import streamlit as st  # noqa: TID251 (an app, not the core)

st.set_page_config(layout="wide")


@st.cache_resource
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates [n, 2] and weights at alpha 1 [n]."""
    n, random = int(os.environ["ROWS"]), np.random.default_rng(0)
    return random.normal(size=(n, 2)), np.exp(random.normal(size=n))


@st.fragment
def workbench() -> None:
    """One slider, one map."""
    xy, weights = rows()
    alpha = st.slider("Alpha", 0.0, 2.0, 1.0, 0.05)
    figure = go.Figure(
        go.Scattergl(
            x=xy[:, 0], y=xy[:, 1], mode="markers",
            marker={"color": np.log2(weights**alpha), "cmin": -3, "cmax": 3, "size": 4},
        )
    )  # fmt: skip
    figure.update_layout(height=600, dragmode="lasso", uirevision="map")
    st.plotly_chart(figure, key="map", on_select="rerun", selection_mode=("lasso", "box"))


workbench()
