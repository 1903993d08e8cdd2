"""Results in the forms that other tools open: weighted rows, the model as one zip, everything of a run in a folder.

The recipe, the map's file, snippets and the model card are made elsewhere (`recipe`, `atlas`, `snippets`,
`model_card`); this module only writes them beside the rows.
"""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from synweight_core import atlas, storage
from synweight_core.curated import curated_weights, edit_words, relabelled, weight_columns
from synweight_core.curation import Curation, load_curation
from synweight_core.data import Dataset
from synweight_core.errors import DataError, NotFoundError
from synweight_core.losses import LOSSES
from synweight_core.prepare import Prepared, load_prepared, need_prepared
from synweight_core.projects import load_dataset, load_project
from synweight_core.recipe import Recipe, run_recipe, run_row_weights, to_json
from synweight_core.runs import Run
from synweight_core.snippets import SNIPPETS
from synweight_core.soft_targets import taught
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings

TARGET_PREFIX = "target:"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run


def weighted_rows(
    dataset: Dataset,
    prepared: Prepared | None,
    row_weights: np.ndarray,
    *,
    curation: Curation | None = None,
    settings: WeightSettings | None = None,
) -> pd.DataFrame:
    """The synthetic rows, excluded ones too, with `weight`, `label_in_file`, `edit` and what the checkers say.

    `label` is the current one, `edit` says what was done to the row. Where they are computed: `quality` (0 to 1),
    `diversity` and `relevance` (nats), and, at these `settings`, the columns that the weights are made of:
    `log_quality` (nats, with the chosen temperature; NaN not judged) and `log_reference` (nats); with soft targets also
    `target:LABEL`, how much of each label the row teaches (0 to 1).
    """
    rows = dataset.synthetic.assign(weight=row_weights, label_in_file=dataset.synthetic["label"], edit="")
    if curation is not None and curation.edited:
        labels = pd.Series(np.asarray(dataset.labels, dtype=object)[curation.labels], dtype=str)
        rows = rows.assign(label=labels, edit=edit_words(curation))
        prepared = prepared and relabelled(prepared, curation)
    if prepared is None:
        return rows
    relevance = prepared.relevance[: prepared.n_synthetic]
    rows = rows.assign(quality=np.exp(prepared.log_quality), diversity=-prepared.log_reference, relevance=relevance)
    if curation is None or settings is None:
        return rows
    columns = weight_columns(prepared, settings, curation)
    rows = rows.assign(log_quality=columns.log_quality, log_reference=columns.log_reference)
    if not settings.soft_share:
        return rows
    targets = taught(columns.quality, columns.labels, settings, weights=row_weights, real_shares=columns.real_shares)
    of_label = zip(dataset.labels, targets.T, strict=True)
    return rows.assign(**{f"{TARGET_PREFIX}{label}": shares for label, shares in of_label})


def project_weights(project_id: str, settings: WeightSettings) -> pd.DataFrame:
    """The weighted rows of a prepared project at these settings, as edited. Raises NotFoundError."""
    project = load_project(project_id)
    prepared, curation = need_prepared(project), load_curation(project)
    row_weights = curated_weights(prepared, settings, curation)
    return weighted_rows(load_dataset(project), prepared, row_weights, curation=curation, settings=settings)


def run_weights(run: Run) -> pd.DataFrame:
    """The rows with the weights as the run last used them, and the edits that it knew.

    Raises:
        NotFoundError: the run has not ended with a model.
        DataError: it trained on real rows alone, which have no weights, or its edits are lost.
    """
    row_weights, project = run_row_weights(run), load_project(run.project)
    curation, config = load_curation(project, lines=run.settings.get("edits", 0)), TrainConfig(**run.settings)
    settings = config.weight_settings
    if LOSSES[config.loss].is_placebo:  # what it taught is on purpose wrong
        settings = replace(settings, soft_share=0.0)
    return weighted_rows(
        load_dataset(project), load_prepared(project), row_weights, curation=curation, settings=settings
    )


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


def to_jsonl(rows: pd.DataFrame) -> bytes:
    """JSON lines in UTF-8, one object a row, numbers to 15 digits; a missing number is null."""
    text = rows.to_json(orient="records", lines=True, force_ascii=False, double_precision=15)
    return text.encode("utf-8")


FORMS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {".parquet": to_parquet, ".csv": to_csv, ".jsonl": to_jsonl}


def save_dataset(rows: pd.DataFrame, folder: Path) -> None:
    """A folder that `datasets.load_from_disk` opens; one that is there is replaced."""
    import datasets

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as temporary, _without_progress_bars():
        new = Path(temporary) / folder.name
        datasets.Dataset.from_pandas(rows, preserve_index=False).save_to_disk(str(new))
        if folder.exists():
            _check_replaceable(folder)
            folder.rename(Path(temporary) / "old")
        new.rename(folder)


def dataset_zip(rows: pd.DataFrame) -> bytes:
    """The folder of `save_dataset` as one zip, for downloads."""
    content = io.BytesIO()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "weights_dataset"
        save_dataset(rows, folder)
        _zip(folder, content)
    return content.getvalue()


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
    """Everything of a run in `folder`: the model, and where it was trained on weighted rows, these in each form.

    Returns the paths written. Raises as `model_zip` and `run_weights`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model_zip(run), folder / "model.zip")
    if run.settings.get("train_on") == "real":
        return [folder / "model.zip"]
    project = load_project(run.project)
    curation = load_curation(project, lines=run.settings.get("edits", 0))
    rows, prepared = run_weights(run), load_prepared(project)
    written = [folder / "model.zip", *_write_rows(rows, folder), _write_recipe(run_recipe(run), folder)]
    if prepared is not None:
        row_weights = rows["weight"].to_numpy()
        atlas.write_atlas(project, folder / "atlas.parquet", prepared=prepared, curation=curation, weights=row_weights)
        written.append(folder / "atlas.parquet")
    return written


def _write_rows(rows: pd.DataFrame, folder: Path) -> list[Path]:
    for suffix, form in FORMS.items():
        (folder / f"weights{suffix}").write_bytes(form(rows))
    save_dataset(rows, folder / "weights_dataset")
    for snippet in SNIPPETS.values():
        (folder / snippet.file_name).write_text(snippet.code, encoding="utf-8")
    names = [*(f"weights{suffix}" for suffix in FORMS), "weights_dataset", *(s.file_name for s in SNIPPETS.values())]
    return [folder / name for name in names]


def _write_recipe(recipe: Recipe, folder: Path) -> Path:
    (folder / "recipe.json").write_text(to_json(recipe), encoding="utf-8")
    return folder / "recipe.json"


def _check_replaceable(folder: Path) -> None:
    if not (folder / "dataset_info.json").exists():
        raise DataError(
            f"{folder} is there already and holds no data set; expected none, or one that was exported before. "
            "Choose another folder."
        )


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _zip(folder: Path, target: Path | BinaryIO) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
