"""Where the weight settings come from that nobody has changed: a note below the presets."""

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from synweight_core import project_settings, runs
from synweight_core.presets import terms_words
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings


def suggest_note(project: Project, settings: WeightSettings) -> None:
    """That first settings are being looked for, or that those in use were suggested; else nothing."""
    suggested = project_settings.suggested_settings(project)
    if settings == suggested:
        st.caption(
            ":material/auto_awesome: Suggested for this project by forecasts on its real rows that are not test; "
            "Suggest on the Weights page shows all of them."
        )
    elif suggested is None and project_settings.is_untouched(project) and _search(project):
        _waiting(project)


@st.fragment(run_every=REFRESH_SECONDS)
def _waiting(project: Project) -> None:
    job = _search(project)
    if job is None:
        st.rerun()
    event = runs.latest_event(job.id) if job.kind == "suggest" else {}
    done = f" ({event['done']} of {event['total']})" if event.get("done") else ""
    start = plain(terms_words(project_settings.load_settings(project)))
    st.caption(
        f":material/hourglass_top: Settings that suit the real rows are being looked for{done}. Until then: {start}. "
        "What you set yourself stays."
    )


def _search(project: Project) -> runs.Run | None:
    """The job that ends with the first settings: the search, or before it the preparation, which starts it."""
    return runs.active_run(project.id, "suggest", "prepare")
