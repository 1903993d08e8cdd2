"""Uploads -> a new project: files, columns, label names, choices. A draft on disk keeps it all."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import streamlit as st

from pages.widgets import shell
from pages.widgets.plain import plain
from synweight_core import drafts, projects
from synweight_core.columns import Columns, match_labels
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import SynweightError
from synweight_core.models import MINILM
from synweight_core.tables import READERS
from synweight_core.tuning import KINDS, PROBE

PREVIEW_ROWS = 5
MAX_LABELS_TO_MATCH = 30
_NONE = "(none)"
_UNJUDGED = {
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
        draft = drafts.load_draft(draft_id)
    except SynweightError:  # an id from a mistyped link
        draft_id = st.session_state["draft"] = drafts.new_draft()
        st.query_params.pop("draft", None)
        draft = {}
    columns = st.columns(len(drafts.ROLES), gap="medium")
    uploads = {}
    for place, (role, title) in zip(columns, drafts.ROLES.items(), strict=True):
        with place:
            upload = _file(draft_id, draft, role, title)
            if upload:
                uploads[role] = upload
    if {"synthetic", "real"} <= set(uploads):
        _choices(draft_id, draft, uploads)
    else:
        st.caption("A synthetic and a real file are needed. CSV, TSV, JSONL, JSON, Parquet or XLSX.")


def _file(draft_id: str, draft: dict[str, Any], role: str, title: str) -> Upload | None:
    """One uploader with its preview and its column choices."""
    uploader_key = f"file:{role}:{draft_id}"
    st.file_uploader(
        title, type=[suffix.removeprefix(".") for suffix in READERS], key=uploader_key,
        on_change=_store, args=(draft_id, role, uploader_key),
    )  # fmt: skip
    entry = draft.get(role)
    if not entry:
        return None
    try:
        guessed = _read(entry["sha256"], entry["name"])
    except SynweightError as error:
        st.error(plain(error), icon=":material/error:")
        return None
    st.markdown(f":material/draft: **{plain(entry['name'])}** · {len(guessed.frame):,} rows")
    for note in guessed.notes:
        st.caption(plain(note))
    narrow = {name: st.column_config.TextColumn(width="small") for name in guessed.frame.columns[:50]}
    st.dataframe(guessed.frame.head(PREVIEW_ROWS), hide_index=True, key=f"preview:{role}", column_config=narrow)
    return Upload(guessed.name, guessed.frame, _columns(draft_id, draft, role, guessed))


def _store(draft_id: str, role: str, uploader_key: str) -> None:
    """Put a fresh upload on disk and into the draft; the browser's copy is not needed after that."""
    file = st.session_state[uploader_key]
    draft = drafts.load_draft(draft_id)
    try:
        if file is None:  # the person took it away
            draft.pop(role, None)
        else:
            draft[role] = {"sha256": projects.store_upload(file), "name": file.name, "columns": None}
        drafts.save_draft(draft_id, draft)
    except OSError as error:
        st.error(plain(f"The file could not be kept: {error.strerror}. Free some space in the workspace folder."))
    st.query_params["draft"] = draft_id


@st.cache_resource(max_entries=6, show_spinner="Reading the file")
def _read(sha256: str, name: str) -> Upload:
    return projects.read_upload(projects.upload_path(sha256), name=name)


def _columns(draft_id: str, draft: dict[str, Any], role: str, guessed: Upload) -> Columns:
    """The roles of the columns: guessed, corrected by the person, kept in the draft."""
    options = [_NONE, *guessed.frame.columns[:1000]]
    before = Columns(**draft[role]["columns"]) if draft[role]["columns"] else guessed.columns
    chosen = {}
    for name, label in (
        ("text", "Text"),
        ("label", "Label"),
        ("text_b", "Second text"),
        ("generator", "Generator"),
    ):
        value = getattr(before, name)
        picked = st.selectbox(
            f"{label} column", options, index=options.index(value) if value in options else 0,
            key=f"{name}:{role}:{draft[role]['sha256'][:12]}",
        )  # fmt: skip
        chosen[name] = None if picked == _NONE else picked
    if chosen != asdict(before):
        draft[role]["columns"] = chosen
        drafts.save_draft(draft_id, draft)
    return Columns(**chosen)


def _choices(draft_id: str, draft: dict[str, Any], uploads: dict[str, Upload]) -> None:
    """Label names, name and metric, and the button that creates the project."""
    real, synthetic = uploads["real"], uploads["synthetic"]
    known = _labels(real)
    kept = draft.get("choices", {})
    label_map = _label_map(synthetic, known, kept.get("label_map", {}))
    left, middle, right = st.columns(3, gap="medium", vertical_alignment="bottom")
    default_name = synthetic.name.rsplit(".", 1)[0][:80]
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
        "Synthetic rows whose label no real row has", list(_UNJUDGED), format_func=_UNJUDGED.__getitem__,
        index=_position(_UNJUDGED, kept.get("unjudged")),
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


def _label_map(synthetic: Upload, known: list[str], kept: dict[str, str]) -> dict[str, str]:
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
                plain(label), [_NONE, *known], key=f"label:{label}", width=220,
                index=_position([_NONE, *known], kept.get(label)),
                help="None: the real rows have no such class.",
            )  # fmt: skip
            if picked != _NONE:
                answers[label] = picked
    return answers
