"""Verdicts on real runs: parts `demo` and `finance` of verdict.py. All fine-tune MiniLM by `synweight train`.

`demo`: CE against what `synweight suggest` proposes, and CE against CE of other seeds. `finance`: the real rows alone
against CE on synthetic rows that were written for another domain.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import journey
import measuring

from synweight_core.compare import Difference, difference, metric_of
from synweight_core.projects import Project
from synweight_core.run_groups import Group, settings_compared
from synweight_core.verdict import project_verdict, verdict

SEEDS = tuple(range(5))
OTHER_SEEDS = tuple(range(5, 10))
FINANCE = "finance_sentiment"


def measure_demo(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """The suggested setting, CE twice, and the real rows alone."""
    stages.measure("prepare", journey.prepare_demo)
    project = journey.the_project()
    suggested = stages.measure("suggest", partial(_suggest, project))
    runs = {
        "suggested": _train(stages, project, "tuned", SEEDS),
        "ce": _train(stages, project, "ce", (*SEEDS, *OTHER_SEEDS)),
        "real": _train(stages, project, "ce", SEEDS, train_on="real"),
    }
    (recipe,) = settings_compared(project).recipes
    ce = _group(recipe.ce)
    paired = replace(recipe, groups=tuple(_of(group, SEEDS) for group in recipe.groups))
    said = project_verdict(paired)
    return {
        "suggested": suggested["sentence"],
        "settings": _figures(paired.groups),
        "suggested_against_ce": _told(difference(_group(said.best), _of(ce, SEEDS))),
        "ce_against_other_seeds": _told(difference(_of(ce, SEEDS), _of(ce, OTHER_SEEDS))),
        "verdict": project_verdict(
            replace(recipe, groups=tuple(_of(group, SEEDS) for group in recipe.groups))
        ).sentence,
        "seconds_per_run": {name: journey.spread([run["seconds"] for run in each]) for name, each in runs.items()},
    }


def measure_finance(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """CE on the synthetic rows and the real rows alone."""
    stages.measure("prepare", lambda: journey.prepare_set(options.data / FINANCE, FINANCE).cost())
    project = journey.the_project()
    runs = {
        "ce": _train(stages, project, "ce", SEEDS),
        "real": _train(stages, project, "ce", SEEDS, train_on="real"),
    }
    (recipe,) = settings_compared(project).recipes
    return {
        "settings": _figures(recipe.groups),
        "real_against_ce": _told(difference(_group(recipe.real), _group(recipe.ce))),
        "verdict": project_verdict(recipe).sentence,
        "seconds_per_run": {name: journey.spread([run["seconds"] for run in each]) for name, each in runs.items()},
    }


def _suggest(project: Project) -> dict[str, Any]:
    measured = journey.synweight("suggest", project.id, "--apply")
    return measured.cost() | {"sentence": measured.output.strip().splitlines()[-2]}


def _train(
    stages: measuring.Stages, project: Project, loss: str, seeds: Sequence[int], *, train_on: str = "synthetic"
) -> list[dict[str, Any]]:
    def one(seed: int) -> dict[str, Any]:
        return journey.train(project.id, loss, train_on=train_on, seed=seed)

    return [stages.measure(f"{loss} on {train_on}, seed {seed}", partial(one, seed)) for seed in seeds]


def _group(found: Group | None) -> Group:
    if found is None:
        raise RuntimeError("A setting that was trained is not among the runs.")
    return found


def _of(group: Group, seeds: Sequence[int]) -> Group:
    """The runs of these seeds alone."""
    chosen = [(seed, run) for seed, run in zip(group.seeds, group.runs, strict=True) if seed in seeds]
    return replace(group, seeds=tuple(seed for seed, _ in chosen), runs=tuple(run for _, run in chosen))


def _figures(groups: Sequence[Group]) -> dict[str, dict[str, Any]]:
    """Accuracy of each setting in points, with its interval."""
    found = {group.name: (group, metric_of(group)) for group in groups}
    return {
        name: {
            "mean": journey.points(sure.mean), "low": journey.points(sure.low), "high": journey.points(sure.high),
            "seeds": len(group.seeds), "test_rows": sure.rows,
        }
        for name, (group, sure) in found.items()
    }  # fmt: skip


def _told(found: Difference) -> dict[str, Any]:
    """A difference in points, and its verdict."""
    sure, said = found.interval, verdict(found)
    return {
        "mean": journey.points(sure.mean), "low": journey.points(sure.low), "high": journey.points(sure.high),
        "kind": said.kind, "sentence": said.sentence,
    }  # fmt: skip


def tables(values: Mapping[str, Any]) -> list[str]:
    """The settings, then what is said of them."""
    rows = [
        [name, one["mean"], f"{one['low']:.1f} to {one['high']:.1f}", one["seeds"], one["test_rows"]]
        for name, one in values["settings"].items()
    ]
    told = [values[key]["sentence"] for key in values if "_against_" in key]
    seconds = ", ".join(f"{name} {each['mean']:.0f} s" for name, each in values["seconds_per_run"].items())
    first = [values["suggested"]] if "suggested" in values else []
    return [
        *first,
        measuring.table(["setting", "accuracy %", "95 % interval", "seeds", "test rows"], rows),
        *(f"- {sentence}" for sentence in told),
        f"Verdict on the project: {values['verdict']}",
        f"Wall seconds of a run: {seconds}.",
    ]
