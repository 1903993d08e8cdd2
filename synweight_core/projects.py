"""A project: one data set in one folder, named by its content, with the settings that people chose.

    projects/<id>/project.json  synthetic.parquet  real.parquet  dropped.parquet  settings.json  view.json

The same upload with the same choices is the same project. Uploaded files are kept by content hash in
`uploads/`, so that a reload of the page loses nothing.
"""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from synweight_core import cache, storage, tables
from synweight_core.columns import Columns, guess_columns
from synweight_core.data import Dataset, Unjudged, Upload, build_dataset, check_trainable, label_codes
from synweight_core.errors import DataError, NotFoundError
from synweight_core.findings import Finding
from synweight_core.models import MINILM
from synweight_core.tuning import KINDS, PROBE
from synweight_core.weighting import WeightSettings

DEMO_FOLDER = Path(__file__).parent.parent / "assets" / "demo"
MAX_SETTING = 1000.0
METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
RECALL_PREFIX = "recall:"  # "recall:refund" is the recall of one class


@dataclass(frozen=True)
class MadeFrom:
    """Of which project's rows one was made, and without what: a flaw by its name in `flaws.KINDS`, of how many rows."""

    project: str
    without: str
    rows: int


@dataclass(frozen=True)
class Project:
    """The small facts of a project, as `project.json` holds them."""

    id: str
    name: str
    created: float
    data_hash: str
    labels: tuple[str, ...]
    counts: dict[str, int]  # synthetic, train, validation, test, dropped
    findings: tuple[Finding, ...]
    files: dict[str, str]
    metric: str = "accuracy"
    encoder: str = "minilm"
    is_pairs: bool = False
    checker: str = PROBE  # of tuning.KINDS
    checker_model: str = MINILM  # what a fine-tuned checker begins with
    made_from: MadeFrom | None = None

    @property
    def folder(self) -> Path:
        """The folder that holds this project."""
        return _folder(self.id)


def store_upload(stream: BinaryIO) -> str:
    """Copy a file into the workspace; its SHA-256 is its name."""
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)

    def copy(path: Path) -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)

    storage.write_atomically(storage.home() / "uploads" / digest.hexdigest(), copy)
    return digest.hexdigest()


def upload_path(sha256: str) -> Path:
    """The stored upload. Raises NotFoundError when there is none."""
    path = storage.home() / "uploads" / storage.checked_id(sha256)
    if not path.exists():
        raise NotFoundError("This uploaded file is no longer in the workspace. Upload it again.")
    return path


def read_upload(path: Path, *, name: str | None = None, columns: Columns | None = None) -> Upload:
    """A file as an upload, with guessed columns unless they are given. Raises DataError."""
    table = tables.read_table(path, name=name)
    return Upload(name or path.name, table.frame, columns or guess_columns(table.frame), table.notes)


def create_project(
    dataset: Dataset,
    name: str,
    *,
    metric: str = "accuracy",
    encoder: str = "minilm",
    checker: str = PROBE,
    checker_model: str = MINILM,
    files: dict[str, str] | None = None,
    made_from: MadeFrom | None = None,
    fill: Callable[[Project], None] = lambda made: None,
) -> Project:
    """Write a project folder, or return the one that holds exactly this data already.

    `fill` may write more into a new folder, before anybody can see the project. `checker` is of
    `tuning.KINDS`; `checker_model` is the folder or hub id that a fine-tuned one begins with.

    Raises:
        DataError: `metric` is neither in METRICS nor "recall:" and one of the labels; no such checker.
    """
    check_metric(metric, dataset.labels)
    if checker not in KINDS or not checker_model.strip():
        raise DataError(
            f"Checker '{checker}' with model '{checker_model}' is not known. Expected one of {', '.join(KINDS)}, and "
            "minilm, a local folder, or a model id of the Hugging Face hub."
        )
    check_trainable(dataset)
    if not encoder.strip():
        raise DataError("No encoder is named. Use minilm, a local folder, or a model id of the Hugging Face hub.")
    data_hash = dataset.content_hash()
    kind = () if checker == PROBE else (checker, checker_model)
    key = cache.content_key(data_hash, _frames_hash(dataset), metric, encoder, *kind)[:8]
    project_id = f"{storage.slug(name)}-{key}"
    if (_folder(project_id) / "project.json").exists():
        return load_project(project_id)
    counts = {"synthetic": len(dataset.synthetic), "dropped": len(dataset.dropped)}
    counts |= {str(k): int(v) for k, v in dataset.real["split"].value_counts().items()}
    project = Project(
        id=project_id,
        name=name,
        created=time.time(),
        data_hash=data_hash,
        labels=dataset.labels,
        counts=counts,
        findings=dataset.findings,
        files=files or {},
        metric=metric,
        encoder=encoder,
        is_pairs=dataset.is_pairs,
        checker=checker,
        checker_model=checker_model if kind else MINILM,
        made_from=made_from,
    )
    for part in ("synthetic", "real", "dropped"):
        frame: pd.DataFrame = getattr(dataset, part)
        storage.write_atomically(project.folder / f"{part}.parquet", frame.to_parquet)
    fill(project)
    storage.write_json(project.folder / "project.json", asdict(project))
    return project


