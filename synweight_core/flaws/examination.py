"""All detectors on one data set, as arrays for the cache; and the same read again as flaws, which pages may do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from synweight_core import cache
from synweight_core.errors import NotFoundError
from synweight_core.flaws.hits import Hits
from synweight_core.flaws.kinds import KINDS, Kind
from synweight_core.flaws.seen import Seen
from synweight_core.prepare import cache_key
from synweight_core.projects import Project

STAGE = "findings"
EXAMPLES = 5
PART_CHARS, NOTE_CHARS = 200, 300


@dataclass(frozen=True)
class Example:
    """A row with a flaw: its position on the map, the part of its text that is meant, and what more there is to say."""

    row: int
    part: str
    note: str


@dataclass(frozen=True, eq=False)
class Flaw:
    """A flaw that was found. `rows` are positions on the map [k] int64, none where the set as a whole is meant.

    `spans` are row, side, start and end of what stripping cuts, int64 [h, 4].
    """

    name: str
    rows: np.ndarray
    total: int
    sentence: str
    examples: tuple[Example, ...]
    spans: np.ndarray

    @property
    def kind(self) -> Kind:
        """Its row in KINDS."""
        return KINDS[self.name]

    @property
    def is_whole(self) -> bool:
        """Whether it is one of the set as a whole, not of single rows."""
        return not len(self.rows)

    @property
    def share(self) -> float:
        """Of the synthetic rows; of all rows on the map where real rows are among them."""
        return len(self.rows) / max(self.total, 1)


def examine(seen: Seen, *, progress: Callable[[int, int], None] = lambda done, total: None) -> cache.Arrays:
    """What each of KINDS finds, as `flaws_of` reads it. `progress` gets done and total."""
    arrays: dict[str, np.ndarray] = {}
    for done, (name, kind) in enumerate(KINDS.items()):
        progress(done, len(KINDS))
        arrays |= {f"{name}.{part}": value for part, value in _arrays(seen, kind, kind.detect(seen)).items()}
    progress(len(KINDS), len(KINDS))
    return arrays


def flaws_of(arrays: cache.Arrays, *, n_synthetic: int, n_real: int) -> tuple[Flaw, ...]:
    """The flaws in what `examine` gave, in the order of KINDS."""
    found = []
    for name in KINDS:
        rows, sentence = arrays[f"{name}.rows"], str(arrays[f"{name}.sentence"])
        if len(rows) or sentence:
            total = n_synthetic + (n_real if len(rows) and rows[-1] >= n_synthetic else 0)
            shown = zip(*(arrays[f"{name}.{part}"].tolist() for part in ("examples", "parts", "notes")), strict=True)
            found.append(
                Flaw(name, rows, total, sentence, tuple(Example(*each) for each in shown), arrays[f"{name}.spans"])
            )
    return tuple(found)


def load_flaws(project: Project) -> tuple[Flaw, ...]:
    """The flaws of a prepared project. Raises NotFoundError when its texts are not examined yet."""
    stored = cache.load(STAGE, cache_key(project, STAGE))
    if stored is None:
        raise NotFoundError(
            f"The texts of project '{project.id}' are not examined yet. Run 'synweight prepare {project.id}', or open "
            "its validation report in the app."
        )
    return flaws_of(stored, n_synthetic=project.counts["synthetic"], n_real=project.n_known_real)


def _arrays(seen: Seen, kind: Kind, hits: Hits) -> Mapping[str, np.ndarray]:
    rows, first = np.unique(hits.rows, return_index=True)
    shown = first[np.linspace(0, len(first) - 1, min(EXAMPLES, len(first))).astype(np.int64)] if len(first) else first
    spans = (
        np.stack([hits.rows, hits.sides, hits.starts, hits.ends], axis=1) if kind.mend == "cut" else np.empty((0, 4))
    )
    return {
        "rows": rows,
        "spans": spans.astype(np.int64),
        "examples": hits.rows[shown],
        "parts": _strings([_part(seen, hits, i) for i in shown.tolist()]),
        "notes": _strings([hits.note(i)[:NOTE_CHARS] for i in shown.tolist()]),
        "sentence": np.array(hits.sentence, dtype=np.str_),
    }


def _part(seen: Seen, hits: Hits, i: int) -> str:
    row, side = int(hits.rows[i]), seen.sides[hits.sides[i]]
    frame, place = (seen.synthetic, row) if row < seen.n else (seen.real, row - seen.n)
    return str(frame[side].iloc[place])[hits.starts[i] : hits.ends[i]][:PART_CHARS].strip()


def _strings(values: list[str]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values else np.empty(0, dtype="<U1")
