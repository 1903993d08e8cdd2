"""What surrounds every page: the current project, the sidebar, titles, messages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.widgets import loaded, preparation, sign_in
from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from pages.widgets.trouble import told_briefly
from synweight_core import projects, runs, storage, workspace
from synweight_core.errors import NotFoundError, WorkspaceError
from synweight_core.prepare import Prepared, is_prepared
from synweight_core.projects import Project
from synweight_core.units import share

INSTRUMENTS_WIDTH, CARD_WIDTH = 300, 420
# Streamlit folds columns below 640 px only; a canvas beside instruments needs to fold earlier.
_FOLDING = """<style>
div:has(> .st-key-canvas), div:has(> .st-key-details) { flex-basis: 26rem; }
@media (max-width: 1000px) {
  div:has(> .st-key-instruments), div:has(> .st-key-card) { flex-grow: 1; }
  .st-key-instruments, .st-key-card { width: 100%; }
}
</style>"""


def current_project() -> Project | None:
    """The project of the URL, else the one last looked at in this session, else the newest."""
    wanted = st.query_params.get("project") or st.session_state.get("project")
    if wanted:
        try:
            return projects.load_project(wanted)
        except NotFoundError:
            st.query_params.pop("project", None)
            st.session_state.pop("project", None)
    found = sorted(projects.list_projects(), key=lambda project: project.archived)  # newest first, archived ones last
    return found[0] if found else None


def use_project(project: Project) -> None:
    """Make it the current one, in the URL too."""
    st.session_state["project"] = project.id
    st.query_params["project"] = project.id


def page_header(title: str, purpose: str) -> None:
    """The title and the one line that says what a page is for."""
    need_frame()
    st.header(title, anchor=False)
    st.caption(purpose)


def need_frame() -> None:
    """Run the page again, through app.py, where Streamlit has run it alone; end it in a workspace that is refused."""
    if "framed" not in st.session_state:
        # A fresh server that is opened at a page's own address takes `pages/` for Streamlit's old automatic
        # pages and runs the page without app.py. Navigation ends that, and the next run is a proper one.
        files = sorted(Path(__file__).parent.parent.glob("*.py"))
        st.navigation([st.Page(file, default=file.stem == "map") for file in files], position="hidden")
        st.rerun()
    _need_workspace(workspace.found_format)


def instruments_and_canvas() -> tuple[Any, Any]:
    """The page's two parts: side by side, or the instruments above the canvas when there is little room."""
    st.html(_FOLDING)
    row = st.container(horizontal=True, gap="medium")
    return row.container(width=INSTRUMENTS_WIDTH, key="instruments"), row.container(key="canvas")


def details_and_card() -> tuple[Any, Any]:
    """Below both: what is selected, and the card of one row; one under the other when there is little room."""
    row = st.container(horizontal=True, gap="medium")
    return row.container(key="details"), row.container(width=CARD_WIDTH, key="card")


def lazy_tabs(panels: Mapping[str, Callable[[], None]], *, key: str) -> None:
    """Tabs of which only the open one is computed."""
    tabs = st.tabs(list(panels), key=key, on_change="rerun")
    for tab, panel in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                panel()


def need_project() -> Project:
    """The current project; a page without one shows how to get it and ends."""
    project = current_project()
    if project is None:
        st.info("There is no project yet. Open the demo, or upload a synthetic and a real file on the Data page.")
        with st.container(horizontal=True):
            demo_button(primary=True)
            st.page_link("pages/data.py", label="Upload files", icon=":material/upload_file:")
        st.stop()
    use_project(project)
    return project


def need_prepared(project: Project) -> Prepared:
    """The prepared columns; until they are there the page shows the work going on and ends."""
    prepared = prepared_or_progress(project)
    if prepared is None:
        st.stop()
    return prepared


def prepared_or_progress(project: Project) -> Prepared | None:
    """The prepared columns, or the work going on and None."""
    if is_prepared(project):
        try:
            return loaded.prepared(project.id, project.data_hash)
        except NotFoundError:  # a damaged file was found and removed: it is computed again
            pass
    preparation.show(project)
    return None


def demo_button(*, primary: bool = False) -> None:
    """Open the built-in demo."""
    kind = "primary" if primary else "secondary"
    if st.button("Open the demo", icon=":material/play_circle:", type=kind, key="open_demo"):
        open_project(projects.demo_project())


def open_project(project: Project) -> None:
    """Make it current, start its preparation if need be, and go to its map."""
    use_project(project)
    preparation.start_once(project)
    st.switch_page("pages/map.py", query_params={"project": project.id})


def bare() -> None:
    """A page without a sidebar."""
    st.session_state["framed"] = True


def sidebar(pages: Mapping[str, Any]) -> None:
    """Project, the five steps with their state, all projects, the active run, the workspace."""
    st.session_state["framed"] = True
    _need_workspace(workspace.check)
    project = current_project()
    with st.sidebar:
        st.subheader("SynWeight Studio", anchor=False)
        if project:
            _project_choice(project)
        states = _step_states(project)
        for key, page in pages.items():
            query = {"project": project.id} if project else None
            label = page.title + (f" · {states[key]}" if states[key] else "")
            st.page_link(page, label=label, icon=page.icon, query_params=query, width="stretch")
        active = [run for run in runs.active_runs() if run.kind == "train"]
        if active:
            _active_run(min(active, key=lambda run: (run.status != "running", run.id)).id)
        sign_in.sign_out_button()
        st.caption(f"Workspace: {plain(storage.home())}")


def _need_workspace(check: Callable[[], object]) -> None:
    """A workspace of another version ends every page with one sentence."""
    try:
        check()
    except WorkspaceError as error:
        st.error(plain(error), icon=":material/error:")
        st.stop()


def _project_choice(project: Project) -> None:
    shown = (p for p in projects.list_projects() if not p.archived or p.id == project.id)
    names = told_apart({p.id: p.name for p in shown})
    st.session_state["project_choice"] = project.id

    @told_briefly  # it may be gone
    def choose() -> None:
        use_project(projects.load_project(st.session_state["project_choice"]))

    st.selectbox("Project", list(names), format_func=names.__getitem__, key="project_choice", on_change=choose)


def told_apart(names: dict[str, str]) -> dict[str, str]:
    """Names by id, with the id where a name stands twice: the browser knows options by what it shows."""
    return {key: name if list(names.values()).count(name) == 1 else f"{name} ({key})" for key, name in names.items()}


def _step_states(project: Project | None) -> dict[str, str]:
    states = dict.fromkeys(("data", "map", "weights", "train", "runs", "projects"), "")
    if project is None:
        return states
    warnings = loaded.warnings(project)
    states["data"] = f"{warnings} to look at" if warnings else "done"
    if is_prepared(project):
        states["map"] = "ready"
    elif preparation.active(project):
        states["map"] = "in preparation"
    trained = runs.list_runs(project_id=project.id, kind="train")
    active = sum(run.is_active for run in trained)
    states["train"] = f"{active} active" if active else ""
    ended = len(trained) - active
    states["runs"] = f"{ended} ended" if ended else ""
    return states


@st.fragment(run_every=2 * REFRESH_SECONDS)
def _active_run(run_id: str) -> None:
    try:
        run = runs.load_run(run_id)
    except NotFoundError:  # its folder was deleted
        st.rerun()
    if not run.is_active:
        st.rerun()
    event = runs.latest_event(run.id)
    st.progress(share(event.get("step", 0), event.get("total_steps", 0)), text=f"{plain(run.name)}: {run.status}")
