"""The form of the Train page: what to start, with the values of the last run or of one that was chosen."""

from typing import Any

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.run_card import LIKE
from pages.widgets.run_words import config_of, run_title
from synweight_core import project_settings, runs
from synweight_core.errors import NotFoundError
from synweight_core.launch import config_like, project_config
from synweight_core.losses import LOSSES
from synweight_core.presets import settings_words
from synweight_core.projects import Project
from synweight_core.runs import Run
from synweight_core.train_config import DEVICES, TRAIN_ON, TrainConfig

MAX_SEEDS = 10


def train_form(project: Project) -> list[TrainConfig] | None:
    """The configurations to start when its button was pressed, one a seed.

    Where the URL names a run, the form begins with its settings, and weights and edits are those of the run.
    """
    model = _model_run(project)
    config = config_of(model) if model else None
    if model and config:
        _model_note(model, config)
    with st.form("train", border=False):
        chosen, seeds = _fields(config or _last_config(project), key=model.id if model and config else "")
        st.caption(_weights_words(project, config))
        if not st.form_submit_button("Start training", type="primary", icon=":material/play_arrow:", width="stretch"):
            return None
    numbers = range(chosen["seed"], chosen["seed"] + seeds)
    if config:
        return [config_like(config, **chosen | {"seed": number}) for number in numbers]
    return [project_config(project, **chosen | {"seed": number}) for number in numbers]


def losses_list() -> None:
    """What each loss does, in words."""
    with st.expander("What the losses do"):
        for loss in LOSSES.values():
            kind = " (for comparison only)" if loss.is_placebo else ""
            st.markdown(f"**{plain(loss.label)}**{kind}: {plain(loss.help)}")


def _model_run(project: Project) -> Run | None:
    """The run that the URL names, when it is one of this project."""
    wanted = st.query_params.get(LIKE)
    if wanted is None:
        return None
    try:
        run = runs.load_run(wanted)
    except NotFoundError:
        run = None
    if run is None or run.project != project.id or run.kind != "train" or config_of(run) is None:
        st.query_params.pop(LIKE)
        st.toast("The run of this link cannot be repeated here: the form has the values of the last run.")
        return None
    return run


def _model_note(run: Run, config: TrainConfig) -> None:
    st.info(
        f"These are the settings of {plain(run_title(run))}, its weights included "
        f"({plain(settings_words(config.weight_settings))}; {config.edits:,} edits).",
        icon=":material/content_copy:",
    )
    if st.button("Use the weights of now", icon=":material/close:", help="Those of the Weights page, and all edits."):
        st.query_params.pop(LIKE)
        st.rerun()


def _last_config(project: Project) -> TrainConfig:
    """What was last trained in this project; at first DIMP with defaults."""
    latest = runs.list_runs(project_id=project.id, kind="train")[:1]
    return (config_of(latest[0]) if latest else None) or TrainConfig(loss="tuned")


def _fields(start: TrainConfig, *, key: str) -> tuple[dict[str, Any], int]:
    """What was chosen, and how many seeds; `key` tells forms apart that begin with other values."""
    losses, wanted = list(LOSSES), st.query_params.get("loss")
    loss = st.selectbox(
        "Loss", losses, index=losses.index(wanted if wanted in LOSSES else start.loss), key=f"loss:{wanted}:{key}",
        format_func=lambda name: LOSSES[name].label + (" (for comparison)" if LOSSES[name].is_placebo else ""),
    )  # fmt: skip
    train_on = st.selectbox(
        "Train on", list(TRAIN_ON), index=list(TRAIN_ON).index(start.train_on), format_func=TRAIN_ON.__getitem__,
        help="The real rows alone are the baseline that synthetic rows must beat.", key=f"train_on:{key}",
    )  # fmt: skip
    left, right = st.columns(2)
    epochs = left.number_input("Epochs", 1, 1000, start.epochs, key=f"epochs:{key}")
    batch_size = right.number_input("Batch size (rows)", 1, 4096, start.batch_size, key=f"batch_size:{key}")
    learning_rate = st.number_input(
        "Learning rate", 1e-7, 0.1, start.learning_rate, step=1e-5, format="%.6f", key=f"learning_rate:{key}"
    )
    left, right = st.columns(2)
    last_seed = 2**31 - MAX_SEEDS
    seed = left.number_input("First seed", 0, last_seed, min(start.seed, last_seed), key=f"seed:{key}")
    seeds = right.number_input(
        "Seeds", 1, MAX_SEEDS, 1, key=f"seeds:{key}",
        help="Runs that differ only in their seed show how much is chance. Settings that ran with the same seeds are "
        "compared in pairs.",
    )  # fmt: skip
    with st.expander("Model and device"):
        more = _model_fields(start, key=key)
    chosen = {"loss": loss, "train_on": train_on, "epochs": epochs, "batch_size": batch_size, "seed": seed}
    return chosen | {"learning_rate": learning_rate} | more, seeds


def _model_fields(start: TrainConfig, *, key: str) -> dict[str, Any]:
    backbone = st.text_input(
        "Backbone", start.backbone, key=f"backbone:{key}",
        help="minilm (built in), a local folder, or the id of a model on the Hugging Face hub.",
    )  # fmt: skip
    device = st.selectbox("Device", DEVICES, index=DEVICES.index(start.device), key=f"device:{key}")
    per_epoch = st.number_input(
        "Evaluations per epoch", 1, 100, start.evaluations_per_epoch, key=f"evaluations_per_epoch:{key}"
    )
    processes = st.number_input(
        "Processes", 1, 64, start.processes, key=f"processes:{key}",
        help="Each batch is shared by so many processes: one a GPU. The curve stays the same.",
    )  # fmt: skip
    chosen = {"backbone": backbone.strip(), "device": device, "evaluations_per_epoch": per_epoch}
    return chosen | {"processes": processes}


def _weights_words(project: Project, config: TrainConfig | None) -> str:
    used = settings_words(config.weight_settings if config else project_settings.load_settings(project))
    whose = "those of that run" if config else "what is set on the Weights page"
    return (
        f"The loss Your weights uses {whose}: {used}. The others have terms of their own, within the same smallest "
        "and largest weight."
    )
