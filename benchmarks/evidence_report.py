"""Records of `evidence.py` -> figures, tables and a drawing. It measures nothing and reads no files.

Differences are paired by seed and test row, and have the interval of the core (`crossed.interval`): over seeds and
rows, for these sets. A mean over sets takes the sets as given: it says nothing of other sets.
"""

import base64
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import measuring
import numpy as np
from evidence_data import CONTROL, DEMO, EVIDENCE, SETS
from evidence_methods import BASELINES, METHODS

from synweight_core.crossed import Interval, interval
from synweight_core.presets import terms_words
from synweight_core.weighting import WeightSettings

Records = Sequence[Mapping[str, Any]]
PLACEBO_POINTS = 1.0  # a placebo that gains less is none the better for its weights
GAIN_POINTS = 1.0  # a gain that people would notice
PLAIN = ("real", "pooled")  # baselines as papers have them
NOT_MEASURED = "-"
WANTED = {  # the least that each figure was to be, set before the first measurement
    "suggested_minus_ce_mean": 5.0, "suggested_minus_ce_min": -0.5, "suggested_sets_1_above_ce": 4,
    "suggested_minus_imp_mean": 0.0, "suggested_minus_dimp_mean": 0.0, "suggested_minus_placebo_within_mean": 0.0,
    "pooled_minus_real_and_pooled_ce_mean": 1.0, "pooled_minus_real_and_pooled_ce_min": -0.5,
    "placebo_sets_below_1": 5,
}  # fmt: skip


# --- figures


def of(records: Records, name: str, method: str) -> dict[int, Mapping[str, Any]]:
    """The records of a method on a set by seed."""
    keys = [(record["key"], record) for record in records]
    return {key["seed"]: record for key, record in keys if (key["set"], key["method"]) == (name, method)}


def right_rows(half: Mapping[str, Any]) -> np.ndarray:
    """Which test rows of a half are right. bool [t]"""
    packed = np.frombuffer(base64.b64decode(half["right"]), dtype=np.uint8)
    return np.unpackbits(packed, count=half["rows"]).astype(bool)


def difference(records: Records, name: str, pair: tuple[str, str], *, half: str) -> Interval | None:
    """Accuracy of the first method minus that of the second on a set, in points; None without a common seed."""
    one, other = (of(records, name, method) for method in pair)
    seeds = sorted({*one} & {*other})
    if not seeds:
        return None
    rows = [[100.0 * right_rows(records[seed][half]) for seed in seeds] for records in (one, other)]
    return interval(np.array(rows[0]) - np.array(rows[1]))


def mean(records: Records, name: str, method: str, *, half: str, figure: str = "accuracy") -> float | None:
    """A figure of a method on a set, mean over its seeds, in points; None where it is not measured."""
    found = [record[half][figure] for record in of(records, name, method).values()]
    return statistics.mean(found) if found else None


def over_sets(found: Iterable[Interval | None]) -> tuple[float, float] | None:
    """Mean of differences over sets and half the width of its interval; None without any."""
    known = [each for each in found if each is not None]
    if not known:
        return None
    half = math.sqrt(sum(each.half_width**2 for each in known)) / len(known)
    return statistics.mean(each.mean for each in known), half


def minus(records: Records, pair: tuple[str, str], *, half: str, sets: Sequence[str] = EVIDENCE) -> list[float]:
    """The differences of two methods on those of the sets that have both; by default on those that are evidence."""
    found = (difference(records, name, pair, half=half) for name in sets)
    return [each.mean for each in found if each]


def pooled_minus_best(records: Records, *, half: str, others: Sequence[str] = BASELINES) -> list[float]:
    """Suggested with the real rows joined, minus the best of others on that set (by these same test rows).

    Only of sets that have all of them: the best of a few would be too easy to beat.
    """
    by_set = (
        [difference(records, name, ("suggested_pooled", other), half=half) for other in others] for name in EVIDENCE
    )
    return [min(each.mean for each in found if each) for found in by_set if all(found)]


