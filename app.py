"""SynWeight Studio: the shell around the pages, the presentation without it. `make app`, or `synweight app`."""

from pathlib import Path

import streamlit as st

from pages.widgets import shell, sign_in, trouble

st.set_page_config(
    page_title="SynWeight Studio", page_icon=str(Path(__file__).parent / "assets" / "logo.svg"), layout="wide"
)

PAGES = {
    "data": st.Page("pages/data.py", title="Data", icon=":material/table_rows:"),
    "map": st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:", default=True),
    "weights": st.Page("pages/weights.py", title="Weights", icon=":material/tune:"),
    "train": st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
    "runs": st.Page("pages/runs.py", title="Runs", icon=":material/leaderboard:"),
    "projects": st.Page("pages/projects.py", title="Projects", icon=":material/folder_copy:"),
}

PRESENT = st.Page("pages/present.py", title="Presentation", icon=":material/co_present:")

page = st.navigation([*PAGES.values(), PRESENT], position="hidden")
sign_in.need_permission()
with trouble.told():
    if page is PRESENT:
        shell.bare()
    else:
        shell.sidebar(PAGES)
    page.run()
