"""Weights: move the exponents and see at once what they do to the rows."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import charts, loaded, shell
from pages.widgets.alignment_panel import alignment_panel
from pages.widgets.downloads import atlas_download, row_downloads, snippets
from pages.widgets.forecast_panel import forecast_panel, ledger_panel
from pages.widgets.plain import plain
from pages.widgets.row_table import row_table
from pages.widgets.settings_panel import settings_panel
from pages.widgets.suggest_panel import suggest_panel
from pages.widgets.trust_panel import trust_panel
from pages.widgets.weight_controls import quality_help, weight_controls
from pages.widgets.what_if_panel import what_if_panel
from synweight_core import export, meters
from synweight_core.curated import curated_weights
from synweight_core.map_rows import with_weights
from synweight_core.presets import settings_words
from synweight_core.recipe import project_recipe
from synweight_core.weighting import WeightSettings

TABLE_ROWS = 50
CLASS_COLUMNS = {
    "label": st.column_config.TextColumn("class"),
    "share_raw": st.column_config.NumberColumn("of the rows", format="percent"),
    "share_weighted": st.column_config.NumberColumn("of the weight", format="percent"),
    "share_real": st.column_config.NumberColumn("of the real rows", format="percent"),
    "effective_sample_size": st.column_config.NumberColumn("effective rows", format="%.0f"),
    "half_rows": st.column_config.NumberColumn("half sits on"),
}

shell.page_header("Weights", "Decide how much a synthetic row counts. Next: train with these weights.")
project = shell.need_project()
prepared = shell.need_prepared(project)
dataset = loaded.dataset(project.id, project.data_hash)


def meter_row(figures: dict[str, float]) -> None:
    """The four figures that say whether the weights are healthy."""
    with st.container(horizontal=True):
        st.metric(
            "Effective sample size", f"{figures['effective_sample_size']:,.0f} rows",
            help="(Σw)² / Σw²: how many equally weighted rows would say as much.",
        )  # fmt: skip
        st.metric("Of all synthetic rows", f"{100 * figures['effective_share']:.0f} %")
        st.metric(
            "Half of the weight sits on", f"{figures['half_rows']:,} rows",
            help="The fewest rows that together hold half of the weight.",
        )  # fmt: skip
        st.metric(
            "Nearly switched off", f"{figures['nearly_off']:,} of {figures['rows']:,} rows", help="Weight below 0.1."
        )


def meter_panel(labels: pd.Series, weights: np.ndarray) -> None:
    """Whether the weights are healthy, their histogram, and the shares of the classes."""
    if not weights.any():
        st.error(
            "No row has weight: all rows are excluded. Undo some edits on the Map page.", icon=":material/warning:"
        )
        return
    figures = meters.summary(weights)
    meter_row(figures)
    if meters.is_collapsed(weights):
        st.error(
            f"The weights have collapsed: {figures['half_rows']:,} of {len(weights):,} rows carry half of "
            "the weight. Lower alpha or beta, or the largest weight.",
            icon=":material/warning:",
        )
    classes = meters.by_class(labels, weights, dataset.known_real["label"])
    for warning in meters.class_warnings(classes):
        st.warning(plain(warning), icon=":material/warning:")
    histogram = meters.histogram(weights)
    title = f"Half of the weight sits on {figures['half_rows']:,} of {len(weights):,} rows"
    charts.show(
        charts.weight_histogram(histogram, title), histogram, key="histogram", alt=f"Histogram of weights. {title}."
    )
    shares_title = "Class shares: synthetic, weighted, and real"
    charts.show(
        charts.class_shares(classes, shares_title),
        classes,
        key="shares",
        alt=shares_title,
        folded=False,
        columns=CLASS_COLUMNS,
    )


def last_settings(settings: WeightSettings) -> WeightSettings:
    """The settings before the last move that this tab has seen."""
    key = f"moves:{project.id}"
    before, now = st.session_state.get(key, (settings, settings))
    if settings != now:
        before, now = now, settings
    st.session_state[key] = before, now
    return before


def changed_rows(before: WeightSettings, after: WeightSettings, rows: pd.DataFrame) -> None:
    """The rows whose weight the last move changed most. `rows` of `with_weights` are synthetic and not excluded."""
    if before == after:
        st.caption("Move a control: the rows whose weight changes most are then shown here.")
        return
    st.caption(f"Before: {settings_words(before)}. Now: {settings_words(after)}.")
    earlier = curated_weights(prepared, before, loaded.edits(project))[rows.index]
    moved = meters.most_changed(earlier, rows["weight"].to_numpy(), rows=TABLE_ROWS)
    if len(moved):
        row_table(rows.assign(before=earlier).iloc[moved], key="changed_rows")
    else:
        st.caption("No row changed its weight.")


@st.fragment
def workbench() -> None:
    """Controls and meters: they move together."""
    instruments, canvas = shell.instruments_and_canvas()
    with instruments:
        settings = weight_controls(project)
        st.caption(quality_help(project, prepared))
        st.page_link(
            "pages/train.py", label="Train with these weights", icon=":material/model_training:",
            query_params={"project": project.id, "loss": "tuned"},
        )  # fmt: skip
    curation = loaded.edits(project)
    all_weights = curated_weights(prepared, settings, curation)
    current = with_weights(loaded.rows(project), all_weights)
    synthetic, weights = current.iloc[: len(all_weights)], all_weights
    if not curation.kept.all():
        synthetic, weights = synthetic[curation.kept], weights[curation.kept]
        st.caption(f"{(~curation.kept).sum():,} excluded rows weigh 0 and are not counted here.")
    with canvas:
        panels = {
            "Meters": lambda: meter_panel(synthetic["label"], weights),
            "Forecast": lambda: forecast_panel(project, settings),
            "Suggest": lambda: suggest_panel(project),
            "Alignment": lambda: alignment_panel(project, all_weights),
            "What if": lambda: what_if_panel(project, prepared, settings),
            "Checker trust": lambda: trust_panel(project, prepared, dataset),
            "Ledger": lambda: ledger_panel(project),
        }
        shell.lazy_tabs(panels, key=f"lab:{project.id}")
    before = last_settings(settings)
    panels = {
        "Rows that count most": lambda: row_table(synthetic.nlargest(TABLE_ROWS, "weight"), key="top_rows"),
        "Rows that count least": lambda: row_table(synthetic.nsmallest(TABLE_ROWS, "weight"), key="bottom_rows"),
        "Rows that the last move changed": lambda: changed_rows(before, settings, synthetic),
    }
    shell.lazy_tabs(panels, key=f"rows:{project.id}")
    st.subheader("Kept settings", anchor=False)
    settings_panel(project)
    st.subheader("Take the weights with you", anchor=False)
    with st.container(horizontal=True):
        row_downloads(
            lambda: export.project_weights(project.id, settings), lambda: project_recipe(project, settings),
            name=project.id,
        )  # fmt: skip
        atlas_download(project, settings)
    snippets()


workbench()
