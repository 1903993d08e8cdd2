"""What is said wherever linear probes stand in for the fine-tuned checkers of a project."""

import streamlit as st

from synweight_core.projects import Project
from synweight_core.tuning import PROBE, PROBES_INSTEAD


def probes_instead(project: Project) -> None:
    """One sentence; nothing where the checkers are probes themselves."""
    if project.checker != PROBE:
        st.caption(PROBES_INSTEAD)
