"""The runs that wait for the device, of all projects, and the buttons that change their order."""

from collections.abc import Sequence

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.run_words import run_title, settings_line
from pages.widgets.trouble import told_briefly
from synweight_core import device, projects, runs
from synweight_core.errors import NotFoundError
from synweight_core.projects import Project
from synweight_core.run_queue import MOVES
from synweight_core.runs import Run

_ICONS = {
    "first": ":material/vertical_align_top:",
    "earlier": ":material/arrow_upward:",
    "later": ":material/arrow_downward:",
}


def in_queue(waiting: Sequence[Run]) -> Sequence[Run]:
    """Those that are worth a queue: none where one alone waits for a device that is free."""
    return [] if len(waiting) == 1 and device.holder() is None else waiting


def queue_panel(project: Project, waiting: Sequence[Run]) -> None:
    """`waiting` are the runs in the queue, the next one first."""
    if not waiting:
        return
    names = {found.id: found.name for found in projects.list_projects()}
    with st.container(border=True):
        st.markdown(f"**Queue** · {len(waiting)} waiting")
        st.caption(_holder_words(device.holder()))
        for place, run in enumerate(waiting):
            of = "" if run.project == project.id else f" · project {names.get(run.project, run.project)}"
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{place + 1}\\. {plain(run_title(run) + of)}", width="stretch")
                _moves(run.id, place, last=len(waiting) - 1)
            st.caption(plain(settings_line(run)))


def _moves(run_id: str, place: int, *, last: int) -> None:
    for to, move in MOVES.items():
        st.button(
            move.label, key=f"{to}:{run_id}", icon=_ICONS[to], type="tertiary", on_click=_move, args=(run_id, to),
            disabled=min(move.place(place), last) == place,
        )  # fmt: skip
    st.button(
        "Remove", key=f"remove:{run_id}", icon=":material/close:", type="tertiary",
        on_click=told_briefly(runs.request_stop),
        args=(run_id,), help="Stop this run before it begins.",
    )  # fmt: skip


def _move(run_id: str, to: str) -> None:
    try:
        device.move(run_id, to=to)
    except NotFoundError:  # it began, or was removed in another tab
        st.toast("This run no longer waits.")


def _holder_words(holder: str | None) -> str:
    if holder is None:
        return "The device is free: the first one begins within a second."
    try:
        return f"The device has: {plain(run_title(runs.load_run(holder)))}"
    except NotFoundError:
        return "The device is in use."
