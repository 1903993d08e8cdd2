"""Files that need no upload: on the server below allowed folders, and data sets of the Hugging Face hub."""

import os
from pathlib import Path

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from synweight_core import drafts, fetch_job, runs, server_files
from synweight_core.errors import SynweightError
from synweight_core.hub_data import MAX_ROWS, HubSource


def other_sources(draft_id: str, role: str, *, in_url: bool) -> None:
    """Ways to bring rows in that lie somewhere else; what they bring goes into the draft."""
    run_id = _fetching(draft_id).get(role)
    if run_id:
        _progress(draft_id, role, run_id)
        return
    with st.popover("From elsewhere", icon=":material/lan:", width="stretch"):
        if server_files.allowed_folders():
            _server_form(draft_id, role, in_url)
        _hub_form(draft_id, role, in_url)


def _server_form(draft_id: str, role: str, in_url: bool) -> None:
    found = _listed(os.environ.get(server_files.VARIABLE, ""))
    shown = [str(path) for path in found]
    prefix = os.path.commonpath([path.parent for path in found]) if found else ""
    picked = st.selectbox(
        "File on the server", shown, index=None, key=f"server:{role}", accept_new_options=True,
        format_func=lambda text: str(Path(text).relative_to(prefix)) if text in shown else text,
        placeholder="Choose a file, or type a path",
        help=plain(f"Below {', '.join(map(str, server_files.allowed_folders()))}. At most "
                   f"{server_files.MAX_LISTED} are listed; the path of any other can be typed."),
    )  # fmt: skip
    if st.button("Take this file", key=f"take:{role}", disabled=not picked):
        try:
            sha256, name = server_files.take_file(picked or "")
            drafts.add_file(draft_id, role, sha256=sha256, name=name)
        except SynweightError as error:
            st.error(plain(error), icon=":material/error:")
            return
        _taken(draft_id, in_url)


@st.cache_data(ttl=10, max_entries=4, show_spinner=False)
def _listed(folders: str) -> list[Path]:
    """The tables in the allowed folders, looked for once for all roles and for a moment."""
    return server_files.listed_files()


def _hub_form(draft_id: str, role: str, in_url: bool) -> None:
    has_folders = bool(server_files.allowed_folders())
    name = st.text_input(
        "Data set on the Hugging Face hub", key=f"hub:{role}", placeholder="owner/name",
        help="Its rows are fetched from there; no code of it is run."
        + (" The path of a folder in the same layout works, too." if has_folders else ""),
    )  # fmt: skip
    left, right = st.columns(2)
    config = left.text_input("Config", key=f"hub_config:{role}", placeholder="default")
    split = right.text_input("Split", "train", key=f"hub_split:{role}")
    rows = st.number_input("Rows at most", 1, MAX_ROWS, 50_000, key=f"hub_rows:{role}")
    if st.button("Fetch rows", key=f"hub_fetch:{role}", disabled=not name.strip()):
        source = HubSource(name.strip(), config.strip(), split.strip(), int(rows), is_folder=_is_folder(name.strip()))
        try:
            run_id = fetch_job.start_fetching(source)
        except SynweightError as error:
            st.error(plain(error), icon=":material/error:")
            return
        _note(draft_id, role, run_id)
        _taken(draft_id, in_url)


def _is_folder(name: str) -> bool:
    """Whether a name is meant as a path: an absolute one, or one of an allowed folder."""
    try:
        return bool(server_files.allowed_folder(name))
    except SynweightError:
        return name.startswith(("/", ".", "~"))


@st.fragment(run_every=REFRESH_SECONDS)
def _progress(draft_id: str, role: str, run_id: str) -> None:
    try:
        run = runs.load_run(run_id)
    except SynweightError:  # its folder was deleted
        _note(draft_id, role, None)
        st.rerun()
    if run.is_active:
        event = runs.latest_event(run_id)
        done, total = event.get("done", 0), max(event.get("total", 1), 1)
        st.progress(min(done / total, 1.0), text=f"Fetching: {done:,} rows so far")
        st.button("Cancel", key=f"hub_cancel:{role}", on_click=runs.request_stop, args=(run_id,))
        return
    found = fetch_job.fetched_file(run)
    if found is not None:
        drafts.add_file(draft_id, role, sha256=found.sha256, name=found.name)
        _note(draft_id, role, None)
        st.rerun()
    st.error(plain(run.error or "Nothing was fetched: it was cancelled."), icon=":material/error:")
    st.button("Try another", key=f"hub_again:{role}", on_click=_note, args=(draft_id, role, None))


def _fetching(draft_id: str) -> dict[str, str]:
    found = drafts.load_draft(draft_id).get(drafts.FETCHING)
    return found if isinstance(found, dict) else {}


def _note(draft_id: str, role: str, run_id: str | None) -> None:
    jobs = {key: value for key, value in _fetching(draft_id).items() if key != role}
    drafts.save_draft(
        draft_id, drafts.load_draft(draft_id) | {drafts.FETCHING: jobs | ({role: run_id} if run_id else {})}
    )


def _taken(draft_id: str, in_url: bool) -> None:
    if in_url:
        st.query_params["draft"] = draft_id
    st.rerun()