def summary(records: Records, *, half: str) -> dict[str, Any]:
    """The figures of --quick in points, over the sets that are evidence; None where nothing is measured.

    The smallest difference to CE is that of these sets and the control.
    """
    others = ("ce", "imp", "dimp", "placebo_within")
    over = {other: minus(records, ("suggested", other), half=half) for other in others}
    with_control = minus(records, ("suggested", "ce"), half=half, sets=(*EVIDENCE, CONTROL))
    blended = minus(records, ("blended", "ce"), half=half)
    pooled = pooled_minus_best(records, half=half)
    pooled_plain = pooled_minus_best(records, half=half, others=PLAIN)
    placebo = minus(records, ("placebo", "ce"), half=half)
    return {
        "suggested_minus_ce_mean": _rounded(over["ce"], statistics.mean),
        "suggested_minus_ce_min": _rounded(with_control, min),
        "suggested_sets_1_above_ce": sum(gain >= GAIN_POINTS for gain in over["ce"]) if over["ce"] else None,
        "suggested_minus_imp_mean": _rounded(over["imp"], statistics.mean),
        "suggested_minus_dimp_mean": _rounded(over["dimp"], statistics.mean),
        "suggested_minus_placebo_within_mean": _rounded(over["placebo_within"], statistics.mean),
        "blended_minus_ce_mean": _rounded(blended, statistics.mean),
        "pooled_minus_best_mean": _rounded(pooled, statistics.mean),
        "pooled_minus_best_min": _rounded(pooled, min),
        "pooled_minus_real_and_pooled_ce_mean": _rounded(pooled_plain, statistics.mean),
        "pooled_minus_real_and_pooled_ce_min": _rounded(pooled_plain, min),
        "placebo_sets_below_1": sum(gain < PLACEBO_POINTS for gain in placebo) if placebo else None,
        "sets_measured": {
            "suggested_minus_ce": len(over["ce"]),
            "control": len(with_control) - len(over["ce"]),
            "pooled": len(pooled),
            "placebo": len(placebo),
        },
    }


def _rounded(values: Sequence[float], take: Any) -> float | None:  # noqa: ANN401 (a function of values)
    return round(take(values), 2) if values else None


# --- tables for people


def report(records: Records, parts: Mapping[str, Any], *, seeds: Sequence[int], half: str) -> str:
    """All of it as Markdown."""
    sections = ["# evidence: whether weighting works, by fine-tuned models", _missing(records, seeds)]
    sections += _campaign(records, seeds=seeds, half=half) if records else []
    if "defects" in parts:
        sections += ["## Defects planted in the demo", measuring.origin(parts["defects"]), _defects(parts["defects"])]
    return "\n\n".join(sections) + "\n"


def _beside_wanted(figures: Mapping[str, float | None]) -> Iterator[tuple[str, ...]]:
    """Each figure, and what it was to be; short of it where it is."""
    for name, value in figures.items():
        wanted = WANTED.get(name)
        is_short = wanted is not None and value is not None and value < wanted
        said = NOT_MEASURED if wanted is None else f"{wanted:g}{': **short**' * is_short}"
        yield name, str(value), said


def _campaign(records: Records, *, seeds: Sequence[int], half: str) -> list[str]:
    figures = summary(records, half=half)
    sets_measured = str(figures.pop("sets_measured")).strip("{}").replace("'", "")
    names = {"accuracy": "Accuracy", "macro_f1": "Macro-F1", "calibration_error": "Expected calibration error"}
    sections = [
        _origin(records, half=half),
        measuring.table(["figure, in points", "value", "wanted, at least"], _beside_wanted(figures)),
        f"Sets that these are of: {sets_measured}. {', '.join(EVIDENCE)} are evidence; {CONTROL} is a control, on "
        f"which weighting must do no harm; the test rows of the {DEMO} have been seen while choosing defaults. "
        "`pooled_minus_best_mean` is Suggested with real rows joined minus the best of these on each set: "
        f"{'; '.join(METHODS[name].label for name in BASELINES)}. `pooled_minus_real_and_pooled_ce_mean` leaves out "
        "the repeated real rows and plain training on synthetic ones, as papers do. What was wanted was set before "
        "the first measurement.",
        "## Accuracy minus that of CE on synthetic rows",
        "Points, with the 95 % interval over seeds and test rows. The last column is the mean over the sets that are "
        "evidence, as given; in brackets how many of them there are.",
        _table(records, partial(_versus_ce, records, half=half), last=partial(_mean_versus_ce, records, half=half)),
        "![Differences by set](evidence.svg)",
    ]
    for figure, title in names.items():
        cell = partial(_figure, records, figure=figure, half=half, seeds=len(seeds))
        sections += [f"## {title}", "Per cent, mean over seeds.", _table(records, cell)]
    sections += ["## What was suggested", _settings(records)]
    return [*sections, "## Wall seconds, median over seeds", _table(records, partial(_seconds, records))]


