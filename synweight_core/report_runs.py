"""Sections of a report on runs: figures by setting, class by class, confusions, forecasts and what became of them."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from synweight_core import ledger
from synweight_core.compare import Figures, figures
from synweight_core.contributions import accuracy, macro_f1
from synweight_core.crossed import Interval, interval
from synweight_core.projects import Project, metric_label
from synweight_core.report_blocks import (
    MAX_NAME_CHARS,
    NOTHING,
    Block,
    Chart,
    Matrix,
    Section,
    Words,
    cut,
    sure,
    table,
    with_span,
)
from synweight_core.report_charts import forecast_chart, settings_chart
from synweight_core.run_groups import Group, Recipe
from synweight_core.trust import most_confused
from synweight_core.verdict import called

MAX_SETTINGS = 20  # in the table and the chart
MAX_CONFUSED = 12  # classes of a confusion matrix that fits on a page
_MEASURES = {"Accuracy": accuracy, "Macro-F1": macro_f1}
_HOW = "Mean over seeds, in brackets the 95 % interval over seeds and test rows."


def results(recipe: Recipe) -> Section:
    """Accuracy and macro-F1 of each setting, the best first."""
    groups = sorted(recipe.groups, key=lambda group: -_measured(group, "Accuracy").mean)
    found = {name: [_measured(group, name) for group in groups] for name in _MEASURES}
    rows = [
        (group.name, f"{len(group.seeds):,}", *(sure(found[name][i]) for name in _MEASURES))
        for i, group in enumerate(groups)
    ]
    shown = [group.name for group in groups[:MAX_SETTINGS]]
    title = "Test figures by setting" + (f" ({MAX_SETTINGS} best of {len(groups)})" if len(groups) > len(shown) else "")
    few = {name: values[:MAX_SETTINGS] for name, values in found.items()}
    return Section(
        "What was trained, and how good it is",
        (
            Words(f"All runs compared here: {recipe.words}."),
            table("Settings", ("Setting", "Seeds", *_MEASURES), rows, which="the most accurate", note=_HOW),
            Chart(settings_chart(shown, few, title), f"{title}, with intervals; the table above has the figures."),
        ),
    )


def class_by_class(recipe: Recipe, best: Group | None) -> Section:
    """Recall and precision of plain cross-entropy, the best setting and the real rows alone."""
    told = _told(recipe, best)
    found = {name: figures(group) for name, group in told.items()}
    names, rows_of = _classes(next(iter(told.values())))
    order = _weakest_first(names, found)
    rows = [
        (names[i], f"{rows_of[i]:,}",
         *(sure(side[names[i]]) for each in found.values() for side in (each.recall, each.precision)))
        for i in order
    ]  # fmt: skip
    headers = ("Class", "Test rows", *(f"{what}, {cut(name, 30)}" for name in told for what in ("Recall", "Precision")))
    note = f"Recall: share of the class that is found. Precision: share of what is called so that is. {_HOW}"
    return Section(
        "Class by class", (table("Recall and precision", headers, rows, which="the classes found least", note=note),)
    )


def confusions(recipe: Recipe, best: Group | None) -> Section:
    """Which class is taken for which, under the best setting and under plain cross-entropy."""
    told = [group for group in dict.fromkeys((best, recipe.ce)) if group is not None]
    if not told:
        return Section("Which class is taken for which", (Words("There is no run on the synthetic rows yet."),))
    return Section("Which class is taken for which", tuple(_matrix(group) for group in told))


def forecasts(project: Project) -> Section:
    """What was forecast of settings beside what their runs showed."""
    kept = ledger.ledger(project)
    blocks: list[Block] = [Words(ledger.track_record(kept))]
    if not kept.empty:
        rows = [_ledger_row(row) for row in kept.to_dict("records")]
        headers = ("Weights", "Forecast", "Runs", "Outcome", "Inside the interval")
        blocks.append(table("Forecasts", headers, rows, note=f"{metric_label(project.metric)}, with 95 % intervals."))
    if kept["outcome"].notna().any():
        blocks.append(Chart(forecast_chart(kept, "Forecast and outcome"), "Forecast and outcome of each setting."))
    return Section("Forecast beside outcome", tuple(blocks))


def confusion(group: Group) -> np.ndarray:
    """Test rows by true and predicted class, mean over seeds. [K, K]"""
    k = len(group.test.names)
    cells = group.test.labels * k + group.predicted
    return np.bincount(cells.ravel(), minlength=k * k).reshape(k, k) / len(group.seeds)


def _measured(group: Group, name: str) -> Interval:
    return interval(_MEASURES[name](group.predicted, group.test.labels))


def _told(recipe: Recipe, best: Group | None) -> dict[str, Group]:
    """By how they are called: CE, the best and the real rows alone, those that were run."""
    groups = dict.fromkeys((recipe.ce, best, recipe.real))
    return {called(group): group for group in groups if group is not None}


def _classes(group: Group) -> tuple[list[str], np.ndarray]:
    """Names of the classes that occur among the test rows, and their rows."""
    codes, rows = np.unique(group.test.labels, return_counts=True)
    return [group.test.names[code] for code in codes], rows


def _weakest_first(names: Sequence[str], found: dict[str, Figures]) -> np.ndarray:
    """Positions of the classes by their highest recall under any of the settings, the lowest first."""
    recalls = [[each.recall[name].mean for name in names] for each in found.values()]
    return np.argsort(np.max(recalls, axis=0), kind="stable")


def _matrix(group: Group) -> Matrix:
    counts, names = confusion(group), group.test.names
    chosen = most_confused(counts, at_most=MAX_CONFUSED)
    note = "Rows are true classes, columns predicted ones; mean number of test rows over seeds."
    if len(names) > len(chosen):
        note += f" The {MAX_CONFUSED} classes with the most mistakes, of {len(names):,}."
    shown = tuple(cut(names[code], MAX_NAME_CHARS) for code in chosen)
    return Matrix(cut(group.name, MAX_NAME_CHARS), shown, counts[np.ix_(chosen, chosen)], note)


def _ledger_row(row: Mapping[Hashable, object]) -> tuple[str, ...]:
    inside = NOTHING if row["inside"] is pd.NA else "yes" if row["inside"] else "no"
    forecast, outcome = (_span(row, prefix) for prefix in ("", "outcome_"))
    return str(row["settings"]), forecast, str(row["runs"]), outcome, inside


def _span(row: Mapping[Hashable, object], prefix: str) -> str:
    names = ("outcome" if prefix else "forecast", f"{prefix}low", f"{prefix}high")
    return with_span(*(float(str(row[name])) for name in names))
