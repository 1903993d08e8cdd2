"""A recipe file of unknown origin -> a `Recipe` whose every value is of the right kind, or a plain message.

Nothing is believed: sizes end decompression, ids are no paths yet (`storage.checked_id` stands before every folder),
and nothing that a recipe names is opened or loaded here.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from synweight_core import curation
from synweight_core.errors import DataError
from synweight_core.project_settings import MAX_SETTING
from synweight_core.recipe import FORMAT, PARTS, VERSION, InputRows, Recipe, array_hash, section_hash
from synweight_core.rowsets import MAX_ROWS
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings

MAX_BYTES = 512 << 20
_MAX_CHARS = 10_000  # of a name
_MAX_NAMES = 100_000
_SECTIONS = {
    "project": "the project", "settings": "the weight settings", "training": "the settings of the run",
    "edits": "the edits", "inputs": "the hashes of the inputs", "columns": "the encoder and the checkers",
    "weights": "the weights",
}  # fmt: skip


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        DataError: it is no recipe, was cut off or changed, or holds values that no recipe has.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size:,} bytes; a recipe has at most {MAX_BYTES:,}.")
    try:
        return parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not a text in UTF-8; expected a recipe.json as it was exported.") from error


def parse(text: str) -> Recipe:
    """The recipe in a text. Raises DataError as `read_recipe`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            "The recipe is cut off or is not JSON. Use the recipe.json as it was exported, or export it again."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"This is not a recipe: expected a JSON object whose 'format' is '{FORMAT}'.")
    if content.get("version") != VERSION:
        raise DataError("The recipe is of another version of the app. Update the app, or export the recipe again.")
    _check_sections(content)
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        said = "".join(character if character.isprintable() else " " for character in str(error)[:300])
        raise DataError(f"The recipe holds a value that no recipe has ({said}). Export the recipe again.") from error


def _check_sections(content: Mapping[str, Any]) -> None:
    """Raise DataError unless each section is there and has the hash that was written with it."""
    hashes = content.get("sha256")
    missing = [name for name in (*_SECTIONS, "packages") if name not in content]
    if missing or not isinstance(hashes, dict):
        raise DataError(f"The recipe lacks {', '.join(missing) or 'sha256'}. Use the recipe.json as it was exported.")
    for name, words in _SECTIONS.items():
        expected, found = hashes.get(name), section_hash(content[name])
        if expected != found:
            raise DataError(
                f"In the recipe {words} ('{name}') differ from what was exported: expected SHA-256 "
                f"{_shown(expected)}, found '{found}'. Use the recipe.json as it was exported."
            )


def _parsed(content: Mapping[str, Any]) -> Recipe:
    """Raises ValueError, TypeError, OverflowError or AttributeError where a value is of the wrong kind."""
    project, columns = _table(content, "project"), _table(content, "columns")
    labels = tuple(_name(label, "a label") for label in _list(project.get("labels"), "project.labels"))
    settings, training = _settings(_table(content, "settings")), content["training"]
    if training is not None and TrainConfig(**training).weight_settings != settings:
        raise ValueError("the settings of the run are not those of the weights")
    inputs = {part: _input_rows(_table(content["inputs"], part), part) for part in PARTS}
    return Recipe(
        project=_name(project.get("id"), "project.id"),
        labels=labels,
        settings=settings,
        training=None if training is None else asdict(TrainConfig(**training)),
        edits=tuple(_edits(content["edits"], labels)),
        inputs=inputs,
        encoder=_name(columns.get("encoder"), "columns.encoder"),
        checker=_name(columns.get("checker"), "columns.checker"),
        seed=_integer(columns.get("seed"), "columns.seed"),
        keys=_names(_table(columns, "keys"), "columns.keys"),
        real_shares=_shares(columns.get("real_shares"), len(labels)),
        packages=_names(_table(content, "packages"), "packages"),
        weights=_weights(_table(content, "weights"), inputs["synthetic"].rows),
    )


def _settings(section: Mapping[str, Any]) -> WeightSettings:
    numbers = {field.name for field in fields(WeightSettings)} - {"balance"}
    for name in numbers & set(section):
        value = section[name]
        if not _is_number(value) or not abs(value) <= MAX_SETTING:
            raise ValueError(f"settings.{name} is {_shown(value)}; expected a number of at most {MAX_SETTING:g}")
    return WeightSettings(**section)


def _edits(section: object, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    lines = _list(section, "edits")
    for number, line in enumerate(lines, start=1):
        whole = isinstance(line, dict) and str(line.get("kind")) in curation.EDITS and curation.is_whole(line, labels)
        if not whole:
            raise ValueError(f"edit {number} is {_shown(line)}; expected time, kind, rows, value and reason")
    return lines


def _input_rows(section: Mapping[str, Any], part: str) -> InputRows:
    hashes = {name: _hash(section.get(name), f"inputs.{part}.{name}") for name in ("file_sha256", "rows_sha256")}
    return InputRows(_integer(section.get("rows"), f"inputs.{part}.rows"), **hashes)


def _weights(section: Mapping[str, Any], rows: int) -> np.ndarray:
    """The weights, decompressed no further than `rows` numbers. float64 [n]"""
    if section.get("rows") != rows or not isinstance(section.get("float64_zlib"), str):
        raise ValueError(f"weights.rows is {_shown(section.get('rows'))}; expected {rows}, and float64_zlib a text")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(base64.b64decode(section["float64_zlib"], validate=True), max(8 * rows, 1) + 1)
    except (zlib.error, binascii.Error) as error:
        raise ValueError(f"weights.float64_zlib is damaged: {error}") from error
    if len(data) != 8 * rows:
        raise ValueError(f"weights.float64_zlib does not hold {rows} numbers")
    weights = np.frombuffer(data, dtype="<f8").astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("weights.float64_zlib holds a number that is no weight")
    if array_hash(weights) != section.get("sha256"):
        raise ValueError(f"weights.sha256 is {_shown(section.get('sha256'))}; the weights have {array_hash(weights)}")
    return weights


def _shares(section: object, n_classes: int) -> tuple[float, ...]:
    shares = _list(section, "columns.real_shares")
    if len(shares) != n_classes or not all(_is_number(share) and 0 <= share <= 1 for share in shares):
        raise ValueError(f"columns.real_shares are {_shown(shares)}; expected a share of each label")
    return tuple(map(float, shares))


def _table(content: Any, name: str) -> Mapping[str, Any]:  # noqa: ANN401 (any JSON value)
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_shown(value)}; expected an object")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_NAMES:
        raise ValueError(f"{name} is {_shown(value)}; expected a list")
    return value


def _names(section: Mapping[str, Any], name: str) -> dict[str, str]:
    return {_name(key, name): _name(value, name) for key, value in section.items()}


def _name(value: object, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CHARS:
        raise ValueError(f"{name} is {_shown(value)}; expected a text of 1 to {_MAX_CHARS:,} characters")
    value.encode()  # UnicodeEncodeError, a ValueError, for half a character
    return value


def _hash(value: object, name: str) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"{name} is {_shown(value)}; expected 64 hexadecimal digits")
    return value


def _integer(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_ROWS:
        raise ValueError(f"{name} is {_shown(value)}; expected a whole number of at most {MAX_ROWS:,}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _shown(value: object) -> str:
    """A value from the file for a message: short, in ASCII."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
