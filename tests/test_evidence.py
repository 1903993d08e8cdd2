"""The benchmark of weighting: its plan, its records and what is made of them. Nothing is trained."""

import base64
import json
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest

from synweight_core import storage
from synweight_core.weighting import WeightSettings


@pytest.fixture
def modules(benchmark):
    names = ("measuring", "browser", "journey", "lab", "evidence_data", "evidence_methods", "evidence_report",
             "evidence_drawing", "evidence")  # fmt: skip
    return SimpleNamespace(**{name: benchmark(name) for name in names})


@pytest.fixture
def options(modules, tmp_path):
    return Namespace(
        out=tmp_path, home=tmp_path / "home", data=tmp_path, budget=modules.evidence_data.Budget(), half="B",
        sets=["sst2", "mrpc"], methods=["ce", "real"], seeds=[0, 1], limit_minutes=60, threads=1,
    )  # fmt: skip


@pytest.fixture
def counted(modules, monkeypatch):
    """A campaign whose trainings are counted: all test rows are of class 0, and all methods say so."""
    done = []

    def trained(method, case, config):
        done.append((method.label, config.seed))
        return np.log(np.tile([0.9, 0.1], (4, 1))), np.zeros(4, dtype=int), 1.0

    case = SimpleNamespace(
        project=SimpleNamespace(counts={"train": 10}), prepared=SimpleNamespace(n_synthetic=100),
        in_b=np.array([True, False, True, False]),
    )  # fmt: skip
    monkeypatch.setattr(modules.evidence, "trained", trained)
    monkeypatch.setattr(modules.evidence, "open_case", lambda *given, **more: case)
    monkeypatch.setattr(modules.evidence, "_use_threads", lambda threads: None)
    monkeypatch.setattr(modules.evidence, "_machine", lambda threads: "a machine")
    return done


def record(name, method, seed, right, **more):
    """A record with these right rows in both halves."""
    bits = base64.b64encode(np.packbits(right).tobytes()).decode()
    accuracy = 100 * float(np.mean(right))
    half = {"accuracy": accuracy, "macro_f1": accuracy, "calibration_error": 5.0, "rows": len(right), "right": bits}
    return {"key": {"set": name, "method": method, "seed": seed}, "A": half, "B": half, "seconds": 2.0, **more}


def test_plan_has_the_main_methods_on_all_sets_before_the_next_seed(modules):
    plan = [*modules.evidence.in_order(["sst2", "mrpc"], ["quality", "real", "ce"], [0, 1])]
    assert plan == [
        ("sst2", "ce", 0), ("mrpc", "ce", 0), ("sst2", "real", 0), ("mrpc", "real", 0),
        ("sst2", "ce", 1), ("mrpc", "ce", 1), ("sst2", "real", 1), ("mrpc", "real", 1),
        ("sst2", "quality", 0), ("mrpc", "quality", 0), ("sst2", "quality", 1), ("mrpc", "quality", 1),
    ]  # fmt: skip


def test_plan_has_each_record_once_and_keeps_methods_to_their_sets(modules):
    plan = [*modules.evidence.in_order(modules.evidence_data.SETS, modules.evidence_methods.METHODS, range(4))]
    assert len(plan) == len({*plan}) == 4 * (17 * 8 + 2 * 3)
    assert {name for name, method, _ in plan if method == "reweighted"} == {*modules.evidence_methods.REWEIGHTED_SETS}


@pytest.mark.parametrize("change", [{"rows": 999}, {"epochs": 4}, {"test_rows": 5}, {"recipe": {"batch_size": 8}}])
def test_record_of_another_budget_is_not_known(modules, change):
    budget = modules.evidence_data.Budget
    key = modules.evidence.key_of(("sst2", "ce", 0), budget())
    other = modules.evidence.key_of(("sst2", "ce", 0), budget(**change))
    assert modules.evidence.known({"key": key}, budget())
    assert not modules.evidence.known({"key": other}, budget())
    assert modules.evidence.digest(key) != modules.evidence.digest(other)


def test_record_of_another_version_or_of_no_method_is_not_known(modules):
    key = modules.evidence.key_of(("sst2", "ce", 0), modules.evidence_data.Budget())
    for stale in ({"version": 0}, {"method": "gone"}):
        assert not modules.evidence.known({"key": key | stale}, modules.evidence_data.Budget())


def test_second_call_measures_what_is_missing_and_nothing_twice(modules, options, counted):
    options.seeds = [0]
    modules.evidence.campaign(options)
    assert len(counted) == 4
    options.seeds = [0, 1]
    modules.evidence.campaign(options)
    modules.evidence.campaign(options)
    assert len(counted) == 8 and {seed for _, seed in counted[4:]} == {1}
    found = modules.evidence.records_of(options)
    assert len({json.dumps(each["key"]) for each in found}) == len(found) == 8
    assert (options.home / "predictions").is_dir()


