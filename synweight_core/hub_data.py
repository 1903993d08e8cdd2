"""A data set of the Hugging Face hub, or a folder in the same layout -> a Parquet file, as if it had been uploaded.

It is streamed by the `datasets` library, so that no more rows come than were asked for, and no code of the data set is
run: only the plain formats of FORMATS are read. Imports `datasets`: for worker processes and notebooks.

Folders are tested; ids need a network, which tests do not have, so that of these only the failures are tested.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synweight_core.errors import DataError
from synweight_core.server_files import is_inside
from synweight_core.tables import Limits
from synweight_core.tables.cells import cell_text

FORMATS = ("parquet", "csv", "json", "text", "arrow")
MAX_ROWS = 1_000_000
_BATCH_ROWS = 1000
_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_PLAIN = ("Value", "ClassLabel", "List", "LargeList", "Sequence", "Json", "Translation", "TranslationVariableLanguages")

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class HubSource:
    """Which rows of which data set: `name` is an id of the hub, or with `is_folder` a path."""

    name: str
    config: str = ""
    split: str = "train"
    max_rows: int = 200_000
    is_folder: bool = False


@dataclass(frozen=True)
class Fetched:
    """What was written: rows, and notes on what was left out."""

    rows: int
    notes: tuple[str, ...]


def check_source(source: HubSource) -> None:
    """Raise DataError unless the source can be asked for."""
    if not source.is_folder and not _ID.fullmatch(source.name):
        raise DataError(f"'{source.name[:200]}' is no id of a data set. Expected NAME or OWNER/NAME, as on the hub.")
    if not source.split.strip():
        raise DataError("No split is named. Expected one such as train or test.")
    if not 1 <= source.max_rows <= MAX_ROWS:
        raise DataError(f"{source.max_rows:,} rows were asked for; expected 1 to {MAX_ROWS:,}.")


def fetch(source: HubSource, target: Path, *, report: Report, folders: tuple[Path, ...] = ()) -> Fetched:
    """Write the first rows of a split to `target` as Parquet, all columns as texts, class numbers as their names.

    `folders` are those that a folder in the hub's layout may point to. `report` gets {"event": "stage", ...}.

    Raises:
        DataError: the source is not there, not reachable, gated, of another format, too large, or points elsewhere.
    """
    check_source(source)
    import datasets

    datasets.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(source.name, source.config or None)
        _check_files(builder, source, folders)
        stream = builder.as_streaming_dataset(split=source.split).take(source.max_rows)
        tables, notes = _read(stream, source, report)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # the library raises what its many backends raise
        raise DataError(_sentence(source, error)) from error
    if not tables:
        raise DataError(f"Split '{source.split}' of '{source.name}' has no rows. Choose another split.")
    rows = pa.concat_tables(tables, promote_options="default")
    pq.write_table(rows, target)
    return Fetched(rows.num_rows, tuple(notes))


def _read(stream: Any, source: HubSource, report: Report) -> tuple[list[pa.Table], list[str]]:  # noqa: ANN401
    """The rows in parts, every cell a text. Raises DataError when they are too large."""
    features: Mapping[str, Any] = stream.features or {}
    media = [name for name, feature in features.items() if not _is_plain(feature)]
    tables, rows, n_bytes, limit = [], 0, 0, Limits().max_expanded_bytes
    for batch in stream.with_format("arrow").iter(batch_size=_BATCH_ROWS):
        names = [name for name in batch.column_names if name not in media]
        tables.append(pa.table({name: _texts(batch[name], features.get(name)) for name in names}))
        rows, n_bytes = rows + batch.num_rows, n_bytes + tables[-1].nbytes
        if n_bytes > limit:
            raise DataError(f"'{source.name}' holds more than {limit:,} bytes in {rows:,} rows. Ask for fewer rows.")
        report({"event": "stage", "stage": "fetch", "done": rows, "total": source.max_rows})
    notes = [f"Left out, since they hold no text or number: {', '.join(media)}."] if media else []
    if rows == source.max_rows:
        notes.append(f"The first {rows:,} rows were taken, as asked for; there may be more.")
    return tables, notes


def _is_plain(feature: object) -> bool:
    if isinstance(feature, dict):
        return all(map(_is_plain, feature.values()))
    inner = getattr(feature, "feature", None)
    return type(feature).__name__ in _PLAIN and (inner is None or _is_plain(inner))


def _texts(column: pa.ChunkedArray, feature: object) -> pa.Array:
    """A column as texts; numbers of classes as their names."""
    names = getattr(feature, "names", None)
    if isinstance(names, list):
        return pa.array([_class_name(value, names) for value in column.to_pylist()], pa.large_string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.large_string()).combine_chunks()
    return pa.array([cell_text(value) for value in column.to_pylist()], pa.large_string())


def _class_name(value: object, names: list[str]) -> str:
    """The name of a class; -1 stands for a label that is not known."""
    if not isinstance(value, int) or value < 0:
        return ""
    return names[value] if value < len(names) else str(value)


def _check_files(builder: Any, source: HubSource, folders: tuple[Path, ...]) -> None:  # noqa: ANN401
    """Raises DataError unless the rows are in a plain format, and where the source may keep them."""
    kind = type(builder).__module__.split(".")[-1]
    if kind not in FORMATS:
        raise DataError(f"'{source.name}' is of the format {kind}; expected one of {', '.join(FORMATS)}.")
    for path in _data_files(builder):
        fits = is_inside(Path(path), folders) and "::" not in path if source.is_folder else path.startswith("hf://")
        if not fits:
            raise DataError(f"'{source.name}' says that its rows are in '{path[:200]}', which is not within it.")


def _data_files(builder: Any) -> Iterator[str]:  # noqa: ANN401
    for paths in (builder.config.data_files or {}).values():
        yield from map(str, paths)


def _sentence(source: HubSource, error: Exception) -> str:
    """What went wrong, for a person."""
    said = " ".join(str(error).split())[:300]
    kinds = {each.__name__ for each in type(error).__mro__}
    if "gated" in said:
        return f"'{source.name}' is gated: its owner asks who reads it. Ask for access on the hub, and log in there."
    if "Couldn't reach" in said or kinds & {"ConnectionError", "HTTPError", "TimeoutException", "ConnectTimeout"}:
        return f"The hub could not be reached for '{source.name}'. Check the network, or upload the file instead."
    if kinds & {"DatasetNotFoundError", "FileNotFoundError", "EmptyDatasetError"}:
        return f"There is no data set '{source.name}' that can be read. Check its name, and who may read it."
    if "BuilderConfig" in said or "Config name is missing" in said:
        return f"'{source.name}' has no config '{source.config or '(none)'}': {said} Choose one of them."
    if "split" in said.lower():
        return f"'{source.name}' has no split '{source.split}': {said}"
    return f"'{source.name}' could not be read: {said} Upload the file instead."
