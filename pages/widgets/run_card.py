"""One run as it is now: status, its own settings, how far it is, what is doubtful, and what can be done with it."""

import streamlit as st

from pages.widgets.plain import plain
from pages.widgets.run_charts import log_of
from pages.widgets.run_words import config_of, run_title, settings_line
from synweight_core import runs, stored
from synweight_core.errors import SynweightError
from synweight_core.run_log import RunLog
from synweight_core.runs import Run
from synweight_core.units import duration, share, size

_STATUS = {"queued": "starting", "running": "running", "finished": "finished", "stopped": "stopped", "failed": "failed"}
LIKE = "like"  # of the URL: the run whose settings the Train form begins with


def run_card(run: Run) -> None:
    """What is known of the run at this moment."""
    log = log_of(run)
    with st.container(border=True):
        with st.container(horizontal=True, wrap=False, vertical_alignment="top"):
            st.markdown(f"**{plain(run_title(run))}** · {_STATUS[run.status]}{_outcome(run)}", width="stretch")
            _actions(run)
        st.caption("  \n".join(plain(line) for line in (settings_line(run), _summary(run)) if line))
        if run.is_active:
            _progress(run, log)
        for doubt in stored.texts(log.started.get("doubts")):
            st.warning(f"Doubtful weights. {plain(doubt)}", icon=":material/warning:")
        for notice in dict.fromkeys(log.notices):
            st.info(plain(notice), icon=":material/info:")
        if run.error:
            st.error(plain(run.error))


def use_settings_button(run: Run, *, key: str) -> bool:
    """ "Use these settings"; whether it was pressed. Not there where another version wrote the settings."""
    if config_of(run) is None:
        return False
    return st.button(
        "Use these settings", icon=":material/content_copy:", key=f"{key}:{run.id}",
        help="Fill the form of the Train page with the settings of this run, its weights and edits included.",
    )  # fmt: skip


def _actions(run: Run) -> None:
    if run.is_active:
        if st.button("Stop", key=f"stop:{run.id}", icon=":material/stop:", disabled=runs.stop_requested(run.folder)):
            runs.request_stop(run.id)
        return
    if run.can_resume:
        st.button(
            "Resume", icon=":material/resume:", key=f"resume:{run.id}", on_click=_resume, args=(run.id,),
            help="Go on from the last checkpoint, on the same curve; from the beginning where there is none.",
        )  # fmt: skip
    if use_settings_button(run, key="like"):
        st.query_params[LIKE] = run.id
        st.rerun()  # the form is not in the fragment of this card


def _resume(run_id: str) -> None:
    try:
        runs.resume(run_id)
    except SynweightError as error:  # it goes on already, or was deleted in another tab
        st.toast(plain(error))


def _progress(run: Run, log: RunLog) -> None:
    if runs.stop_requested(run.folder):
        st.progress(_share(log), text="Stopping: what was trained so far is kept")
    elif not log.started:
        st.progress(0.0, text="Loading the model and the rows")
    elif not log.now:
        st.progress(0.0, text="Taking the first step")
    else:
        st.progress(_share(log), text=_step_words(log))
        st.caption(_figures_words(log))


def _share(log: RunLog) -> float:
    return share(log.now.get("step", 0), log.started.get("total_steps", 0))


def _step_words(log: RunLog) -> str:
    now, started = log.now, log.started
    where = f"on {started['device']} in {started['precision']}" if {"device", "precision"} <= started.keys() else ""
    left = f", {duration(now['seconds_left'])} left" if "seconds_left" in now else ""
    return plain(f"Step {now.get('step', 0):,} of {now.get('total_steps', 0):,} {where}{left}")


def _figures_words(log: RunLog) -> str:
    """What is measured at this moment, as far as it was reported."""
    now, latest = log.now, log.evaluations[-1] if log.evaluations else log.started
    sample = latest.get("effective_sample_size")
    rows = log.started.get("rows")
    memory, busy = now.get("memory_bytes"), now.get("utilization")
    parts = [
        f"training loss {now['loss']:.3f}" if "loss" in now else "",
        f"learning rate {now['learning_rate']:.2g}" if "learning_rate" in now else "",
        f"{now['rows_per_second']:,.0f} rows/s" if "rows_per_second" in now else "",
        f"effective sample size {sample:,.0f} of {rows:,} rows" if sample and rows else "",
        f"device memory {size(memory)}" if memory else "",
        f"device {busy:.0f} % busy" if busy is not None else "",
    ]
    return plain(" · ".join(filter(None, parts)))


def _outcome(run: Run) -> str:
    result = run.result or {}
    scored = {split: result[split]["accuracy"] for split in ("validation", "test") if result.get(split)}
    return "".join(f" · {split} accuracy {100 * accuracy:.1f} %" for split, accuracy in scored.items())


def _summary(run: Run) -> str:
    """What it took, once it has ended with a result."""
    if run.result is None:
        return ""
    result = run.result
    parts = [
        f"took {duration(result['seconds'])}" if "seconds" in result else "",
        f"{result['steps']:,} steps" if "steps" in result else "",
        f"{result['rows_per_second']:,.0f} rows/s" if "rows_per_second" in result else "",
        f"effective sample size {result['effective_sample_size']:,.0f}" if "effective_sample_size" in result else "",
    ]
    return " · ".join(filter(None, parts)) or "It ended before its first step."
