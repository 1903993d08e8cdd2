"""Claims about how far the checkers can be trusted: figures, sentences, learning curve, leakage, and their panel."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from synweight_core.clusters import ClusterLabels
from synweight_core.data import Dataset
from synweight_core.prepare import Prepared
from synweight_core.projects import Project
from synweight_core.trust import (
    Leak,
    checker_trust,
    confusions,
    leakage,
    most_confused,
    trust_report,
    wilson_interval,
)
from synweight_core.trust_curve import gain_of_doubling, learning_curve
from synweight_core.trust_words import CASES, curve_sentence, leak_words, trust_case, trust_sentence

HOSTILE = "![x](http://127.0.0.1:9/p.png) <b>$y^2$ :red[z]"


def says(labels, *, sure, n_classes=2):
    """Log-probabilities that name these labels with this probability."""
    log_probs = np.full((len(labels), n_classes), np.log((1 - sure) / (n_classes - 1)))
    log_probs[np.arange(len(labels)), labels] = np.log(sure)
    return log_probs


def judged(right, wrong, *, sure=0.8, names=("a", "b")):
    """A quality checker that is so often right and wrong on rows of each of two classes."""
    labels = np.repeat([0, 1], right + wrong)
    predicted = np.where(np.arange(len(labels)) % (right + wrong) < right, labels, 1 - labels)
    return checker_trust("quality", says(predicted, sure=sure), labels, np.full(len(labels), True), names=names)


def frame(texts, labels, **columns):
    return pd.DataFrame({"text": texts, "text_b": "", "label": labels, **columns})


def made_up(n_synthetic=40, n_real=40, *, names=("a", "b"), real_labels=None):
    """A prepared data set whose checkers are always right and 0.97 sure; every fourth real row validates."""
    codes = np.arange(n_synthetic) % 2
    real_codes = np.arange(n_real) % 2 if real_labels is None else np.array(real_labels)
    labels = np.concatenate([codes, real_codes]).astype(np.int64)
    split = np.where(np.arange(n_real) % 4 == 3, "validation", "train")
    called = np.array(names, dtype=object)
    dataset = Dataset(
        synthetic=frame([f"made up {i}" for i in range(n_synthetic)], called[codes]),
        real=frame([f"real {i}" for i in range(n_real)], called[real_codes], split=split),
        labels=tuple(names),
        findings=(),
        dropped=pd.DataFrame(),
    )
    total, log_probs = len(labels), says(labels, sure=0.97, n_classes=len(names))
    prepared = Prepared(
        n_synthetic=n_synthetic, xy=np.zeros((total, 2)), groups=np.arange(total), quality=log_probs,
        diversity=log_probs.copy(), labels=labels, relevance=np.zeros(total), support=np.zeros(n_real), holes=(),
        clusters=ClusterLabels(*[np.zeros(0)] * 4, []),
        facts={"quality_temperature": 1.0, "diversity_temperature": 2.0},
    )  # fmt: skip
    return prepared, dataset


# --- figures


def test_wilson_interval_is_that_of_the_literature():
    # Newcombe 1998, table I: 81 of 263, and 0 of 20
    low, high = wilson_interval(np.array([81, 0]), np.array([263, 20]))
    np.testing.assert_allclose(low, [0.2553, 0], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1611], atol=5e-5)
    assert wilson_interval(np.array(0), np.array(0)) == (0, 1)


def test_figures_of_a_checker_are_those_counted_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    labels = np.array([0, 0, 1, 1, 1])
    seen = np.array([True, True, True, True, False])
    trust = checker_trust("quality", np.log(probabilities), labels, seen, names=("a", "b"))
    assert (trust.rows, trust.in_sample, trust.accuracy, trust.majority_share) == (4, 1, 0.75, 0.5)
    assert trust.mean_confidence == pytest.approx((0.9 + 0.8 + 0.6 + 0.7) / 4)
    assert trust.calibration_error == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)
    assert trust.confusion.tolist() == [[2, 0], [1, 1]]
    assert trust.low < 0.75 < trust.high
    assert trust.bins["rows"].tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(trust.bins["confidence"], [0.6, 0.7, 0.8, 0.9])
    assert trust.bins["accuracy"].tolist() == [0, 1, 1, 1]


def test_recall_of_a_class_below_five_rows_is_not_told():
    labels = np.repeat([0, 1], [5, 4])
    trust = checker_trust("quality", says(np.zeros(9, int), sure=0.9), labels, np.full(9, True), names=("a", "b"))
    assert trust.classes["rows"].tolist() == [5, 4]
    assert trust.classes["recall"][0] == 1 and trust.classes.loc[1, ["recall", "low", "high"]].isna().all()


def test_a_class_that_the_checker_lacks_is_never_predicted_and_its_rows_count_as_wrong():
    log_probs = says(np.zeros(10, int), sure=0.9, n_classes=3)
    log_probs[:, 2] = np.nan
    trust = checker_trust("quality", log_probs, np.repeat([0, 2], 5), np.full(10, True), names=("a", "b", "c"))
    assert trust.accuracy == 0.5 and trust.mean_confidence == pytest.approx(0.9)
    assert trust.classes["recall"].fillna(-1).tolist() == [1, -1, 0]
    assert trust.confusion[:, 2].sum() == 0 and trust.confusion[2, 0] == 5


def test_without_rows_the_figures_are_nan_and_the_sentence_says_so():
    trust = checker_trust("quality", np.zeros((3, 2)), np.zeros(3, int), np.full(3, False), names=("a", "b"))
    assert np.isnan([trust.accuracy, trust.mean_confidence, trust.calibration_error, trust.majority_share]).all()
    assert (trust.low, trust.high, len(trust.bins)) == (0, 1, 0)
    assert trust_sentence(trust).startswith("The quality checker has no rows that it had not seen: too few rows")


def test_report_judges_real_rows_by_quality_and_synthetic_rows_by_diversity():
    prepared, dataset = made_up()
    prepared.quality[:40] = np.nan  # none of these may be looked at
    prepared.diversity[40:] = np.nan
    prepared.diversity[0] = prepared.diversity[1]
    report = trust_report(prepared, dataset)
    assert (report.quality.rows, report.quality.accuracy) == (40, 1)
    assert (report.diversity.rows, report.diversity.accuracy) == (40, 39 / 40)


def test_training_rows_of_a_rare_class_are_left_out_and_its_validation_rows_are_not():
    # rows 1 and 3 are of class b; 3 validates
    prepared, dataset = made_up(real_labels=[0, 1, 0, 1] + [0] * 36)
    report = trust_report(prepared, dataset)
    assert (report.quality.rows, report.quality.in_sample) == (39, 1)
    assert report.quality.classes["rows"].tolist() == [38, 1]


def test_report_of_five_real_rows_is_too_few_rows():
    prepared, dataset = made_up(n_real=5)
    report = trust_report(prepared, dataset)
    assert (report.quality.rows, report.quality.in_sample) == (4, 1)  # one row of class b always trains
    assert trust_case(report.quality) == "too few rows"


def test_mistakes_come_first_in_the_table_of_confusions():
    counts = np.array([[9, 1], [3, 4]])
    table = confusions(counts, ("a", "b"))
    assert table.to_numpy().tolist() == [["b", "a", 3], ["a", "b", 1], ["a", "a", 9], ["b", "b", 4]]


def test_most_confused_classes_are_chosen_and_stay_in_order():
    counts = np.array([[5, 0, 3], [0, 5, 0], [1, 0, 5]])
    assert most_confused(counts, at_most=2).tolist() == [0, 2]


# --- the sentence


def two_classes_and_a_blind_spot():
    """90 % right of 240 rows, and never on the six rows of class c."""
    labels = np.repeat([0, 1, 2], [117, 117, 6])
    predicted = np.where(labels == 2, 0, labels)
    predicted[:18] = 1
    log_probs = says(predicted, sure=0.9, n_classes=3)
    return checker_trust("quality", log_probs, labels, np.full(240, True), names=("a", "b", "c"))


LEAK = Leak("near-duplicate", "validation", 3, 60, ((0, 1),))
SENTENCES = {
    "too few rows": (judged(4, 1), (), "too few rows to tell how far the weights can be trusted. Add labelled real"),
    "no better than the majority class": (
        judged(52, 48), (), "no better than always naming the most frequent class (50.0 %)"
    ),
    "leakage": (judged(80, 20), (LEAK,), "but 3 of 60 validation rows are near-duplicates of rows that the checker"),
    "class never right": (two_classes_and_a_blind_spot(), (), "but never on rows of c: trust the weights of other"),
    "overconfident": (judged(80, 20, sure=0.95), (), "overconfident by 15.0 points"),
    "underconfident": (judged(90, 10, sure=0.7), (), "underconfident by 20.0 points"),
    "fine": (judged(80, 20), (), "better than always naming the most frequent class (50.0 %)"),
}  # fmt: skip


def test_every_case_has_a_test():
    assert list(SENTENCES) == list(CASES)


@pytest.mark.parametrize("case", CASES)
def test_sentence_says_the_case_that_holds(case):
    trust, leaks, words = SENTENCES[case]
    assert trust_case(trust, leaks) == case
    sentence = trust_sentence(trust, leaks)
    assert words in sentence
    assert sentence.startswith("The quality checker is right on ") and sentence.endswith(".")


def test_whole_sentence_reads_well():
    assert trust_sentence(judged(80, 20)) == (
        "The quality checker is right on 80.0 % of 200 real rows that it had not seen (95 % interval 73.9 % to "
        "85.0 %), about as often as it claims to be, and better than always naming the most frequent class (50.0 %): "
        "the weights can be trusted that far."
    )


def test_worst_case_is_said_first():
    assert trust_case(judged(50, 50, sure=0.99), (LEAK,)) == "no better than the majority class"
    assert trust_case(judged(80, 20, sure=0.99), (LEAK,)) == "leakage"


def test_a_leak_of_few_rows_and_a_gap_that_chance_explains_are_no_case():
    assert trust_case(judged(80, 20, sure=0.84), (replace(LEAK, count=1),)) == "fine"


def test_sentence_of_the_diversity_checker_names_its_rows_and_exponent():
    sentence = trust_sentence(replace(judged(52, 48), checker="diversity"))
    assert "of 200 synthetic rows" in sentence and "keep beta near 0" in sentence


# --- learning curve


def blobs(n, n_classes=2, *, d=8, spread=1.0, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    return random.normal(size=(n_classes, d))[labels] + spread * random.normal(size=(n, d)), labels


def test_learning_curve_rises_and_is_the_same_each_time():
    features, labels = blobs(120, 3, spread=1.2)
    curve = learning_curve(features, labels, n_classes=3)
    assert curve["rows"].iloc[0] == 10 and curve["rows"].iloc[-1] == 96 and len(curve) == 6
    assert curve["accuracy"].iloc[-1] > curve["accuracy"].iloc[0]
    assert curve["log_loss"].iloc[-1] < curve["log_loss"].iloc[0] < 1.2
    assert (curve["accuracy_error"] >= 0).all() and np.isfinite(curve.to_numpy()).all()
    pd.testing.assert_frame_equal(curve, learning_curve(features, labels, n_classes=3))


def test_learning_curve_of_random_labels_stays_at_chance():
    features, labels = blobs(200)
    curve = learning_curve(features, np.random.default_rng(1).permutation(labels), n_classes=2)
    assert abs(curve["accuracy"].iloc[-1] - 0.5) < 0.12
    assert curve["log_loss"].iloc[-1] < 0.8


def test_copies_do_not_lift_the_learning_curve_when_their_groups_are_known():
    features, labels = blobs(60)
    labels = np.random.default_rng(2).permutation(labels)  # nothing to learn but the copies
    copies, twice = np.concatenate([features, features]), np.concatenate([labels, labels])
    blind = learning_curve(copies, twice, n_classes=2)
    knowing = learning_curve(copies, twice, n_classes=2, groups=np.arange(120) % 60)
    assert blind["accuracy"].iloc[-1] > knowing["accuracy"].iloc[-1]


def test_learning_curve_with_a_class_that_no_row_has_and_one_of_a_single_row():
    features, labels = blobs(60)
    labels = np.where(np.arange(60) == 7, 3, labels)
    curve = learning_curve(features, labels, n_classes=5)
    assert np.isfinite(curve.to_numpy()).all()


def test_five_real_rows_draw_no_learning_curve():
    curve = learning_curve(*blobs(5), n_classes=2)
    assert curve.empty
    assert curve_sentence(curve) == "There are too few real rows for a learning curve"


def curve_of(rows, accuracy, error=0.01):
    return pd.DataFrame({"rows": rows, "accuracy": accuracy, "accuracy_error": error})


def test_gain_of_the_last_doubling_is_read_from_the_curve():
    curve = curve_of([100, 400], [0.6, 0.8])
    assert gain_of_doubling(curve) == pytest.approx((200, 0.1, 0.01 * 2**0.5))
    assert curve_sentence(curve) == "200 to 400 real rows: +10.0 ± 2.8 points, more of them would help"
    flat = curve_of([10, 12], [0.7, 0.71])  # begins above the half
    assert curve_sentence(flat) == "10 to 12 real rows: +1.0 ± 2.8 points, no clear gain is left"


# --- leakage


def test_planted_copies_are_found_in_validation_and_test():
    prepared, dataset = made_up()
    real = dataset.real.copy()
    real.loc[3, "text"] = "  REAL   0! "  # row 3 validates, row 0 trains
    real.loc[40] = {"text": "Real 1", "text_b": "", "label": "b", "split": "test"}
    groups = prepared.groups.copy()
    groups[40 + 7] = groups[40 + 2]  # row 7 validates, row 2 trains
    groups[40 + 11] = groups[5]  # of a synthetic row: no leak
    leaks = leakage(replace(dataset, real=real), replace(prepared, groups=groups))
    assert leaks == (
        Leak("same text", "validation", 1, 10, ((0, 3),)),
        Leak("near-duplicate", "validation", 1, 10, ((2, 7),)),
        Leak("same text", "test", 1, 1, ((1, 40),)),
    )
    assert leak_words(leaks[0]) == "1 of 10 validation rows have the same text as rows that the checker was trained on"


def test_a_clean_split_has_no_leak_and_no_share_of_no_rows():
    prepared, dataset = made_up()
    leaks = leakage(dataset, prepared)
    assert [leak.count for leak in leaks] == [0, 0, 0]
    assert [leak.share for leak in leaks] == [0, 0, 0]


def test_at_most_five_examples_are_kept():
    prepared, dataset = made_up()
    leak = leakage(dataset, replace(prepared, groups=np.zeros(80, int)))[1]
    assert (leak.count, len(leak.examples)) == (10, 5)


# --- the panel


@pytest.fixture
def panel(monkeypatch):
    """A function that shows the panel of a made-up project."""
    monkeypatch.syspath_prepend(str(ROOT))
    from pages.widgets import loaded

    def show(prepared, dataset):
        monkeypatch.setattr(loaded, "dataset", lambda *_: dataset)
        monkeypatch.setattr(loaded, "prepared", lambda *_: prepared)
        monkeypatch.setattr(loaded, "vectors", lambda *_: np.eye(len(dataset.labels))[prepared.labels])
        loaded.trust.clear()
        loaded.learning_curve.clear()
        project = Project("shop", "Shop", 0, "hash", dataset.labels, {}, (), {})
        return AppTest.from_function(draw, args=(project, prepared, dataset), default_timeout=30).run()

    yield show
    loaded.trust.clear()
    loaded.learning_curve.clear()


def draw(project, prepared, dataset):
    from pages.widgets.trust_panel import trust_panel

    trust_panel(project, prepared, dataset)


def shown(test):
    elements = [*test.success, *test.warning, *test.markdown, *test.caption]
    return "\n".join(element.value for element in elements)


def test_panel_shows_sentence_figures_and_both_checkers(panel):
    test = panel(*made_up())
    assert not test.exception
    assert test.success[0].value.replace("\\", "").startswith("The quality checker is right on 100.0 % of 40 real")
    assert [metric.value for metric in test.metric] == ["100.0 %", "50.0 %", "97.0 %", "3.0 points"]
    assert "No validation or test row was found" in shown(test)
    assert len(test.get("plotly_chart")) == 4
    test.segmented_control(key="trust:shop").set_value("diversity").run()
    assert not test.exception
    assert "The diversity checker" in shown(test) and len(test.get("plotly_chart")) == 3


def test_panel_of_five_real_rows_and_many_classes_opens(panel):
    names = tuple(f"class {c}" for c in range(30))
    test = panel(*made_up(n_real=5, names=names))
    assert not test.exception
    assert "too few rows to tell" in shown(test) and "too few real rows for a learning curve" in shown(test)


def test_panel_shows_leaks_and_hostile_names_letter_by_letter(panel):
    prepared, dataset = made_up(names=(HOSTILE, "b"))
    prepared.quality[40:][prepared.labels[40:] == 0] = np.log([0.1, 0.9])
    never_right = panel(prepared, dataset)
    assert not never_right.exception
    leaking = panel(prepared := replace(prepared, groups=np.zeros(80, int)), dataset)
    assert not leaking.exception
    assert "10 of 10 validation rows are near-duplicates" in shown(leaking)
    for test in (never_right, leaking):
        assert "![x](" not in shown(test) and " :red[" not in shown(test)


def test_charts_escape_names_and_cut_many_classes(panel):
    panel(*made_up())
    from pages.widgets import trust_charts

    names = tuple(f"<b>{c}" for c in range(25))
    trust = checker_trust(
        "quality", says(np.arange(25), sure=0.9, n_classes=25), np.arange(25), np.full(25, True), names=names
    )
    for figure in (
        trust_charts.recalls(trust.classes, "Recall"),
        trust_charts.confusion(trust.confusion, names, "Confusion"),
    ):
        assert "<b>" not in figure.to_json().replace("\\u003c", "<")
        assert "20 " in figure.layout.title.text