def _missing(records: Records, seeds: Sequence[int]) -> str:
    """How many records of the whole campaign there are."""
    wanted = [
        (name, method, seed) for method, row in METHODS.items() for name in row.sets or SETS for seed in seeds
    ]  # fmt: skip
    there = {(record["key"]["set"], record["key"]["method"], record["key"]["seed"]) for record in records}
    missing = sum(work not in there for work in wanted)
    return f"{len(wanted) - missing} of {len(wanted)} records are measured" + (
        f"; {missing} are missing: '{NOT_MEASURED}' and 'n of {len(seeds)} seeds' say where." if missing else "."
    )


def _origin(records: Records, *, half: str) -> str:
    dates = sorted(record["date"] for record in records)
    of_all = {name: sorted({record[name] for record in records}) for name in ("commit", "machine", "command")}
    key = records[0]["key"]
    return (
        f"{len(records)} records, {dates[0]} to {dates[-1]}, commit {', '.join(of_all['commit'])}, "
        f"`{'`, `'.join(of_all['command'])}`. Machine: {'; '.join(of_all['machine'])}. Up to {key['rows']:,} synthetic "
        f"rows of each set, {key['epochs']} epochs, batches of {key['recipe']['batch_size']}, "
        f"{key['recipe']['backbone']}; the best epoch by validation rows. Test rows: half {half} (by a hash of the "
        f"text) of up to {key['test_rows']:,}. The same seed means the same initialisation, and the same order of the "
        "same rows."
    )


def _table(records: Records, cell: Callable[..., str], *, last: Callable[..., str] | None = None) -> str:
    """Methods by sets, those with a record."""
    measured = {name for record in records for name in (record["key"]["set"], record["key"]["method"])}
    sets, methods = ([name for name in names if name in measured] for names in (SETS, METHODS))
    rows = [
        [METHODS[method].label, *(cell(name, method) for name in sets), *([last(method)] if last else [])]
        for method in methods
    ]
    return measuring.table(["method", *sets, *(["mean"] if last else [])], rows)


def _versus_ce(records: Records, name: str, method: str, *, half: str) -> str:
    found = None if method == "ce" else difference(records, name, (method, "ce"), half=half)
    if found is None:
        return NOT_MEASURED
    return f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f})"


def _mean_versus_ce(records: Records, method: str, *, half: str) -> str:
    each = [difference(records, name, (method, "ce"), half=half) for name in EVIDENCE]
    found = None if method == "ce" else over_sets(each)
    if found is None:
        return NOT_MEASURED
    return f"{found[0]:+.1f} ± {found[1]:.1f} ({sum(one is not None for one in each)})"


def _figure(records: Records, name: str, method: str, *, figure: str, half: str, seeds: int) -> str:
    found, there = mean(records, name, method, half=half, figure=figure), len(of(records, name, method))
    if found is None:
        return NOT_MEASURED
    return f"{found:.1f}" + (f" ({there} of {seeds} seeds)" if there < seeds else "")


def _settings(records: Records) -> str:
    """What was chosen for each set, from its real rows that are not test."""
    names = ("suggested", "suggested_pooled")
    fields = WeightSettings.__dataclass_fields__
    rows = []
    for name in SETS:
        chosen = [next(iter(of(records, name, method).values()), None) for method in names]
        words = [_words(each["did"], fields) if each else NOT_MEASURED for each in chosen]
        rows += [[name, *words]] if any(chosen) else []
    return measuring.table(["set", *(METHODS[name].label for name in names)], rows)


def _words(did: Mapping[str, Any], fields: Iterable[str]) -> str:
    return terms_words(WeightSettings(**{name: did[name] for name in fields}))


def _seconds(records: Records, name: str, method: str) -> str:
    found = [record["seconds"] for record in of(records, name, method).values()]
    return f"{statistics.median(found):.0f}" if found else NOT_MEASURED


def _defects(part: Mapping[str, Any]) -> str:
    scores = {
        "mislabelled": "low quality", "off_topic": "distance to the nearest real row",
        "boilerplate": "said of any class, and not by real rows",
    }  # fmt: skip
    rows = [[name, scores[name], f"{value:.3f}"] for name, value in part["values"].items()]
    table = measuring.table(["planted", "score", "AUC"], rows)
    return table + (
        "\n\nEach against the clean rows of the demo. One score a defect, computed without the names of the planted "
        "rows; which scores these are was found on this very demo, so that the last two figures flatter."
    )
