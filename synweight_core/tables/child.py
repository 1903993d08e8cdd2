"""The child process of `apart`: it limits itself, reads one file, writes one Parquet file and says how it went.

`python -m synweight_core.tables.child` takes one JSON object on its input and gives one on its output. It imports
what a format needs, and no more, so that it starts soon.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synweight_core.errors import DataError
from synweight_core.tables.apart import NOTES, OUT_OF_MEMORY
from synweight_core.tables.reading import read_arrow
from synweight_core.tables.source import Limits, Source

_MAX_OPEN_FILES = 64
_SPARE_FILE_BYTES = 100_000_000  # what was read is written with a footer and checksums


def main() -> None:
    """Answer the question on the standard input."""
    question = json.load(sys.stdin)
    limit(question)
    try:
        answer = answered(question)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # without cleaning up, which may need memory
    print(json.dumps(answer))  # noqa: T201 (the parent reads it)


def limit(question: dict[str, Any]) -> None:
    """From now on this process may use no more than it was told, and leaves no memory dump."""
    memory = question["memory_bytes"] + _held_bytes()
    file_bytes = 2 * question["limits"]["max_expanded_bytes"] + _SPARE_FILE_BYTES
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CPU, question["cpu_seconds"]),
        (resource.RLIMIT_DATA, memory),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)


def answered(question: dict[str, Any]) -> dict[str, Any]:
    """{} once the table is written, else what is wrong."""
    source = Source(Path(question["path"]), question["name"], Limits(**question["limits"]))
    try:
        table, notes = read_arrow(source)
    except DataError as error:
        return {"refused": str(error)}
    try:
        noted = table.replace_schema_metadata({NOTES: json.dumps(notes)})
        pq.write_table(noted, question["into"], compression="lz4", write_page_checksum=True)
    except OSError as error:  # of the workspace's disk, not of the file
        if error.errno is None:
            raise
        return {"errno": error.errno}
    return {}


def _held_bytes() -> int:
    """Private memory of this process, libraries included; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:")), 0)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
