"""A project file of unknown origin -> a project of this workspace. Nothing of it is trusted.

Names and sizes are checked before anything is unpacked, and everything that is unpacked is read and checked before it
gets its place: rows by the readers of uploads, edits by a replay, settings and runs field by field. Ids and hashes are
made anew from the rows, so that no file can pass for another project. What it does not unpack is never read.
"""

import json
import math
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from synweight_core import archive_rows, cache, curation, runs, storage
from synweight_core.cleaning import IMPORTS
from synweight_core.data import Dataset, check_trainable
from synweight_core.errors import DataError, NotFoundError
from synweight_core.kept import checked_name
from synweight_core.project_file import FORMAT, HEAD, VERSION, member_limit
from synweight_core.project_settings import check_settings
from synweight_core.project_shelf import lock_path
from synweight_core.projects import (
    Project,
    check_metric,
    content_key,
    folder_of,
    is_project,
    project_of,
    row_counts,
)
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings

MAX_ENTRIES = 100_000
MAX_RATIO = 200  # deflated JSON lines seldom pass 30, and what is made to do harm reaches 1,000
_ALWAYS_FINE_BYTES = 50_000_000
_ADVICE = "Export the project again, and bring in that file."
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeError)
_WRONG = (TypeError, KeyError, ValueError, OverflowError, AttributeError, RecursionError)


def import_project(path: Path) -> Project:
    """Bring in a project file with its runs; the project.

    A run whose id is taken gets another one.

    Raises:
        DataError: it is no such file, is damaged, too large or made to do harm, or the project is here already.
    """
    with _staging() as folder:
        _unpack(path, folder)
        _check_head(folder / HEAD)
        project = _project(folder / "project")
        found = sorted((folder / "runs").glob("*/"))
        for run in found:
            _check_run(run)
        with storage.locked(lock_path()):
            _put_in_place(folder / "project", project)
        for run in found:
            _take_run(run, project)
    return project


