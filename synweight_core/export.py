"""Results in the forms that other tools open: weighted rows as Parquet or CSV, the model as one zip."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from synweight_core import storage
from synweight_core.curated import curated_weights, edit_words, relabelled
from synweight_core.curation import Curation, load_curation
from synweight_core.data import Dataset
from synweight_core.errors import DataError, NotFoundError
from synweight_core.prepare import Prepared, load_prepared, need_prepared
from synweight_core.projects import load_dataset, load_project
from synweight_core.runs import Run
from synweight_core.weighting import WeightSettings

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run


def weighted_rows(
    dataset: Dataset, prepared: Prepared | None, row_weights: np.ndarray, *, curation: Curation | None = None
) -> pd.DataFrame:
    """The synthetic rows with `weight` and, where they are computed, `quality` and `diversity` (in nats).

    Rows that were edited bring two more columns: `label` is then the current one, `label_in_file` that of the
    upload, and `edit` says what was done. Excluded rows stay in the table.
    """
    rows = dataset.synthetic.assign(weight=row_weights)
    if curation is not None and curation.edited:
        labels = pd.Series(np.asarray(dataset.labels, dtype=object)[curation.labels], dtype=str)
        rows = rows.assign(label=labels, label_in_file=rows["label"], edit=edit_words(curation))
        prepared = prepared and relabelled(prepared, curation)
    if prepared is None:
        return rows
    return rows.assign(quality=np.exp(prepared.log_quality), diversity=-prepared.log_reference)


def project_weights(project_id: str, settings: WeightSettings) -> pd.DataFrame:
    """The weighted rows of a prepared project at these settings, as edited. Raises NotFoundError."""
    project = load_project(project_id)
    prepared, curation = need_prepared(project), load_curation(project)
    row_weights = curated_weights(prepared, settings, curation)
    return weighted_rows(load_dataset(project), prepared, row_weights, curation=curation)


def run_weights(run: Run) -> pd.DataFrame:
    """The rows with the weights as the run last used them, and the edits that it knew.

    Raises:
        NotFoundError: the run has not ended with a model.
        DataError: it trained on real rows alone, which have no weights, or its edits are lost.
    """
    if run.settings.get("train_on") == "real":
        raise DataError("This run trained on the real rows alone; they have no weights to export.")
    outputs = run.folder / "outputs.npz"
    if not outputs.exists():
        raise NotFoundError("This run kept no weights: it ended before its first step.")
    project = load_project(run.project)
    curation = load_curation(project, lines=run.settings.get("edits", 0))
    with np.load(outputs, allow_pickle=False) as stored:
        row_weights = stored["row_weights"]
    return weighted_rows(load_dataset(project), load_prepared(project), row_weights, curation=curation)


def to_parquet(rows: pd.DataFrame) -> bytes:
    """A Parquet file."""
    return bytes(rows.to_parquet(index=False))


def to_csv(rows: pd.DataFrame) -> bytes:
    """A CSV file in UTF-8. Texts that a spreadsheet would run as a formula get a leading apostrophe."""
    safe = rows.copy()
    for name in safe.columns[[dtype == "str" for dtype in safe.dtypes]]:
        risky = safe[name].str.startswith(_FORMULA_STARTS)
        safe[name] = safe[name].where(~risky, "'" + safe[name])
    return safe.to_csv(index=False).encode("utf-8")


def model_zip(run: Run) -> Path:
    """The model folder as one zip, built once. Raises NotFoundError when the run kept no model."""
    model = run.folder / "model"
    if not (model / "config.json").exists():
        raise NotFoundError("This run kept no model: it ended before its first step.")
    target = run.folder / "model.zip"
    if not target.exists():
        storage.write_atomically(target, lambda path: _zip(model, path))
    return target


def export_run(run: Run, folder: Path) -> list[Path]:
    """Weights (Parquet and CSV) and the model zip in `folder`; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "model.zip"]
    written[0].write_bytes(model_zip(run).read_bytes())
    if run.settings.get("train_on") != "real":
        rows = run_weights(run)
        for name, content in (("weights.parquet", to_parquet(rows)), ("weights.csv", to_csv(rows))):
            (folder / name).write_bytes(content)
            written.append(folder / name)
    return written


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
