"""Search: text, pattern or meaning; hits become the selection."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_session
from pages.widgets.plain import plain
from pages.widgets.selection_bar import combined
from synweight_core import search
from synweight_core.errors import SynweightError
from synweight_core.projects import Project

MODES = {
    "text": "Text",
    "pattern": "Pattern",
    "meaning": "Meaning",
}
HINTS = {
    "text": "Words as they stand in the text, upper or lower case",
    "pattern": r"A regular expression, for example order \d{5}",
    "meaning": "A sentence: the 50 rows most like it",
}
NEAREST = 50


def search_box(project: Project, rows: pd.DataFrame) -> None:
    """The field and the kind of search. A new question is answered before the map is drawn."""
    field, kind = st.columns([3, 2], vertical_alignment="bottom")
    with kind:
        mode = st.segmented_control(
            "Search by", list(MODES), default="text", required=True, format_func=MODES.__getitem__,
            key=f"search_mode:{project.id}", label_visibility="collapsed",
        )  # fmt: skip
    with field:
        question = st.text_input(
            "Search", key=f"search:{project.id}", placeholder=HINTS[mode or "text"], icon=":material/search:",
            label_visibility="collapsed", max_chars=search.MAX_QUERY_CHARS,
        )  # fmt: skip
    asked = (mode or "text", question)
    if st.session_state.get(_asked_key(project), (asked[0], "")) == asked or not question.strip():
        st.session_state[_asked_key(project)] = asked
        return
    st.session_state[_asked_key(project)] = asked
    with st.spinner("Searching. The first search by meaning loads the encoder, which takes some seconds."):
        _answer(project, rows, *asked)


def _answer(project: Project, rows: pd.DataFrame, mode: str, question: str) -> None:
    n = len(rows)
    try:
        hits, match, note = _find(project, rows, mode, question)
    except SynweightError as error:
        st.error(plain(error))
        return
    selected = combined(project, n, np.sort(hits))
    if match is not None:
        scores = np.full(n, np.nan)
        scores[hits] = match
        match = scores[selected]
    map_session.select(project, n, selected, match=match)
    st.toast(f"{len(hits):,} rows found. {note}".strip())


def _find(project: Project, rows: pd.DataFrame, mode: str, question: str) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Row positions, their cosines for a search by meaning, and what else to say."""
    texts = [rows["text"], rows["text_b"]] if project.is_pairs else [rows["text"]]
    if mode == "meaning":
        vector = loaded.encoder(project.encoder).encode(question, question if project.is_pairs else None)
        found, cosines = search.similar(loaded.vectors(project.id, project.data_hash), vector, limit=NEAREST)
        return found, cosines, f"Cosine similarity {cosines[-1]:.2f} to {cosines[0]:.2f}."
    if mode == "text":
        return search.exact(texts, question), None, ""
    hits = search.matching(texts, question)
    if not hits.ran_out:
        return hits.rows, None, ""
    return hits.rows, None, f"Time ran out after {hits.tried:,} of {len(rows):,} rows; make the pattern simpler."


def _asked_key(project: Project) -> str:
    return f"asked:{project.id}"
