"""Files -> a new project: label names, name, metric, checkers. A draft on disk keeps it all."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from pages.widgets import shell
from pages.widgets.file_box import NONE, file_box
from pages.widgets.plain import plain
from synweight_core import drafts, projects
from synweight_core.columns import match_labels
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import SynweightError
from synweight_core.models import MINILM
from synweight_core.tuning import KINDS, PROBE

MAX_LABELS_TO_MATCH = 30
UNJUDGED = {
    "drop": "Leave these rows out",
    "weight_one": "Keep them with weight 1",
    "block": "Stop and tell me",
}


def has_draft() -> bool:
    """Whether a project is being put together in this tab."""
    return "draft" in st.query_params


def new_project() -> None:
    """The form for a new project, from files to the button that creates it."""
    draft_id = st.query_params.get("draft") or st.session_state.setdefault("draft", drafts.new_draft())
    try:
        drafts.load_draft(draft_id)
    except SynweightError:  # an id from a mistyped link
        draft_id = st.session_state["draft"] = drafts.new_draft()
        st.query_params.pop("draft", None)
    st.session_state["draft"] = draft_id
    columns = st.columns(len(drafts.ROLES), gap="medium")
    uploads = {}
    for place, (role, title) in zip(columns, drafts.ROLES.items(), strict=True):
        with place:
            upload = file_box(draft_id, role, title)
            if upload:
                uploads[role] = upload
    if {"synthetic", "real"} <= set(uploads):
        _choices(draft_id, drafts.load_draft(draft_id), uploads)
    else:
        st.caption(
            "A synthetic and a real file are needed; several of each are joined. CSV, TSV, JSONL, JSON, Parquet, XLSX."
        )


def _choices(draft_id: str, draft: dict[str, Any], uploads: dict[str, Upload]) -> None:
    """Label names, name and metric, and the button that creates the project."""
    real, synthetic = uploads["real"], uploads["synthetic"]
    known = _labels(real)
    kept = draft.get("choices", {})
    label_map = label_choices(synthetic, known, kept.get("label_map", {}))
    left, middle, right = st.columns(3, gap="medium", vertical_alignment="bottom")
    default_name = drafts.files_of(draft, "synthetic")[0]["name"].rsplit(".", 1)[0][:80]
    name = left.text_input("Project name", kept.get("name", default_name), max_chars=80)
    metrics = {
        **projects.METRICS,
        **{projects.RECALL_PREFIX + label: f"Recall of {label}" for label in known[:50]},
    }
    metric = middle.selectbox(
        "Metric", list(metrics), format_func=metrics.__getitem__, index=_position(metrics, kept.get("metric")),
        help="What the best epoch is picked by and what runs are compared by.",
    )  # fmt: skip
    encoder = right.text_input(
        "Encoder", kept.get("encoder", "minilm"),
        help="minilm (built in, English), a local folder, or a sentence-transformers model on the hub, for example "
        "a multilingual one.",
    )  # fmt: skip
    left, middle, right = st.columns(3, gap="medium")
    checker = left.selectbox(
        "Checkers", list(KINDS), format_func=KINDS.__getitem__, index=_position(KINDS, kept.get("checker")),
        help="What judges the rows: for quality it learns from your real rows, for diversity from the synthetic ones.",
    )  # fmt: skip
    model = middle.text_input(
        "Model of the checkers", kept.get("checker_model", MINILM), disabled=checker == PROBE,
        help="What fine-tuned checkers begin with: minilm (built in), a local folder, or a model on the hub. It may be "
        "smaller than the model that you train.",
    )  # fmt: skip
    unjudged = right.selectbox(
        "Synthetic rows whose label no real row has", list(UNJUDGED), format_func=UNJUDGED.__getitem__,
        index=_position(UNJUDGED, kept.get("unjudged")),
        help="The quality checker cannot judge a class that it has never seen.",
    )  # fmt: skip
    choices = {
        "name": name, "metric": metric, "encoder": encoder, "checker": checker, "checker_model": model,
        "unjudged": unjudged, "label_map": label_map,
    }  # fmt: skip
    if choices != kept:
        drafts.save_draft(draft_id, draft | {"choices": choices})
    if st.button("Check files and create project", type="primary", icon=":material/check:"):
        try:
            dataset = build_dataset(synthetic, real, uploads.get("test"), label_map=label_map, unjudged=unjudged)
            files = {role: upload.name for role, upload in uploads.items()}
            project = projects.create_project(
                dataset, name or "Project", metric=metric, encoder=encoder.strip(), checker=checker,
                checker_model=model.strip(), files=files,
            )  # fmt: skip
        except SynweightError as error:
            st.error(plain(error), icon=":material/error:")
            st.caption("Your files and choices are kept. Correct what is named above and try again.")
            return
        drafts.delete_draft(draft_id)
        st.query_params.pop("draft", None)
        st.session_state.pop("draft", None)
        shell.open_project(project)


def _position(options: Iterable[str], wanted: str | None) -> int:
    """Where `wanted` stands among the options; 0 when it does not."""
    names = list(options)
    return names.index(wanted) if wanted in names else 0


def _labels(upload: Upload) -> list[str]:
    column = upload.columns.label
    if column is None:
        return []
    return sorted(set(upload.frame[column].str.strip()) - {""})[:1000]


def label_choices(synthetic: Upload, known: list[str], kept: dict[str, str]) -> dict[str, str]:
    """For synthetic label names that match no real one: what the person says they mean."""
    matched = match_labels(_labels(synthetic), known)
    foreign = [label for label, same in matched.items() if same is None]
    if not foreign or not known:
        return {}
    names = "1 synthetic label name is" if len(foreign) == 1 else f"{len(foreign):,} synthetic label names are"
    st.markdown(f"**{names} not among the real ones. Which real label is meant?**")
    answers = {}
    with st.container(horizontal=True):
        for label in foreign[:MAX_LABELS_TO_MATCH]:
            picked = st.selectbox(
                plain(label), [NONE, *known], key=f"label:{label}", width=220,
                index=_position([NONE, *known], kept.get(label)),
                help="None: the real rows have no such class.",
            )  # fmt: skip
            if picked != NONE:
                answers[label] = picked
    return answers
