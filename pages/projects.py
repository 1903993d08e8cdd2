"""Projects: all data sets of the workspace, what can be done with them, and what they use of the disk."""

import pandas as pd
import streamlit as st

from pages.widgets import shell
from pages.widgets.disk_panel import disk_panel
from pages.widgets.plain import plain
from pages.widgets.project_panel import deleted_panel, import_panel, project_panel, undo_line
from synweight_core import cleaning, project_shelf, projects, runs

shell.page_header("Projects", "All projects of this workspace. Open one, tidy up, or take one to another workspace.")


SPLITS = ("train", "validation", "test")


def table(found: list[projects.Project]) -> pd.DataFrame:
    """One row a project: name, dates, rows, runs, megabytes."""
    sizes, names = cleaning.project_sizes(found), {project.id: project.name for project in found}
    trained = [run.project for run in runs.list_runs(kind="train")]
    return pd.DataFrame({
        "project": [project.name for project in found],
        "created": [pd.Timestamp(project.created, unit="s") for project in found],
        "synthetic rows": [project.counts.get("synthetic", 0) for project in found],
        "real rows": [sum(project.counts.get(split, 0) for split in SPLITS) for project in found],
        "runs": [trained.count(project.id) for project in found],
        "disk (MB)": [sizes[project.id] / 1e6 for project in found],
        "came of": [names.get(project.after, project.after) for project in found],
        "archived": [project.archived for project in found],
    })  # fmt: skip


found = projects.list_projects()
undo_line()
if found:
    st.dataframe(
        table(found), hide_index=True, key="projects_table", alt="Table of all projects with rows, runs and disk use.",
        column_config={
            "created": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "disk (MB)": st.column_config.NumberColumn(
                format="%.1f", help="Its rows, its runs and its cached columns. Equal columns are counted for each."
            ),
            "came of": st.column_config.TextColumn(help="The project to which rows were added."),
        },
    )  # fmt: skip
    project_panel(found)
else:
    st.info("There is no project yet. Open the demo, upload files on the Data page, or bring a project file in below.")
    shell.demo_button(primary=True)
for sentence in project_shelf.unreadable_projects().values():
    st.warning(plain(sentence), icon=":material/warning:")
import_panel()
deleted_panel()
disk_panel()
