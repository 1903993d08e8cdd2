"""Map: look at synthetic and real rows together, coloured by what they are worth."""

from typing import Any

import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_fallback, map_session, shell
from pages.widgets.edit_panel import edit_panel
from pages.widgets.embedding_map import embedding_map, side_channel
from pages.widgets.holes_panel import holes_panel
from pages.widgets.map_colour import Painted, chosen_colour, colour_choice, painted
from pages.widgets.row_details import row_details
from pages.widgets.search_box import search_box
from pages.widgets.selection_bar import combine_choice, combine_chosen, selection_bar
from pages.widgets.selection_details import distributions, selected_rows
from pages.widgets.weight_controls import weight_controls
from synweight_core import curation, map_wire, project_settings
from synweight_core.curated import curated_weights
from synweight_core.map_colours import weight_codes
from synweight_core.map_rows import hover_lines, with_weights

shell.page_header(
    "Map",
    "Rows that say similar things lie close together. Find the synthetic rows that your real data would not say.",
)
project = shell.need_project()
prepared = shell.need_prepared(project)
n, n_synthetic = len(prepared.xy), prepared.n_synthetic
MAP = f"map:{project.id}"


def on_event(name: str, value: Any) -> None:  # noqa: ANN401 (what the browser sends)
    """What the map reports: a selection, a click on a row, or that the browser has no WebGL."""
    if name == "fallback":
        st.session_state["no_webgl"] = True
    elif name == "open" and isinstance(value, int) and 0 <= value < n:
        map_session.change(project, n, open_row=value)
    elif name == "select" and value["places"] == loaded.places(project.id, project.data_hash).name:
        map_session.select(project, n, map_wire.chosen_rows(value, n), token=str(value["token"]))


def the_map(shown: Painted, combine: str) -> None:
    """The component, or a picture of a sample where the browser has no WebGL2."""
    view = map_session.current(project, n)
    if st.session_state.get("no_webgl"):
        map_fallback.map_of_sample(project, shown.rows, shown.colour, view)
        return
    sizes = None
    if view.is_sized:
        sizes = map_wire.blob(weight_codes(shown.rows["weight"].to_numpy()).tobytes())
    embedding_map(
        MAP, places=loaded.places(project.id, project.data_hash),
        notes=loaded.notes(project.id, project.data_hash, view.marks_holes), codes=shown.codes, sizes=sizes,
        selection=map_wire.bits(view.selected, n) if len(view.selected) else None, view=view, on_event=on_event,
        more={
            "legend": shown.legend, "colour": shown.name, "combine": combine, "synthetic": n_synthetic,
            "version": str(curation.log_size(project)),
        },
    )  # fmt: skip


def take_option(name: str, key: str) -> None:
    """A switch was moved."""
    map_session.change(project, n, **{name: st.session_state[key]})


def map_options() -> None:
    """Switches of the map that are not colours."""
    view = map_session.current(project, n)
    options = {"is_sized": "Size by weight"} | ({"marks_holes": "Mark holes"} if prepared.holes else {})
    for name, label in options.items():
        key = f"{name}:{project.id}"
        st.session_state[key] = getattr(view, name)
        st.toggle(label, key=key, on_change=take_option, args=(name, key))


def details(rows: pd.DataFrame) -> None:
    """Below the map: the selection as rows and figures, edits, holes."""
    view, edits = map_session.current(project, n), loaded.edits(project)
    panels = {
        "Selected rows": lambda: selected_rows(rows, view),
        "Distributions": lambda: distributions(rows, view, n_synthetic=n_synthetic),
        "Edit": lambda: edit_panel(project, edits, view.selected, n_synthetic=n_synthetic),
        "Holes": lambda: holes_panel(project, prepared, rows),
    }
    shell.lazy_tabs(panels, key=f"details:{project.id}")


@st.fragment
def workbench() -> None:
    """Controls, map and selection: they move together. The map is told first, so that it moves at once."""
    base_rows = loaded.rows(project)
    settings = project_settings.load_settings(project)
    rows = with_weights(base_rows, curated_weights(prepared, settings, loaded.edits(project)))
    instruments, canvas = shell.instruments_and_canvas()
    colour_place, run_place = instruments.container(), instruments.container()
    with canvas:
        search_box(project, rows)
    with run_place:
        shown = painted(project, rows, chosen_colour(project, n))
    with canvas:
        the_map(shown, combine_chosen())
        if prepared.map_note:
            st.caption(prepared.map_note)
        selection_bar(project, rows, n_synthetic=n_synthetic)
    with colour_place:
        colour_choice(project, n)
    with instruments:
        weight_controls(project, is_compact=True)
        map_options()
        combine_choice()
        st.page_link(
            "pages/train.py", label="Train with these weights", icon=":material/model_training:",
            query_params={"project": project.id, "loss": "tuned"},
        )  # fmt: skip
    opened = map_session.current(project, n).open_row
    if opened is None:
        details(rows)
        return
    below, card = shell.details_and_card()
    with card:
        row_details(project, rows, opened, settings)
    with below:
        details(rows)


workbench()
side_channel(
    MAP, version=str(curation.log_size(project)), lines=lambda asked: hover_lines(loaded.rows(project), asked),
    keep_look=lambda look: map_session.change(project, n, look=look),
)  # fmt: skip
