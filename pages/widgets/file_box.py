"""The files of one role: uploaded or from elsewhere, their columns, and what they are together. A draft keeps them.

The browser's copy of a file is not needed once it is stored, so the uploader is empty again at once and the draft alone
says which files there are.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from pages.widgets.other_sources import other_sources
from pages.widgets.plain import plain
from synweight_core import drafts, projects, uploads
from synweight_core.columns import Columns
from synweight_core.data import Upload
from synweight_core.errors import SynweightError
from synweight_core.several_files import combine
from synweight_core.tables import READERS

PREVIEW_ROWS = 5
NONE = "(none)"
_CHOICES = {"text": "Text", "label": "Label", "text_b": "Second text", "generator": "Generator"}


def file_box(draft_id: str, role: str, title: str, *, in_url: bool = True) -> Upload | None:
    """The uploader of a role with what it holds; all of its rows, or None while there are none that can be used.

    `in_url` says whether the draft is named in the address once it holds something.
    """
    turn = st.session_state.get(f"turn:{role}:{draft_id}", 0)
    key = f"file:{role}:{draft_id}:{turn}"
    st.file_uploader(
        title, type=[suffix.removeprefix(".") for suffix in READERS], key=key, accept_multiple_files=True,
        on_change=_store, args=(draft_id, role, key, in_url),
    )  # fmt: skip
    other_sources(draft_id, role, in_url=in_url)
    files = drafts.files_of(drafts.load_draft(draft_id), role)
    found = [_one_file(draft_id, role, file) for file in files]
    read = [upload for upload in found if upload is not None]
    if not files or len(read) < len(files):
        return None
    if len(read) > 1:
        chosen = _columns_of_all(draft_id, role, files, read)
    else:
        _preview(read[0], role)
        chosen = [_with_columns(draft_id, role, files[0], read[0])]
    return _together(chosen, role)


def _one_file(draft_id: str, role: str, file: dict[str, Any]) -> Upload | None:
    """A line that names a file, with what was noted about it; None where it cannot be read."""
    with st.container(horizontal=True, vertical_alignment="center"):
        try:
            upload = read_stored(file["sha256"], file["name"])
            st.markdown(f":material/draft: **{plain(upload.name)}** · {len(upload.frame):,} rows")
        except SynweightError as error:
            upload = None
            st.error(plain(error), icon=":material/error:")
        st.button(
            "Remove", key=f"remove:{role}:{file['sha256'][:12]}", icon=":material/close:", type="tertiary",
            help=plain(f"Take {file['name']} away."), on_click=drafts.remove_file,
            args=(draft_id, role, file["sha256"]),
        )  # fmt: skip
    for note in upload.notes if upload else ():
        st.caption(plain(note))
    return upload


@st.cache_resource(max_entries=12, show_spinner="Reading the file")
def read_stored(sha256: str, name: str) -> Upload:
    """A stored upload, with guessed columns. Raises SynweightError."""
    return projects.read_upload(uploads.upload_path(sha256), name=name)


def _store(draft_id: str, role: str, key: str, in_url: bool) -> None:
    """Put fresh uploads on disk and into the draft, and empty the uploader."""
    try:
        for file in st.session_state[key]:
            drafts.add_file(draft_id, role, sha256=uploads.store_upload(file), name=file.name)
    except OSError as error:
        st.error(plain(f"The file could not be kept: {error.strerror}. Free some space in the workspace folder."))
    st.session_state[f"turn:{role}:{draft_id}"] = st.session_state.get(f"turn:{role}:{draft_id}", 0) + 1
    if in_url:
        st.query_params["draft"] = draft_id


def _columns_of_all(draft_id: str, role: str, files: Sequence[dict[str, Any]], read: Sequence[Upload]) -> list[Upload]:
    """Several files with their columns: files whose columns have the same names share one choice."""
    chosen: dict[tuple[str, ...], Upload] = {}
    found = []
    for file, upload in zip(files, read, strict=True):
        names = tuple(sorted(upload.frame.columns))
        if names not in chosen:
            with st.expander(plain(f"Columns of {upload.name}"), expanded=not chosen):
                _preview(upload, f"{role}:{file['sha256'][:12]}")
                chosen[names] = _with_columns(draft_id, role, file, upload)
        found.append(Upload(upload.name, upload.frame, chosen[names].columns, upload.notes))
    return found


def _preview(upload: Upload, key: str) -> None:
    narrow = {name: st.column_config.TextColumn(width="small") for name in upload.frame.columns[:50]}
    st.dataframe(upload.frame.head(PREVIEW_ROWS), hide_index=True, key=f"preview:{key}", column_config=narrow)


def _with_columns(draft_id: str, role: str, file: dict[str, Any], upload: Upload) -> Upload:
    """The roles of the columns: guessed, corrected by the person, kept in the draft."""
    options = [NONE, *upload.frame.columns[:1000]]
    before = Columns(**file["columns"]) if file.get("columns") else upload.columns
    chosen = {}
    for name, label in _CHOICES.items():
        value = getattr(before, name)
        picked = st.selectbox(
            f"{label} column", options, index=options.index(value) if value in options else 0,
            key=f"{name}:{role}:{file['sha256'][:12]}",
        )  # fmt: skip
        chosen[name] = None if picked == NONE else picked
    if chosen != asdict(before):
        drafts.choose_columns(draft_id, role, file["sha256"], chosen)
    return Upload(upload.name, upload.frame, Columns(**chosen), upload.notes)


def _together(chosen: list[Upload], role: str) -> Upload | None:
    """All files as one upload, with what was noted when they were joined."""
    try:
        upload = combine(chosen)
    except SynweightError as error:
        st.error(plain(error), icon=":material/error:")
        return None
    if len(chosen) > 1:
        st.markdown(f"**{len(upload.frame):,} rows in {len(chosen):,} files**")
        for note in upload.notes:
            st.caption(plain(note))
    return upload
