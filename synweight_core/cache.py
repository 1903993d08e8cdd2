"""Computed arrays on disk, found again by the content that they were computed from.

`cached("vectors", key, compute)` returns the stored arrays or computes and stores them. Files are
uncompressed `.npz` without pickle. A cache file can be deleted at any time: it is only computed again.
"""

import hashlib
import json
import math
import struct
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from synweight_core import storage

Arrays = Mapping[str, np.ndarray]

DAMAGE = (zipfile.BadZipFile, ValueError, EOFError, RuntimeError, struct.error)
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip member: lengths of its name and of its extra field
_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def content_key(*parts: object) -> str:
    """A hash over JSON-able parts: inputs, model, arguments and version of a computation."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def load(kind: str, key: str, *, leave: Collection[str] = ()) -> Arrays | None:
    """The stored arrays, or None when they are absent or damaged; a damaged file is removed.

    Those named in `leave` are not read.
    """
    try:
        with _path(kind, key).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name not in leave}
    except OSError:
        return None
    except DAMAGE:
        _path(kind, key).unlink(missing_ok=True)
        return None


def load_mapped(kind: str, key: str, name: str) -> np.ndarray | None:
    """One stored array as a read-only memory map: nothing is read before it is used.

    None when the file or the array is absent, or the file is damaged; a damaged file is removed. Unlike
    `load`, it compares no checksum of the values.
    """
    path = _path(kind, key)
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            if f"{name}.npy" not in archive.namelist():
                return None
            return mapped(raw, archive, archive.getinfo(f"{name}.npy"))
    except OSError:
        return None
    except DAMAGE:
        path.unlink(missing_ok=True)
        return None


def load_all_mapped(kind: str, key: str) -> Arrays | None:
    """All stored arrays as `load_mapped` gives them."""
    try:
        with zipfile.ZipFile(_path(kind, key)) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, *DAMAGE):
        return None
    arrays = {name: load_mapped(kind, key, name) for name in names}
    whole = {name: array for name, array in arrays.items() if array is not None}
    return whole if len(whole) == len(names) else None


def exists(kind: str, key: str) -> bool:
    """Whether `load` has a file to read."""
    return _path(kind, key).exists()


def cached(kind: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The stored arrays, or those of `compute`, stored for the next time."""
    found = load(kind, key)
    if found is not None:
        return found
    arrays = compute()
    store(kind, key, arrays)
    return arrays


def cached_mapped(kind: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The stored arrays as memory maps, after those of `compute` are stored where there are none."""
    found = load_all_mapped(kind, key)
    if found is None:
        store(kind, key, compute())
        found = load_all_mapped(kind, key)
    if found is None:
        raise OSError(f"The file that was just written for '{kind}' cannot be read again. Check the disk.")
    return found


def store(kind: str, key: str, arrays: Arrays) -> None:
    """Store arrays, or replace those stored. Raises OSError."""
    storage.write_atomically(_path(kind, key), lambda path: _save(path, arrays))


def remove(kind: str, prefix: str) -> None:
    """Remove what is stored under keys that begin with `prefix`."""
    for path in (storage.home() / "cache" / kind).glob(f"{prefix}*.npz"):
        path.unlink(missing_ok=True)


def mapped(raw: BinaryIO, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """The array of a stored zip member, after a check that its headers agree on where it lies. Raises DAMAGE."""
    with archive.open(member) as npy:  # compares the local header with the directory
        read_header = _NPY_HEADERS.get(np.lib.format.read_magic(npy))
        if read_header is None:
            raise ValueError("The array is of an unknown version.")
        shape, is_fortran, dtype = read_header(npy)
        start = npy.tell()
    size = dtype.itemsize * math.prod(shape)
    is_stored = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
    if dtype.hasobject or not is_stored or min(shape, default=0) < 0 or member.file_size != start + size:
        raise ValueError("The array is compressed, needs pickle, or is not as large as its header says.")
    raw.seek(member.header_offset)
    start += member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size)))
    return np.memmap(raw, dtype=dtype, mode="r", offset=start, shape=shape, order="F" if is_fortran else "C")


def _path(kind: str, key: str) -> Path:
    return storage.home() / "cache" / kind / f"{key}.npz"


def _save(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
