"""A project: one data set in one folder, named by its content.

    projects/<id>/  project.json  synthetic.parquet  real.parquet  dropped.parquet

Its weight settings are in `project_settings`, how its map was left in `map_view`.

The same upload with the same choices is the same project.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synweight_core import cache, storage, tables
from synweight_core.columns import Columns, guess_columns
from synweight_core.data import Dataset, Unjudged, Upload, build_dataset, check_trainable, label_codes
from synweight_core.errors import DataError, NotFoundError, file_sentence
from synweight_core.findings import Finding
from synweight_core.models import MINILM
from synweight_core.several_files import combine
from synweight_core.stored import is_number, is_text
from synweight_core.tables.cells import clean_text
from synweight_core.tuning import KINDS, PROBE

DEMO_FOLDER = Path(__file__).parent.parent / "assets" / "demo"
PARTS = ("synthetic", "real", "dropped")
METRICS = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
RECALL_PREFIX = "recall:"  # "recall:refund" is the recall of one class


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
    archived: bool = False  # kept, and left out of short lists
    after: str = ""  # the id of the project of whose rows it was made, where it came of one
    without: str = ""  # the flaw, by its name in `flaws.KINDS`, that was taken out of the texts of that one
    without_rows: int = 0  # of so many

    @property
    def folder(self) -> Path:
        """The folder that holds this project."""
        return folder_of(self.id)

    @property
    def n_known_real(self) -> int:
        """Real rows that may choose something: those on the map."""
        return self.counts.get("train", 0) + self.counts.get("validation", 0)

    @property
    def n_on_map(self) -> int:
        """Synthetic rows, then known real ones."""
        return self.counts["synthetic"] + self.n_known_real


def read_upload(
    path: Path, *, name: str | None = None, columns: Columns | None = None, is_trusted: bool = False
) -> Upload:
    """A file as an upload, with guessed columns unless they are given.

    It is read by a process of its own with limits, unless it `is_trusted`.

    Raises:
        DataError: it is refused.
        WorkspaceError: what was read cannot be kept.
    """
    read = tables.read_table if is_trusted else tables.read_apart
    table = read(path, name=name)
    return Upload(clean_text(name or path.name), table.frame, columns or guess_columns(table.frame), table.notes)


def create_project(
    dataset: Dataset,
    name: str,
    *,
    metric: str = "accuracy",
    encoder: str = "minilm",
    checker: str = PROBE,
    checker_model: str = MINILM,
    files: dict[str, str] | None = None,
    after: str = "",
    without: str = "",
    without_rows: int = 0,
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
    choices = {"metric": metric, "encoder": encoder, "checker": checker, "checker_model": checker_model}
    project_id = f"{storage.slug(name)}-{content_key(dataset, **choices)}"
    if is_project(project_id):
        return load_project(project_id)
    project = Project(
        id=project_id,
        name=name,
        created=time.time(),
        data_hash=dataset.content_hash(),
        labels=dataset.labels,
        counts=row_counts(dataset),
        findings=dataset.findings,
        files=files or {},
        metric=metric,
        encoder=encoder,
        is_pairs=dataset.is_pairs,
        checker=checker,
        checker_model=MINILM if checker == PROBE else checker_model,
        after=after,
        without=without,
        without_rows=without_rows,
    )
    for part in PARTS:
        frame: pd.DataFrame = getattr(dataset, part)
        storage.write_atomically(project.folder / f"{part}.parquet", frame.to_parquet)
    fill(project)
    storage.write_json(project.folder / "project.json", asdict(project))
    return project


def content_key(dataset: Dataset, *, metric: str, encoder: str, checker: str, checker_model: str) -> str:
    """How the id of a project ends that holds these rows with these choices, whatever its name."""
    kind = () if checker == PROBE else (checker, checker_model)
    return cache.content_key(dataset.content_hash(), _frames_hash(dataset), metric, encoder, *kind)[:8]


def row_counts(dataset: Dataset) -> dict[str, int]:
    """How many rows are synthetic, left out, and in each split of the real ones."""
    counts = {"synthetic": len(dataset.synthetic), "dropped": len(dataset.dropped)}
    return counts | {str(k): int(v) for k, v in dataset.real["split"].value_counts().items()}


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


def is_project(project_id: str) -> bool:
    """Whether there is such a project. Raises NotFoundError for an id that is no id."""
    return (folder_of(project_id) / "project.json").exists()


def load_project(project_id: str) -> Project:
    """One project. Raises NotFoundError."""
    project = _read(storage.checked_id(project_id))
    if project is None:
        raise NotFoundError(f"There is no project '{project_id}' here. Choose one from the list.")
    return project


def project_of(project_id: str, stored: Any) -> Project:  # noqa: ANN401 (any JSON value)
    """The project that a file describes; fields that this version does not know are left out.

    Raises TypeError, KeyError or ValueError when it describes none.
    """
    known = {field.name: stored[field.name] for field in fields(Project) if field.name in stored}
    found = Project(**known | {
        "id": project_id,
        "labels": tuple(stored["labels"]),
        "findings": tuple(_finding(finding) for finding in stored["findings"]),
    })  # fmt: skip
    if not _is_sound(found):
        raise ValueError("a field is of another kind")
    return found


def folder_of(project_id: str) -> Path:
    """The folder of a project, whether there is one or not. Raises NotFoundError for an id that is no id."""
    return storage.home() / "projects" / storage.checked_id(project_id)


def load_dataset(project: Project) -> Dataset:
    """The rows of a project. Raises DataError when their files are damaged."""
    parts = {part: read_part(project, part) for part in PARTS}
    return Dataset(
        synthetic=parts["synthetic"],
        real=parts["real"],
        labels=project.labels,
        findings=project.findings,
        dropped=parts["dropped"],
    )


def load_label_codes(project: Project) -> np.ndarray:
    """The label codes of the synthetic rows as their file has them, read without the texts. int64 [n]"""
    labels = read_part(project, "synthetic", columns=["label"])["label"]
    return label_codes(labels, project.labels)


def read_part(project: Project, part: str, *, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of one file of a project: "synthetic", "real" or "dropped". Raises DataError when it is damaged."""
    path = project.folder / f"{part}.parquet"
    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError as error:
        raise DataError(file_sentence(error)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"The rows of '{project.name}' in {path.name} are damaged. Put the file back from a copy, or make the "
            "project again from its uploads: edits and settings are kept."
        ) from error


