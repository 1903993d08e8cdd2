"""Deleting runs: to the trash, back from it, and for good."""

from collections.abc import Callable, Sequence

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.trouble import told_briefly
from synweight_core import trash
from synweight_core.errors import SynweightError
from synweight_core.projects import Project
from synweight_core.runs import Run
from synweight_core.units import size


def delete_button(chosen: Sequence[Run], *, key: str) -> None:
    """Moves the chosen runs to the trash; active ones must be stopped first."""
    active = [run.name for run in chosen if run.is_active]
    label = "Delete" if len(chosen) == 1 else f"Delete {len(chosen):,} runs"
    reason = f"Stop first: {', '.join(active)}." if active else "To the trash, from where they can be restored."
    st.button(
        label, icon=":material/delete:", key=key, disabled=bool(active) or not chosen, help=plain(reason),
        on_click=_delete, args=([run.id for run in chosen],),
    )  # fmt: skip


def trash_panel(project: Project) -> None:
    """What was deleted, with its size, and the buttons that bring it back or remove it."""
    found = trash.deleted_runs()
    if not found:
        return
    total = size(sum(run.n_bytes for run in found))
    mine = {run.id: run for run in found if run.project == project.id}
    with st.expander(f"Trash: {len(found):,} deleted run{'' if len(found) == 1 else 's'}, {total}"):
        if mine:
            _restore_form(mine)
        if others := len(found) - len(mine):
            st.caption(f"{others:,} of them belong to other projects, and are restored there.")
        st.button(
            f"Empty the trash for good ({total})", icon=":material/delete_forever:", key="empty_trash",
            on_click=told_briefly(trash.empty_trash),
            help="Models, weights and figures of all deleted runs of this workspace.",
        )  # fmt: skip


def _restore_form(mine: dict[str, trash.DeletedRun]) -> None:
    names = {key: f"{run.name} · {key[4:6]}-{key[6:8]} {key[9:11]}:{key[11:13]} · {size(run.n_bytes)}"
             for key, run in mine.items()}  # fmt: skip
    chosen = st.selectbox("Deleted runs of this project", list(names), format_func=names.__getitem__, key="deleted")
    st.button("Restore", icon=":material/restore_from_trash:", key="restore", on_click=_restore, args=(chosen,))


def _delete(run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        _told(trash.delete_run, run_id)


def _restore(run_id: str) -> None:
    _told(trash.restore_run, run_id)


def _told(do: Callable[[str], None], run_id: str) -> None:
    try:
        do(run_id)
    except SynweightError as error:  # another tab was quicker
        st.toast(plain(error))
