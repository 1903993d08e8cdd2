"""What a project comes to in one sentence and three big figures, for people who do not train models.

The sentence is that of `verdict`; the figures are the first three that are known. It computes nothing of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synweight_core import meters
from synweight_core.compare import Difference, metric_of
from synweight_core.projects import Project, metric_label
from synweight_core.report_blocks import Fact, counted, points, span
from synweight_core.run_groups import Recipe
from synweight_core.trust_words import percent
from synweight_core.verdict import Kind, ProjectVerdict, called, project_verdict

FACTS = 3
NO_RUN = "Nothing was trained yet: the weights are a proposal, and nobody knows whether they help."


@dataclass(frozen=True)
class Headline:
    """The verdict's kind and sentence, what is missing for a better one, and FACTS figures or fewer."""

    kind: Kind
    sentence: str
    missing: tuple[str, ...]
    facts: tuple[Fact, ...]


def headline(project: Project, recipe: Recipe | None, weights: np.ndarray | None) -> Headline:
    """The headline of a project: `recipe` without runs, `weights` [n] of its kept rows without preparation is None."""
    found = project_verdict(recipe) if recipe else None
    facts = (
        *(_of_runs(found) if found else ()),
        *(() if weights is None else _of_weights(weights)),
        *_of_rows(project),
    )
    if found is None:
        return Headline("nothing", NO_RUN, (), facts[:FACTS])
    return Headline(found.kind, found.sentence, found.missing, facts[:FACTS])


def meter_words(weights: np.ndarray, classes: pd.DataFrame) -> tuple[str, ...]:
    """What the weights of the kept rows amount to. [n], and `meters.by_class` of them"""
    if not weights.any():
        return ("No row has weight: all rows are excluded.",)
    found = meters.summary(weights)
    said = [
        f"The {counted(len(weights), 'synthetic row')} teach a model about as much as "
        f"{counted(round(found['effective_sample_size']), 'row')} that all count the same "
        f"({percent(found['effective_share'])}).",
        f"Half of the weight sits on {counted(int(found['half_rows']), 'row')}.",
        f"{counted(int(found['nearly_off']), 'row')} with a weight below 0.1 hardly count.",
    ]
    if meters.is_collapsed(weights):
        said.append("The weights have collapsed: a few rows decide nearly everything.")
    return (*said, *meters.class_warnings(classes))


def _of_runs(found: ProjectVerdict) -> Iterable[Fact]:
    best = found.best
    if best is None:
        return
    metric = metric_of(best)
    rows, seeds = counted(metric.rows, "test row"), counted(metric.seeds, "seed")
    label = f"{metric_label(best.test.metric)} of {called(best)}"
    yield Fact(label, percent(metric.mean), f"95 % interval {span(metric.low, metric.high)}; {rows}, {seeds}")
    for difference in (found.against_ce, found.against_real):
        if difference is not None:
            yield _against(difference)


def _against(found: Difference) -> Fact:
    sure = found.interval
    note = f"95 % interval {points(sure.low).removesuffix(' points')} to {points(sure.high)}"
    return Fact(f"{called(found.a)} against {called(found.b)}", points(sure.mean), note)


def _of_weights(weights: np.ndarray) -> Iterable[Fact]:
    found = meters.summary(weights)
    note = f"of {counted(len(weights), 'synthetic row')}"
    yield Fact("Effective sample size", f"{found['effective_sample_size']:,.0f}", note)
    yield Fact("Rows with half of the weight", f"{found['half_rows']:,}", note)


def _of_rows(project: Project) -> Iterable[Fact]:
    counts = project.counts
    yield Fact("Synthetic rows", f"{counts['synthetic']:,}")
    yield Fact("Real rows to judge by", f"{project.n_known_real:,}")
    yield Fact("Real test rows", f"{counts.get('test', 0):,}")
