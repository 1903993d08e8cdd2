"""What a comparison of runs comes to, in one computed sentence: of two settings, and of a whole project.

The rules are tables (RULES, MISSING); the first rule that holds is said. All figures come from `compare`, and are said
in points (per cent). What is picked as the best of several is held against each baseline with a Bonferroni
correction, so that the 95 % hold for all of these comparisons together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from synweight_core.compare import Difference, difference, metric_of
from synweight_core.crossed import CONFIDENCE, more_needed
from synweight_core.projects import metric_label
from synweight_core.run_groups import Group, Recipe

SEEN = 0.03  # a difference that nobody should miss: 3 points
_SHOWN = 0.0005  # what rounds to a tenth of a point
Kind = Literal["nothing", "unknown", "one seed", "do not use", "better", "no difference", "too few"]


@dataclass(frozen=True)
class Verdict:
    """A kind for programs, and the sentence for people. "better" names the better one first, whichever was A."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, eq=False)
class ProjectVerdict:
    """The best setting of a recipe against plain cross-entropy and against the real rows alone.

    `comparisons` is how many the Bonferroni correction counts: settings times baselines. `missing` are sentences on
    what was not run.
    """

    kind: Kind
    sentence: str
    best: Group | None
    against_ce: Difference | None
    against_real: Difference | None
    comparisons: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A kind, when it holds, and what is then said of a difference in which A has the higher mean."""

    kind: Kind
    holds: Callable[[Difference], bool]
    words: Callable[[Difference, str], str]


def verdict(found: Difference, *, comparisons: int = 1) -> Verdict:
    """The first of RULES that holds. `comparisons`: how many the interval of `found` was corrected for."""
    ahead = found if not found.interval.mean < 0 else found.swapped()
    for rule in RULES:
        if rule.holds(ahead):
            return Verdict(rule.kind, rule.words(ahead, basis(ahead, comparisons=comparisons)))
    raise AssertionError("the last rule always holds")


def project_verdict(recipe: Recipe) -> ProjectVerdict:
    """The verdict on the settings of a recipe; a setting of one seed is picked only where no setting has two."""
    candidates = _candidates(recipe)
    best = _best(candidates)
    baselines = [group for group in (recipe.ce, recipe.real) if group is not None and group is not best]
    comparisons = len(candidates) * len(baselines)
    found: dict[str, Difference] = {}
    if best is not None:
        level = 1 - (1 - CONFIDENCE) / max(comparisons, 1)
        found = {_role(group): difference(best, group, confidence=level) for group in baselines}
    missing = tuple(words for holds, words in MISSING if holds(recipe)) + _one_seed(recipe)
    said = _said(found.get("ce"), found.get("real"), comparisons)
    return ProjectVerdict(said.kind, said.sentence, best, found.get("ce"), found.get("real"), comparisons, missing)


def basis(found: Difference, *, comparisons: int = 1) -> str:
    """ "95 % interval 1.8 to 4.4; 5 seeds, 360 test rows", and what else bears on it."""
    sure = found.interval
    low, high = (_points(value) for value in (sure.low, sure.high))
    parts = [f"95 % interval {low} to {high}", f"{_count(sure.seeds, 'seed')}, {_count(sure.rows, 'test row')}"]
    if comparisons > 1:
        parts.append(f"corrected for {comparisons} comparisons by Bonferroni")
    if not found.same_seeds:
        parts.append("seeds differ and were paired in their order")
    if not sure.seeds_assessed:
        parts.append("other seeds were not assessed")
    return "; ".join(parts)


# --- two settings


def _beats(found: Difference, basis: str) -> str:
    return f"{_start(found.a)} {_verb(found.a, 'beats')} {called(found.b)} by {_amount(found)} ({basis})."


def _do_not_use(found: Difference, basis: str) -> str:
    alone = "" if found.b.config.real_mass else " for training on it alone"
    return (
        f"The real rows alone are better than {called(found.b)} by {_amount(found)} ({basis}): do not use this "
        f"synthetic set{alone}."
    )


def _one_run_each(found: Difference, basis: str) -> str:
    return (
        f"{_start(found.a)} {_verb(found.a, 'is')} ahead of {called(found.b)} by {_amount(found)} on one seed only "
        f"({basis}): run at least three seeds of both."
    )


def _no_difference(found: Difference, basis: str) -> str:
    half = found.interval.half_width
    missed = f"; one of less than {_points(half)} points may have been missed" if half >= _SHOWN else ""
    between = f"between {called(found.a)} and {called(found.b)} in {_metric(found)}"
    return f"No difference beyond noise {between} ({basis}){missed}."


def _too_few(found: Difference, basis: str) -> str:
    rows, seeds = more_needed(found.values, SEEN, confidence=found.interval.confidence)
    wanted = [
        f"{_rounded(n)} more {name}{'' if n == 1 else 's'}" for n, name in ((rows, "test row"), (seeds, "seed")) if n
    ]
    needed = f"about {' or '.join(wanted)} would be needed" if wanted else "more of both would be needed"
    return (
        f"Too few test rows or seeds to tell {called(found.a)} from {called(found.b)} in {_metric(found)} ({basis}): "
        f"{needed} to see a difference of {100 * SEEN:g} points four times in five."
    )


def _unknown(found: Difference, basis: str) -> str:
    return f"Nothing can be told of {called(found.a)} and {called(found.b)}: fewer than two test rows count."


def _is_apart(found: Difference) -> bool:
    return found.interval.low > 0


def _is_seen(found: Difference) -> bool:
    """Whether the noise is small enough that a difference of SEEN would stand out."""
    return found.interval.half_width <= SEEN


RULES: tuple[Rule, ...] = (
    Rule("unknown", lambda found: math.isnan(found.interval.low), _unknown),
    Rule("one seed", lambda found: _is_apart(found) and not found.interval.seeds_assessed, _one_run_each),
    Rule("do not use", lambda found: _is_apart(found) and found.a.is_real, _do_not_use),
    Rule("better", _is_apart, _beats),
    Rule("no difference", _is_seen, _no_difference),
    Rule("too few", lambda found: True, _too_few),
)


# --- the whole project


MISSING: tuple[tuple[Callable[[Recipe], bool], str], ...] = (
    (lambda recipe: recipe.ce is None, "No run with CE on the synthetic rows as they came: nobody knows what weights "
     "add."),
    (lambda recipe: recipe.real is None, "No run on the real rows alone: nobody knows whether the synthetic rows "
     "help."),
    (lambda recipe: not [group for group in recipe.groups if not (group.is_ce or group.is_real)],
     "No run with weights."),
)  # fmt: skip


def _candidates(recipe: Recipe) -> list[Group]:
    """The settings that may be the best: those that weigh or edit the synthetic rows, else CE."""
    weighted = [group for group in recipe.groups if not (group.is_ce or group.is_real)]
    return weighted or [group for group in recipe.groups if group.is_ce]


def _best(candidates: list[Group]) -> Group | None:
    several = [group for group in candidates if len(group.seeds) > 1]
    return max(several or candidates, key=lambda group: metric_of(group).mean, default=None)


def _said(ce: Difference | None, real: Difference | None, comparisons: int) -> Verdict:
    """The verdict against CE, and against the real rows; theirs comes first where they win."""
    against_ce = None if ce is None else verdict(ce, comparisons=comparisons)
    against_real = None if real is None else verdict(real, comparisons=comparisons)
    if against_real and (against_ce is None or against_real.kind == "do not use"):
        return against_real
    if against_ce is None:
        return Verdict("nothing", "There is nothing to compare yet: run CE, a weighted loss and the real rows alone.")
    if against_real is None or real is None:
        return against_ce
    return Verdict(against_ce.kind, f"{against_ce.sentence.removesuffix('.')}; {_also(real, against_real.kind)}.")


def _also(real: Difference, kind: Kind) -> str:
    """What is added on the real rows alone, which did not win."""
    low, high = _points(real.interval.low), _points(real.interval.high)
    sure = f"95 % interval {low} to {high}; {_count(real.interval.seeds, 'seed')}"
    if kind in ("better", "one seed"):
        which = "better" if real.interval.mean > 0 else "worse"
        return f"{called(real.a)} is {which} than the real rows alone by {_points(abs(real.interval.mean))} ({sure})"
    if kind == "unknown":
        return "nothing can be told of the real rows alone"
    return f"no difference from the real rows alone was seen ({sure})"


def _role(group: Group) -> str:
    return "ce" if group.is_ce else "real"


def _one_seed(recipe: Recipe) -> tuple[str, ...]:
    return tuple(
        f"{_start(group)} {_verb(group, 'was')} run with one seed only."
        for group in recipe.groups
        if len(group.seeds) == 1
    )


# --- words


def called(group: Group) -> str:
    """A setting within a sentence."""
    return "the real rows alone" if group.is_real else group.name


def _start(group: Group) -> str:
    return "The real rows alone" if group.is_real else group.name


def _verb(group: Group, singular: str) -> str:
    plural = {"beats": "beat", "is": "are", "was": "were"}
    return plural[singular] if group.is_real else singular


def _amount(found: Difference) -> str:
    return f"{_points(found.interval.mean)} points of {_metric(found)}"


def _metric(found: Difference) -> str:
    label = metric_label(found.a.test.metric)
    return label[0].lower() + label[1:]


def _points(share: float) -> str:
    return f"{100 * share:.1f}".replace("-0.0", "0.0").replace("-", "−")


def _count(n: int, name: str) -> str:
    return f"{n:,} {name}{'' if n == 1 else 's'}"


def _rounded(n: int) -> str:
    """Up to two leading digits, as an extrapolation deserves."""
    step = 10 ** max(0, len(str(n)) - 2)
    return f"{-(-n // step) * step:,}"
