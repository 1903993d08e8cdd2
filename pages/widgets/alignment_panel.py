"""Alignment: are the weighted synthetic rows like the real ones, class by class?"""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import charts, forecast_charts, loaded
from pages.widgets.plain import plain
from synweight_core.alignment import MIN_REAL, alignment_table
from synweight_core.projects import Project

_HELP = (
    "MMD² between the vectors of weighted synthetic rows and of real rows: 0 where the two are distributed alike. The "
    "grey bar is what two random halves of the real rows score against each other: nothing can be told below it. "
    "The whisker is the 95 % interval over which real rows were collected."
)


def alignment_panel(project: Project, weights: np.ndarray) -> None:
    """A chart and table of the distance of weighted synthetic from real rows, and a sentence."""
    with st.spinner("Comparing the vectors of synthetic and real rows. It takes a second the first time."):
        lines = loaded.alignment(project).measure(weights)
    table = alignment_table(lines, project.labels)
    st.markdown(_sentence(table), help=_HELP)
    title = "Distance of weighted synthetic rows from real rows"
    charts.show(forecast_charts.alignment(table, title), table, key="alignment", alt=title)


def _sentence(table: pd.DataFrame) -> str:
    measured = table[table["mmd2"].notna()]
    if measured.empty:
        return (
            f"Not enough data: alignment needs {MIN_REAL} real rows, and weight on at least two synthetic rows. "
            "Add real rows, or lower the exponents."
        )
    overall, classes = table.iloc[-1], table.iloc[:-1]
    apart = classes[classes["told_apart"]]["class"]
    if overall["told_apart"]:
        start = "The weighted synthetic rows can be told from the real ones"
    else:
        start = "As a whole, the weighted synthetic rows cannot be told from so few real ones"
    names = plain(", ".join(map(str, apart[:3]))) + (f" and {len(apart) - 3} more" if len(apart) > 3 else "")
    auc = f" A classifier tells them apart with an AUC of {overall['auc']:.2f} (0.5: not at all)."
    return start + (f"; class by class: {names}." if len(apart) else ".") + auc
