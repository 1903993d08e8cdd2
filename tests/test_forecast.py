"""Claims about forecasts: they see what weighting is worth, flatter nobody, and say when they know nothing."""

import numpy as np
import pytest

from synweight_core import folds, forecast
from synweight_core.checker_rows import Rows
from synweight_core.clusters import ClusterLabels
from synweight_core.curation import Curation, unedited
from synweight_core.folds import cross_fit_quality
from synweight_core.forecast import Estimate, Forecaster, verdict
from synweight_core.prepare import Prepared
from synweight_core.weighting import WeightSettings

N, M, D, NAMES = 600, 150, 8, ("a", "b", "c")
CE, QUALITY = WeightSettings(alpha=0, beta=0), WeightSettings(alpha=1, beta=0)


def made_up(*, wrong=0.5, n=N, m=M, seed=0):
    """Real rows around three centres; of the synthetic ones `wrong` have the label of the next class."""
    random = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n) % 3, np.arange(m) % 3])
    centres = np.random.default_rng(7).normal(size=(3, D))
    features = (centres[truth] + 0.8 * random.normal(size=(n + m, D))).astype(np.float32)
    labels = truth.copy()
    labels[: int(wrong * n)] = (labels[: int(wrong * n)] + 1) % 3
    return features, labels


def forecaster(features, labels, *, metric="accuracy", curation=None, n=N, found=None):
    found = found or folds_of(features, labels, n)
    flat = np.full((len(labels), 3), -np.log(3))
    none = np.array([])
    prepared = Prepared(
        n_synthetic=n, xy=np.zeros((len(labels), 2)), groups=np.arange(len(labels)), quality=flat, diversity=flat,
        labels=labels, relevance=np.zeros(len(labels), dtype=np.float32), support=np.zeros(len(labels) - n),
        holes=(), clusters=ClusterLabels(none, none, none, none, []), facts={},
    )  # fmt: skip
    rows = np.concatenate([found.sample, np.arange(n, len(labels))])
    return Forecaster(
        prepared, curation or unedited(labels[:n]), found, features[rows], metric=metric, label_names=NAMES
    )


APART = np.zeros((10_000, 2))  # rows that are not close to each other: no row is derived from another
CACHE = {}


def folds_of(features, labels, n):
    """The checkers of the folds, trained once for the same rows."""
    key = (features.tobytes(), labels.tobytes(), folds.MAX_ROWS)
    if key not in CACHE:
        groups = np.arange(len(labels))
        CACHE[key] = cross_fit_quality(
            Rows.of_features(features), labels, groups, positions=APART, n_synthetic=n, n_classes=3, checker="probe"
        )
    return CACHE[key]


def last(predictions):
    *_, end = predictions
    return end


@pytest.fixture(scope="module")
def noisy():
    return forecaster(*made_up())


def test_quality_weights_are_forecast_to_beat_ce_when_half_of_the_labels_are_wrong(noisy):
    ce, quality = last(noisy.predictions(CE)), last(noisy.predictions(QUALITY))
    difference = noisy.estimate(quality, against=ce)
    assert difference.low > 0.05
    assert verdict(difference, over="CE").startswith("Forecast to beat CE by")


def test_without_wrong_labels_weights_are_not_forecast_to_beat_ce():
    clean = forecaster(*made_up(wrong=0.0))
    difference = clean.estimate(last(clean.predictions(QUALITY)), against=last(clean.predictions(CE)))
    assert difference.low <= 0
    assert not verdict(difference, over="CE").startswith("Forecast to beat")


def test_a_setting_does_not_differ_from_itself(noisy):
    said = last(noisy.predictions(QUALITY))
    assert noisy.estimate(said, against=said) == Estimate(0, 0, 0)


def test_the_same_setting_is_forecast_alike_whatever_was_forecast_before():
    one, other = forecaster(*made_up()), forecaster(*made_up())
    last(other.predictions(WeightSettings(alpha=2)))
    assert np.array_equal(last(one.predictions(QUALITY)), last(other.predictions(QUALITY)))


def test_each_repeat_completes_the_predictions(noisy):
    steps = list(noisy.predictions(CE))
    done = [int((said >= 0).sum()) for said in steps]
    assert done == sorted(done) and len(set(done)) == len(done)
    assert (steps[-1] >= 0).all() and steps[-1].shape == (folds.REPEATS, M)


def test_first_repeat_gives_a_figure_with_its_interval(noisy):
    nothing, first, end = map(noisy.estimate, noisy.predictions(QUALITY))
    assert not nothing.is_known
    for estimate in (first, end):
        assert estimate.low < estimate.mean < estimate.high
    assert first.mean == pytest.approx(end.mean, abs=0.05)


def test_baselines_are_ce_real_rows_alone_and_both(noisy):
    base = noisy.baselines()
    assert set(base) == set(forecast.BASELINES)
    assert np.array_equal(base["ce"], last(noisy.predictions(CE)))
    figures = {name: noisy.estimate(said).mean for name, said in base.items()}
    assert figures["real"] > figures["ce"] and figures["pooled"] > figures["ce"]


def test_checker_of_a_fold_has_not_seen_the_rows_that_it_is_scored_on():
    random = np.random.default_rng(0)
    features, labels = made_up()
    labels[N:] = random.integers(0, 3, M)  # nothing to learn: a checker that peeked would know them
    said = forecaster(features, labels).baselines()["real"]
    assert (said == labels[N:]).mean() < 0.45