def check_metric(metric: str, labels: tuple[str, ...]) -> None:
    """Raise DataError unless the metric can be computed on these labels."""
    known = (*METRICS, *(RECALL_PREFIX + label for label in labels))
    if metric not in known:
        raise DataError(f"Metric '{metric}' is not known. Expected one of: {', '.join(known)}.")


def metric_label(metric: str) -> str:
    """The metric in words: 'Macro-F1', 'Recall of refund'."""
    return METRICS.get(metric) or f"Recall of {metric.removeprefix(RECALL_PREFIX)}"


def list_projects() -> list[Project]:
    """All projects of the workspace, newest first."""
    folder = storage.home() / "projects"
    found = (_read(path.parent.name) for path in folder.glob("*/project.json"))
    return sorted((p for p in found if p), key=lambda project: project.created, reverse=True)


def load_project(project_id: str) -> Project:
    """One project. Raises NotFoundError."""
    project = _read(storage.checked_id(project_id))
    if project is None:
        raise NotFoundError(f"There is no project '{project_id}' here. Choose one from the list.")
    return project


def load_dataset(project: Project) -> Dataset:
    """The rows of a project."""
    parts = {p: pd.read_parquet(project.folder / f"{p}.parquet") for p in ("synthetic", "real", "dropped")}
    return Dataset(
        synthetic=parts["synthetic"],
        real=parts["real"],
        labels=project.labels,
        findings=project.findings,
        dropped=parts["dropped"],
    )


def load_label_codes(project: Project) -> np.ndarray:
    """The label codes of the synthetic rows as their file has them, read without the texts. int64 [n]"""
    labels = pd.read_parquet(project.folder / "synthetic.parquet", columns=["label"])["label"]
    return label_codes(labels, project.labels)


def load_settings(project: Project) -> WeightSettings:
    """The weight settings last used in this project."""
    stored = storage.read_json(project.folder / "settings.json")
    return WeightSettings(**stored) if stored else WeightSettings()


def save_settings(project: Project, settings: WeightSettings) -> None:
    """Keep the weight settings for the next visit. Raises ValueError when no slider could show them."""
    numbers = {name: value for name, value in asdict(settings).items() if isinstance(value, int | float)}
    beyond = [name for name, value in numbers.items() if not abs(value) <= MAX_SETTING]
    if beyond:
        raise ValueError(f"{', '.join(beyond)}: expected finite numbers of at most {MAX_SETTING:g}.")
    storage.write_json(project.folder / "settings.json", asdict(settings))


def demo_project() -> Project:
    """The built-in demo, created on first use."""
    return project_from_files(
        DEMO_FOLDER / "synthetic.csv",
        DEMO_FOLDER / "real.csv",
        DEMO_FOLDER / "real_test.csv",
        name="Demo",
        synthetic_columns=Columns("text", "label", generator="batch"),
    )


def project_from_files(
    synthetic: Path,
    real: Path,
    test: Path | None = None,
    *,
    name: str,
    metric: str = "accuracy",
    encoder: str = "minilm",
    checker: str = PROBE,
    checker_model: str = MINILM,
    unjudged: Unjudged = "drop",
    synthetic_columns: Columns | None = None,
) -> Project:
    """A project straight from files, columns guessed. Raises DataError."""
    uploads = {"synthetic": read_upload(synthetic, columns=synthetic_columns), "real": read_upload(real)}
    if test:
        uploads["test"] = read_upload(test)
    dataset = build_dataset(uploads["synthetic"], uploads["real"], uploads.get("test"), unjudged=unjudged)
    files = {role: upload.name for role, upload in uploads.items()}
    return create_project(
        dataset, name, metric=metric, encoder=encoder, checker=checker, checker_model=checker_model, files=files
    )


def _frames_hash(dataset: Dataset) -> str:
    """A hash of every cell, columns that no model sees included."""
    digest = hashlib.sha256()
    for frame in (dataset.synthetic, dataset.real, dataset.dropped):
        digest.update("\x1f".join(frame.columns).encode("utf-8", "surrogatepass"))
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _folder(project_id: str) -> Path:
    return storage.home() / "projects" / project_id


def _read(project_id: str) -> Project | None:
    stored = storage.read_json(_folder(project_id) / "project.json")
    try:
        findings = tuple(Finding(**finding) for finding in stored["findings"])
        made_from = MadeFrom(**stored["made_from"]) if stored.get("made_from") else None
        return Project(**stored | {"labels": tuple(stored["labels"]), "findings": findings, "made_from": made_from})
    except (TypeError, KeyError):  # absent, damaged, or of another version: one folder must not break all pages
        return None
