"""Settings compared over paired seeds: the verdict, figures with intervals, and two settings side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import charts, compare_charts, forecast_charts, loaded, map_session, shell
from pages.widgets.plain import plain
from synweight_core.compare import Difference, Flipped, difference, learning_curve
from synweight_core.compare_tables import (
    MAX_FLIPPED,
    class_table,
    confusion_table,
    flipped_rows,
    setting_table,
)
from synweight_core.errors import SynweightError
from synweight_core.prepare import load_prepared
from synweight_core.project_search import closest_rows
from synweight_core.projects import Project, metric_label
from synweight_core.run_groups import Recipe, settings_compared
from synweight_core.verdict import project_verdict, verdict

_SHOWS = {"better": st.success, "do not use": st.error, "too few": st.warning, "one seed": st.warning}
_PERCENT = st.column_config.NumberColumn(format="%.1f %%")
_POINTS = st.column_config.NumberColumn(format="%+.1f")
_CLOSEST_TO = 20  # flipped rows whose neighbours are looked for


def verdict_panel(project: Project) -> None:
    """The verdict of the project, what is missing for it, and all settings with their figures."""
    recipe = _recipe(project)
    if recipe is None:
        return
    found = project_verdict(recipe)
    _SHOWS.get(found.kind, st.info)(plain(found.sentence))
    if found.missing:
        st.markdown("\n".join(f"- {plain(each)}" for each in found.missing))
    table = setting_table(recipe)
    label = metric_label(project.metric)
    table = table.drop(columns=label[:1].lower() + label[1:], errors="ignore")  # it is `mean` already
    marks = table.rename(columns={"setting": "name"})[["name", "mean", "low", "high"]]
    title = f"{label} on test rows by setting, with 95 % intervals"
    figure = forecast_charts.estimates(marks, title, x=f"{label} (%)", height=120 + 34 * len(table))
    charts.show(
        figure, table, key="settings", alt=title, folded=False,
        columns=dict.fromkeys(table.columns[2:], _PERCENT) | {"mean": st.column_config.NumberColumn(
            label.lower(), format="%.1f %%")},
    )  # fmt: skip
    st.caption(
        "Intervals: over seeds and test rows, both taken as samples (two-way crossed random effects). "
        f"Recipe of all these runs: {plain(recipe.words)}."
    )


def pair_panel(project: Project) -> None:
    """Two settings against each other, by seed, by class and by row."""
    recipe = _recipe(project)
    if recipe is None:
        return
    names = [group.name for group in recipe.groups]
    if len(names) < 2:
        st.info("Only one setting was run under this recipe. Run CE, your weights and the real rows alone.")
        return
    first = next((i for i, group in enumerate(recipe.groups) if not (group.is_ce or group.is_real)), 0)
    left, right = st.columns(2)
    a = left.selectbox("A", names, index=first, key=f"compare_a:{project.id}")
    others = [name for name in names if name != a]
    b = right.selectbox("B", others, key=f"compare_b:{project.id}")
    found = difference(recipe.group(a), recipe.group(b))
    said = verdict(found)
    _SHOWS.get(said.kind, st.info)(plain(said.sentence))
    wins, ties, losses = found.win_tie_loss
    st.caption(f"Of {len(found.pairs)} pairs of runs A wins {wins}, ties {ties} and loses {losses}.")
    shell.lazy_tabs(
        {
            "Rows": lambda: _flipped(project, found),
            "Classes": lambda: _classes(found),
            "Confusion": lambda: _confusions(found),
            "Learning curves": lambda: _curves(project, found),
        },
        key=f"pair:{project.id}",
    )


def _recipe(project: Project) -> Recipe | None:
    """The recipe whose settings are compared; None, and a sentence, when nothing can be."""
    found = settings_compared(project)
    if found.left_out:
        with st.expander(f"{len(found.left_out)} finished runs are left out"):
            st.markdown("\n".join(f"- {plain(each)}" for each in found.left_out))
    if not found.recipes:
        st.info(
            "No finished run with test figures yet. Train CE, a weighted loss and the real rows alone on the Train "
            "page, each with three seeds or more; they are compared here."
        )
        return None
    if len(found.recipes) == 1:
        return found.recipes[0]
    chosen = st.selectbox(
        "Recipe", range(len(found.recipes)), key=f"recipe:{project.id}",
        format_func=lambda i: f"{found.recipes[i].words} ({len(found.recipes[i].groups)} settings)",
        help="Only runs with the same backbone, epochs and so on can be compared.",
    )  # fmt: skip
    return found.recipes[chosen]


def _flipped(project: Project, found: Difference) -> None:
    dataset = loaded.dataset(project.id, project.data_hash)
    for key, title, flipped in (
        ("won", "Right under A, wrong under B", found.won), ("lost", "Wrong under A, right under B", found.lost),
    ):  # fmt: skip
        n = len(flipped.positions)
        cut = f", the {MAX_FLIPPED} with most seeds" if n > MAX_FLIPPED else ""
        st.markdown(f"**{title}**: {n:,} test rows in at least one of {len(found.pairs)} pairs{cut}")
        rows = flipped_rows(dataset, flipped, found)
        shown = rows if dataset.is_pairs else rows.drop(columns="text_b")
        st.dataframe(
            shown, hide_index=True, height=260, key=f"flipped_{key}",
            column_config={"text": st.column_config.TextColumn(width="large"), "a_says": "A says", "b_says": "B says"},
        )  # fmt: skip
        if n and st.button("Show on the map what lies closest", icon=":material/map:", key=f"closest_{key}"):
            _show_closest(project, flipped, rows)


def _show_closest(project: Project, flipped: Flipped, rows: pd.DataFrame) -> None:
    """Select on the map the rows nearest to these test rows, which are not on it themselves."""
    prepared = load_prepared(project)
    if prepared is None:
        st.warning("The project is not prepared: there is no map yet.")
        return
    try:
        with st.spinner("Looking for the closest rows. The encoder takes some seconds the first time."):
            closest = closest_rows(project, rows.head(_CLOSEST_TO), loaded.encoder(project.encoder))
    except SynweightError as error:
        st.error(plain(error))
        return
    map_session.select(project, len(prepared.labels), np.asarray(closest))
    st.switch_page("pages/map.py", query_params={"project": project.id})


def _classes(found: Difference) -> None:
    table = class_table(found.a, found.b)
    formats = {name: _POINTS if "−" in name else _PERCENT for name in table.columns[1:]}
    st.dataframe(table, hide_index=True, key="classes_compared", column_config=formats)


def _confusions(found: Difference) -> None:
    names = found.a.test.names
    tables = {
        "A": confusion_table(found.confusion_a, names), "B": confusion_table(found.confusion_b, names),
        "A − B": confusion_table(found.confusion_change, names),
    }  # fmt: skip
    st.caption(
        f"Test rows by true and predicted class, mean over seeds. A: {plain(found.a.name)}. B: {plain(found.b.name)}."
    )
    for name, table in tables.items():
        if len(names) <= compare_charts.MAX_CLASSES:
            figure = compare_charts.confusion(table, name, diverging=name == "A − B")
            charts.show(figure, table.reset_index(), key=f"confusion_{name}", alt=f"Confusion matrix, {name}.")
        else:
            st.markdown(f"**{name}**")
            st.dataframe(table, key=f"confusion_{name}")


def _curves(project: Project, found: Difference) -> None:
    curves = {group.name: learning_curve(group) for group in (found.a, found.b)}
    label = metric_label(project.metric)
    title = f"{label} on validation rows: mean and range over seeds"
    figure = compare_charts.learning_curves(curves, title, y=f"{label} (%)")
    table = pd.concat([curve.assign(setting=name) for name, curve in curves.items()])
    charts.show(figure, table, key="learning_curves", alt=title)
