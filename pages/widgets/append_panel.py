"""More synthetic rows for the project that is open: its next version."""

import streamlit as st

from pages.widgets import shell
from pages.widgets.file_box import file_box
from pages.widgets.intake import UNJUDGED, label_choices
from pages.widgets.plain import plain
from synweight_core import drafts
from synweight_core.append import append_rows, next_name
from synweight_core.errors import SynweightError
from synweight_core.projects import Project


def append_panel(project: Project) -> None:
    """Files with more rows, and the button that makes the next version of the project of them."""
    st.caption(
        "The next version of this project: its rows first, then these. Edits, selections, weight settings and view "
        "come along; real rows and their split stay the same. This version is kept as it is."
    )
    draft_id = f"more-{project.id}"
    upload = file_box(draft_id, drafts.MORE, "More synthetic rows", in_url=False)
    if upload is None:
        return
    label_map = label_choices(upload, list(project.labels), {})
    left, right = st.columns(2, gap="medium")
    name = left.text_input("Name of the next version", next_name(project.name), max_chars=80, key=f"next:{project.id}")
    unjudged = right.selectbox(
        "Rows whose label no real row has", list(UNJUDGED), format_func=UNJUDGED.__getitem__, key="append_unjudged"
    )
    if st.button("Add rows to this project", type="primary", icon=":material/playlist_add:"):
        try:
            made = append_rows(project, upload, name=name or None, label_map=label_map, unjudged=unjudged)
        except SynweightError as error:
            st.error(plain(error), icon=":material/error:")
            return
        drafts.delete_draft(draft_id)
        shell.open_project(made)