def test_record_that_another_process_measures_is_left_to_it(modules, options, counted):
    key = modules.evidence.key_of(("sst2", "ce", 0), options.budget)
    with modules.evidence_data.locked(options.home / "locks" / f"{modules.evidence.digest(key)}.lock"):
        modules.evidence.campaign(options)
    assert len(counted) == 7
    modules.evidence.campaign(options)
    assert len(counted) == 8


def test_campaign_without_time_measures_nothing(modules, options, counted):
    options.limit_minutes = 0
    modules.evidence.campaign(options)
    assert counted == []


def test_method_that_does_the_same_on_a_set_is_not_trained_again(modules, options, counted, monkeypatch):
    same = modules.evidence_methods.Method("Same as CE", lambda case: WeightSettings(0, 0), main=True)
    monkeypatch.setitem(modules.evidence_methods.METHODS, "suggested", same)
    options.methods, options.seeds = ["ce", "suggested"], [0]
    modules.evidence.campaign(options)
    assert len(counted) == 2
    copies = [each for each in modules.evidence.records_of(options) if "same_as" in each]
    assert [(each["key"]["method"], each["same_as"], each["B"]["accuracy"]) for each in copies] == [
        ("suggested", "ce", 100.0), ("suggested", "ce", 100.0),
    ]  # fmt: skip


def test_every_method_with_fixed_settings_is_a_run_that_differs_from_all_others(modules):
    methods, budget = modules.evidence_methods, modules.evidence_data.Budget()
    case = SimpleNamespace(
        project=SimpleNamespace(counts={"train": 10}), prepared=SimpleNamespace(n_synthetic=100)
    )  # fmt: skip
    fixed = {name: row for name, row in methods.METHODS.items() if not name.startswith("suggested")}
    configs = {name: methods.config_of(row, case, budget, 3) for name, row in fixed.items()}
    assert {config.seed for config in configs.values()} == {3}
    assert configs["real_duplicated"].epochs == 30 and configs["real"].epochs == 3
    assert configs["pooled"].real_mass == pytest.approx(10 / 110)
    does = [json.dumps(methods.what_it_does(row, configs[name])) for name, row in fixed.items()]
    assert len({*does}) == len(does)


def test_settings_are_suggested_without_candidates_that_join_real_rows(modules, monkeypatch):
    methods, asked = modules.evidence_methods, []

    def answer(forecaster, report, caps, *, switches):
        asked.extend(switches)
        return SimpleNamespace(settings=WeightSettings(2, 0))

    monkeypatch.setattr(methods, "_forecaster", lambda case: None)
    monkeypatch.setattr(methods, "suggest", answer)
    assert methods.suggested(modules.evidence_data.Case(None)) == WeightSettings(2, 0)
    assert asked == [{"drop_share": 0.3}, {"relevance": 0.5}]


def test_mass_of_the_real_rows_is_the_one_with_the_highest_forecast(modules, monkeypatch):
    methods = modules.evidence_methods
    case = SimpleNamespace(
        project=SimpleNamespace(counts={"train": 10}), prepared=SimpleNamespace(n_synthetic=100)
    )  # fmt: skip
    monkeypatch.setattr(methods, "suggested", lambda case: WeightSettings(2, 0))
    monkeypatch.setattr(methods, "_forecaster", lambda case: SimpleNamespace(values=lambda said: [said]))
    monkeypatch.setattr(methods, "final", lambda forecaster, settings: -abs(settings.real_mass - 0.5))
    assert methods.suggested_pooled.__wrapped__(case) == WeightSettings(2, 0, real_mass=0.5)
    monkeypatch.setattr(methods, "suggested", lambda case: methods.OFF)
    assert methods.suggested_pooled.__wrapped__(case) == WeightSettings(0, 0, real_mass=10 / 110)


def test_halves_are_disjoint_stable_and_about_as_large(modules):
    texts = [f"row {i}" for i in range(1_000)]
    in_b = modules.evidence_data.of_half_b(texts)
    assert 400 < in_b.sum() < 600
    np.testing.assert_array_equal(modules.evidence_data.of_half_b(texts[::-1]), in_b[::-1])


