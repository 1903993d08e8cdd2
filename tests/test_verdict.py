"""Claims about the verdict: which sentence is said when, and what its benchmark simulates."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT

from synweight_core import verdict as verdicts
from synweight_core.compare import difference
from synweight_core.crossed import CROSSED, ROWS_ALONE
from synweight_core.errors import DataError
from synweight_core.run_groups import Group, Recipe, ScoredRows
from synweight_core.runs import Run
from synweight_core.train_config import run_config
from synweight_core.verdict import MISSING, RULES, project_verdict, verdict

N = 2_000


def group(name, accuracy, *, seeds=5, n=N, first_seed=0, draw=0, metric="accuracy", same_rows=True, **choices):
    """A setting whose seeds are right on this share of the rows; `draw` says which."""
    config, test = run_config(**choices), ScoredRows(np.arange(n) % 2, ("a", "b"), metric)
    done = [
        Run(f"r{seed}", "train", "p", name, 0.0, {"seed": seed}, "finished", {}, None)
        for seed in range(first_seed, first_seed + seeds)
    ]
    made = Group(name, config, tuple(range(first_seed, first_seed + seeds)), tuple(done), test)
    drawn = np.random.default_rng(draw)
    hardness = np.random.default_rng(99).random(n)  # rows are as hard for all settings
    right = hardness + drawn.normal(0, 0.05, (seeds, n)) < accuracy
    made.__dict__["predicted"] = np.where(right, test.labels, 1 - test.labels)
    return made


def ce(accuracy, **fields):
    return group("CE", accuracy, draw=1, loss="ce", **fields)


def imp(accuracy, **fields):
    return group("IMP", accuracy, draw=2, loss="imp", **fields)


def quality(accuracy, **fields):
    return group("Quality only", accuracy, draw=3, loss="quality", **fields)


def real(accuracy, **fields):
    return group("Real rows alone (baseline)", accuracy, draw=4, train_on="real", **fields)


def said(a, b):
    return verdict(difference(a, b))


# --- two settings -----------------------------------------------------------------------------


def test_winner_is_named_first_with_points_interval_seeds_and_rows():
    found = difference(imp(0.8), ce(0.75))
    low, mean, high = (f"{100 * x:.1f}" for x in (found.interval.low, found.interval.mean, found.interval.high))
    told = f"IMP beats CE by {mean} points of accuracy (95 % interval {low} to {high}; 5 seeds, 2,000 test rows)."
    assert verdict(found) == verdict(found.swapped()) == verdicts.Verdict("better", told)


@pytest.mark.parametrize(("metric", "words"), [("macro_f1", "macro-F1"), ("recall:b", "recall of b")])
def test_points_are_of_the_metric_of_the_project(metric, words):
    told = said(imp(0.8, metric=metric), ce(0.75, metric=metric))
    assert told.kind == "better" and f"points of {words} (" in told.sentence


def test_real_rows_that_win_say_not_to_use_the_set():
    told = said(imp(0.7), real(0.8))
    assert told.kind == "do not use"
    assert told.sentence.startswith("The real rows alone are better than IMP by ")
    assert told.sentence.endswith("): do not use this synthetic set for training on it alone.")


def test_real_rows_that_win_over_a_mixture_speak_against_the_set_in_any_use():
    mixed = group("real mass 30 %", 0.7, loss="tuned", alpha=0, real_mass=0.3)
    assert said(mixed, real(0.8)).sentence.endswith("): do not use this synthetic set.")


def test_real_rows_that_lose_are_beaten():
    assert said(real(0.7), imp(0.8)).sentence.startswith("IMP beats the real rows alone by ")


def test_other_seeds_of_the_same_setting_make_no_difference():
    again = replace(ce(0.8, first_seed=5), name="CE again")
    again.__dict__["predicted"] = group("CE", 0.8, draw=8, loss="ce").predicted
    told = said(ce(0.8), again)
    assert told.kind == "no difference"
    assert told.sentence.startswith("No difference beyond noise between CE")
    assert "seeds differ and were paired in their order" in told.sentence
    half = difference(ce(0.8), again).interval.half_width
    assert told.sentence.endswith(f"); one of less than {100 * half:.1f} points may have been missed.")


def test_setting_against_itself_has_no_winner():
    same = ce(0.8)
    assert said(same, same) == verdicts.Verdict(
        "no difference",
        "No difference beyond noise between CE and CE in accuracy (95 % interval 0.0 to 0.0; 5 seeds, 2,000 test "
        "rows).",
    )


def test_too_few_rows_say_how_many_more():
    told = said(imp(0.8, n=70, seeds=3), ce(0.79, n=70, seeds=3))
    assert told.kind == "too few"
    assert told.sentence.startswith("Too few test rows or seeds to tell ")
    assert re.search(r"about \d+ more (test rows|seeds) ", told.sentence)
    assert told.sentence.endswith("would be needed to see a difference of 3 points four times in five.")


def test_lead_on_one_seed_is_no_victory():
    told = said(imp(0.9, seeds=1), ce(0.75, seeds=1))
    assert told.kind == "one seed"
    assert told.sentence.startswith("IMP is ahead of CE by ") and "on one seed only" in told.sentence
    assert "1 seed, 2,000 test rows; other seeds were not assessed" in told.sentence


def test_one_row_tells_nothing():
    told = said(imp(0.9, n=1), ce(0.1, n=1))
    assert told.kind == "unknown" and told.sentence.endswith("fewer than two test rows count.")


def test_every_rule_can_be_reached():
    reached = {
        said(*pair).kind
        for pair in (
            (imp(0.8), ce(0.75)), (imp(0.7), real(0.8)), (imp(0.9, seeds=1), ce(0.75, seeds=1)),
            (imp(0.9, n=1), ce(0.1, n=1)), (ce(0.8), ce(0.8)), (imp(0.8, n=70, seeds=3), ce(0.79, n=70, seeds=3)),
        )
    }  # fmt: skip
    assert reached == {rule.kind for rule in RULES}


def test_method_is_named():
    assert difference(imp(0.8), ce(0.75)).interval.method == CROSSED
    assert difference(imp(0.8, seeds=1), ce(0.75, seeds=1)).interval.method == ROWS_ALONE


# --- the project ------------------------------------------------------------------------------


def test_best_setting_is_held_against_both_baselines_with_a_correction():
    told = project_verdict(Recipe("", (ce(0.75), imp(0.85), quality(0.8), real(0.6))))
    assert (told.kind, told.best.name, told.comparisons, told.missing) == ("better", "IMP", 4, ())
    assert told.against_ce.interval.confidence == told.against_real.interval.confidence == 1 - 0.05 / 4
    assert told.sentence.startswith("IMP beats CE by ")
    assert "corrected for 4 comparisons by Bonferroni); IMP is better than the real rows alone by " in told.sentence
    assert told.sentence.endswith(").")


def test_correction_widens_the_interval():
    alone = project_verdict(Recipe("", (ce(0.75), imp(0.85))))
    among = project_verdict(Recipe("", (ce(0.75), imp(0.85), quality(0.8), real(0.6))))
    assert among.against_ce.interval.half_width > alone.against_ce.interval.half_width
    assert alone.comparisons == 1 and "Bonferroni" not in alone.sentence


def test_real_rows_that_beat_the_best_are_the_verdict():
    told = project_verdict(Recipe("", (ce(0.7), imp(0.75), real(0.85))))
    assert told.kind == "do not use"
    assert told.sentence.startswith("The real rows alone are better than IMP by ")


def test_real_rows_that_are_as_good_are_added():
    told = project_verdict(Recipe("", (ce(0.7), imp(0.8), real(0.8))))
    assert told.kind == "better" and "; no difference from the real rows alone was seen (" in told.sentence


def test_without_weighted_runs_ce_stands_against_the_real_rows():
    told = project_verdict(Recipe("", (ce(0.8), real(0.7))))
    assert told.sentence.startswith("CE beats the real rows alone by ")
    assert told.missing == ("No run with weights.",)


def test_setting_of_one_seed_is_not_picked_where_others_have_more():
    told = project_verdict(Recipe("", (ce(0.7), imp(0.9, seeds=1), quality(0.8))))
    assert told.best.name == "Quality only"
    assert "IMP was run with one seed only." in told.missing


@pytest.mark.parametrize("groups", [(), (imp(0.8),), (real(0.8),), (ce(0.8),)])
def test_nothing_to_compare_is_said(groups):
    told = project_verdict(Recipe("", groups))
    assert told.kind == "nothing" and told.sentence.startswith("There is nothing to compare yet")
    assert told.missing


def test_every_missing_run_is_named():
    assert project_verdict(Recipe("", ())).missing == tuple(words for _, words in MISSING)


def test_unequal_test_rows_are_refused():
    with pytest.raises(DataError, match="different test rows"):
        difference(imp(0.8, n=60), ce(0.8, n=50))


def test_verdict_imports_nothing_heavy():
    program = (
        "import sys, synweight_core.verdict; "
        "print([name for name in ('torch', 'transformers', 'sklearn', 'numba', 'scipy.stats') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


# --- the benchmark ----------------------------------------------------------------------------


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmark's module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("benchmark_verdict", ROOT / "benchmarks" / "verdict.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "benchmark_verdict", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rows(benchmark):
    """A made-up population of two classes, 40 rows, ten votes each."""
    votes = np.random.default_rng(0).integers(0, 11, (2, 40))
    both = {name: np.stack([10 - side, side], axis=1).tolist() for name, side in zip("ab", votes, strict=True)}
    return benchmark.population({"votes": both, "labels": [0, 1] * 20}, ("a", "b"))


def test_true_effect_and_spread_are_those_asked_for(benchmark, rows):
    a, b, size = benchmark.settled(rows, 0.03, 0.01)
    (of_a, _), (of_b, spread) = benchmark.mean_and_spread(a, size), benchmark.mean_and_spread(b, size)
    assert of_a - of_b == pytest.approx(0.03, abs=1e-6) and spread == pytest.approx(0.01, abs=1e-6)


def test_drawn_studies_have_the_true_effect_on_average(benchmark, rows):
    means, halves = benchmark.studies(
        *benchmark.settled(rows, 0.03, 0.01), seeds=3, n=50, simulations=3_000, drawn=np.random.default_rng(0)
    )
    assert len(means) == len(halves) == 3_000
    assert means.mean() == pytest.approx(0.03, abs=4 * means.std() / 3_000**0.5)


def test_cell_says_coverage_of_all_spreads_and_of_each(benchmark, rows):
    found = benchmark.cell(rows, 0.0, 3, 60, simulations=900)
    assert [*found["by_spread"]] == ["0.5", "1", "1.5"]
    assert found["coverage"] == pytest.approx(np.mean([*found["by_spread"].values()]), abs=0.01)
    assert 90 < found["coverage"] <= 100


def test_best_of_equal_settings_seldom_wins(benchmark, rows):
    found = benchmark.picked(rows, 3, 60, simulations=300)
    assert found["wins"] < 6 and found["losses"] < 6


def test_worst_coverage_is_the_farthest_from_95(benchmark):
    assert benchmark.worst([94.0, 97.5, 96.0]) == 97.5
    assert benchmark.worst([92.0, 97.5]) == 92.0


def test_quick_reads_the_kept_figures(benchmark, tmp_path):
    cells = [{"pair": pair, "effect": 0.0, "coverage": 94.5} for pair in benchmark.PAIRS]
    values = {"coverage_95": 94.5, "false_winner_rate": 5.5}
    stored = {"parts": {"simulation": {"date": "2026-01-01", "commit": "a", "values": values | {"cells": cells}}}}
    (tmp_path / "verdict.json").write_text(json.dumps(stored))
    line = json.loads(benchmark.quick(tmp_path))
    assert line["benchmark"] == "verdict" and line | values == line
    assert line["false_winner_rate_by_pair"] == dict.fromkeys(benchmark.PAIRS, 5.5)
    assert line["missing"] == ["picking_false_winner_rate", "macro_f1_coverage_95"]


def test_false_winners_are_those_of_the_worst_cell_without_effect(benchmark):
    cells = [
        {"pair": pair, "effect": effect, "coverage": coverage}
        for pair, effect, coverage in (("x", 0.0, 95.0), ("x", 0.0, 93.5), ("x", 0.03, 90.0), ("y", 0.0, 80.0))
    ]
    assert benchmark.false_winners(cells, "x") == 6.5


def test_committed_results_meet_their_targets_within_the_noise_of_simulation(benchmark):
    values = benchmark.measuring.load_parts(benchmark.measuring.RESULTS, "verdict")["simulation"]["values"]
    assert abs(values["coverage_95"] - 95) <= benchmark.TARGETS["coverage_off"] + benchmark.NOISE
    assert values["false_winner_rate"] <= benchmark.TARGETS["false_winner_rate"] + benchmark.NOISE
