"""Presentation: what a project comes to, large and plain. It is read only: nothing here changes anything on disk."""

from typing import Any

import numpy as np
import streamlit as st

from pages.widgets import loaded, shell
from pages.widgets.embedding_map import embedding_map, side_channel
from pages.widgets.plain import plain
from pages.widgets.report_links import report_button
from synweight_core import curation, map_wire, meters, project_settings, report_charts
from synweight_core.curated import curated_weights
from synweight_core.headline import Headline, headline, meter_words
from synweight_core.map_colours import colouring
from synweight_core.map_rows import COLOURS, hover_lines, with_weights
from synweight_core.map_view import MapView
from synweight_core.prepare import is_prepared
from synweight_core.presets import settings_words
from synweight_core.projects import Project
from synweight_core.report_blocks import cut
from synweight_core.run_groups import settings_compared

_BIG = """<style>
.st-key-present h1 { font-size: 2.4rem; }
.st-key-present h3 { font-size: 1.6rem; }
.st-key-present :is(p, li) { font-size: 1.35rem; line-height: 1.45; }
.st-key-present .st-key-verdict p { font-size: 1.9rem; line-height: 1.35; }
.st-key-present [data-testid="stMetricValue"] :is(div, p) { font-size: 2.8rem; line-height: 1.2; }
.st-key-present [data-testid="stMetricLabel"] :is(div, p) { font-size: 1.2rem; white-space: normal; overflow: visible; }
.st-key-present [data-testid="stCaptionContainer"] p { font-size: 1.1rem; }
</style>"""
_MAP_HEIGHT = 640
_NAME_CHARS, _SENTENCE_CHARS = 120, 1_000


def verdict(said: Headline) -> None:
    """The sentence, the figures, and what is missing."""
    with st.container(key="verdict"):
        st.markdown(plain(cut(said.sentence, _SENTENCE_CHARS)))
    with st.container(horizontal=True):
        for fact in said.facts:
            with st.container(border=True):
                st.metric(plain(fact.label), fact.value)
                st.caption(plain(fact.note))
    if said.missing:
        st.caption(plain(cut(" ".join(said.missing), _SENTENCE_CHARS)))


def on_event(name: str, _value: object) -> None:
    """What the map reports: only that the browser has no WebGL counts here."""
    if name == "fallback":
        st.session_state["no_webgl"] = True


def the_map(project: Project, weights: np.ndarray) -> None:
    """All rows by weight: to move and to hover, not to select; a drawing of a sample without WebGL2."""
    prepared, key = loaded.prepared(project.id, project.data_hash), f"present:{project.id}"
    if st.session_state.get("no_webgl"):
        st.image(str(report_charts.weight_map(prepared.xy, weights)))
        if prepared.map_note:
            st.caption(prepared.map_note)
        return
    rows, version = with_weights(loaded.rows(project), weights), str(curation.log_size(project))
    made = colouring(COLOURS["weight"], rows, project.labels)
    more: dict[str, Any] = {
        "legend": made.legend, "colour": "weight", "combine": "replace", "synthetic": prepared.n_synthetic,
        "version": version, "readOnly": True, "height": _MAP_HEIGHT,
    }  # fmt: skip
    embedding_map(
        key, places=loaded.places(project.id, project.data_hash),
        notes=loaded.notes(project.id, project.data_hash, False), codes=map_wire.blob(made.codes.tobytes()),
        sizes=None, selection=None, view=MapView(), on_event=on_event, more=more,
    )  # fmt: skip
    side_channel(key, version=version, lines=lambda asked: hover_lines(rows, asked), keep_look=lambda _look: None)


def weights_in_words(project: Project, weights: np.ndarray) -> None:
    """How the rows are weighted, and what that amounts to."""
    edits, dataset = loaded.edits(project), loaded.dataset(project.id, project.data_hash)
    labels = loaded.rows(project)["label"].iloc[: len(weights)][edits.kept]
    classes = meters.by_class(labels, weights[edits.kept], dataset.known_real["label"])
    said = meter_words(weights[edits.kept], classes)
    st.subheader("What the weights amount to", anchor=False)
    st.markdown("\n".join(f"- {plain(cut(sentence, _SENTENCE_CHARS))}" for sentence in said))
    st.caption(plain(f"Weights: {settings_words(project_settings.load_settings(project))}."))


def presentation(project: Project) -> None:
    """Headline, map, weights."""
    recipe = next(iter(settings_compared(project).recipes), None)
    if not is_prepared(project):
        verdict(headline(project, recipe, None))
        st.info("This project is not prepared yet, so there is no map and no weight.")
        return
    prepared, edits = loaded.prepared(project.id, project.data_hash), loaded.edits(project)
    weights = curated_weights(prepared, project_settings.load_settings(project), edits)
    verdict(headline(project, recipe, weights[edits.kept]))
    the_map(project, weights)
    weights_in_words(project, weights)


shell.need_frame()
shown = shell.current_project()
if shown is None:
    st.info("There is no project yet. Open the demo, or upload files, on the Data page.")
    st.page_link("pages/data.py", label="Go to Data", icon=":material/table_rows:")
    st.stop()
shell.use_project(shown)
st.html(_BIG)
with st.container(key="present"):
    st.title(plain(cut(shown.name, _NAME_CHARS)), anchor=False)
    presentation(shown)
with st.container(horizontal=True, vertical_alignment="center"):
    report_button(shown)
    st.page_link(
        "pages/runs.py", label="Back to the runs", icon=":material/arrow_back:", query_params={"project": shown.id}
    )
