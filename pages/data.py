"""Data: bring synthetic and real rows in, correct what was guessed, read what was found."""

import pandas as pd
import streamlit as st

from pages.widgets import intake, loaded, shell
from pages.widgets.append_panel import append_panel
from pages.widgets.flaws_panel import flaws_panel
from pages.widgets.plain import plain
from synweight_core import projects
from synweight_core.export import to_csv
from synweight_core.prepare import has_findings

SAID_BELOW = ("synthetic duplicate", "copy of real")  # once the texts are examined

shell.page_header("Data", "Bring your synthetic and your real rows in. Next: look at them on the map.")


def report(project: projects.Project) -> None:
    """What is in the project, what was found and what was done about it."""
    dataset = loaded.dataset(project.id, project.data_hash)
    counts = project.counts
    with st.container(horizontal=True):
        st.metric("Synthetic rows", f"{counts['synthetic']:,}")
        st.metric("Real rows: checker", f"{counts.get('train', 0):,}", help="They train the quality checker.")
        st.metric("Real rows: validation", f"{counts.get('validation', 0):,}", help="They pick the best epoch.")
        st.metric("Real rows: test", f"{counts.get('test', 0):,}", help="They choose nothing, ever.")
        st.metric("Left out", f"{counts['dropped']:,}")
    told = [finding for finding in project.findings if finding.kind not in SAID_BELOW or not has_findings(project)]
    for finding in told:
        icon = ":material/warning:" if finding.level == "warning" else ":material/info:"
        st.markdown(f"{icon} {plain(finding.message)}")
    if not project.findings:
        st.markdown(":material/check: No empty, repeated or leaking row and no unknown label was found.")
    if counts["dropped"]:
        st.download_button(
            "Rows left out (CSV)", lambda: to_csv(dataset.dropped), file_name=f"{project.id}-left-out.csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    flaws_panel(project)
    shares = pd.DataFrame({
        "label": list(dataset.labels),
        "synthetic rows": [int((dataset.synthetic["label"] == label).sum()) for label in dataset.labels],
        "real rows (without test)": [int((dataset.known_real["label"] == label).sum()) for label in dataset.labels],
    })  # fmt: skip
    st.dataframe(shares, hide_index=True, key="class_counts")
    st.page_link(
        "pages/map.py",
        label="Look at the map",
        icon=":material/scatter_plot:",
        query_params={"project": project.id},
    )


project = shell.current_project()
new_tab, report_tab, append_tab = st.tabs(
    ["New project", "Validation report", "Add rows"],
    default="Validation report" if project and not intake.has_draft() else "New project",
)
with report_tab:
    if project:
        shell.use_project(project)
        st.subheader(plain(project.name), anchor=False)
        report(project)
    else:
        st.info("When a project is open, what was found in its files is listed here.")
with append_tab:
    if project:
        append_panel(project)
    else:
        st.info("When a project is open, more synthetic rows can be added to it here.")
with new_tab:
    st.caption("See how the tool works on ready-made support messages, or upload your own two files.")
    shell.demo_button(primary=not intake.has_draft())
    intake.new_project()
