"""What can be done with a project as a whole: open, rename, archive, export, delete, restore, bring in."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from pages.widgets import shell
from pages.widgets.plain import plain
from synweight_core import project_file, project_import, project_shelf, project_trash, projects, storage
from synweight_core.errors import SynweightError, file_sentence
from synweight_core.projects import Project
from synweight_core.units import size

_DELETED = "deleted_project"  # in the session: the id and name of what was deleted last, for Undo


def project_panel(found: Sequence[Project]) -> None:
    """One project of the list, and the buttons that change it."""
    names = shell.told_apart({project.id: project.name for project in found})
    current = shell.current_project()
    place = list(names).index(current.id) if current and current.id in names else 0
    chosen = st.selectbox("Project to open or change", list(names), index=place, format_func=names.__getitem__)
    project = next(each for each in found if each.id == chosen)
    st.caption(f"Id: {project.id}")
    left, right = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    key = f"name:{project.id}:{project.name}"
    left.text_input("Name", project.name, max_chars=80, key=key, on_change=_rename, args=(project.id, key))
    with right.container(horizontal=True):
        if st.button("Open", type="primary", icon=":material/folder_open:", key="open_project"):
            shell.open_project(project)
        _archive_button(project)
        st.button(
            "Delete", icon=":material/delete:", key="delete_project", on_click=_delete, args=(project.id, project.name),
            help="The project and its runs go to the trash, from where they can be restored.",
        )  # fmt: skip
    _export(project)


def undo_line() -> None:
    """What was deleted last, with the button that takes it back."""
    deleted = st.session_state.get(_DELETED)
    if not deleted or not any(each.id == deleted[0] for each in project_trash.deleted_projects()):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: **{plain(deleted[1])}** is in the trash.")
        st.button("Undo", icon=":material/undo:", key="undo_delete", on_click=_restore, args=(deleted[0],))


def import_panel() -> None:
    """An uploader for a project file, and what came of it."""
    with st.expander("Bring a project file in"):
        file = st.file_uploader("Project file", type=["zip"], key="project_file")
        st.caption(
            "A file that was exported here or by `synweight export-project`. It is checked before anything is kept."
        )
        if file is not None and st.button("Bring in", icon=":material/unarchive:", key="import_project"):
            try:
                with st.spinner("Checking the file"), tempfile.TemporaryDirectory(dir=storage.home()) as temporary:
                    path = Path(temporary) / "project.zip"
                    with path.open("wb") as target:
                        shutil.copyfileobj(file, target)
                    project = project_import.import_project(path)
            except SynweightError as error:
                st.error(plain(error), icon=":material/error:")
            except OSError as error:
                st.error(plain(file_sentence(error)), icon=":material/error:")
            else:
                shell.open_project(project)


def deleted_panel() -> None:
    """The projects in the trash, each with the button that brings it back."""
    found = project_trash.deleted_projects()
    if not found:
        return
    names = shell.told_apart({each.id: each.name for each in found})
    with st.expander(f"Trash: {len(found):,} deleted project{'' if len(found) == 1 else 's'}"):
        facts = {each.id: each for each in reversed(found)}
        chosen = st.selectbox("Deleted projects", list(names), format_func=names.__getitem__, key="deleted_projects")
        st.caption(f"{facts[chosen].n_runs:,} runs, {size(facts[chosen].n_bytes)}. Runs that were deleted alone are "
                   "restored on the Runs page.")  # fmt: skip
        st.button(
            "Restore", icon=":material/restore_from_trash:", key="restore_project", on_click=_restore, args=(chosen,)
        )


def _archive_button(project: Project) -> None:
    label = "Take back" if project.archived else "Archive"
    st.button(
        label, icon=":material/archive:", key="archive_project", on_click=_archive,
        args=(project.id, not project.archived),
        help="An archived project is kept, and left out of the list in the sidebar.",
    )  # fmt: skip


def _export(project: Project) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with_models = st.checkbox("With the models of its runs", key=f"with_models:{project.id}")
        st.download_button(
            "Export (zip)", lambda: _exported(project, with_models=with_models), file_name=f"{project.id}.zip",
            icon=":material/download:", on_click="ignore", key="export_project",
            help="Rows, settings, edits, selections, forecasts and runs. For gigabytes of models use the command "
            "synweight export-project, which writes to the disk.",
        )  # fmt: skip


def _exported(project: Project, *, with_models: bool) -> bytes:
    with tempfile.TemporaryDirectory(dir=storage.home()) as temporary:
        target = Path(temporary) / "project.zip"
        return project_file.export_project(project, target, with_models=with_models).read_bytes()


def _rename(project_id: str, key: str) -> None:
    _told(lambda: project_shelf.rename_project(project_id, st.session_state[key]))


def _archive(project_id: str, archived: bool) -> None:
    _told(lambda: project_shelf.archive_project(project_id, archived=archived))


def _delete(project_id: str, name: str) -> None:
    if _told(lambda: project_trash.delete_project(project_id)):
        st.session_state[_DELETED] = (project_id, name)


def _restore(project_id: str) -> None:
    if _told(lambda: project_trash.restore_project(project_id)):
        st.session_state.pop(_DELETED, None)
        shell.use_project(projects.load_project(project_id))


def _told(do: Callable[[], object]) -> bool:
    """Whether it was done; what stood against it is said."""
    try:
        do()
    except SynweightError as error:
        st.error(plain(error), icon=":material/error:")
        return False
    except OSError as error:
        st.error(plain(file_sentence(error)), icon=":material/error:")
        return False
    return True
