"""Runs: what was trained, how good it is, and what can be taken away."""

import pandas as pd
import streamlit as st

from pages.widgets import run_charts, shell
from pages.widgets.compare_panel import pair_panel, verdict_panel
from pages.widgets.downloads import row_downloads
from pages.widgets.forecast_panel import ledger_panel
from pages.widgets.plain import plain
from pages.widgets.report_links import report_links
from pages.widgets.run_card import LIKE, use_settings_button
from pages.widgets.run_words import run_titles, settings_line, settings_table
from pages.widgets.sources_panel import sources_panel
from pages.widgets.trash_panel import delete_button, trash_panel
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
    trash_panel(project)
    st.stop()

PERCENT = ("best validation accuracy", "best validation macro-F1", "test accuracy", "test macro-F1")


def table_of_runs() -> list[runs.Run]:
    """The table; the runs that are selected in it."""
    table = run_table(found)
    event = st.dataframe(
        table, hide_index=True, key=f"runs_table:{found[0].id}:{len(found)}", on_select="rerun",
        selection_mode="multi-row", alt="Table of training runs with their settings and figures.",
        column_config={name: st.column_config.NumberColumn(format="%.1f %%") for name in PERCENT},
    )  # fmt: skip
    return [found[row] for row in event["selection"]["rows"] if row < len(found)]


def figures(run: runs.Run) -> None:
    """Recall by class on the test rows, once there is one."""
    test = (run.result or {}).get("test")
    if test:
        by_class = test.get("recall", {})
        recall = pd.DataFrame({"class": list(by_class), "recall": list(by_class.values())})
        st.dataframe(
            recall, hide_index=True, key="recall",
            column_config={"recall": st.column_config.NumberColumn("recall on test rows", format="percent")},
        )  # fmt: skip
    elif run.is_active:
        st.caption(
            f"When this run has ended, its {plain(metric_label(project.metric))} by class and its files are here."
        )


def files(run: runs.Run) -> None:
    """What can be taken away of a run that has ended."""
    with st.container(horizontal=True):
        if run.settings.get("train_on") == "synthetic":
            row_downloads(lambda: export.run_weights(run), lambda: run_recipe(run), name=run.id)
        st.download_button(
            "Model (zip)", lambda: export.model_zip(run).read_bytes(), file_name=f"{run.id}-model.zip",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    st.caption('The model folder loads with transformers.pipeline("text-classification", folder).')


def details(run: runs.Run) -> None:
    """One run: its settings, figures and files, and what can be done with it."""
    st.caption(plain(settings_line(run)))
    if run.error:
        st.error(plain(run.error))
    figures(run)
    if (run.folder / "outputs.npz").exists():
        files(run)
    with st.expander("All settings"):
        st.dataframe(settings_table(run), hide_index=True, key="settings")
    with st.container(horizontal=True):
        if use_settings_button(run, key="like"):
            st.switch_page("pages/train.py", query_params={"project": project.id, LIKE: run.id})
        delete_button([run], key=f"delete:{run.id}")


def single_runs() -> None:
    """All runs, the curves of those that are selected or of the newest, and one run with its files."""
    selected = table_of_runs()
    if len(selected) > 1:
        delete_button(selected, key="delete_selected")
    chart, measure = selected or found[:5], run_charts.measure_choice(project, "runs_measure")
    run_charts.evaluation_chart(chart, measure, key="runs_curves")
    st.subheader("One run", anchor=False)
    titles, by_id = run_titles(found), {run.id: run for run in found}
    with_outputs = [place for place, run in enumerate(found) if (run.folder / "outputs.npz").exists()]
    choice = st.selectbox("Run", list(titles), index=next(iter(with_outputs), 0), format_func=titles.__getitem__)
    try:
        details(by_id[choice])
    except SynweightError as error:
        st.error(plain(error))
    trash_panel(project)


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
