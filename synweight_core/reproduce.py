"""A recipe -> the weights again, and how far they are from those that it holds.

Three ways, by what is at hand: the workspace with its computed columns (the same bits), an exported Parquet file with
the log-probabilities (to 1e-6), or the texts alone (everything is computed again; the rank correlation is told).
An input or a setting that differs from the recipe is refused by its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from synweight_core.curated import WeightColumns, kept_rows, weight_columns, weights_of
from synweight_core.curation import Curation, replay
from synweight_core.data import Dataset, Unjudged, build_dataset, label_codes
from synweight_core.errors import DataError
from synweight_core.losses import LOSSES
from synweight_core.models import MINILM
from synweight_core.prepare import judged, need_prepared
from synweight_core.projects import Project, load_label_codes, load_project, read_upload
from synweight_core.ranks import spearman
from synweight_core.recipe import PARTS, Recipe, array_hash, column_keys, file_hash, package_versions, rows_hashes
from synweight_core.stages import SEED
from synweight_core.tuning import KINDS, PROBE

Level = Literal["workspace", "file", "texts"]
Report = Callable[[dict[str, Any]], None]

TOLERANCE = 1e-6  # of weights from a file
_STORED = ["text", "text_b", "label", "generator", "row"]  # columns of a project's own files
_NUMBERS = ["log_quality", "log_reference", "relevance", "weight"]


@dataclass(frozen=True)
class Reproduction:
    """What came out: the weights of all synthetic rows [n], and how far they are from those of the recipe.

    `rank_correlation` (Spearman) is NaN where either side is all alike. `changed_packages` are those whose version
    differs: name -> (then, now).
    """

    level: Level
    weights: np.ndarray
    identical: bool
    max_difference: float
    rank_correlation: float
    changed_packages: Mapping[str, tuple[str, str]]


def reproduce(
    recipe: Recipe,
    *,
    files: Mapping[str, Path] | None = None,
    exported: Path | None = None,
    encoder: str | None = None,
    report: Report = lambda event: None,
) -> Reproduction:
    """The weights of a recipe again: from `files`, from an `exported` Parquet file, or from this workspace.

    Args:
        recipe: of `recipe_reading.read_recipe`.
        files: "synthetic", "real" and perhaps "test": the uploads, or the project's own Parquet files.
        exported: the weights.parquet that was exported with the recipe.
        encoder: confirms an encoder other than the built-in one; a recipe alone never makes one load.
        report: gets the stages, as `prepare`.

    Raises:
        NotFoundError: the project is not in this workspace, or not prepared.
        DataError: an input, a setting or a version differs, or the weights do.
    """
    _check_fixed(recipe)
    _check_checker(recipe, is_trained_anew=bool(files))
    if files:
        return _compared(recipe, "texts", _from_texts(recipe, files, encoder, report))
    if exported:
        return _near(recipe, _compared(recipe, "file", _from_export(recipe, exported)))
    return _same(recipe, _compared(recipe, "workspace", _from_workspace(recipe)))


def reproduction_words(found: Reproduction) -> str:
    """A reproduction in one sentence."""
    rows = f"{len(found.weights):,} weights"
    if found.identical:
        return f"{rows}, identical to the last bit."
    if found.level == "file":
        return f"{rows}, equal to {found.max_difference:.1g}."
    rank = found.rank_correlation
    known = "cannot be told: all weights of one side are alike" if np.isnan(rank) else f"{rank:.4f}"
    return f"{rows} from the texts: rank correlation {known}, differences of up to {found.max_difference:.2g}."


def _from_workspace(recipe: Recipe) -> np.ndarray:
    project = load_project(recipe.project)
    _check_stored(recipe, project)
    curation = _replayed(recipe, load_label_codes(project))
    return _weights_of(weight_columns(need_prepared(project), recipe.settings, curation), recipe)


def _from_export(recipe: Recipe, path: Path) -> np.ndarray:
    rows = _exported_rows(path)
    found = array_hash(rows["weight"].to_numpy())
    if found != array_hash(recipe.weights):
        raise _differs(f"The weights in {path.name}", array_hash(recipe.weights), found)
    curation = _replayed(recipe, label_codes(rows["label_in_file"], recipe.labels))
    if not np.array_equal(curation.labels, label_codes(rows["label"], recipe.labels)):
        raise DataError(f"The labels in {path.name} are not those that the edits of the recipe lead to. Export again.")
    log_quality = rows["log_quality"].to_numpy()
    columns = WeightColumns(
        kept=kept_rows(log_quality, recipe.settings, curation),
        log_quality=log_quality,
        log_reference=rows["log_reference"].to_numpy(),
        log_relevance=rows["relevance"].to_numpy(),
        log_prior=curation.log_factor,
        labels=curation.labels,
        quality=np.empty((len(rows), 0)),  # of all classes: no weight needs it
        real_shares=np.array(recipe.real_shares),
    )
    return _weights_of(columns, recipe)


def _from_texts(recipe: Recipe, files: Mapping[str, Path], encoder: str | None, report: Report) -> np.ndarray:
    chosen = _chosen_encoder(recipe, encoder)
    dataset = _read(recipe, files)
    found = rows_hashes(dataset)
    for part in PARTS:
        if found[part] != recipe.inputs[part].rows_sha256:
            raise _differs(f"The {part} rows in {files[part].name}", recipe.inputs[part].rows_sha256, found[part])
    if dataset.labels != recipe.labels:
        raise DataError("The labels in these files are not those of the recipe. Give the files of the project.")
    curation = _replayed(recipe, dataset.label_codes(dataset.synthetic))
    prepared = judged(dataset, chosen, report=report)
    return _weights_of(weight_columns(prepared, recipe.settings, curation), recipe)


def _read(recipe: Recipe, files: Mapping[str, Path]) -> Dataset:
    """The rows of the uploads, or of the project's own files. Raises DataError."""
    hashes = {part: file_hash(files[part]) for part in PARTS}
    if all(hashes[part] == recipe.inputs[part].file_sha256 for part in PARTS):
        stored = {part: pd.read_parquet(files[part]) for part in PARTS}
        return Dataset(**stored, labels=recipe.labels, findings=(), dropped=stored["real"][:0])
    uploads = {role: read_upload(path) for role, path in files.items()}
    unjudged: Unjudged = "weight_one" if 0 in recipe.real_shares else "drop"  # labels that no real row has
    return build_dataset(uploads["synthetic"], uploads["real"], uploads.get("test"), unjudged=unjudged)


