"""Claims about comparing runs: figures, intervals, differences, and what is left out."""

import os
import time
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from made_runs import ended_run, said_of, scored_run

from synweight_core import metrics, projects, runs, storage
from synweight_core.compare import difference, figures, learning_curve, metric_of
from synweight_core.contributions import contributions, precision
from synweight_core.crossed import CROSSED, ROWS_ALONE, half_width, interval, mean_squares, more_needed
from synweight_core.errors import DataError
from synweight_core.run_groups import settings_compared

T_1, T_2 = 12.706204736, 4.302652730  # 97.5 % quantiles of t
MEDIAN_F = 2 / 3  # of F(1, 2): the square of the upper quartile of t with 2 degrees of freedom
TABLE = np.array([[1.0, 0.0, 2.0], [3.0, 2.0, 4.0]])  # 2 seeds x 3 rows, without interaction
CROOKED = np.array([[1.0, 0.0, 2.0], [3.0, 4.0, 2.0]])
LABELS = np.array([0, 0, 1, 1, 2, 2])


@pytest.fixture
def project():
    """A project by its facts and the labels of its six test rows. Its metric is accuracy."""
    return made_project(LABELS)


def made_project(labels, *, metric="accuracy", name="shop-1"):
    """A project of classes a, b, c with these test labels."""
    made = projects.Project(name, "Shop", 0.0, "hash", ("a", "b", "c"), {}, (), {}, metric)
    storage.write_json(made.folder / "project.json", asdict(made))
    real = pd.DataFrame({"split": ["train", *["test"] * len(labels)], "label": ["a", *np.array([*"abc"])[labels]]})
    real.to_parquet(made.folder / "real.parquet")
    return made


def finished(project, predicted, *, labels=LABELS, save=True, test=None, confidence=0.8, n_classes=3, **choices):
    """The id of a run that ended with these predictions; of their own figures where `test` gives none."""
    if save and test is None:
        return scored_run(project, predicted, labels, n_classes=n_classes, confidence=confidence, **choices)
    figures = {"accuracy": float((np.asarray(predicted) == labels[: len(predicted)]).mean())}
    said = said_of(predicted, n_classes=n_classes, confidence=confidence) if save else None
    return ended_run(project, test=figures if test is None else test or None, log_probs=said, **choices)


def groups_of(project):
    """The groups of the only recipe."""
    (recipe,) = settings_compared(project).recipes
    return recipe.groups


# --- mean squares and intervals ---------------------------------------------------------------


def test_mean_squares_of_a_table_without_interaction():
    found = mean_squares(TABLE)
    assert [found.mean, found.seed, found.row, found.residual] == [2, 6, 2, 0]


def test_mean_squares_of_a_table_with_interaction():
    found = mean_squares(CROOKED)  # means of seeds 1 and 3, of rows 2, 2, 2
    assert [found.mean, found.seed, found.row, found.residual] == [2, 6, 0, 2]


def test_interval_has_a_t_value_for_each_source():
    found = interval(TABLE)
    half = ((T_2**2 * 2 + T_1**2 * 6 / MEDIAN_F) / 6) ** 0.5
    assert found.mean == 2 and found.method == CROSSED and found.seeds_assessed
    assert [found.low, found.high] == pytest.approx([2 - half, 2 + half])


def test_seeds_count_only_beyond_what_chance_does():
    half = interval(CROOKED).half_width
    assert half == pytest.approx(T_1 * ((6 / MEDIAN_F - 2) / 6) ** 0.5)


def test_seeds_that_agree_leave_the_interval_of_rows():
    agreeing = np.array([[1.0, 0.0, 2.0], [0.0, 2.0, 1.0]])
    found = mean_squares(agreeing)
    assert found.seed == 0
    assert interval(agreeing).half_width == pytest.approx(T_2 * (found.row / 6) ** 0.5)


def test_one_seed_has_the_interval_of_rows_and_says_so():
    found = interval(TABLE[:1])
    assert found.method == ROWS_ALONE and not found.seeds_assessed
    assert found.half_width == pytest.approx(T_2 / 3**0.5)


def test_interval_is_never_narrower_than_that_of_rows_alone():
    drawn = np.random.default_rng(0).normal(size=(50, 3, 8))
    found = mean_squares(drawn)
    least = half_width(type(found)(found.mean, 0.0, found.row, found.residual), seeds=3, rows=8)
    assert (half_width(found, seeds=3, rows=8) >= least).all()


def test_one_row_has_no_interval():
    found = interval(TABLE[:, :1])
    assert found.mean == 2 and np.isnan(found.low) and found.method.startswith("no interval")


def test_more_confidence_is_wider_and_lets_seeds_count_sooner():
    half, c = interval(CROOKED, confidence=0.99).half_width, 2 / 99  # the 10 % quantile of F(1, 2)
    assert half == pytest.approx(63.656741 * ((6 - c * 2) / MEDIAN_F / 6) ** 0.5, rel=1e-4)
    assert half > interval(CROOKED).half_width


