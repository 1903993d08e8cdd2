"""The job that brings a data set of the hub, or a folder like one, into the workspace's uploads.

Started here, done by a worker, its result read here: so the page shows progress, may cancel, and loses nothing.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synweight_core import runs, server_files, storage
from synweight_core.hub_data import HubSource, check_source, fetch


@dataclass(frozen=True)
class FetchedFile:
    """What a job brought: a stored upload with a name for it, its rows, and notes."""

    sha256: str
    name: str
    rows: int
    notes: tuple[str, ...]


def start_fetching(source: HubSource, *, anywhere: bool = False) -> str:
    """Start the job; its id. A folder must be below those that the server allows, unless it may lie `anywhere`.

    Raises:
        DataError: the source cannot be asked for.
    """
    check_source(source)
    folders = [str(folder) for folder in server_files.allowed_folders()]
    if source.is_folder:
        path = Path(source.name).resolve() if anywhere else server_files.allowed_folder(source.name)
        source = HubSource(**asdict(source) | {"name": str(path)})
        folders = [str(path)] if anywhere else folders
    settings = {"source": asdict(source), "folders": folders}
    return runs.start("fetch", "", settings, name=f"fetch {Path(source.name).name}")


def fetched_file(run: runs.Run) -> FetchedFile | None:
    """What a job brought; None until it has ended well."""
    result = run.result or {}
    if run.kind != "fetch" or "sha256" not in result:
        return None
    return FetchedFile(result["sha256"], result["name"], result["rows"], tuple(result["notes"]))


def run_fetch(config: Mapping[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Fetch what the settings of a job say; its result. Raises DataError."""
    from synweight_core.uploads import store_upload

    source = HubSource(**config["settings"]["source"])
    folders = tuple(Path(folder) for folder in config["settings"]["folders"])
    if source.is_folder:
        os.environ["HF_HUB_OFFLINE"] = "1"  # before the library is imported: a folder needs no network
    with tempfile.TemporaryDirectory(dir=storage.home()) as temporary:
        target = Path(temporary) / "rows.parquet"
        found = fetch(source, target, report=report, folders=folders)
        with target.open("rb") as file:
            sha256 = store_upload(file)
    name = f"{Path(source.name).name}-{source.split}.parquet"
    return {"stopped": False, "sha256": sha256, "name": name, "rows": found.rows, "notes": list(found.notes)}