@contextmanager
def _staging() -> Iterator[Path]:
    folder = storage.home() / IMPORTS / secrets.token_hex(8)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(path: Path, folder: Path) -> None:
    """Every entry of the archive below `folder`. Raises DataError before the first is written, if it can."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            _check_entries(entries, path.stat().st_size, shutil.disk_usage(folder).free)
            for entry in entries:
                _copy(archive, entry, folder / entry.filename)
    except _BROKEN as error:
        raise _refused("it is no zip file, or is cut off or damaged") from error


def _check_entries(entries: list[zipfile.ZipInfo], n_bytes: int, free: int) -> None:
    names = [entry.filename for entry in entries]
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or len(set(names)) < len(names):
        raise _refused(f"it has {len(entries):,} entries, or one twice; expected at most {MAX_ENTRIES:,}, each once")
    for entry in entries:
        limit, kind = member_limit(entry.filename), stat.S_IFMT(entry.external_attr >> 16)
        if limit is None or kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
            raise _refused(f"its entry '{entry.filename[:100]}' is none that a project file has")
        if entry.file_size > limit:
            raise _refused(f"its entry '{entry.filename}' unpacks to more than {limit:,} bytes")
    if total > max(_ALWAYS_FINE_BYTES, MAX_RATIO * n_bytes):
        raise _refused(f"its {n_bytes:,} bytes unpack to {total:,}, which is more than a project can")
    if total > free:
        raise DataError(f"The project file unpacks to {total:,} bytes, and {free:,} are free. Free some space first.")


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Unpack an entry; never more of it than it announces, and its checksum is compared."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _check_head(path: Path) -> None:
    head = _json(path)
    version = head.get("version")
    if head.get("format") != FORMAT or type(version) is not int:
        raise _refused(f"it has no {HEAD} that names the format {FORMAT}")
    if version != VERSION:
        raise DataError(
            f"This project file has version {version}, and this app reads {VERSION}. Update SynWeight Studio, or "
            "export the project again by this version."
        )


def _project(folder: Path) -> Project:
    """The facts of an unpacked project, whose files are as this workspace has them from then on."""
    stored = _json(folder / "project.json")
    try:
        claimed = project_of(str(stored.get("id")), stored)
        dataset = archive_rows.read_rows(folder, labels=claimed.labels, findings=claimed.findings)
        project = _checked(claimed, dataset)
    except _WRONG as error:
        raise _refused(f"its project.json is damaged ({error})") from error
    archive_rows.write_rows(dataset, folder)
    for name in ("settings", "suggested"):
        _check_settings(folder / f"{name}.json")
    _check_edits(folder / "edits.jsonl", dataset)
    for path in (folder / "view.json", folder / "flaws.json", *folder.glob("*/*.json")):
        if path.exists():
            _json(path)
    storage.write_json(folder / "project.json", asdict(project))
    return project


def _checked(claimed: Project, dataset: Dataset) -> Project:
    """The project with everything that follows from its rows made anew. Raises DataError, TypeError or ValueError."""
    check_metric(claimed.metric, dataset.labels)
    check_trainable(dataset)
    if not claimed.encoder.strip():
        raise ValueError("no encoder is named")
    if not all(isinstance(finding.message, str) for finding in claimed.findings):
        raise ValueError("a finding is no sentence")
    if not 0 <= claimed.created < 1e11:
        raise ValueError("created is no time")
    key = content_key(
        dataset, metric=claimed.metric, encoder=claimed.encoder, checker=claimed.checker,
        checker_model=claimed.checker_model,
    )  # fmt: skip
    name = checked_name(claimed.name, "project")
    return replace(
        claimed,
        id=claimed.id if _is_id(claimed.id) and claimed.id.endswith(f"-{key}") else f"{storage.slug(name)}-{key}",
        name=name,
        data_hash=dataset.content_hash(),
        counts=row_counts(dataset),
        files={str(role): str(file) for role, file in claimed.files.items()},
        is_pairs=dataset.is_pairs,
        archived=False,
        after=claimed.after if _is_id(claimed.after) else "",
    )


def _is_id(text: str) -> bool:
    try:
        return storage.checked_id(text) == text
    except NotFoundError:
        return False


def _check_settings(path: Path) -> None:
    if not path.exists():
        return
    stored = _json(path)
    try:
        check_settings(WeightSettings(**stored))
    except _WRONG as error:
        raise _refused("its weight settings are damaged, or of another version") from error


def _check_edits(path: Path, dataset: Dataset) -> None:
    records, _ = storage.read_lines(path)
    if not all(curation.is_whole(record, dataset.labels) for record in records):
        raise _refused("its log of edits is damaged")
    curation.replay(records, dataset.label_codes(dataset.synthetic), label_names=dataset.labels)


def _check_run(folder: Path) -> None:
    """Raises DataError unless pages can show this run."""
    try:
        config = _json(folder / "config.json")
        TrainConfig(**config["settings"])
        is_whole = set(config) == {"kind", "project", "name", "created", "settings"} and config["kind"] == "train"
        is_whole &= isinstance(config["name"], str) and math.isfinite(config["created"])
        if (folder / "result.json").exists():
            is_whole &= _is_result(_json(folder / "result.json"))
        if (folder / "error.json").exists():
            is_whole &= isinstance(_json(folder / "error.json")["message"], str)
    except _WRONG as error:
        raise _refused(f"settings or figures of its run '{folder.name}' are damaged, or of another version") from error
    if not is_whole or not all(map(_is_plain, folder.rglob("*.np[yz]"))):
        raise _refused(f"its run '{folder.name}' is damaged")


def _is_result(result: dict[str, Any]) -> bool:
    for split in ("test", "validation"):
        scores = result.get(split) or {}
        figures = [scores.get(name, 0.0) for name in ("accuracy", "macro_f1")]
        recall = scores.get("recall", {})
        if not all(isinstance(value, int | float) for value in figures) or not isinstance(recall, dict):
            return False
    return isinstance(result.get("seconds", 0.0), int | float)


def _is_plain(path: Path) -> bool:
    """Whether a file holds plain arrays that are as large as they say: reading them takes no more memory than it."""
    try:
        if path.suffix == ".npy":
            np.load(path, mmap_mode="r", allow_pickle=False)
            return True
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            for entry in archive.infolist():
                cache.mapped(raw, archive, entry)
    except (*cache.DAMAGE, *_BROKEN, *_WRONG, OSError):
        return False
    return True


def _put_in_place(folder: Path, project: Project) -> None:
    target = folder_of(project.id)
    if is_project(project.id):
        raise DataError(
            f"This project is here already, as '{project.id}'. Open that one; or delete it, then bring the file in."
        )
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        shutil.rmtree(target)  # without a project.json it is none
    folder.rename(target)


def _take_run(folder: Path, project: Project) -> None:
    config = _json(folder / "config.json")
    storage.write_json(folder / "config.json", config | {"project": project.id})
    (folder / "lock").touch()
    (folder / "worker.log").touch()  # a worker has had it
    target = runs.folder(folder.name)
    target.parent.mkdir(exist_ok=True)
    if target.exists() or (storage.home() / "trash" / folder.name).exists():
        target = runs.folder(f"{folder.name[:90]}-{secrets.token_hex(2)}")
    folder.rename(target)


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in an unpacked file. Raises DataError."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(f"its {path.name} is absent or no JSON") from error
    if not isinstance(stored, dict):
        raise _refused(f"its {path.name} is no JSON object")
    return stored


def _refused(what: str) -> DataError:
    return DataError(f"This is no project file that can be brought in: {what}. {_ADVICE}")
