"""What the figures of `trust` mean, in plain sentences. They hold label names from uploads as they came."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from synweight_core.findings import listed
from synweight_core.trust import CheckerTrust, Leak
from synweight_core.trust_curve import gain_of_doubling

WIDEST_INTERVAL = 0.2  # of the accuracy: 96 rows that are half right, or 36 of which nine in ten are
LEAK_SHARE = 0.02
CONFIDENCE_GAP = 0.03
_EXPONENTS = {"quality": "alpha", "diversity": "beta"}
_ROWS = {"quality": "real", "diversity": "synthetic"}


@dataclass(frozen=True)
class Case:
    """When it holds, and how the sentence goes on after the accuracy."""

    holds: Callable[[CheckerTrust, Sequence[Leak]], bool]
    words: Callable[[CheckerTrust, Sequence[Leak]], str]


def _is_too_few(trust: CheckerTrust, leaks: Sequence[Leak]) -> bool:
    return trust.high - trust.low > WIDEST_INTERVAL


def _is_no_better(trust: CheckerTrust, leaks: Sequence[Leak]) -> bool:
    return trust.low <= trust.majority_share


def _has_leaked(trust: CheckerTrust, leaks: Sequence[Leak]) -> bool:
    return any(leak.share > LEAK_SHARE for leak in leaks)


def _never_right(trust: CheckerTrust) -> list[str]:
    return list(trust.classes.loc[trust.classes["recall"] == 0, "label"])


def _is_beside_the_interval(trust: CheckerTrust) -> bool:
    """Whether chance alone hardly explains the gap between confidence and accuracy."""
    return not trust.low <= trust.mean_confidence <= trust.high


def _gap(trust: CheckerTrust) -> float:
    """How much surer the checker is than it is right, -1 to 1."""
    return trust.mean_confidence - trust.accuracy


CASES: Mapping[str, Case] = {
    "too few rows": Case(
        _is_too_few,
        lambda trust, leaks: (
            f": too few rows to tell how far the weights can be trusted. Add labelled {_ROWS[trust.checker]} rows"
        ),
    ),
    "no better than the majority class": Case(
        _is_no_better,
        lambda trust, leaks: (
            f", no better than always naming the most frequent class ({percent(trust.majority_share)}): the weights "
            f"cannot be trusted, keep {_EXPONENTS[trust.checker]} near 0"
        ),
    ),
    "leakage": Case(
        _has_leaked,
        lambda trust, leaks: (
            f", but {leak_words(max(leaks, key=lambda leak: leak.share))}: the true figure is lower, and so is the "
            "trust that the weights deserve"
        ),
    ),
    "class never right": Case(
        lambda trust, leaks: bool(_never_right(trust)),
        lambda trust, leaks: (
            f", but never on rows of {listed(_never_right(trust), at_most=3)}: trust the weights of other classes only"
        ),
    ),
    "overconfident": Case(
        lambda trust, leaks: _is_beside_the_interval(trust) and _gap(trust) >= CONFIDENCE_GAP,
        lambda trust, leaks: (
            f", but overconfident by {100 * _gap(trust):.1f} points: the order of the weights can be trusted, they "
            f"spread too far. A lower {_EXPONENTS[trust.checker]} evens that out"
        ),
    ),
    "underconfident": Case(
        lambda trust, leaks: _is_beside_the_interval(trust) and _gap(trust) <= -CONFIDENCE_GAP,
        lambda trust, leaks: (
            f", but underconfident by {-100 * _gap(trust):.1f} points: the order of the weights can be trusted, they "
            f"spread too little. A higher {_EXPONENTS[trust.checker]} evens that out"
        ),
    ),
    "fine": Case(
        lambda trust, leaks: True,
        lambda trust, leaks: (
            ", about as often as it claims to be, and better than always naming the most frequent class "
            f"({percent(trust.majority_share)}): the weights can be trusted that far"
        ),
    ),
}


def trust_case(trust: CheckerTrust, leaks: Sequence[Leak] = ()) -> str:
    """The name of the first of CASES that holds; leaks matter to the quality checker only."""
    return next(name for name, case in CASES.items() if case.holds(trust, leaks))


def trust_sentence(trust: CheckerTrust, leaks: Sequence[Leak] = ()) -> str:
    """How far the weights that come from this checker can be trusted. Holds label names as they came."""
    words = CASES[trust_case(trust, leaks)].words(trust, leaks)
    if not trust.rows:
        return f"The {trust.checker} checker has no rows that it had not seen{words}."
    interval = f"95 % interval {percent(trust.low)} to {percent(trust.high)}"
    return (
        f"The {trust.checker} checker is right on {percent(trust.accuracy)} of {trust.rows:,} {_ROWS[trust.checker]} "
        f"rows that it had not seen ({interval}){words}."
    )


def leak_words(leak: Leak) -> str:
    """'3 of 60 validation rows have the same text as rows that the checker was trained on'."""
    are = "have the same text as" if leak.kind == "same text" else "are near-duplicates of"
    return f"{leak.count:,} of {leak.total:,} {leak.split} rows {are} rows that the checker was trained on"


def curve_sentence(curve: pd.DataFrame) -> str:
    """Whether more real rows would help, from the last doubling of them (see `learning_curve`)."""
    if len(curve) < 2:
        return "There are too few real rows for a learning curve"
    before, gain, error = gain_of_doubling(curve)
    what = "more of them would help" if gain > 2 * error else "no clear gain is left"
    rows = f"{before:,.0f} to {curve['rows'].iloc[-1]:,} real rows"
    return f"{rows}: {100 * gain:+.1f} ± {200 * error:.1f} points, {what}"


def percent(share: float) -> str:
    """A share as people read it: 84.7 %."""
    return f"{100 * share:.1f} %"