def _exported_rows(path: Path) -> pd.DataFrame:
    """The columns of an exported Parquet file that weights are made of. Raises DataError."""
    try:
        rows = pd.read_parquet(path, columns=["label", "label_in_file", *_NUMBERS])
        return rows.astype(dict.fromkeys(_NUMBERS, np.float64))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"{path.name} is not a weights.parquet with log-probabilities; expected the columns label, label_in_file, "
            f"{', '.join(_NUMBERS)}. Give the Parquet file that was exported with the recipe."
        ) from error


def _replayed(recipe: Recipe, original: np.ndarray) -> Curation:
    if len(original) != len(recipe.weights):
        raise DataError(
            f"{len(original):,} synthetic rows were found, and the recipe weighs {len(recipe.weights):,}. Give the "
            "files of the recipe."
        )
    try:
        return replay(recipe.edits, original, label_names=recipe.labels)
    except DataError as error:
        raise DataError("The edits of the recipe name rows that are not there. Export the recipe again.") from error


def _weights_of(columns: WeightColumns, recipe: Recipe) -> np.ndarray:
    """As `curated_weights`; as a run does where it asks no checker, and so no row counts as not judged."""
    settings = recipe.settings
    if recipe.training is not None and settings.alpha == settings.beta == 0:
        columns = replace(columns, log_quality=np.zeros(len(columns.kept)))
    return weights_of(columns, settings)


