"""What was found in the texts: each flaw with examples, one click to act on it, and its rows on the map."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_session, preparation, shell
from pages.widgets.plain import plain
from synweight_core import curation, projects, selections
from synweight_core.curation import Curation
from synweight_core.errors import DataError, NotFoundError, SynweightError
from synweight_core.flaws import standing
from synweight_core.flaws.examination import Flaw
from synweight_core.flaws.stripping import can_strip, made_from_here, made_from_words, stripped
from synweight_core.prepare import has_findings
from synweight_core.projects import Project

TEXT_CHARS = 600  # of an example
_ICONS = {"warning": ":material/warning:", "info": ":material/info:"}
_EXCLUDE, _STRIP, _KEEP = ":material/block:", ":material/content_cut:", ":material/check:"


def flaws_panel(project: Project) -> None:
    """The flaws of the texts, those to look at first; until they are there, the work going on."""
    _origin(project)
    try:
        flaws = loaded.flaws(project) if has_findings(project) else None
        edits = loaded.replayed(project)
    except NotFoundError:  # a damaged file was found and removed: it is computed again
        flaws = None
    except DataError as error:
        st.error(plain(error), icon=":material/error:")
        return
    if flaws is None:
        st.caption("Copies, leaked labels, the generator's own talk and other flaws of the texts are looked for once.")
        preparation.show(project, done=has_findings)
        return
    _message(project)
    where = standing.standings(project, flaws, edits)
    _head(project, flaws, where, edits)
    for flaw in sorted(flaws, key=lambda flaw: where[flaw.name] != standing.OPEN):
        _flaw(project, flaw, where[flaw.name], edits)


def _origin(project: Project) -> None:
    """Of which project this one was made, and which were made from it, each a click away."""
    others = {each.id: f"Made from this one: {each.name}" for each in made_from_here(project)}
    if project.without:
        st.markdown(f"This project was made from another by taking out: {plain(made_from_words(project))}.")
        others = {project.after: "Open the project that it was made from"} | others
    for other, label in others.items():
        if st.button(plain(label), key=f"other:{other}", icon=":material/account_tree:"):
            _open(other)


def _open(project_id: str) -> None:
    try:
        shell.use_project(projects.load_project(project_id))
    except NotFoundError as error:
        st.error(plain(error))
    else:
        st.rerun()


def _head(project: Project, flaws: tuple[Flaw, ...], where: dict[str, str], edits: Curation) -> None:
    if not flaws:
        st.markdown(":material/check: No flaw of the texts was found.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if flaws:
            st.markdown(f"**{len(flaws)} findings in the texts, {standing.to_look_at(where)} to look at**")
        if edits.can_undo:
            st.button(
                "Undo the last edit", icon=":material/undo:", key=f"undo_flaw:{project.id}",
                on_click=lambda: _done(project, lambda: f"Undone: {curation.undo(project):,} rows."),
            )  # fmt: skip


def _flaw(project: Project, flaw: Flaw, where: str, edits: Curation) -> None:
    count = "the whole set" if flaw.is_whole else f"{len(flaw.rows):,} rows, {100 * flaw.share:.1f} %"
    icon = _ICONS[flaw.kind.level] if where == standing.OPEN else _KEEP
    is_said = where != standing.OPEN or flaw.kind.level == "warning"  # what only informs need not be looked at
    title = " · ".join([flaw.kind.title, count, *([where] if is_said else [])])
    with st.expander(title, icon=icon, key=f"flaw:{flaw.name}:{project.id}"):
        st.caption(f"{plain(flaw.kind.meaning)} Proposed: {flaw.kind.proposal}.")
        if flaw.sentence:
            st.text(flaw.sentence)
        if flaw.examples:
            st.dataframe(_examples(project, flaw), hide_index=True, key=f"examples:{flaw.name}:{project.id}")
        with st.container(horizontal=True):
            _actions(project, flaw, where, edits)


def _examples(project: Project, flaw: Flaw) -> pd.DataFrame:
    """Up to five rows: the part that is meant, the text, its label, and what more there is to say."""
    data = loaded.dataset(project.id, project.data_hash)
    n, real = len(data.synthetic), data.known_real
    found = []
    for example in flaw.examples:
        row = data.synthetic.iloc[example.row] if example.row < n else real.iloc[example.row - n]
        text = f"{row['text']} | {row['text_b']}" if project.is_pairs else row["text"]
        found.append({"what": example.part, "text": text[:TEXT_CHARS], "label": row["label"], "note": example.note})
    table = pd.DataFrame(found)
    return table[[name for name in table if name in ("text", "label") or (table[name] != "").any()]]


def _actions(project: Project, flaw: Flaw, where: str, edits: Curation) -> None:
    synthetic = flaw.rows[flaw.rows < len(edits.kept)]

    def exclude() -> str:
        count = curation.exclude(project, synthetic, reason=f"Finding: {flaw.kind.title}")
        return f"Excluded {count:,} rows. Undo is above."

    def keep() -> str:
        standing.keep(project, flaw)
        return "Kept. It no longer counts as to look at."

    def look_again() -> str:
        standing.look_again(project, flaw.name)
        return "It counts as to look at again."

    if len(synthetic) and where != standing.EXCLUDED:
        _button(project, flaw, "exclude", "Exclude", _EXCLUDE, exclude)
    if can_strip(flaw) and _button(project, flaw, "strip", "Strip", _STRIP):
        _strip(project, flaw)
    if where == standing.KEPT:
        _button(project, flaw, "again", "Look at it again", ":material/visibility:", look_again)
    elif where == standing.OPEN:
        _button(project, flaw, "keep", "Keep", _KEEP, keep)
    if not flaw.is_whole and _button(project, flaw, "map", "See on the map", ":material/scatter_plot:"):
        _see(project, flaw)


def _strip(project: Project, flaw: Flaw) -> None:
    try:
        with st.spinner("Making a project without it."):
            made = stripped(project, flaw)
    except SynweightError as error:
        st.error(plain(error))
        return
    shell.use_project(made)
    preparation.start_once(made)
    st.session_state[_message_key(made)] = "This is a new project without it; the one it was made from is unchanged."
    st.rerun()


def _see(project: Project, flaw: Flaw) -> None:
    slug = selections.save_selection(project, f"Finding: {flaw.kind.title}", flaw.rows, project.n_on_map)
    map_session.select(project, project.n_on_map, flaw.rows)
    st.switch_page("pages/map.py", query_params={"project": project.id, "selection": slug})


def _button(
    project: Project, flaw: Flaw, action: str, label: str, icon: str, act: Callable[[], str] | None = None
) -> bool:
    """A button that does `act`; whether it was clicked."""
    return st.button(
        label, icon=icon, type="primary" if action == flaw.kind.proposal else "secondary",
        key=f"{action}:{flaw.name}:{project.id}", on_click=(lambda: _done(project, act)) if act else None,
    )  # fmt: skip


def _done(project: Project, act: Callable[[], str]) -> None:
    """Do it, and keep what became of it for the next run of the page."""
    try:
        st.session_state[_message_key(project)] = act()
    except SynweightError as error:
        st.session_state[_message_key(project)] = str(error)


def _message(project: Project) -> None:
    if words := st.session_state.pop(_message_key(project), None):
        st.info(plain(words))


def _message_key(project: Project) -> str:
    return f"flaw_message:{project.id}"
