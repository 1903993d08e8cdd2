"""Holes: real rows that hardly any synthetic row is like, and the request to have such rows written."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import map_session
from synweight_core.prepare import Prepared
from synweight_core.projects import Project
from synweight_core.support import Hole, generation_request, generation_requests


def holes_panel(project: Project, prepared: Prepared, rows: pd.DataFrame) -> None:
    """The table of holes, the way to their rows, and the request."""
    uncovered, chance = prepared.facts["uncovered"], prepared.facts["uncovered_by_chance"]
    st.markdown(
        f"**{100 * uncovered:.1f} % of the real rows have no synthetic row of their label nearby** "
        f"(by chance alone: {100 * chance:.1f} %)."
    )
    st.caption(
        "Nearby: within the distance to the real row's fifth nearest real row of the same label (coverage). Weights "
        "cannot mend a hole, they only re-scale what is there: new rows can. Edits made here do not move holes."
    )
    holes = prepared.holes
    if not holes:
        st.info("There is no hole: synthetic rows lie near every real row that could be judged.")
        return
    table = pd.DataFrame(
        [
            {"label": hole.label, "real rows": len(hole.rows), "share": hole.share, "words": ", ".join(hole.words),
             "example": rows["text"].iloc[hole.rows[0]]}
            for hole in holes
        ]
    )  # fmt: skip
    event = st.dataframe(
        table, hide_index=True, height=260, key=f"holes:{project.id}", on_select="rerun", selection_mode="multi-row",
        column_config={
            "share": st.column_config.NumberColumn(format="percent"),
            "example": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
    chosen = tuple(holes[i] for i in event["selection"]["rows"] if i < len(holes)) or holes
    _actions(project, chosen, rows, is_all=len(chosen) == len(holes))


def _actions(project: Project, chosen: tuple[Hole, ...], rows: pd.DataFrame, *, is_all: bool) -> None:
    texts, texts_b = rows["text"], rows["text_b"] if project.is_pairs else None
    request = (
        generation_request(chosen[0], texts, texts_b)
        if len(chosen) == 1
        else generation_requests(chosen, texts, texts_b)
    )
    what = "all holes" if is_all else "this hole" if len(chosen) == 1 else f"these {len(chosen)} holes"
    positions = np.unique(np.concatenate([hole.rows for hole in chosen]))
    with st.container(horizontal=True):
        st.button(
            f"Select the rows of {what}", icon=":material/select_all:",
            on_click=lambda: map_session.select(project, len(rows), positions),
        )  # fmt: skip
        st.download_button(
            f"Request for new rows ({what})", request, file_name=f"{project.id}-request.txt", mime="text/plain",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    with st.expander("Show the request"):
        st.code(request, language=None, wrap_lines=True)