def test_figures_of_a_half_are_of_its_rows_and_say_which_are_right(modules):
    log_probs = np.log([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    found = modules.evidence.figures(log_probs, np.array([0, 1, 1, 1]), np.array([True, True, False, False]))
    assert found["A"]["accuracy"] == 100 and found["B"]["accuracy"] == 50
    assert found["B"]["calibration_error"] == 40
    assert modules.evidence_report.right_rows(found["B"]).tolist() == [True, False]
    assert found["A"]["rows"] == 2


def test_difference_is_paired_by_common_seeds_and_in_points(modules):
    records = [
        record("sst2", "ce", 0, [True, False, False, False]), record("sst2", "ce", 1, [True, True, False, False]),
        record("sst2", "imp", 1, [True, True, True, False]), record("sst2", "imp", 2, [False] * 4),
    ]  # fmt: skip
    found = modules.evidence_report.difference(records, "sst2", ("imp", "ce"), half="B")
    assert found.mean == 25 and found.seeds == 1 and found.rows == 4
    assert modules.evidence_report.difference(records, "sst2", ("imp", "dimp"), half="B") is None


def test_mean_over_sets_has_the_interval_of_independent_sets(modules):
    two = [SimpleNamespace(mean=1.0, half_width=3.0), None, SimpleNamespace(mean=2.0, half_width=4.0)]
    assert modules.evidence_report.over_sets(two) == (1.5, 2.5)
    assert modules.evidence_report.over_sets([None]) is None


def test_summary_is_over_the_sets_that_are_evidence(modules):
    up, down = [True, True, True, True], [True, True, False, False]
    records = [
        record(name, method, 0, right)
        for name, pair in (("sst2", (down, up)), ("mrpc", (up, up)), ("atis_intent", (up, down)))
        for method, right in zip(("ce", "suggested"), pair, strict=True)
    ]
    pooled = {"suggested_pooled": up, "real": up, "real_duplicated": down, "pooled": down}
    records += [record("sst2", method, 0, right) for method, right in pooled.items()]
    records += [record("mrpc", method, 0, down) for method in pooled if method != "real"]  # not all baselines
    records += [record("sst2", "placebo", 0, up), record("mrpc", "placebo", 0, up)]
    found = modules.evidence_report.summary(records, half="B")
    assert found["suggested_minus_ce_mean"] == 25 and found["suggested_minus_ce_min"] == -50  # the control counts here
    assert found["suggested_sets_1_above_ce"] == 1
    assert found["pooled_minus_best_mean"] == 0
    assert found["pooled_minus_real_and_pooled_ce_mean"] == found["pooled_minus_real_and_pooled_ce_min"] == 0
    assert found["placebo_sets_below_1"] == 1
    assert found["suggested_minus_imp_mean"] is None
    assert modules.evidence_report.summary([], half="B")["placebo_sets_below_1"] is None


def test_figure_that_is_short_of_what_was_wanted_is_told(modules):
    figures = {"suggested_minus_ce_mean": 5.0, "suggested_sets_1_above_ce": 3, "blended_minus_ce_mean": 1.0}
    assert [*modules.evidence_report._beside_wanted(figures | {"suggested_minus_imp_mean": None})] == [
        ("suggested_minus_ce_mean", "5.0", "5"), ("suggested_sets_1_above_ce", "3", "4: **short**"),
        ("blended_minus_ce_mean", "1.0", "-"), ("suggested_minus_imp_mean", "None", "0"),
    ]  # fmt: skip
    assert set(modules.evidence_report.WANTED) < set(modules.evidence_report.summary([], half="A"))


def test_quick_says_the_figures_of_the_records_and_what_is_missing(modules, options, counted):
    options.methods = ["ce", "placebo"]
    modules.evidence.campaign(options)
    found = json.loads(modules.evidence.quick(options))
    assert found["placebo_sets_below_1"] == 2 and found["records"] == 8
    assert "suggested_minus_ce_mean" in found["missing"] and found["measured"] == []


def test_report_and_drawing_say_differences_and_what_is_missing(modules, options, counted):
    options.methods = ["ce", "imp"]
    modules.evidence.campaign(options)
    line = (options.out / "evidence.jsonl").read_text().splitlines()[-1]
    assert json.loads(line)["key"]["method"] == "imp"
    modules.evidence.write_report(options)
    text, drawn = ((options.out / f"evidence.{suffix}").read_text() for suffix in ("md", "svg"))
    assert "8 of 568 records are measured; 560 are missing" in text
    assert "| IMP | +0.0 (+0.0 to +0.0) | +0.0 (+0.0 to +0.0) | +0.0 ± 0.0 (2) |" in text
    assert "100.0 (2 of 4 seeds)" in text and "| Focal loss |" not in text
    assert drawn.count("<circle") == 2


def test_interval_outside_of_0_is_drawn_in_colour(modules):
    wrong, right = [False] * 40, [True] * 39 + [False]
    records = [record("sst2", "ce", 0, wrong), record("sst2", "imp", 0, right)]
    drawn = modules.evidence_drawing.drawing(records, half="A")
    assert "#D9660A" in drawn and "+97.5" in drawn


def test_demo_has_no_column_of_its_planted_rows_when_it_is_a_set(modules, tmp_path):
    folder = modules.evidence_data.demo_files(tmp_path / "demo")
    rows = [json.loads(line) for line in (folder / "synthetic.jsonl").read_text().splitlines()]
    assert len(rows) == 1_200 and "planted" not in rows[0]
    assert storage.read_lines(folder / "real_test.jsonl")[0][0].keys() == {"text", "label"}


@pytest.mark.parametrize("word", ["10", "3001"])
def test_number_of_rows_out_of_range_is_told(modules, word):
    with pytest.raises(modules.evidence.argparse.ArgumentTypeError, match=r"expected 50 to 3,000 rows"):
        modules.evidence._rows(word)
