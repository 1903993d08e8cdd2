"""Train: choose a loss, start runs, watch them live."""

from dataclasses import asdict

import streamlit as st

from pages.widgets import live, shell
from pages.widgets.plain import plain
from pages.widgets.run_card import LIKE
from pages.widgets.train_form import losses_list, train_form
from pages.widgets.weight_controls import quality_help
from synweight_core import runs
from synweight_core.errors import SynweightError
from synweight_core.launch import start_training

shell.page_header(
    "Train", "Fine-tune a classifier with weighted rows, and watch it learn. Next: compare on the Runs page."
)
project = shell.need_project()
instruments, canvas = shell.instruments_and_canvas()
with instruments:
    prepared = shell.prepared_or_progress(project)
    configs = train_form(project) if prepared else None
    if prepared:
        losses_list()
        st.caption(quality_help(project, prepared))
if configs and not runs.started_just_now(project.id, asdict(configs[-1])):  # a double click is one wish
    try:
        for config in configs:
            start_training(project, config)
    except SynweightError as error:  # a workspace that cannot be written
        st.error(plain(error))
        st.stop()
    for name in ("loss", LIKE):
        st.query_params.pop(name, None)
    live.watch_newest(project)
    st.rerun()  # so that the sidebar shows the new run, and a reload does not start it twice

with canvas:
    live.live_runs(project)
