"""Where the weight settings come from that nobody has changed: a note below the presets."""

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from synweight_core import projects, runs
from synweight_core.presets import terms_words
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings

_ON_THE_WAY = ("prepare", "suggest")  # what ends with the first settings of a project


def suggest_note(project: Project, settings: WeightSettings) -> None:
    """That first settings are being looked for, or that those in use were suggested; else nothing."""
    if projects.is_suggested(project):
        if settings == projects.first_settings(project):
            st.caption(
                ":material/auto_awesome: Suggested for this project by forecasts on its real rows that are not test; "
                "Suggest on the Weights page shows all of them."
            )
    elif projects.is_untouched(project) and _on_the_way(project):
        _waiting(project)


@st.fragment(run_every=REFRESH_SECONDS)
def _waiting(project: Project) -> None:
    job = _on_the_way(project)
    if job is None:
        st.rerun()
    event = runs.latest_event(job.id) if job.kind == "suggest" else {}
    done = f" ({event['done']} of {event['total']})" if event.get("done") else ""
    start = plain(terms_words(projects.load_settings(project)))
    st.caption(
        f":material/hourglass_top: Settings that suit the real rows are being looked for{done}. Until then: {start}. "
        "What you set yourself stays."
    )


def _on_the_way(project: Project) -> runs.Run | None:
    found = runs.list_runs(project_id=project.id)
    return next((run for run in found if run.is_active and run.kind in _ON_THE_WAY), None)