def test_near_duplicates_never_stand_on_both_sides_of_a_fold():
    features, labels = made_up()
    groups = np.arange(N + M)
    groups[N : N + 60] = N + np.repeat(np.arange(20), 3) * 3
    labels[N : N + 60] = np.repeat(np.arange(20) % 3, 3)
    found = cross_fit_quality(
        Rows.of_features(features), labels, groups, positions=APART, n_synthetic=N, n_classes=3, checker="probe"
    )
    for fold in found.fold:
        assert all(len(set(fold[groups[N:] == group])) == 1 for group in np.unique(groups[N : N + 60]))


def test_many_synthetic_rows_are_a_seeded_sample(monkeypatch):
    monkeypatch.setattr(folds, "MAX_ROWS", 200)
    features, labels = made_up()
    one, other = (
        cross_fit_quality(
            Rows.of_features(features),
            labels,
            np.arange(N + M),
            positions=APART,
            n_synthetic=N,
            n_classes=3,
            checker="probe",
        )
        for _ in range(2)
    )
    assert len(one.sample) == 200 and np.array_equal(one.sample, other.sample)
    assert one.synthetic.shape[1] == 200


def test_edits_count_excluded_rows_are_not_learned_from():
    features, labels = made_up()
    kept = np.arange(N) >= N // 2  # leaves the rows with the right label
    edited = Curation(labels[:N], kept, np.zeros(N), labels[:N])
    cured = forecaster(features, labels, curation=edited)
    assert cured.estimate(last(cured.predictions(CE))).mean > 0.85


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "recall:b"])
def test_metric_of_the_first_sample_is_that_of_scikit_learn(noisy, metric):
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    found = forecaster(*made_up(), metric=metric)
    said = last(found.predictions(CE))
    truth = found.labels
    expected = {
        "accuracy": lambda p: accuracy_score(truth, p),
        "macro_f1": lambda p: f1_score(truth, p, average="macro"),
        "recall:b": lambda p: recall_score(truth, p, average=None)[1],
    }[metric]
    assert found.estimate(said).mean == pytest.approx(np.mean([expected(repeat) for repeat in said]))


def test_five_real_rows_are_not_enough_and_this_is_said():
    features, labels = made_up(m=6)
    few = forecaster(features, labels)
    estimate = few.estimate(last(few.predictions(QUALITY)))
    assert not estimate.is_known and np.isnan(estimate.mean)
    assert verdict(estimate, over="CE") == "Not enough real rows for a forecast."


def test_everything_excluded_gives_a_figure_and_no_exception():
    features, labels = made_up()
    nothing = Curation(labels[:N], np.zeros(N, dtype=bool), np.zeros(N), labels[:N])
    found = forecaster(features, labels, curation=nothing)
    assert found.estimate(last(found.predictions(QUALITY))).mean < 0.5


@pytest.mark.parametrize("settings", [
    WeightSettings(real_mass=0.5), WeightSettings(drop_share=0.5), WeightSettings(temperature=3),
    WeightSettings(balance="uniform"), WeightSettings(balance="real"), WeightSettings(relevance=1),
])  # fmt: skip
def test_every_term_is_forecast(noisy, settings):
    estimate = noisy.estimate(last(noisy.predictions(settings)))
    assert estimate.is_known and 0 <= estimate.low <= estimate.high <= 1


def test_verdict_of_a_loss_is_said():
    assert (
        verdict(Estimate(-0.05, -0.08, -0.02), over="CE")
        == "Forecast to lose to CE by 5.0 points (-8.0 to -2.0 points)."
    )


# --- rows that were written from real rows


def test_rows_written_from_a_held_out_row_are_left_out_in_its_fold_only():
    features, labels = made_up()
    positions = np.zeros((N + M, M + 1))
    positions[N + np.arange(M), np.arange(M)] = 1  # each real row in a direction of its own
    positions[:N, M] = 1  # and all synthetic rows in another one
    positions[7, :] = 0
    positions[7, 5] = 1  # but one, which says what real row 5 says
    found = cross_fit_quality(
        Rows.of_features(features), labels, np.arange(N + M), positions=positions, n_synthetic=N, n_classes=3,
        checker="probe",
    )  # fmt: skip
    for repeat in range(folds.REPEATS):
        for number, held_out in found.of_repeat(repeat):
            assert np.flatnonzero(found.derived[number]).tolist() == ([7] if held_out[5] else [])
    assert found.derived_share == 1 / N


def test_forecast_does_not_count_on_relatives_of_the_row():
    """Synthetic rows that repeat the real rows would be all that a forecast needs, were they not left out."""
    real = np.random.default_rng(0).normal(size=(M, 300)).astype(np.float32)
    features, labels = np.concatenate([real, real]), np.tile(np.arange(M) % 3, 2)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    groups = np.arange(2 * M)
    plain, honest = (
        forecaster(features, labels, n=M, found=cross_fit_quality(
            Rows.of_features(features), labels, groups, positions=positions, n_synthetic=M, n_classes=3,
            checker="probe",
        ))
        for positions in (APART, unit)
    )  # fmt: skip
    assert plain.estimate(last(plain.predictions(CE))).low > 0.9
    assert honest.estimate(last(honest.predictions(CE))).mean < 0.45


def test_closeness_is_what_most_real_rows_do_not_reach_outside_of_their_group():
    positions = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    nearest = [0.6, 0.6, 0.8, 0.8]  # the first two are copies of each other
    assert folds.closeness(positions, np.array([0, 0, 1, 2])) == pytest.approx(np.quantile(nearest, 0.9))
    assert folds.closeness(positions, np.zeros(4)) == 1
    assert folds.closest(positions, positions[3:]).tolist() == pytest.approx([0, 0, 0.8, 1])
