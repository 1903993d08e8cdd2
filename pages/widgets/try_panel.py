"""One sentence, two trained models: what each says of it, side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import loaded
from pages.widgets.plain import plain
from pages.widgets.run_words import run_title
from synweight_core.errors import SynweightError
from synweight_core.projects import Project
from synweight_core.runs import Run
from synweight_core.sentence_process import MAX_QUERY_CHARS

MAX_SHOWN = 10  # classes, the likeliest first


def try_panel(project: Project, found: list[Run]) -> None:
    """`found` are the runs of the project, newest first."""
    models = {run.id: run for run in found if not run.is_active and (run.folder / "model" / "config.json").exists()}
    if not models:
        st.info("No run has kept a model yet. When one has ended, you can ask it here.")
        return
    ids = list(models)
    with st.form(f"try:{project.id}", border=False):
        text = st.text_area("Text", max_chars=MAX_QUERY_CHARS, key="try_text")
        second = st.text_area("Second text", max_chars=MAX_QUERY_CHARS, key="try_second") if project.is_pairs else None
        left, right = st.columns(2)
        chosen = [
            place.selectbox(name, ids, index=min(i, len(ids) - 1), format_func=lambda r: run_title(models[r]),
                            key=f"try_{name}")
            for i, (name, place) in enumerate((("Model A", left), ("Model B", right)))
        ]  # fmt: skip
        asked = st.form_submit_button("Ask both", icon=":material/question_answer:")
    if asked:
        for place, run_id in zip((left, right), chosen, strict=True):
            with place:
                _answer(project, run_id, text, second)


def _answer(project: Project, run_id: str, text: str, second: str | None) -> None:
    try:
        with st.spinner("Asking. A model takes some seconds the first time."):
            log_probs = loaded.model(run_id).answer(text, second)
    except SynweightError as error:
        st.error(plain(error))
        return
    table = pd.DataFrame({"label": project.labels, "probability": np.exp(log_probs)})
    table = table.nlargest(MAX_SHOWN, "probability")
    st.dataframe(
        table, hide_index=True, key=f"answer_{run_id}_{st.session_state.get('answers', 0)}",
        column_config={
            "probability": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0)
        },
    )  # fmt: skip
    st.session_state["answers"] = st.session_state.get("answers", 0) + 1
