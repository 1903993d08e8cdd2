"""Search: text, pattern or meaning; hits become the selection."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_session
from pages.widgets.plain import plain
from pages.widgets.selection_bar import combined
from synweight_core.errors import SynweightError
from synweight_core.project_search import WAYS, texts_of
from synweight_core.projects import Project
from synweight_core.search import MAX_QUERY_CHARS


def search_box(project: Project, rows: pd.DataFrame) -> None:
    """The field and the kind of search. A new question is answered before the map is drawn."""
    with st.container(horizontal=True, vertical_alignment="center"):
        mode = st.segmented_control(
            "Search by", list(WAYS), default="text", required=True, format_func=lambda way: WAYS[way].label,
            key=f"search_mode:{project.id}", label_visibility="collapsed",
        )  # fmt: skip
        question = st.text_input(
            "Search", key=f"search:{project.id}", placeholder=WAYS[mode or "text"].hint, icon=":material/search:",
            label_visibility="collapsed", max_chars=MAX_QUERY_CHARS,
        )  # fmt: skip
    asked = (mode or "text", question)
    if st.session_state.get(_asked_key(project), (asked[0], "")) == asked or not question.strip():
        st.session_state[_asked_key(project)] = asked
        return
    st.session_state[_asked_key(project)] = asked
    with st.spinner("Searching. The first search by meaning loads the encoder, which takes some seconds."):
        _answer(project, rows, *asked)


def _answer(project: Project, rows: pd.DataFrame, way: str, question: str) -> None:
    n = len(rows)
    try:
        hits = WAYS[way].find(project, texts_of(project, rows), question, loaded.encoder(project.encoder))
    except SynweightError as error:
        st.error(plain(error))
        return
    selected = combined(project, n, np.sort(hits.rows))
    match = None
    if hits.match is not None:
        scores = np.full(n, np.nan)
        scores[hits.rows] = hits.match
        match = scores[selected]
    map_session.select(project, n, selected, match=match)
    st.toast(f"{len(hits.rows):,} rows found. {hits.notice}".strip())


def _asked_key(project: Project) -> str:
    return f"asked:{project.id}"
