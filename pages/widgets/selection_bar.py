"""The selection in words and what to do with it: combine, clear, keep under a name, share by link."""

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import map_session
from pages.widgets.plain import plain
from pages.widgets.trouble import told_briefly
from synweight_core import selections
from synweight_core.errors import SynweightError
from synweight_core.map_rows import selection_summary
from synweight_core.map_view import MapView
from synweight_core.projects import Project
from synweight_core.selections import COMBINE

COMBINE_KEY = "combine"


def combine_chosen() -> str:
    """How the next lasso, box or search joins the selection; the name in COMBINE."""
    return st.session_state.get(COMBINE_KEY) or "replace"


def combine_choice() -> None:
    """The choice of `combine_chosen`."""
    st.segmented_control(
        "The next selection", list(COMBINE), default="replace", required=True, key=COMBINE_KEY,
        format_func=lambda name: COMBINE[name].label,
        help="How a lasso, a box or a search joins what is selected. On the map, Shift adds, Alt takes away, "
        "both together keep the overlap.",
    )  # fmt: skip


def combined(project: Project, n: int, fresh: np.ndarray) -> np.ndarray:
    """`fresh` joined with the selection as the person chose."""
    return COMBINE[combine_chosen()].apply(map_session.current(project, n).selected, fresh)


def selection_sentence(rows: pd.DataFrame, view: MapView, *, n_synthetic: int) -> str:
    """ "47 of 412 rows selected, mean weight 0.31, 38 % of them disagree with their label"."""
    figures = selection_summary(rows, view.selected, n_synthetic=n_synthetic)
    sentence = f"**{figures['rows']:,} of {len(rows):,} rows selected**"
    if not figures["synthetic"]:
        return sentence
    if figures["synthetic"] < figures["rows"]:
        sentence += f", {figures['synthetic']:,.0f} of them synthetic"
    return (
        f"{sentence}, mean weight {figures['mean_weight']:.2f}, "
        f"{100 * figures['share_of_weight']:.1f} % of all weight, "
        f"{100 * figures['disagree']:.0f} % of them disagree with their label"
    )


def selection_bar(project: Project, rows: pd.DataFrame, *, n_synthetic: int) -> None:
    """The sentence and its buttons; without a selection, how to make one."""
    n = len(rows)
    view = map_session.current(project, n)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not len(view.selected):
            st.caption(
                "Three things to try: drag a lasso around points to read them here; move alpha and watch the "
                "colours; then press Train with these weights."
            )
        else:
            st.markdown(selection_sentence(rows, view, n_synthetic=n_synthetic))
            st.button(
                "Clear", icon=":material/close:", on_click=_replace, args=(project, n, np.empty(0, dtype=np.int64))
            )
            everything_else = np.setdiff1d(np.arange(n), view.selected)
            st.button("Invert", icon=":material/flip:", on_click=_replace, args=(project, n, everything_else))
        with st.popover("Saved", icon=":material/bookmark:"):
            _saved(project, view, n)


def _saved(project: Project, view: MapView, n: int) -> None:
    with st.form(f"save_selection:{project.id}", border=False, clear_on_submit=True):
        name = st.text_input("Keep this selection as", max_chars=selections.MAX_NAME_CHARS)
        if st.form_submit_button("Keep", disabled=not len(view.selected)):
            try:
                selections.save_selection(project, name, view.selected, n)
            except SynweightError as error:
                st.error(plain(error))
    kept = {one.slug: one for one in selections.list_selections(project)}
    if not kept:
        st.caption("Nothing is kept yet. A kept selection can be opened again, combined and shared by link.")
        return
    slug = st.selectbox(
        "Kept selections", list(kept), format_func=lambda s: f"{kept[s].name} · {len(kept[s].rows):,} rows",
        key=f"kept:{project.id}",
    )  # fmt: skip
    with st.container(horizontal=True):
        st.button("Open", icon=":material/folder_open:", on_click=_open, args=(project, n, slug))
        st.button(
            "Delete", icon=":material/delete:", on_click=told_briefly(selections.delete_selection), args=(project, slug)
        )
    st.caption("Link to this project with this selection and colour:")
    query = urlencode({"project": project.id, "selection": slug, "colour": view.colour})
    st.code(f"{str(st.context.url).split('?')[0]}?{query}", language=None, wrap_lines=True)


def _replace(project: Project, n: int, rows: np.ndarray) -> None:
    map_session.select(project, n, rows)


@told_briefly
def _open(project: Project, n: int, slug: str) -> None:
    """Take a kept selection over, joined with the present one as chosen."""
    rows = selections.load_selection(project, slug).rows
    map_session.select(project, n, combined(project, n, rows[rows < n]))
