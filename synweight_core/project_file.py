"""A project as one file, to be taken to another workspace: its rows and settings, its edits, its runs.

A zip with the entries of MEMBERS and `synweight.json`, which names format and version. The same project gives the same
bytes. Uploads and cached columns are not in it: the first are not needed, the second are computed again. Reading such a
file, of unknown origin, is `project_import.py`.
"""

import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import synweight_core
from synweight_core import runs, storage
from synweight_core.errors import RunError
from synweight_core.projects import Project
from synweight_core.runs import Run

FORMAT, VERSION = "synweight-project", 1
HEAD = "synweight.json"
MODEL = "model"
_ID = r"[a-z0-9][a-z0-9-]{0,99}"
_MB = 1_000_000
# every name that an archive may have, and the most bytes of it
MEMBERS: Mapping[str, int] = {
    re.escape(HEAD): _MB,
    r"project/(synthetic|real|dropped)\.parquet": 2000 * _MB,
    r"project/(project|settings|suggested|view|flaws)\.json": 50 * _MB,
    r"project/(edits|forecasts)\.jsonl": 1000 * _MB,
    rf"project/(selections|settings)/{_ID}\.json": 50 * _MB,
    rf"runs/{_ID}/(config|result|error)\.json": 50 * _MB,
    rf"runs/{_ID}/metrics\.jsonl": 1000 * _MB,
    rf"runs/{_ID}/(outputs|map_log_probs)\.npz": 4000 * _MB,
    rf"runs/{_ID}/playback/[0-9]{{4}}\.npy": 100 * _MB,
    rf"runs/{_ID}/{MODEL}/[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}\.(json|txt|md|model|safetensors)": 20_000 * _MB,
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell


def member_limit(name: str) -> int | None:
    """The most bytes that an entry of this name may have; None for a name that no archive has."""
    return next((limit for pattern, limit in MEMBERS.items() if re.fullmatch(pattern, name)), None)


def export_project(project: Project, target: Path, *, with_models: bool = True) -> Path:
    """Write a project and its runs that have ended into one zip, file by file; `target`.

    Raises:
        RunError: `target` is not named .zip.
        OSError: it cannot be written; what was there before is as it was.
    """
    if target.suffix != ".zip":
        raise RunError(f"'{target.name}' was given; expected a name that ends in .zip.")
    storage.write_atomically(target, lambda path: _write(project, path, with_models=with_models))
    return target


def exported_runs(project: Project) -> list[Run]:
    """The runs that go with a project: those that trained and have ended."""
    return [run for run in runs.list_runs(project_id=project.id, kind="train") if not run.is_active]


def _write(project: Project, path: Path, *, with_models: bool) -> None:
    head = {"format": FORMAT, "version": VERSION, "made_by": synweight_core.__version__, "project": project.id}
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        archive.writestr(_entry(HEAD), storage.json_text(head))
        for name, file in sorted(_files(project, with_models=with_models)):
            with file.open("rb") as source, archive.open(_entry(name, file.stat().st_size), "w") as entry:
                shutil.copyfileobj(source, entry, 1 << 20)


def _files(project: Project, *, with_models: bool) -> Iterator[tuple[str, Path]]:
    """The files of a project under their names in the archive."""
    folders = {"project": project.folder} | {f"runs/{run.id}": run.folder for run in exported_runs(project)}
    for prefix, folder in folders.items():
        for file in folder.rglob("*"):
            parts = file.relative_to(folder).parts
            name = "/".join((prefix, *parts))
            if file.is_file() and member_limit(name) is not None and (with_models or parts[0] != MODEL):
                yield name, file


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith((".json", ".jsonl", ".txt")) else zipfile.ZIP_STORED
    entry.external_attr = 0o600 << 16
    entry.create_system = 3  # the same on every platform
    entry.file_size = size  # tells whether large entries need another header
    return entry
