"""What the map's component is told, as one message of bytes. The browser's side is assets/map/src/wire.js.

    "SYNM" | uint32 length of the header | header (JSON, padded to a multiple of 8) | blobs

The header names its blobs by content hash; the message carries only those that the browser is believed to
lack. So places travel once, and a move of a slider costs one byte per row.
"""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synweight_core.clusters import ClusterLabels

MAGIC = b"SYNM"
FRAME_QUANTILES, FRAME_MARGIN = (0.005, 0.995), 1.05


@dataclass(frozen=True)
class Blob:
    """Bytes and the hash that names them."""

    content: bytes
    name: str


def blob(content: bytes) -> Blob:
    """Bytes under the name that their content gives."""
    return Blob(content, hashlib.blake2b(content, digest_size=8).hexdigest())


def json_blob(value: object) -> Blob:
    """A JSON value as a blob."""
    return blob(json.dumps(value, separators=(",", ":")).encode())


@dataclass(frozen=True)
class Frame:
    """How coordinates become places on the map: (xy - centre) / reach. A few far rows may lie beyond -1 and 1."""

    centre: np.ndarray  # [2]
    reach: float

    def place(self, xy: np.ndarray) -> np.ndarray:
        """Places of these coordinates. [n, 2] little-endian float32"""
        return ((np.asarray(xy, dtype=np.float64) - self.centre) / self.reach).astype("<f4")


def frame_of(xy: np.ndarray) -> Frame:
    """The frame in which nearly all of `xy` [n, 2] fits, the aspect ratio kept.

    Stray rows would make the rest small: those beyond FRAME_QUANTILES come into sight by zooming out.
    """
    if not len(xy):
        return Frame(np.zeros(2), 1.0)
    low, high = np.quantile(np.asarray(xy, dtype=np.float64), FRAME_QUANTILES, axis=0)
    return Frame((low + high) / 2, float((high - low).max()) / 2 * FRAME_MARGIN or 1.0)


def places(xy: np.ndarray) -> Blob:
    """Where the rows lie, [n, 2], as the browser takes it."""
    return blob(frame_of(xy).place(xy).tobytes())


def labels(clusters: ClusterLabels, frame: Frame) -> list[dict[str, Any]]:
    """Names on the map: coarse before fine, large before small, as the browser places them."""
    order = np.lexsort((-clusters.size, clusters.level))
    xy = frame.place(np.column_stack([clusters.x, clusters.y]))
    return [
        {"x": float(xy[i, 0]), "y": float(xy[i, 1]), "level": int(clusters.level[i]), "name": clusters.names[i]}
        for i in order
        if clusters.names[i]
    ]


def bits(rows: np.ndarray, n: int) -> Blob:
    """Row positions as one bit per row, the least significant first."""
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return blob(np.packbits(mask, bitorder="little").tobytes())


def chosen_rows(event: Mapping[str, Any], n: int) -> np.ndarray:
    """The sorted positions in a selection that the browser sent, as a list or as bits; those beyond n left out."""
    told = event.get("bits")
    if isinstance(told, str):
        try:
            content = base64.b64decode(told, validate=True)
        except ValueError:  # binascii.Error is one
            return np.empty(0, dtype=np.int64)
        content = content[: (n + 7) // 8].ljust((n + 7) // 8, b"\0")
        return np.flatnonzero(np.unpackbits(np.frombuffer(content, np.uint8), count=n, bitorder="little"))
    told = event.get("rows")
    rows = {row for row in told if type(row) is int and 0 <= row < n} if isinstance(told, list) else set()
    return np.array(sorted(rows), dtype=np.int64)


def pack(header: Mapping[str, Any], blobs: list[Blob]) -> bytes:
    """One message."""
    table: dict[str, tuple[int, int]] = {}
    parts: list[bytes] = []
    offset = 0
    for one in blobs:
        table[one.name] = (offset, len(one.content))
        parts.append(_padded(one.content))
        offset += len(parts[-1])
    told = json.dumps({**header, "blobs": table}, separators=(",", ":")).encode()
    told = told.ljust(len(told) + -len(told) % 8)
    return b"".join([MAGIC, struct.pack("<I", len(told)), told, *parts])


def _padded(content: bytes) -> bytes:
    return content.ljust(len(content) + -len(content) % 8, b"\0")