def test_more_rows_help_where_rows_differ_and_more_seeds_where_seeds_do():
    drawn = np.random.default_rng(0)
    by_row = drawn.normal(size=(1, 200)) + drawn.normal(0, 0.1, (5, 200))
    by_seed = drawn.normal(size=(5, 1)) * 0.1 + drawn.normal(0, 0.1, (5, 200))
    rows, seeds = more_needed(by_row, 0.1)
    assert 300 < rows < 1500 and seeds is None
    rows, seeds = more_needed(by_seed, 0.1)
    assert rows is None and 1 <= seeds < 30


def test_one_seed_cannot_tell_how_many_seeds_are_needed():
    assert more_needed(np.random.default_rng(0).normal(size=(1, 200)), 0.1)[1] is None


def test_enough_needs_no_more():
    assert more_needed(np.zeros((2, 50)), 0.02) == (0, 0)


# --- contributions ----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "recall:b"])
@pytest.mark.parametrize("predicted", [[0, 0, 1, 1, 2, 2], [0, 1, 1, 0, 2, 1], [0] * 6, [1, 1, 2, 2, 0, 0]])
def test_mean_contribution_is_the_metric(metric, predicted):
    predicted = np.array(predicted)
    scores = metrics.score(np.eye(3)[predicted], LABELS)
    recalls = metrics.recall_by_class(predicted, LABELS, ("a", "b", "c"))
    found = contributions(metric, predicted[None], LABELS, names=("a", "b", "c")).mean()
    assert found == pytest.approx(metrics.chosen(metric, scores, recalls))


def test_contribution_is_what_a_row_changes():
    drawn = np.random.default_rng(0)
    labels, predicted = drawn.integers(0, 3, 400), drawn.integers(0, 3, 400)
    found = contributions("macro_f1", predicted[None], labels, names=("a", "b", "c"))[0]
    for row in range(5):  # n times the change of the metric when the row is left out (jackknife)
        kept = np.arange(400) != row
        without = metrics.score(np.eye(3)[predicted[kept]], labels[kept])["macro_f1"]
        assert found[row] - found.mean() == pytest.approx(399 * (found.mean() - without), abs=0.01)


def test_class_never_predicted_has_precision_0():
    assert not precision(np.array([[0, 0, 1, 1, 0, 1]]), LABELS, 2).any()


def test_unknown_metric_is_refused():
    with pytest.raises(ValueError, match=r"'recall:z' was asked for; expected accuracy, macro_f1 or recall:CLASS"):
        contributions("recall:z", LABELS[None], LABELS, names=("a", "b", "c"))


# --- groups -----------------------------------------------------------------------------------


def test_runs_are_grouped_by_setting_and_ordered_by_seed(project):
    for seed in (1, 0):
        for choices in ({"loss": "ce"}, {"loss": "imp"}, {"train_on": "real"}, {"loss": "dimp"}):
            finished(project, LABELS, seed=seed, **choices)
    assert [(group.name, group.seeds) for group in groups_of(project)] == [
        ("CE", (0, 1)), ("IMP", (0, 1)), ("Real rows alone (baseline)", (0, 1)), ("DIMP", (0, 1)),
    ]  # fmt: skip


def test_same_weights_under_another_name_are_the_same_setting(project):
    finished(project, LABELS, loss="imp", seed=0)
    finished(project, LABELS, loss="tuned", alpha=1, beta=1, seed=1)
    finished(project, LABELS, loss="ce", max_weight=5, seed=0)
    finished(project, LABELS, loss="ce", seed=1)
    assert [(group.name, len(group.seeds)) for group in groups_of(project)] == [("IMP", 2), ("CE", 2)]


def test_settings_of_one_name_are_told_apart(project):
    for fields in ({"max_weight": 5}, {}, {"edits": 3}):
        finished(project, LABELS, loss="imp", **fields)
    assert [group.name for group in groups_of(project)] == [
        "IMP (alpha 1, beta 1, weights 0 to 5)", "IMP (alpha 1, beta 1, weights 0 to 10)", "IMP, 3 edits",
    ]  # fmt: skip


def test_edited_rows_with_plain_cross_entropy_are_no_baseline(project):
    finished(project, LABELS, loss="ce", edits=1)
    finished(project, LABELS, loss="ce")
    (recipe,) = settings_compared(project).recipes
    assert [group.is_ce for group in recipe.groups] == [False, True]
    assert recipe.ce is recipe.groups[1] and recipe.real is None


