"""Computed arrays on disk, found again by the content that they were computed from.

`cached("vectors", key, compute)` returns the stored arrays or computes and stores them. Files are
uncompressed `.npz` without pickle. A cache file can be deleted at any time: it is only computed again.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from synweight_core import storage

Arrays = Mapping[str, np.ndarray]


def content_key(*parts: object) -> str:
    """A hash over JSON-able parts: inputs, model, arguments and version of a computation."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def load(kind: str, key: str) -> Arrays | None:
    """The stored arrays, or None when they are absent or damaged; a damaged file is removed."""
    try:
        with _path(kind, key).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError:
        return None
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError):
        _path(kind, key).unlink(missing_ok=True)
        return None


def exists(kind: str, key: str) -> bool:
    """Whether `load` has a file to read."""
    return _path(kind, key).exists()


def cached(kind: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The stored arrays, or those of `compute`, stored for the next time."""
    found = load(kind, key)
    if found is not None:
        return found
    arrays = compute()
    storage.write_atomically(_path(kind, key), lambda path: _save(path, arrays))
    return arrays


def _path(kind: str, key: str) -> Path:
    return storage.home() / "cache" / kind / f"{key}.npz"


def _save(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
