"""Runs: what was trained, how good it is, and what can be taken away."""

import pandas as pd
import streamlit as st

from pages.widgets import live, shell
from pages.widgets.compare_panel import pair_panel, verdict_panel
from pages.widgets.downloads import row_downloads
from pages.widgets.forecast_panel import ledger_panel
from pages.widgets.plain import plain
from pages.widgets.report_links import report_links
from pages.widgets.sources_panel import sources_panel
from pages.widgets.try_panel import try_panel
from synweight_core import export, runs
from synweight_core.errors import SynweightError
from synweight_core.projects import metric_label
from synweight_core.recipe import run_recipe
from synweight_core.runtable import run_table

shell.page_header("Runs", "Compare what was trained, and take the weights and the model with you.")
project = shell.need_project()
report_links(project)
found = runs.list_runs(project_id=project.id, kind="train")
if not found:
    st.info("No run yet. Start one on the Train page; it will be listed here with its figures.")
    st.page_link(
        "pages/train.py",
        label="Go to Train",
        icon=":material/model_training:",
        query_params={"project": project.id},
    )
    st.stop()

PERCENT = ("best validation accuracy", "best validation macro-F1", "test accuracy", "test macro-F1")


def table_of_runs() -> list[runs.Run]:
    """The table; the runs that are selected in it, or the newest five."""
    table = run_table(found)
    event = st.dataframe(
        table, hide_index=True, key=f"runs_table:{found[0].id}", on_select="rerun", selection_mode="multi-row",
        column_config={name: st.column_config.NumberColumn(format="%.1f %%") for name in PERCENT},
        alt="Table of training runs with their settings and figures.",
    )  # fmt: skip
    chosen = [row for row in event["selection"]["rows"] if row < len(found)]
    return [found[i] for i in chosen] if chosen else found[:5]


def curves(chosen: list[runs.Run]) -> None:
    """Validation figures of the chosen runs in one chart."""
    live.evaluation_chart(chosen, live.measure_choice(project, "runs_measure"), key="runs_curves")


def details(run: runs.Run) -> None:
    """One run: its settings, per-class figures and downloads."""
    st.caption(plain(live.settings_line(run)))
    if run.error:
        st.error(plain(run.error))
    test = (run.result or {}).get("test")
    if test:
        recall = pd.DataFrame({"class": list(test["recall"]), "recall": list(test["recall"].values())})
        st.dataframe(
            recall, hide_index=True, key="recall",
            column_config={"recall": st.column_config.NumberColumn("recall on test rows", format="percent")},
        )  # fmt: skip
    with st.container(horizontal=True):
        if run.settings["train_on"] == "synthetic":
            row_downloads(lambda: export.run_weights(run), lambda: run_recipe(run), name=run.id)
        st.download_button(
            "Model (zip)", lambda: export.model_zip(run).read_bytes(), file_name=f"{run.id}-model.zip",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.caption('The model folder loads with transformers.pipeline("text-classification", folder).')


def single_runs() -> None:
    """All runs, the curves of those that are selected, and one run with its files."""
    curves(table_of_runs())
    st.subheader("One run", anchor=False)
    kept = {run.id: run for run in found if (run.folder / "outputs.npz").exists()}
    if not kept:
        st.caption(f"When a run has ended, its {plain(metric_label(project.metric))} by class and its files are here.")
        return
    choice = st.selectbox("Run", list(kept), format_func=lambda run_id: live.run_title(kept[run_id]))
    try:
        details(kept[choice])
    except SynweightError as error:
        st.error(plain(error))


shell.lazy_tabs(
    {
        "Runs": single_runs,
        "Verdict": lambda: verdict_panel(project),
        "Two settings": lambda: pair_panel(project),
        "Forecasts": lambda: ledger_panel(project),
        "Sources": lambda: sources_panel(project),
        "Try a sentence": lambda: try_panel(project, found),
    },
    key=f"runs_tab:{project.id}",
)