def _compared(recipe: Recipe, level: Level, weights: np.ndarray) -> Reproduction:
    now = package_versions()
    return Reproduction(
        level=level,
        weights=weights,
        identical=array_hash(weights) == array_hash(recipe.weights),
        max_difference=float(np.abs(weights - recipe.weights).max(initial=0.0)),
        rank_correlation=spearman(weights, recipe.weights),
        changed_packages={
            name: (then, now.get(name, "none")) for name, then in recipe.packages.items() if now.get(name) != then
        },
    )


def _same(recipe: Recipe, found: Reproduction) -> Reproduction:
    if not found.identical:
        raise _other_weights(found, "identical weights")
    return found


def _near(recipe: Recipe, found: Reproduction) -> Reproduction:
    if not found.max_difference <= TOLERANCE:
        raise _other_weights(found, f"differences of at most {TOLERANCE:g}")
    return found


def _other_weights(found: Reproduction, expected: str) -> DataError:
    changed = [f"{name} {then} then, {now} now" for name, (then, now) in found.changed_packages.items()]
    versions = f" Versions differ: {'; '.join(changed)}." if changed else ""
    return DataError(
        f"The weights came out up to {found.max_difference:.3g} away from those of the recipe; expected {expected}."
        f"{versions} Reproduce them from the texts, with --synthetic and --real."
    )


def _check_fixed(recipe: Recipe) -> None:
    """Raise DataError for weights that a model in training moved, or a placebo shuffled: no formula gives them."""
    loss = LOSSES[(recipe.training or {}).get("loss", "tuned")]
    if loss.is_moving or loss.is_placebo:
        how = "moved these weights while the model trained" if loss.is_moving else "shuffled these weights"
        raise DataError(
            f"The loss {loss.label} {how}, so no formula gives them back; the recipe holds them as they were. To make "
            "them again, train with the settings in its 'training'."
        )


def _check_checker(recipe: Recipe, *, is_trained_anew: bool) -> None:
    known = [PROBE] if is_trained_anew else [*KINDS]
    if recipe.checker not in known:
        raise DataError(
            f"The checker of the recipe is {ascii(recipe.checker)[:80]}; here only {' and '.join(known)} can be used."
            " Reproduce the weights in the workspace, or from the exported file with --weights."
        )
    if recipe.seed != SEED:
        raise DataError(f"The seed of the recipe is {ascii(recipe.seed)[:80]}; this version of the app has {SEED}.")


def _check_stored(recipe: Recipe, project: Project) -> None:
    """Raise DataError unless the project's files, labels, encoder and columns are those of the recipe."""
    for part in PARTS:
        found, expected = file_hash(project.folder / f"{part}.parquet"), recipe.inputs[part].file_sha256
        if found != expected:
            raise _differs(f"The file {part}.parquet of project '{project.id}'", expected, found)
    if project.labels != recipe.labels:
        raise DataError(f"The labels of project '{project.id}' are not those of the recipe.")
    if project.encoder != recipe.encoder:
        raise DataError(f"The encoder of the project is '{project.encoder}', that of the recipe another one.")
    for stage, key in column_keys(project).items():
        if recipe.keys.get(stage) != key:
            raise _differs(
                f"What the columns of '{stage}' are computed from (encoder, versions)", recipe.keys.get(stage), key
            )


def _chosen_encoder(recipe: Recipe, encoder: str | None) -> str:
    if encoder is None and recipe.encoder != MINILM:
        raise DataError(
            f"The recipe was made with the encoder {ascii(recipe.encoder)[:200]}, which is not the built-in one. If "
            "you trust that model, name it: --encoder NAME."
        )
    return encoder or MINILM


def _differs(what: str, expected: str | None, found: str) -> DataError:
    return DataError(
        f"{what} changed since the recipe was made: expected SHA-256 {ascii(expected)[:80]}, found '{found}'. Give "
        "the files that the recipe was made from, or export a new recipe."
    )
