"""The order in which waiting runs get the device: people may change it, and it is a file.

    runs/queue.json    ids in the wished order

It knows ids alone: which runs wait is asked of `runs`. An id that the file does not name comes last, the oldest first,
and an id that no longer waits says nothing. So the file may be absent, damaged or old, and no job needs to write to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from synweight_core import storage
from synweight_core.errors import NotFoundError


@dataclass(frozen=True)
class Move:
    """One row of MOVES: its words, and the new place of what stands at a place."""

    label: str
    place: Callable[[int], int]


MOVES: Mapping[str, Move] = {
    "first": Move("Top", lambda place: 0),
    "earlier": Move("Up", lambda place: max(place - 1, 0)),
    "later": Move("Down", lambda place: place + 1),
}


def in_order(waiting: Iterable[str]) -> list[str]:
    """These ids, those that the file names first and in its order, then the others by their age."""
    wished = {run_id: place for place, run_id in enumerate(_stored())}
    return sorted(waiting, key=lambda run_id: (wished.get(run_id, len(wished)), run_id))


def move(run_id: str, waiting: Iterable[str], *, to: str) -> list[str]:
    """Move one of the `waiting` ids as MOVES says, and keep the order; the new order.

    Several processes may move at once: each moves within the order that the one before it has left.

    Raises:
        NotFoundError: `run_id` does not wait.
    """
    with storage.locked(_path().with_suffix(".lock")):
        order = in_order(waiting)
        if run_id not in order:
            raise NotFoundError(f"Run '{run_id}' does not wait for the device. Choose one that is in the queue.")
        place = order.index(run_id)
        order.insert(MOVES[to].place(place), order.pop(place))
        storage.write_json(_path(), order)
    return order


def _path() -> Path:
    return storage.home() / "runs" / "queue.json"


def _stored() -> list[str]:
    found = storage.read_json(_path())
    return list(dict.fromkeys(name for name in found if isinstance(name, str))) if isinstance(found, list) else []
