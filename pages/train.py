"""Train: choose a loss, start a run, watch it live."""

from dataclasses import asdict

import streamlit as st

from pages.widgets import live, shell
from pages.widgets.weight_controls import quality_help
from synweight_core import projects, runs
from synweight_core.launch import project_config, start_training
from synweight_core.presets import settings_words
from synweight_core.projects import Project
from synweight_core.train_config import DEVICES, TRAIN_ON, TrainConfig
from synweight_core.weighting import LOSSES

MAX_SEEDS = 10

shell.page_header(
    "Train", "Fine-tune a classifier with weighted rows, and watch it learn. Next: compare on the Runs page."
)
project = shell.need_project()


def last_config(project: Project) -> TrainConfig:
    """What was last trained in this project, as the form's starting values; at first DIMP with defaults."""
    latest = runs.list_runs(project_id=project.id, kind="train")[:1]
    try:
        return TrainConfig(**latest[0].settings)
    except (IndexError, TypeError, ValueError):  # none yet, or one of another version
        return TrainConfig(loss="dimp")


def config_form(project: Project) -> list[TrainConfig] | None:
    """The form; the configurations to start when its button was pressed, one a seed."""
    tuned = projects.load_settings(project)
    last = last_config(project)
    wanted = st.query_params.get("loss")
    loss_names = list(LOSSES)
    loss_index = loss_names.index(wanted if wanted in LOSSES else last.loss)
    with st.form("train", border=False):
        loss = st.selectbox(
            "Loss", loss_names, index=loss_index, format_func=lambda name: LOSSES[name].label,
            help=" ".join(f"{row.label}: {row.help}" for row in LOSSES.values()),
        )  # fmt: skip
        train_on = st.selectbox(
            "Train on", list(TRAIN_ON), format_func=TRAIN_ON.__getitem__,
            help="The real rows alone are the baseline that synthetic rows must beat.",
        )  # fmt: skip
        left, right = st.columns(2)
        epochs = left.number_input("Epochs", 1, 1000, last.epochs)
        batch_size = right.number_input("Batch size (rows)", 1, 4096, last.batch_size)
        learning_rate = st.number_input("Learning rate", 1e-7, 0.1, last.learning_rate, step=1e-5, format="%.6f")
        left, right = st.columns(2)
        seed = left.number_input("First seed", 0, 2**31 - 1, last.seed)
        seeds = right.number_input(
            "Seeds", 1, MAX_SEEDS, 1, help="Runs that differ only in their seed show how much is chance."
        )
        with st.expander("Model and device"):
            backbone = st.text_input(
                "Backbone", last.backbone,
                help="minilm (built in), a local folder, or the id of a model on the Hugging Face hub.",
            )  # fmt: skip
            device = st.selectbox("Device", DEVICES, index=DEVICES.index(last.device))
            per_epoch = st.number_input("Evaluations per epoch", 1, 100, last.evaluations_per_epoch)
        st.caption(
            f"The loss Your weights uses what is set on the Weights page: {settings_words(tuned)}. "
            "The others have terms of their own, within the same smallest and largest weight."
        )
        if not st.form_submit_button("Start training", type="primary", icon=":material/play_arrow:", width="stretch"):
            return None
    chosen = {
        "loss": loss, "train_on": train_on, "epochs": epochs, "batch_size": batch_size,
        "learning_rate": learning_rate, "backbone": backbone.strip(), "device": device,
        "evaluations_per_epoch": per_epoch,
    }  # fmt: skip
    return [project_config(project, **chosen, seed=number) for number in range(seed, seed + seeds)]


instruments, canvas = shell.instruments_and_canvas()
with instruments:
    prepared = shell.prepared_or_progress(project)
    configs = config_form(project) if prepared else None
    if prepared:
        st.caption(quality_help(project, prepared))
if configs and not runs.started_just_now(project.id, asdict(configs[-1])):  # a double click is one wish
    for config in configs:
        start_training(project, config)
    st.query_params.pop("loss", None)
    st.session_state.pop(f"watched:{project.id}", None)
    st.rerun()  # so that the sidebar shows the new run, and a reload does not start it twice

with canvas:
    live.live_runs(project)