def test_recipe_with_most_settings_comes_first(project):
    for fields in ({"loss": "ce"}, {"loss": "imp"}, {"loss": "ce", "epochs": 2, "warmup_share": 0.5}):
        finished(project, LABELS, **fields)
    found = settings_compared(project).recipes
    assert [len(recipe.groups) for recipe in found] == [2, 1]
    assert found[1].words == "minilm, epochs 2, batch size 32, learning rate 0.0001, warmup share 0.5"


def test_seed_that_was_run_again_counts_once_the_newest(project):
    finished(project, [2] * 6, seed=0)
    finished(project, LABELS, seed=0)
    (group,) = groups_of(project)
    assert group.predicted.tolist() == [LABELS.tolist()]


def test_setting_that_is_not_there_is_named_with_those_that_are(project):
    finished(project, LABELS)
    with pytest.raises(DataError, match=r"No setting 'IMP' was run under this recipe\. Choose one of: CE\."):
        settings_compared(project).recipes[0].group("IMP")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"test": {}}, "it was not scored on test rows. Add test rows"),
        ({"save": False}, "its predictions (outputs.npz) are absent or damaged. Run it again."),
        ({"predicted": [0, 0, 1]}, "it was scored on 3 test rows of 3 classes; expected the 6 of 3 classes of this"),
        ({"test": {"accuracy": "high"}}, "it was not scored on test rows. Add test rows"),
        ({"n_classes": 4}, "it was scored on 6 test rows of 4 classes; expected the 6 of 3 classes of this project."),
        ({"test": {"accuracy": 0.5}}, "its predictions do not give the accuracy that it reported"),
        ({"confidence": np.nan}, "its predictions (outputs.npz) are absent or damaged"),
    ],
)
def test_run_that_cannot_be_compared_is_left_out_in_words(project, fields, words):
    finished(project, LABELS, seed=0)
    run_id = finished(project, **{"predicted": LABELS, "seed": 1} | fields)
    found = settings_compared(project)
    assert [group.seeds for group in found.recipes[0].groups] == [(0,)]
    (said,) = found.left_out
    assert said.startswith(f"CE, seed 1 ({run_id}) is left out: ") and words in said


@pytest.mark.parametrize("settings", [{"loss": "unknown"}, {"epochs": 0}, {"colour": 1}])
def test_settings_that_cannot_be_read_are_left_out(project, settings):
    path = runs.folder(finished(project, LABELS)) / "config.json"
    storage.write_json(path, storage.read_json(path) | {"settings": settings})
    assert "its settings cannot be read (" in settings_compared(project).left_out[0]


def test_settings_without_a_seed_are_those_of_seed_0(project):
    path = runs.folder(finished(project, LABELS)) / "config.json"
    storage.write_json(path, storage.read_json(path) | {"settings": {"loss": "ce"}})
    assert groups_of(project)[0].seeds == (0,)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"text"])
def test_damaged_outputs_are_left_out(project, content):
    path = runs.folder(finished(project, LABELS)) / "outputs.npz"
    path.write_bytes(content)
    assert settings_compared(project).recipes == () and len(settings_compared(project).left_out) == 1


def test_run_that_has_not_finished_is_not_mentioned(project):
    storage.write_json(runs.folder(finished(project, LABELS)) / "result.json", {"stopped": True, "test": None})
    found = settings_compared(project)
    assert found.recipes == () and found.left_out == ()


def test_outputs_that_change_are_read_again(project):
    run_id = finished(project, LABELS)
    assert groups_of(project)[0].predicted[0].tolist() == LABELS.tolist()
    finished(project, LABELS, seed=1)
    path = runs.folder(run_id) / "outputs.npz"
    np.savez(path, test_log_probs=np.log(np.full((6, 3), 1 / 3)))
    os.utime(path, ns=(1, 1))
    assert "do not give the accuracy" in settings_compared(project).left_out[0]


