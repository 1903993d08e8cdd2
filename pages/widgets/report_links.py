"""Ways to show a project to other people: the report as a file, and the presentation."""

import streamlit as st

from synweight_core.projects import Project


def report_button(project: Project) -> None:
    """The download of the report, which is built when it is asked for."""

    def build() -> bytes:
        from synweight_core.report import build_report  # Plotly's script is large

        return build_report(project).encode()

    st.download_button(
        "Report (HTML)", build, file_name=f"{project.id}-report.html", mime="text/html",
        icon=":material/description:", on_click="ignore", key="report",
    )  # fmt: skip


def report_links(project: Project) -> None:
    """The report and the way to the presentation, side by side."""
    with st.container(horizontal=True, vertical_alignment="center"):
        report_button(project)
        st.page_link(
            "pages/present.py", label="Present", icon=":material/co_present:", query_params={"project": project.id}
        )
