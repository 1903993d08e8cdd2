"""What this session looks at on a project's map; every change is kept on disk too."""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from pages.widgets.trouble import told_briefly
from synweight_core import selections
from synweight_core.errors import NotFoundError
from synweight_core.map_view import MapView, load_view, save_view
from synweight_core.projects import Project


def current(project: Project, n: int) -> MapView:
    """The view of this session; at first the stored one, with the colour and selection that a link names."""
    key = _key(project)
    if key not in st.session_state:
        st.session_state[key] = _from_link(project, load_view(project, n), n)
    view: MapView = st.session_state[key]
    return view


def change(project: Project, n: int, **changes: Any) -> None:  # noqa: ANN401 (fields of MapView)
    """Another view from now on. What a person chooses counts more than the link they came by."""
    if "colour" in changes:
        st.query_params.pop("colour", None)
    _keep(project, replace(current(project, n), **changes), n)


def select(project: Project, n: int, rows: np.ndarray, *, token: str = "", match: np.ndarray | None = None) -> None:
    """Another selection from now on. Without a token it is the page's own, and the map takes it over."""
    st.query_params.pop("selection", None)  # a reload shows this one, not the link's
    count = st.session_state["selections_made"] = st.session_state.get("selections_made", 0) + 1
    view = current(project, n).select(rows, token=token or f"page-{count}", match=match)
    _keep(project, view, n)


def _keep(project: Project, view: MapView, n: int) -> None:
    st.session_state[_key(project)] = view
    told_briefly(save_view)(project, view, n)  # a full disk keeps nobody from looking on


def _from_link(project: Project, view: MapView, n: int) -> MapView:
    view = replace(view, colour=st.query_params.get("colour", view.colour))
    named = st.query_params.get("selection")
    if not named:
        return view
    try:
        rows = selections.load_selection(project, named).rows
    except NotFoundError:
        st.toast("The selection of this link is no longer here.")
        return view
    return view.select(rows[rows < n], token=f"link-{named}")


def _key(project: Project) -> str:
    return f"view:{project.id}"
