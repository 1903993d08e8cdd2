"""Weight settings under a name: keep, apply, delete, share by link, and compare with those in use."""

from dataclasses import asdict
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from pages.widgets import loaded
from pages.widgets.plain import plain
from pages.widgets.trouble import told_briefly
from synweight_core import curation, kept, meters, named_settings, project_settings, projects
from synweight_core.curated import curated_weights
from synweight_core.errors import SynweightError
from synweight_core.launch import project_config, start_training
from synweight_core.named_settings import NamedSettings
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings

IN_USE = "In use"


def take_link(project: Project) -> None:
    """Apply the kept settings that a link names, once; say so, or why not."""
    notice = f"settings_notice:{project.id}"
    slug = st.query_params.get("settings")
    if slug is None:
        if notice in st.session_state:
            st.toast(st.session_state.pop(notice))
        return
    st.query_params.pop("settings")  # a reload shows what was moved since, not the link's
    try:
        found = _apply(project, slug)
    except (SynweightError, ValueError) as error:
        st.warning(f"The settings of this link were not applied. {plain(error)}", icon=":material/link_off:")
        return
    st.session_state[notice] = f"The settings {plain(found.name)} of the link are now in use."
    st.rerun()  # what stands above the controls was drawn with the settings before


def settings_panel(project: Project) -> None:
    """Kept settings beside those in use, and what to do with them."""
    in_use = project_settings.load_settings(project)
    with st.form(f"keep_settings:{project.id}", border=False, clear_on_submit=True):
        name = st.text_input("Keep the settings in use as", max_chars=kept.MAX_NAME_CHARS)
        if st.form_submit_button("Keep settings", icon=":material/bookmark_add:"):
            try:
                named_settings.keep_settings(project, name, in_use)
            except SynweightError as error:
                st.error(plain(error))
    found = {each.slug: each for each in named_settings.list_settings(project)}
    if not found:
        st.caption("No settings are kept yet. Kept settings can be compared here, applied again and shared by link.")
        return
    _comparison(project, in_use, list(found.values()))
    key = f"kept_settings:{project.id}"
    slug = st.selectbox("Kept settings", list(found), format_func=lambda s: found[s].name, key=key)
    with st.container(horizontal=True):
        st.button("Apply", icon=":material/check:", on_click=_apply_chosen, args=(project, slug), key=f"apply_{key}")
        st.button(
            "Train", icon=":material/model_training:", on_click=_train_chosen, args=(project, slug),
            key=f"train_{key}", help="A run with these weights, and the edits as they are now; all else by default.",
        )  # fmt: skip
        st.button(
            "Delete", icon=":material/delete:",
            on_click=told_briefly(named_settings.delete_settings), args=(project, slug),
            key=f"delete_{key}",
        )  # fmt: skip
    _message(project)
    st.caption("Link to this project with these settings:")
    query = urlencode({"project": project.id, "settings": slug})
    st.code(f"{str(st.context.url).split('?')[0]}?{query}", language=None, wrap_lines=True)


def _comparison(project: Project, in_use: WeightSettings, others: list[NamedSettings]) -> None:
    where = project.id, project.data_hash, curation.log_size(project)
    rows = [_figures(*where, ((IN_USE, in_use),)), _figures(*where, tuple((o.name, o.settings) for o in others))]
    st.dataframe(
        pd.concat(rows, ignore_index=True), hide_index=True, key=f"compared_settings:{project.id}",
        column_config={
            "name": st.column_config.TextColumn("name"),
            "settings": st.column_config.TextColumn("settings", width="large"),
            "effective_sample_size": st.column_config.NumberColumn("effective sample size (rows)", format="%.0f"),
            "effective_share": st.column_config.NumberColumn("of all rows", format="percent"),
            "half_rows": st.column_config.NumberColumn("rows with half of the weight"),
        },
    )  # fmt: skip


@st.cache_data(max_entries=64, show_spinner="Comparing the kept settings")
def _figures(
    project_id: str, data_hash: str, log_size: int, settings: tuple[tuple[str, WeightSettings], ...]
) -> pd.DataFrame:
    prepared = loaded.prepared(project_id, data_hash)
    edits = loaded.edits(projects.load_project(project_id))
    return meters.compare(settings, lambda one: curated_weights(prepared, one, edits)[edits.kept])


def _apply(project: Project, slug: str) -> NamedSettings:
    """Raises SynweightError or ValueError when there are none, or none that can be used."""
    found = named_settings.load_named_settings(project, slug)
    project_settings.save_settings(project, found.settings)
    return found


def _apply_chosen(project: Project, slug: str) -> None:
    try:
        _apply(project, slug)
    except (SynweightError, ValueError) as error:
        st.session_state[_message_key(project)] = "error", plain(error)


def _train_chosen(project: Project, slug: str) -> None:
    try:
        found = named_settings.load_named_settings(project, slug)
        start_training(project, project_config(project, loss="tuned", **asdict(found.settings)))
    except (SynweightError, ValueError) as error:
        st.session_state[_message_key(project)] = "error", plain(error)
    else:
        words = f"A run with the settings {plain(found.name)} was started. Watch it on the Train page."
        st.session_state[_message_key(project)] = "success", words


def _message(project: Project) -> None:
    """What became of the button that was pressed last, once."""
    if message := st.session_state.pop(_message_key(project), None):
        kind, words = message
        getattr(st, kind)(words)


def _message_key(project: Project) -> str:
    return f"settings_message:{project.id}"
