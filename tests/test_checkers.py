"""Claims about what judges rows: checkers, calibration, neighbours, pair vectors and figures of merit."""

import numpy as np
import pytest

from synweight_core import metrics
from synweight_core.calibration import expected_calibration_error, fit_temperature, of_label, reliability
from synweight_core.checker_rows import Rows
from synweight_core.checkers import CHECKERS, FOLDS, cross_fitting_folds, probe_checker
from synweight_core.neighbors import _approximate, _exact, cosine, near_duplicate_groups, nearest
from synweight_core.pairs import pair_features, pair_positions
from synweight_core.tuning import Tuning


def blobs(rows_per_class: int, n_classes: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Well separated Gaussian clouds at the corners of a square, in order of class."""
    centres = np.array([[0, 0], [6, 6], [0, 6]])[:n_classes]
    labels = np.repeat(np.arange(n_classes), rows_per_class)
    return np.random.default_rng(seed).normal(centres[labels], 1), labels


# --- checkers -------------------------------------------------------------------------------


SLOW = {"finetuned": pytest.mark.long}


@pytest.mark.parametrize(
    "checker", [pytest.param(row, id=name, marks=SLOW.get(name, ())) for name, row in CHECKERS.items()]
)
def test_every_checker_gives_probabilities_of_all_classes_for_all_rows(checker):
    features, labels = blobs(20, n_classes=3)
    texts = np.array(["where is my parcel", "i want my money back", "the app crashes"])[labels]
    texts = [f"{text}, {i}" for i, text in enumerate(texts)]
    rows = Rows(lambda: features, lambda: texts, None, np.arange(60))
    tuning = Tuning(epochs=2, max_length=16, device="cpu", learning_rate=3e-4)
    scores = checker(rows, labels, rows.take(np.array([0, 1, 2, 59])), n_classes=3, tuning=tuning)
    assert scores.trained.shape == (60, 3) and scores.other.shape == (4, 3)
    for log_probs in (scores.trained, scores.other):
        np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1)
    assert scores.accuracy > 0.9 and scores.calibration_error < 0.2 and scores.temperature > 0
    assert scores.other.argmax(axis=1).tolist() == [0, 0, 0, 2]


def test_trained_rows_are_scored_by_a_model_that_has_not_seen_them():
    features, labels = blobs(30)
    features = np.hstack([features, 30 * np.eye(60)])  # a column of its own, so that rows can be memorised
    labels[7] = 1
    scores = probe_checker(Rows.of_features(features), labels, Rows.of_features(features), n_classes=2)
    assert np.exp(scores.other[7, 1]) > 0.5  # the model of all rows has memorised the wrong label
    assert np.exp(scores.trained[7, 1]) < 0.1
    assert scores.accuracy == pytest.approx(59 / 60)


def test_class_without_rows_is_nan_and_the_others_still_sum_to_1():
    features, labels = blobs(20)
    scores = probe_checker(Rows.of_features(features), labels * 2, Rows.of_features(features[:3]), n_classes=4)
    for log_probs in (scores.trained, scores.other):
        assert np.isnan(log_probs[:, [1, 3]]).all()
        np.testing.assert_allclose(np.exp(log_probs[:, [0, 2]]).sum(axis=1), 1)


def test_rare_class_is_known_to_the_checker_but_not_counted():
    features, labels = blobs(20)
    features, labels = np.vstack([features, [[0, 9]]]), np.append(labels, 2)
    scores = probe_checker(Rows.of_features(features), labels, Rows.of_features(np.array([[0.0, 9.0]])), n_classes=3)
    assert np.isfinite(scores.other).all() and scores.other[0].argmax() == 2
    assert scores.accuracy == 1  # over the other two classes


def test_folds_are_stratified_and_seeded():
    labels = np.repeat([0, 1], [50, 25])
    folds = cross_fitting_folds(labels, None, seed=0)
    assert all((labels[folds == fold] == 1).sum() == 5 for fold in range(FOLDS))
    assert np.array_equal(folds, cross_fitting_folds(labels, None, seed=0))
    assert not np.array_equal(folds, cross_fitting_folds(labels, None, seed=1))


def test_near_duplicates_stay_in_one_fold():
    labels = np.repeat([0, 1], 30)
    groups = np.arange(60) // 3
    folds = cross_fitting_folds(labels, groups, seed=0)
    assert all(len(set(folds[groups == group])) == 1 for group in range(20))
    assert set(folds) == set(range(FOLDS))


def test_rows_of_a_rare_class_always_train():
    labels = np.array([0] * 10 + [1] * 10 + [2] * (FOLDS - 1))
    folds = cross_fitting_folds(labels, None, seed=0)
    assert (folds[labels == 2] == -1).all() and (folds[labels != 2] >= 0).all()


def test_of_label_picks_the_own_label_of_each_row():
    assert of_label(np.array([[-1.0, -2.0], [-3.0, -4.0]]), np.array([1, 0])).tolist() == [-2, -3]


# --- calibration ----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1, 4])
def test_fitted_temperature_is_the_one_that_made_the_logits(temperature):
    logits = np.tile([[temperature * np.log(3), 0.0]], (4, 1))  # 3 of 4 rows right: probability 3/4
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == pytest.approx(temperature, rel=1e-3)


def test_calibration_error_by_hand():
    log_probs = np.log([[0.9, 0.1], [0.4, 0.6], [0.32, 0.68]])
    labels = np.array([0, 0, 1])
    expected = [(0.64, 0.5, 2 / 3), (0.9, 1, 1 / 3)]  # two rows in the bin from 0.6 to 0.7, one right
    np.testing.assert_allclose(sorted(reliability(log_probs, labels, bins=5)), expected)
    assert expected_calibration_error(log_probs, labels, bins=5) == pytest.approx(0.14 * 2 / 3 + 0.1 / 3)


def test_certain_and_right_is_perfectly_calibrated():
    assert expected_calibration_error(np.log([[1.0, 1e-9], [1e-9, 1.0]]), np.array([0, 1])) == 0


# --- neighbours -----------------------------------------------------------------------------


def test_nearest_rows_by_hand():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    indices, distances = nearest(vectors, k=1)
    assert indices.tolist() == [[1], [0], [1]]
    np.testing.assert_allclose(distances[:, 0], np.sqrt([0.4, 0.4, 0.8]), rtol=1e-5)
    np.testing.assert_allclose(cosine(distances[:, 0]), [0.8, 0.8, 0.6], rtol=1e-5)


def test_k_is_at_most_all_other_rows():
    indices, distances = nearest(np.eye(3, dtype=np.float32), k=15)
    assert [sorted(row) for row in indices.tolist()] == [[1, 2], [0, 2], [0, 1]]
    assert distances.shape == (3, 2)


def test_copies_do_not_list_themselves():
    vectors = np.array([[1, 0]] * 6 + [[0, 1]], dtype=np.float32)
    indices, _ = nearest(vectors, k=2)
    assert not (indices == np.arange(7)[:, None]).any()
    assert (indices[:6] < 6).all()


def test_near_duplicates_are_joined_along_chains():
    angles = np.radians([0, 15, 30, 90, 100])  # cos 15° is 0.97, cos 30° is 0.87
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    assert near_duplicate_groups(*nearest(vectors, k=2)).tolist() == [0, 0, 0, 1, 1]
    assert len(set(near_duplicate_groups(*nearest(vectors, k=2), at_least=0.99))) == 5


@pytest.mark.long
def test_approximate_search_finds_the_exact_neighbours():
    vectors = np.random.default_rng(0).normal(size=(600, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    (exact, _), (approximate, _) = _exact(vectors, 16, 0), _approximate(vectors, 16, 0)
    shared = [len(set(a) & set(b)) for a, b in zip(exact, approximate, strict=True)]
    assert np.mean(shared) / 16 >= 0.95


# --- pairs ----------------------------------------------------------------------------------


def test_pair_features_are_the_difference_and_the_product():
    first, second = np.array([[1.0, 0.5]]), np.array([[-1.0, 2.0]])
    assert pair_features(first, second).tolist() == [[2, 1.5, -1, 1]]


def test_pair_positions_lie_half_way_on_the_unit_sphere():
    first, second = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(pair_positions(first, second), [[0.5**0.5, 0.5**0.5], [0, 0]])


# --- figures of merit -----------------------------------------------------------------------


def test_score_by_hand():
    log_probs = np.log([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    found = metrics.score(log_probs, np.array([0, 1, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)  # both 2/3; the class that does not occur is left out
    assert found["loss"] == pytest.approx(-np.log(0.7 * 0.3 * 0.7) / 3)
    assert found["calibration_error"] == expected_calibration_error(log_probs, np.array([0, 1, 1]))


def test_recall_is_given_for_the_classes_that_occur():
    found = metrics.recall_by_class(np.array([0, 2, 1]), np.array([0, 0, 1]), ["a", "b", "c"])
    assert found == {"a": 0.5, "b": 1.0}


def test_confusion_has_true_classes_in_rows():
    assert metrics.confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), n_classes=3) == [
        [1, 1, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


@pytest.mark.parametrize(
    ("metric", "value"), [("accuracy", 0.9), ("macro_f1", 0.8), ("recall:a", 0.5), ("recall:z", 0)]
)
def test_chosen_metric(metric, value):
    assert metrics.chosen(metric, {"accuracy": 0.9, "macro_f1": 0.8}, {"a": 0.5}) == value


@pytest.mark.parametrize(
    "labels",
    [np.repeat(np.arange(5), 4), np.array([0] * 20 + [1] * 4), np.array([0] * 19 + [1]), np.repeat([0, 1], 2)],
    ids=["all rare", "one large", "one single", "four rows"],
)
def test_few_rows_give_finite_probabilities_and_a_bounded_temperature(labels):
    features = np.random.default_rng(0).normal(size=(len(labels), 3)) + labels[:, None]
    scores = probe_checker(Rows.of_features(features), labels, Rows.of_features(features[:0]), n_classes=5)
    present = np.unique(labels)
    assert np.isfinite(scores.trained[:, present]).all()
    assert 0.25 <= scores.temperature <= 4
    assert scores.other.shape == (0, 5)


@pytest.mark.parametrize("groups", [np.zeros(20, int), np.array([0] * 10 + list(range(1, 11)))], ids=["one", "class"])
def test_texts_that_are_all_alike_are_still_scored(groups):
    labels = np.repeat([0, 1], 10)
    features = np.random.default_rng(0).normal(size=(20, 3)) + labels[:, None]
    assert np.isfinite(
        probe_checker(
            Rows.of_features(features), labels, Rows.of_features(features), n_classes=2, groups=groups
        ).trained
    ).all()


def test_a_class_that_is_one_near_duplicate_group_is_not_taken_for_a_rare_one():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    features = random.normal(size=(90, 4)) * 0.3 + np.eye(3, 4)[labels] * 3
    groups = np.where(labels == 1, 1000, np.arange(90))
    scores = probe_checker(Rows.of_features(features), labels, Rows.of_features(features), n_classes=3, groups=groups)
    assert of_label(scores.trained, labels)[labels == 1].mean() > np.log(0.5)
