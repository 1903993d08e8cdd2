"""What the workspace uses of the disk, and the buttons that free some of it."""

import pandas as pd
import streamlit as st

from synweight_core import cleaning, project_trash, trash
from synweight_core.units import size

_FREED = "freed"  # in the session: what was freed last, in words


def disk_panel() -> None:
    """Bytes by part of the workspace; cleaning, and emptying the trash."""
    used = cleaning.disk_use()
    st.subheader(f"Disk use: {size(sum(used.values()))}", anchor=False)
    parts = pd.DataFrame({"part": list(cleaning.PARTS.values()), "size": [size(used[part]) for part in cleaning.PARTS]})
    st.dataframe(parts, hide_index=True, key="disk_use", width="content", alt="Disk use by part of the workspace.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Clean the cache", icon=":material/cleaning_services:", key="clean", on_click=_clean,
            help="Removes cached columns that no project needs, uploads that are in no unfinished project, and what "
            "killed processes left. Projects, runs and the trash stay; what is needed again is computed again.",
        )  # fmt: skip
        if used["trash"]:
            st.button(
                f"Empty the trash for good ({size(used['trash'])})", icon=":material/delete_forever:",
                key="empty_all_trash", on_click=_empty_trash, help="All deleted projects and runs of this workspace.",
            )  # fmt: skip
        if freed := st.session_state.pop(_FREED, None):
            st.markdown(freed)


def _clean() -> None:
    cleaned = cleaning.clean()
    st.session_state[_FREED] = f"Freed {size(cleaned.n_bytes)} in {cleaned.files:,} files."


def _empty_trash() -> None:
    st.session_state[_FREED] = f"Freed {size(trash.empty_trash() + project_trash.empty_trash())}."