def test_two_hundred_runs_are_grouped_in_a_moment(project):
    for number in range(200):
        finished(project, LABELS, loss="tuned", alpha=number // 5, seed=number % 5)
    settings_compared(project)  # reads the predictions
    start = time.process_time()
    assert len(groups_of(project)) == 40
    assert time.process_time() - start < 1  # measured 0.06 s; the machine may be busy


# --- figures and differences ------------------------------------------------------------------


def test_figures_are_means_over_seeds(project):
    finished(project, [0, 0, 1, 1, 2, 2], seed=0)
    finished(project, [0, 0, 1, 1, 0, 0], seed=1)
    (group,) = groups_of(project)
    found = figures(group)
    assert found.metric == found.accuracy == metric_of(group)
    assert found.accuracy.mean == pytest.approx((1 + 4 / 6) / 2)
    assert found.macro_f1.mean == pytest.approx((1 + (2 / 3 + 1) / 3) / 2)
    assert [each.mean for each in found.recall.values()] == pytest.approx([1, 1, 0.5])
    assert [each.mean for each in found.precision.values()] == pytest.approx([0.75, 1, 0.5])
    assert found.calibration_error.mean == pytest.approx((0.2 + abs(0.8 - 4 / 6)) / 2)


def test_difference_is_paired_by_common_seeds(project):
    for seed, predicted in ((0, [0] * 6), (1, [0] * 6), (2, LABELS)):
        finished(project, predicted, loss="ce", seed=seed)
    for seed, predicted in ((1, [0, 0, 1, 1, 0, 0]), (0, LABELS), (7, [1] * 6)):
        finished(project, predicted, loss="imp", seed=seed)
    ce, imp = groups_of(project)
    found = difference(imp, ce)
    assert found.pairs == ((0, 0), (1, 1)) and found.same_seeds
    assert found.by_seed.tolist() == pytest.approx([4 / 6, 2 / 6])
    assert found.interval.mean == pytest.approx(0.5) and found.win_tie_loss == (2, 0, 0)
    assert found.won.positions.tolist() == [2, 3, 4, 5] and found.won.seeds.tolist() == [2, 2, 1, 1]
    assert found.lost.positions.tolist() == []
    assert found.confusion_a.tolist() == [[2, 0, 0], [0, 2, 0], [1, 0, 1]]
    assert found.confusion_change.tolist() == [[0, 0, 0], [-2, 2, 0], [-1, 0, 1]]


def test_difference_is_that_of_hand_computed_mean_squares(project):
    finished(project, [0, 0, 1, 1, 2, 2], loss="imp", seed=0)
    finished(project, [0, 0, 1, 1, 2, 0], loss="imp", seed=1)
    for seed in (0, 1):
        finished(project, [0, 0, 1, 1, 0, 0], loss="ce", seed=seed)
    imp, ce = groups_of(project)
    found = difference(imp, ce)  # values 0 0 0 0 1 1 and 0 0 0 0 1 0
    assert mean_squares(found.values).mean == pytest.approx(0.25)
    squares = mean_squares(found.values)
    assert [squares.seed, squares.row, squares.residual] == pytest.approx([1 / 12, 0.35, 1 / 12])


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "recall:c"])
def test_setting_against_itself_has_difference_0_and_no_winner(metric):
    project = made_project(LABELS, metric=metric, name="shop-2")
    for seed in (0, 1, 2):
        finished(project, np.random.default_rng(seed).integers(0, 3, 6), seed=seed)
    (group,) = groups_of(project)
    found = difference(group, group)
    assert (found.interval.mean, found.interval.low, found.interval.high) == (0, 0, 0)
    assert found.win_tie_loss == (0, 3, 0)
    assert not len(found.won.positions) and not len(found.lost.positions)


def test_swapped_difference_is_the_other_way_round(project):
    finished(project, LABELS, loss="imp")
    finished(project, [0] * 6, loss="ce")
    imp, ce = groups_of(project)
    back, swapped = difference(ce, imp), difference(imp, ce).swapped()
    assert swapped.interval == back.interval and swapped.a is ce
    assert swapped.win_tie_loss == back.win_tie_loss == (0, 0, 1)
    assert (swapped.confusion_change == back.confusion_change).all()
    assert (swapped.lost.positions == back.lost.positions).all()


def test_settings_without_common_seeds_are_paired_in_order(project):
    for seed in (0, 1, 2):
        finished(project, LABELS, loss="ce", seed=seed)
    for seed in (5, 4):
        finished(project, LABELS, loss="imp", seed=seed)
    ce, imp = groups_of(project)
    found = difference(ce, imp)
    assert found.pairs == ((0, 4), (1, 5)) and not found.same_seeds


def test_other_test_rows_are_refused(project):
    other = made_project(LABELS[::-1], name="shop-3")
    finished(project, LABELS)
    finished(other, LABELS, labels=LABELS[::-1])
    with pytest.raises(DataError, match=r"CE and CE were scored on different test rows\."):
        difference(*groups_of(project), *groups_of(other))


def test_learning_curve_is_over_seeds(project):
    for seed, values in ((0, (0.5, 0.7)), (1, (0.6, 0.9))):
        path = runs.folder(finished(project, LABELS, seed=seed)) / "metrics.jsonl"
        for step, value in enumerate(values, start=1):
            storage.append_line(path, {"event": "step", "step": step, "loss": 1.0})
            storage.append_line(path, {"event": "evaluation", "step": step, "epoch": step / 2, "metric": value})
    found = learning_curve(groups_of(project)[0])
    assert found.columns.tolist() == ["step", "epoch", "mean", "low", "high", "seeds"]
    assert found.iloc[1].tolist() == pytest.approx([2, 1, 0.8, 0.7, 0.9, 2])


def test_run_without_evaluations_has_an_empty_curve(project):
    finished(project, LABELS)
    assert learning_curve(groups_of(project)[0]).empty
