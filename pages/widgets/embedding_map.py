"""The map of rows: a component of our own around WebGL, whose sources are in assets/map.

Each run of the page sends one message. Its header names places, colours and selection by content hash; what this
session has sent before is left out, and the browser asks for what it lacks (`need`), so a dropped message, a page
switch or a reload heals itself. The selection's truth is in Python; events come up as triggers.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from synweight_core import map_wire
from synweight_core.map_view import MapView
from synweight_core.map_wire import Blob

BUNDLE = Path(__file__).parent.parent.parent / "static" / "map.js"
HEIGHT = 600
MAX_ASKED = 64  # hover texts at once
MAX_LOOK_CHARS = 20_000


@cache
def _component() -> Any:  # noqa: ANN401 (Streamlit's renderer)
    """The component with a loader of a few lines; the bundle itself is one static file that browsers cache."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    digest = hashlib.sha256(BUNDLE.read_bytes()).hexdigest()[:12]
    url = json.dumps(f"{'/' + base if base else ''}/app/static/{BUNDLE.name}?v={digest}")
    loader = f"""
let map, loading;
const load = () => (loading ??= import(new URL({url}, location.origin).href).then((module) => (map = module)));
export default (context) => (map ? map.default(context) : load().then((module) => module.default(context)));
"""
    return st.components.v2.component("embedding_map", js=loader)


def embedding_map(
    key: str,
    *,
    places: Blob,
    notes: Blob,
    codes: Blob,
    sizes: Blob | None,
    selection: Blob | None,
    view: MapView,
    more: Mapping[str, Any],
    on_event: Callable[[str, Any], None],
) -> None:
    """Draw the map. `notes` is JSON that seldom changes, `more` joins the header at each run.

    `on_event` is called with "select" (see `map_wire.chosen_rows`), "open" (a row) or "fallback" (no WebGL).
    """
    state = st.session_state
    sent: set[str] = state.setdefault(f"{key}:sent", set())
    state[f"{key}:rev"] = revision = state.get(f"{key}:rev", 0) + 1

    def need() -> None:
        sent.difference_update(state[key]["need"] or [])

    def event(name: str) -> Callable[[], None]:
        return lambda: on_event(name, state[key][name])

    named = [blob for blob in (places, notes, codes, sizes, selection) if blob]
    names = {blob.name for blob in named}
    # the browser has a selection that it made itself; it asks when it lost it
    known = {selection.name} if selection and view.token.startswith("js-") and view.token not in sent else set()
    fresh = [blob for blob in named if blob.name not in sent | known]
    sent.clear()
    sent.update(names, {view.token})  # what is no longer named, the browser forgets too
    header = {
        "key": key, "rev": revision, "height": HEIGHT,
        "places": places.name, "notes": notes.name, "codes": codes.name, "sizes": sizes.name if sizes else None,
        "selection": {"token": view.token, "hash": selection.name if selection else None},
        "look": view.look, "open": view.open_row, **more,
    }  # fmt: skip
    unique = {blob.name: blob for blob in fresh}
    _component()(
        data=map_wire.pack(header, [*unique.values()]),
        key=key,
        on_need_change=need,
        on_select_change=event("select"),
        on_open_change=event("open"),
        on_fallback_change=event("fallback"),
    )


def side_channel(
    key: str,
    *,
    version: str,
    lines: Callable[[Sequence[int]], Mapping[int, list[tuple[str, str]]]],
    keep_look: Callable[[dict[str, Any]], None],
) -> None:
    """Hover texts on demand and the camera's way to the disk, in a fragment that never runs the map again."""

    @st.fragment
    def channel() -> None:
        state, own = st.session_state, f"{key}:channel"

        def ask() -> None:
            asked = [row for row in state[own]["ask"] or [] if isinstance(row, int)]
            state[f"{own}:answers"] = lines(asked[:MAX_ASKED])

        def look() -> None:
            told = state[own]["look"]
            if isinstance(told, dict) and len(json.dumps(told)) <= MAX_LOOK_CHARS:
                keep_look(told)

        answers = state.pop(f"{own}:answers", {})
        _component()(
            data={"map": key, "version": version, "answers": answers},
            key=own, on_ask_change=ask, on_look_change=look,
        )  # fmt: skip

    channel()