def demo_project() -> Project:
    """The built-in demo, created on first use."""
    return project_from_files(
        DEMO_FOLDER / "synthetic.csv",
        DEMO_FOLDER / "real.csv",
        DEMO_FOLDER / "real_test.csv",
        name="Demo",
        synthetic_columns=Columns("text", "label", generator="batch"),
        is_trusted=True,
    )


def project_from_files(
    synthetic: Path | Sequence[Path],
    real: Path | Sequence[Path],
    test: Path | Sequence[Path] | None = None,
    *,
    name: str,
    metric: str = "accuracy",
    encoder: str = "minilm",
    checker: str = PROBE,
    checker_model: str = MINILM,
    unjudged: Unjudged = "drop",
    synthetic_columns: Columns | None = None,
    is_trusted: bool = False,
) -> Project:
    """A project straight from files, of each role one or several, columns guessed.

    Raises as `read_upload` and `create_project`.
    """
    read = partial(_read_all, is_trusted=is_trusted)
    uploads = {"synthetic": read(synthetic, synthetic_columns), "real": read(real)}
    if test:
        uploads["test"] = read(test)
    dataset = build_dataset(uploads["synthetic"], uploads["real"], uploads.get("test"), unjudged=unjudged)
    files = {role: upload.name for role, upload in uploads.items()}
    return create_project(
        dataset, name, metric=metric, encoder=encoder, checker=checker, checker_model=checker_model, files=files
    )


def _read_all(paths: Path | Sequence[Path], columns: Columns | None = None, *, is_trusted: bool) -> Upload:
    files = [paths] if isinstance(paths, Path) else paths
    return combine([read_upload(path, columns=columns, is_trusted=is_trusted) for path in files])


def _frames_hash(dataset: Dataset) -> str:
    """A hash of every cell, columns that no model sees included."""
    digest = hashlib.sha256()
    for frame in (dataset.synthetic, dataset.real, dataset.dropped):
        digest.update("\x1f".join(frame.columns).encode("utf-8", "surrogatepass"))
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _read(project_id: str) -> Project | None:
    stored = storage.read_json(folder_of(project_id) / "project.json")
    try:
        return project_of(project_id, stored) if stored["id"] == project_id else None
    except (TypeError, KeyError, ValueError, OverflowError):  # absent, damaged: one folder must not break all pages
        return None


def _finding(stored: dict[str, Any]) -> Finding:
    return Finding(**{field.name: stored[field.name] for field in fields(Finding) if field.name in stored})


def _is_sound(project: Project) -> bool:
    """Whether all fields are of the kind that others count on."""
    own = (project.name, project.data_hash, project.metric, project.encoder, project.checker_model)
    texts = [*own, project.after, project.without, *project.labels]
    if not (isinstance(project.counts, dict) and isinstance(project.files, dict) and all(map(is_text, texts))):
        return False
    if len(set(project.labels)) < len(project.labels):
        return False
    counts, numbers = project.counts, [project.created, project.without_rows, *project.counts.values()]
    texts = [*project.files, *project.files.values(), *(f"{f.message}" for f in project.findings)]
    return (
        {"synthetic", "dropped"} <= counts.keys() and all(map(is_number, numbers)) and all(map(is_text, texts))
        and isinstance(project.is_pairs, bool) and isinstance(project.archived, bool)
        and project.checker in tuple(KINDS)
    )  # fmt: skip
