"""Claims about the weight formula: the oracles of the method, and arrays small enough to check by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, log_softmax, softmax

from synweight_core.losses import AVERAGE_DECAY, LOSSES, SOFT_SHARE
from synweight_core.scaling import clip_and_scale, log_factor, scale_factors
from synweight_core.soft_targets import aligned, soft_targets, wanted_shares
from synweight_core.weighting import (
    BALANCES,
    ExtremeWeightsWarning,
    WeightSettings,
    effective_sample_size,
    focal_weights,
    log_weights,
    loss_settings,
    moving_average,
    pooled,
    quality_filter,
    real_visits,
    rows_carrying,
    shuffle_order,
    weight_terms,
    weights,
)

UNCAPPED = WeightSettings(alpha=1, beta=1, max_weight=math.inf)
IGNORE_EXTREMES = pytest.mark.filterwarnings("ignore::synweight_core.weighting.ExtremeWeightsWarning")
BOTH = pytest.mark.parametrize(
    "array", [np.array, lambda x: torch.tensor(x, dtype=torch.float64)], ids=["numpy", "torch"]
)


# --- the formula ----------------------------------------------------------------------------


def test_weights_are_quality_over_reference_scaled_to_mean_1():
    found = weights(np.log([0.5, 0.25]), np.log([0.5, 0.75]), UNCAPPED)
    np.testing.assert_allclose(found, [1.5, 0.5])  # 1 and 1/3, times 3/2


def test_exponents_apply_to_their_own_term():
    found = log_weights(np.array([-2.0]), np.array([-3.0]), alpha=0.5, beta=2)
    np.testing.assert_allclose(found, [5.0])


def test_zero_exponents_give_weights_of_exactly_1():
    off = WeightSettings(alpha=0, beta=0)
    assert weights(np.log([0.5, 0.1, 0.9]), np.log([0.2, 0.3, 0.4]), off).tolist() == [1, 1, 1]


def test_zero_exponents_give_loss_and_gradient_of_plain_cross_entropy_to_the_last_bit():
    labels = torch.tensor([0, 2, 1, 0])
    weighted = torch.randn(4, 3, generator=torch.manual_seed(0)).requires_grad_()
    plain = weighted.detach().clone().requires_grad_()
    row_weights = weights(torch.randn(4), torch.randn(4), WeightSettings(alpha=0, beta=0))
    loss = (row_weights * cross_entropy(weighted, labels, reduction="none")).mean()
    expected = cross_entropy(plain, labels)
    loss.backward()
    expected.backward()
    assert loss.item() == expected.item() and torch.equal(weighted.grad, plain.grad)


def test_equal_quality_and_reference_make_imp_plain_cross_entropy():
    log_p = np.log([0.5, 0.01, 0.9])
    assert weights(log_p, log_p, loss_settings("imp", WeightSettings())).tolist() == [1, 1, 1]


def test_dimp_gradient_of_a_row_is_the_ratio_times_p_minus_one_hot():
    labels, log_quality = torch.tensor([0, 2]), torch.tensor([0.9, 0.2]).log()
    logits = torch.tensor([[0.3, -1.0, 0.5], [2.0, 0.0, 1.0]], requires_grad=True)
    loss_per_row = cross_entropy(logits, labels, reduction="none")
    log_w = log_weights(log_quality, -loss_per_row.detach(), alpha=1, beta=1)
    (clip_and_scale(log_w, log_factor=0.0, caps=UNCAPPED) * loss_per_row).sum().backward()
    p = softmax(logits.detach(), dim=1)
    ratio = log_quality.exp() / p[[0, 1], labels]
    torch.testing.assert_close(logits.grad, ratio[:, None] * (p - torch.eye(3)[labels]))


@pytest.mark.parametrize(
    "row_settings",
    [
        WeightSettings(1, 1, 0, 10),
        WeightSettings(0.3, 0.7, 0.2, 3),
        WeightSettings(2, 0, 0, math.inf),
        WeightSettings(5, 5, 0.5, 1.5),
        WeightSettings(1, 1, 1, 1),
    ],
)
@IGNORE_EXTREMES
def test_numpy_and_torch_give_the_same_weights(row_settings):
    log_quality, log_reference = -np.random.default_rng(0).exponential(5, size=(2, 500))
    found = weights(torch.from_numpy(log_quality), torch.from_numpy(log_reference), row_settings)
    np.testing.assert_allclose(found, weights(log_quality, log_reference, row_settings), rtol=1e-6)


# --- what the losses lead to ----------------------------------------------------------------

Q, P = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
OPTIMA = {
    "ce": Q,
    "quality": Q * P,
    "imp": P,
    "dimp": np.sqrt(Q * P),
    "dimp_ema": np.sqrt(Q * P),
    "soft": (1 - SOFT_SHARE) * Q + SOFT_SHARE * P,
    "tuned": Q ** (1 - 0.6) * P**0.3,
    "placebo_within": Q ** (1 - 0.6) * P**0.3,  # all rows of a class are alike here: the class part is everything
}
TUNED = WeightSettings(alpha=0.3, beta=0.6, max_weight=math.inf)


def trained(row_settings: WeightSettings, *, reference: str = "diversity", shuffled: str = "no") -> np.ndarray:
    """The softmax of 3 logits after long training on ten rows in proportion to Q: exact expectations."""
    labels = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    log_quality, log_diversity = torch.from_numpy(np.log([P, Q]))[:, labels]
    said = np.log(np.tile(P, (10, 1)))
    targets = torch.from_numpy(soft_targets(said, labels.numpy(), share=row_settings.soft_share))
    order = shuffle_order(10, seed=0, classes=labels.numpy()) if shuffled == "within" else np.arange(10)
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    average = torch.full((10,), math.nan, dtype=torch.float64)
    optimizer = torch.optim.SGD([logits], lr=2)
    for _ in range(200):
        log_p = log_softmax(logits, dim=0)
        average = moving_average(average, log_p.detach()[labels], decay=AVERAGE_DECAY)
        denominator = {"model": log_p.detach()[labels], "average": average}.get(reference, log_diversity)
        row_weights = weights(log_quality, denominator, row_settings)[order]
        loss = (row_weights * -(targets * log_p).sum(dim=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return softmax(logits.detach(), dim=0).numpy()


@pytest.mark.parametrize("loss", OPTIMA)
def test_long_training_reaches_the_optimum_of_the_loss(loss):
    row = LOSSES[loss]
    found = trained(loss_settings(loss, TUNED), reference=row.reference, shuffled=row.shuffled)
    np.testing.assert_allclose(found, OPTIMA[loss] / OPTIMA[loss].sum(), atol=1e-3)


def test_long_training_with_the_model_as_reference_reaches_the_general_optimum():
    optimum = (Q * P**TUNED.alpha) ** (1 / (1 + TUNED.beta))
    found = trained(TUNED, reference="model")
    np.testing.assert_allclose(found, optimum / optimum.sum(), atol=1e-3)


def test_every_loss_with_an_optimum_is_held_to_it():
    assert set(LOSSES) - set(OPTIMA) == {"focal", "placebo"}  # no closed form; Q on average over the shuffles, below


# --- caps, extremes and rows without a judgement --------------------------------------------


def test_caps_and_mean_hold_together():
    capped = weights(np.log([1.0, 1, 1, 9]), np.zeros(4), WeightSettings(max_weight=2))
    np.testing.assert_allclose(capped, [2 / 3, 2 / 3, 2 / 3, 2])  # 3 c + 2 = 4
    raised = weights(np.log([1.0, 1, 1, 9]), np.zeros(4), WeightSettings(min_weight=0.5))
    np.testing.assert_allclose(raised, [0.5, 0.5, 0.5, 2.5])


@BOTH
@pytest.mark.parametrize("gap", [1000.0, -1000.0])
def test_gap_of_1000_nats_is_finite_and_capped_with_a_warning(array, gap):
    limits = WeightSettings(min_weight=0.1, max_weight=3)
    with pytest.warns(ExtremeWeightsWarning, match=r"span e\^1000; the caps 0.1 and 3 decide nearly everything"):
        found = weights(array([0.0, gap, 0.0]), array([0.0, 0.0, 0.0]), limits)
    expected = [0.1, 2.8, 0.1] if gap > 0 else [1.45, 0.1, 1.45]
    np.testing.assert_allclose(found, expected)


@BOTH
@IGNORE_EXTREMES
def test_probability_of_zero_gives_finite_weights(array):
    found = weights(array([-math.inf, -1.0, -1.0]), array([-1.0, -1.0, -1.0]), UNCAPPED)
    np.testing.assert_allclose(found, [0, 1.5, 1.5])
    nothing = array([-math.inf, -math.inf])
    np.testing.assert_allclose(weights(nothing, array([-1.0, -1.0]), UNCAPPED), [1, 1])


@BOTH
@IGNORE_EXTREMES
@settings(deadline=None, max_examples=150)
@given(
    log_quality=st.lists(st.floats(-1000, 0), min_size=1, max_size=30),
    alpha=st.floats(-3, 3),
    min_weight=st.floats(0, 1),
    max_weight=st.floats(1, 1000) | st.just(math.inf),
)
def test_any_settings_give_mean_1_within_the_caps(array, log_quality, alpha, min_weight, max_weight):
    row_settings = WeightSettings(alpha, 0, min_weight, max_weight)
    found = np.asarray(weights(array(log_quality), array([0.0] * len(log_quality)), row_settings))
    assert found.mean() == pytest.approx(1, abs=1e-9)
    assert min_weight <= found.min() and found.max() <= max_weight


@BOTH
def test_rows_without_a_judgement_get_weight_1_and_leave_the_mean_alone(array):
    found = weights(array([math.log(3), math.nan, 0.0]), array([0.0, 0.0, 0.0]), UNCAPPED)
    np.testing.assert_allclose(found, [1.5, 1, 0.5])
    np.testing.assert_allclose(weights(array([math.nan]), array([0.0]), UNCAPPED), [1])


def test_no_rows_have_no_weights():
    assert weights(np.array([]), np.array([]), UNCAPPED).tolist() == []


def test_log_factor_is_the_log_of_the_scale():
    assert log_factor(np.log([1.0, 3.0]), UNCAPPED) == pytest.approx(-math.log(2))


@pytest.mark.parametrize(("low", "high"), [(-0.1, 10), (1.1, 10), (0, 0.9), (math.nan, 10)])
def test_caps_that_forbid_a_mean_of_1_are_refused(low, high):
    with pytest.raises(ValueError, match=f"min_weight {low} and max_weight {high} .* 0 <= min_weight <= 1 <= max"):
        WeightSettings(min_weight=low, max_weight=high)


def test_exponents_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"alpha inf, beta 0\.0 and relevance 0\.0 must be finite"):
        WeightSettings(alpha=math.inf)


# --- factors that people set ----------------------------------------------------------------


@BOTH
def test_factor_of_2_doubles_a_row_against_the_others(array):
    found = weights(array([0.0, 0.0, 0.0]), array([0.0, 0.0, 0.0]), UNCAPPED, log_prior=array([math.log(2), 0, 0]))
    np.testing.assert_allclose(found, [1.5, 0.75, 0.75])


@BOTH
def test_caps_hold_for_factors_too(array):
    limits = WeightSettings(min_weight=0.5, max_weight=2)
    found = weights(array([0.0] * 4), array([0.0] * 4), limits, log_prior=array([math.log(100), 0, 0, math.log(0.01)]))
    np.testing.assert_allclose(found, [2, 0.75, 0.75, 0.5])


@BOTH
def test_row_that_was_not_judged_weighs_its_factor_within_the_caps(array):
    log_prior = array([0.0, 0.0, math.log(3), math.log(100), math.log(0.01)])
    limits = WeightSettings(min_weight=0.5, max_weight=10)
    found = weights(array([0.0, 0.0, *[math.nan] * 3]), array([0.0] * 5), limits, log_prior=log_prior)
    np.testing.assert_allclose(found, [1, 1, 3, 10, 0.5])


@BOTH
@IGNORE_EXTREMES
@given(st.lists(st.floats(-30, 0) | st.just(math.nan), min_size=1, max_size=20))
@settings(deadline=None)
def test_factors_of_1_change_no_bit(array, log_quality):
    row_settings = WeightSettings(1.3, 0.7, 0.1, 5)
    columns = array(log_quality), array([-1.5] * len(log_quality))
    found = weights(*columns, row_settings, log_prior=array([0.0] * len(log_quality)))
    np.testing.assert_array_equal(found, weights(*columns, row_settings))


def test_reference_plays_no_part_when_beta_is_0():
    found = weights(np.log([0.5, 0.5, 0.5]), np.array([math.nan, -1.0, -2.0]), WeightSettings(alpha=1, beta=0))
    np.testing.assert_allclose(found, [1, 1, 1])


ROWS = {
    "log_quality": np.array([-0.1, -1.0, -30.0, -2.0, math.nan, math.nan, -math.inf]),
    "log_reference": np.array([-2.0, -0.1, -0.01, -9.0, -1.0, -1.0, -1.0]),
}
PRIOR = np.log([1.0, 0.5, 0.1, 100, 1, 100, 2])


@pytest.mark.parametrize("row", range(7))
@pytest.mark.parametrize(
    "row_settings", [WeightSettings(1, 1, 0, 3), WeightSettings(1, 0.5, 0.4, 2), WeightSettings(0, 0), UNCAPPED]
)
@IGNORE_EXTREMES
def test_steps_of_a_row_add_up_to_the_log_of_its_weight(row, row_settings):
    log_w = log_weights(**ROWS, alpha=row_settings.alpha, beta=row_settings.beta) + PRIOR
    terms = weight_terms(
        ROWS["log_quality"][row], ROWS["log_reference"][row], row_settings,
        log_factor=log_factor(log_w, row_settings), log_prior=PRIOR[row],
    )  # fmt: skip
    expected = weights(**ROWS, settings=row_settings, log_prior=PRIOR)[row]
    assert math.exp(sum(value for _, value in terms)) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_steps_of_a_row_by_hand():
    limits = WeightSettings(alpha=2, beta=0.5, min_weight=0, max_weight=2)
    terms = weight_terms(-1.0, -3.0, limits, log_factor=0.25, log_prior=math.log(4))
    assert [name for name, _ in terms] == [
        "alpha × log quality", "−beta × log reference", "your factor", "scale", "clip",
    ]  # fmt: skip
    assert [value for _, value in terms] == pytest.approx(
        [-2, 1.5, math.log(4), 0.25, math.log(2) - math.log(4) + 0.25]
    )


# --- the table of losses --------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_gives_finite_weights_of_mean_1_within_the_caps(array, loss):
    row_settings = loss_settings(loss, WeightSettings(0.5, 0.3, min_weight=0.2, max_weight=1.5))
    assert (row_settings.min_weight, row_settings.max_weight) == (0.2, 1.5)
    found = np.asarray(weights(array([-0.1, -1.0, -9.0]), array([-2.0, -0.2, -0.1]), row_settings))
    assert np.isfinite(found).all() and found.mean() == pytest.approx(1, abs=1e-9)
    assert found.min() >= 0.2 and found.max() <= 1.5


def test_only_your_weights_and_their_placebos_take_the_exponents_of_the_person():
    tuned = WeightSettings(alpha=0.5, beta=0.3)
    pairs = {loss: loss_settings(loss, tuned) for loss in LOSSES}
    taking = [name for name, found in pairs.items() if (found.alpha, found.beta) == (0.5, 0.3)]
    assert taking == ["tuned", *(name for name, row in LOSSES.items() if row.is_placebo)]


def test_unknown_loss_lists_those_known():
    with pytest.raises(ValueError, match=r"Loss 'nope' is not known\. Known: ce, focal, quality, imp"):
        loss_settings("nope", WeightSettings())


@BOTH
def test_focal_weight_is_one_minus_p_to_the_gamma(array):
    log_p = array([math.log(0.25), 0.0])
    np.testing.assert_allclose(focal_weights(log_p, gamma=1), [0.75, 0])
    np.testing.assert_allclose(focal_weights(log_p, gamma=2), [0.5625, 0])


# --- what weights amount to -----------------------------------------------------------------


@pytest.mark.parametrize(("row_weights", "size"), [([1, 1, 1, 1], 4), ([3, 1], 1.6), ([2, 0], 1), ([0, 0], 0)])
def test_effective_sample_size(row_weights, size):
    assert effective_sample_size(np.array(row_weights, dtype=np.float32)) == pytest.approx(size)


@pytest.mark.parametrize(
    ("row_weights", "share", "rows"),
    [([1, 1, 1, 1], 0.5, 2), ([1, 1, 1, 1], 0.6, 3), ([1, 3], 0.5, 1), ([1, 3], 1, 2), ([], 0.5, 0)],
)
def test_rows_carrying_a_share_of_the_weight(row_weights, share, rows):
    assert rows_carrying(np.array(row_weights), share=share) == rows


# --- further terms --------------------------------------------------------------------------


def test_relevance_joins_with_its_own_exponent():
    found = log_weights(
        np.array([-1.0]), np.array([-3.0]), alpha=1, beta=0, relevance=0.5, log_relevance=np.array([4.0])
    )
    np.testing.assert_allclose(found, [1.0])


def test_uniform_balance_gives_all_classes_the_same_weight():
    labels = np.array([0, 0, 0, 1])
    found = weights(np.log([0.5, 0.25, 0.25, 0.9]), np.zeros(4), WeightSettings(balance="uniform"), labels=labels)
    np.testing.assert_allclose(found, [1, 0.5, 0.5, 2])  # a mean of 2/3 and of 2


def test_real_balance_gives_classes_their_real_shares():
    settings = WeightSettings(alpha=0, balance="real")
    found = weights(np.zeros(4), np.zeros(4), settings, labels=np.array([0, 0, 1, 1]), real_shares=np.array([0.1, 0.9]))
    np.testing.assert_allclose(found, [0.2, 0.2, 1.8, 1.8])


def test_balance_keeps_to_the_caps_and_the_mean():
    settings = WeightSettings(alpha=0, balance="uniform", max_weight=2)
    found = weights(np.zeros(10), np.zeros(10), settings, labels=np.array([0] * 9 + [1]))
    np.testing.assert_allclose(found, [8 / 9] * 9 + [2])


def test_a_class_that_no_real_row_has_gets_nothing_under_the_real_balance():
    settings = WeightSettings(alpha=0, balance="real")
    found = weights(np.zeros(3), np.zeros(3), settings, labels=np.array([0, 1, 1]), real_shares=np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, [3, 0, 0])


def test_balance_leaves_rows_that_were_not_judged_at_their_factor():
    found = weights(
        np.log([0.5, np.nan, 0.9]), np.zeros(3), WeightSettings(balance="uniform"), labels=np.array([0, 0, 1]),
        log_prior=np.log([1.0, 3.0, 1.0]),
    )  # fmt: skip
    np.testing.assert_allclose(found, [1, 3, 1])


def test_balance_without_labels_is_refused():
    with pytest.raises(ValueError, match="needs the labels"):
        scale_factors(np.zeros(2), WeightSettings(balance="real"), labels=np.zeros(2, dtype=int))


@given(
    st.lists(st.tuples(st.floats(-30, 0), st.integers(0, 4)), min_size=1, max_size=60),
    st.sampled_from(["uniform", "real"]),
    st.floats(0, 0.9),
    st.floats(1.1, 20),
)
@IGNORE_EXTREMES
def test_any_balance_has_mean_1_within_the_caps(rows, balance, low, high):
    log_quality, labels = np.array([q for q, _ in rows]), np.array([label for _, label in rows])
    found = weights(
        log_quality, log_quality, WeightSettings(balance=balance, min_weight=low, max_weight=high), labels=labels,
        real_shares=np.full(5, 0.2),
    )  # fmt: skip
    assert found.mean() == pytest.approx(1) and found.min() >= low - 1e-9 and found.max() <= high + 1e-9


def test_filter_leaves_out_the_share_with_the_lowest_quality_and_no_row_that_was_not_judged():
    found = quality_filter(np.array([-3.0, np.nan, -1.0, -2.0, -0.5]), 0.5)
    assert found.tolist() == [False, True, True, False, True]
    assert quality_filter(np.array([-1.0, -2.0]), 0.0).all()


def test_pooled_real_rows_hold_their_share_of_the_weight():
    found = pooled(np.array([0.5, 1.5, 1.0]), 2, 0.4)
    np.testing.assert_allclose(found, [0.5, 1.5, 1.0, 1.0, 1.0])
    assert found[3:].sum() / found.sum() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("n", "n_real", "real_mass", "expected"),
    [
        (1000, 250, 0.2, 1),  # their share of all rows: a visit weighs what a synthetic row does
        (1000, 250, 0.01, 1),
        (1000, 250, 0.0, 0),
        (1000, 250, 0.4, 3),  # two thirds of the synthetic volume, 667 visits, are nearest to 3 of 250
        (1000, 250, 0.5, 4),
        (1000, 250, 0.9, 4),  # not more than the synthetic volume
        (100, 400, 0.9, 1),
    ],
)
def test_mass_of_real_rows_is_made_of_visits_up_to_the_synthetic_volume(n, n_real, real_mass, expected):
    assert real_visits(n, n_real, real_mass) == expected
    weights = pooled(np.ones(n), n_real * expected, real_mass)
    assert weights[n:].sum() / weights.sum() == pytest.approx(real_mass)


@pytest.mark.parametrize(
    "bad", [{"temperature": 0}, {"drop_share": 1}, {"real_mass": -0.1}, {"balance": "odd"}, {"relevance": math.nan}]
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        WeightSettings(**bad)


def test_named_losses_have_none_of_the_further_terms():
    tuned = WeightSettings(alpha=2, relevance=1, balance="uniform", real_mass=0.5, drop_share=0.3, max_weight=5)
    assert loss_settings("imp", tuned) == WeightSettings(alpha=1, beta=1, max_weight=5)
    assert loss_settings("tuned", tuned) == tuned


# --- what a row teaches, averages and shuffles ----------------------------------------------


def test_soft_target_is_the_share_of_the_checker_and_the_rest_of_the_label():
    found = soft_targets(np.log([[0.2, 0.8], [0.5, 0.5]]), np.array([0, 1]), share=0.25)
    np.testing.assert_allclose(found, [[0.8, 0.2], [0.125, 0.875]])


def test_row_that_was_not_judged_teaches_its_label_and_no_other_row_a_class_that_nobody_knows():
    known = np.log([0.5, 0.5])
    found = soft_targets(np.array([[*known, math.nan]] * 2), np.array([2, 0]), share=0.5)
    np.testing.assert_allclose(found, [[0, 0, 1], [0.75, 0.25, 0]])


def test_cross_entropy_against_soft_targets_is_the_mixture_of_both_cross_entropies():
    labels, log_probs = np.array([0, 2]), np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    logits = torch.randn(2, 3, generator=torch.manual_seed(0), dtype=torch.float64)
    mixed = torch.from_numpy(soft_targets(log_probs, labels, share=0.3))
    hard, soft = (
        cross_entropy(logits, target, reduction="none")
        for target in (torch.from_numpy(labels), torch.from_numpy(np.exp(log_probs)))
    )
    torch.testing.assert_close(cross_entropy(logits, mixed, reduction="none"), 0.7 * hard + 0.3 * soft)


def test_aligned_distributions_have_the_wanted_shares_together_and_keep_the_odds_between_rows():
    said = np.log([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    found = aligned(said, np.array([0.5, 0.5]))
    np.testing.assert_allclose(np.exp(found).mean(axis=0), [0.5, 0.5], atol=1e-3)
    moved = (found[:, 0] - found[:, 1]) - (said[:, 0] - said[:, 1])
    np.testing.assert_allclose(moved, moved[0])  # one factor a class


def test_rows_count_by_their_weight_in_the_alignment():
    said = np.log([[0.9, 0.1], [0.2, 0.8]])
    found = np.exp(aligned(said, np.array([0.3, 0.7]), weights=np.array([3.0, 1.0])))
    np.testing.assert_allclose([0.75, 0.25] @ found, [0.3, 0.7], atol=1e-3)


def test_alignment_asks_nothing_of_classes_that_are_unknown_or_not_wanted():
    said = np.column_stack([np.log([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]), [math.nan, math.nan]])
    found = aligned(said, np.array([0.5, 0.3, 0.0, 0.2]))
    np.testing.assert_allclose(np.exp(found[:, :3]).mean(axis=0), [0.625, 0.375, 0.0], atol=1e-3)
    assert np.isnan(found[:, 3]).all()


def test_alignment_of_a_checker_that_is_sure_of_one_class_is_finite():
    said = np.array([[0.0, -1000.0], [0.0, -1000.0]])
    found = aligned(said, np.array([0.5, 0.5]))
    np.testing.assert_allclose(np.exp(found), 0.5, atol=1e-3)
    assert aligned(said, np.array([0.5, 0.5]), weights=np.zeros(2)) is said  # nobody takes part


def test_rows_without_a_judgement_take_no_part_in_the_alignment():
    said = np.array([*np.log([[0.9, 0.1], [0.8, 0.2]]), [math.nan, math.nan]])
    found = soft_targets(said, np.array([0, 0, 0]), share=1.0, shares=np.array([0.5, 0.5]))
    np.testing.assert_allclose(found[:2].mean(axis=0), [0.5, 0.5], atol=1e-3)
    assert found[2].tolist() == [1, 0]


def test_each_balance_says_which_shares_are_wanted():
    real = np.array([0.2, 0.8])
    found = {name: wanted_shares(name, n_classes=2, real_shares=real) for name in BALANCES}
    assert found["none"] is None and found["real"] is real and found["uniform"].tolist() == [1, 1]


@BOTH
def test_moving_average_begins_with_the_first_value(array):
    found = moving_average(array([math.nan, -2.0]), array([-1.0, -4.0]), decay=0.25)
    np.testing.assert_allclose(found, [-1.0, -3.5])


@pytest.mark.parametrize("classes", [None, np.array([1, 0, 1, 0, 0])], ids=["rows", "within"])
def test_shuffle_is_a_permutation_by_its_seed(classes):
    orders = [shuffle_order(5, seed=seed, classes=classes).tolist() for seed in (0, 0, 1, 2, 3)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert orders[0] == orders[1] and len({*map(tuple, orders)}) > 1


def test_shuffle_within_classes_gives_each_place_to_a_row_of_its_class():
    classes = np.array([1, 0, 1, 0, 0])
    assert all((classes[shuffle_order(5, seed=seed, classes=classes)] == classes).all() for seed in range(20))


def test_shuffled_weights_are_1_on_average_over_the_seeds_and_the_class_mean_within_classes():
    row_weights, classes = np.array([4.0, 0.0, 1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 1, 1, 1])
    over_all, within = (
        np.mean([row_weights[shuffle_order(6, seed=seed, classes=by)] for seed in range(4_000)], axis=0)
        for by in (None, classes)
    )
    np.testing.assert_allclose(over_all, 1, atol=0.1)  # four standard errors
    np.testing.assert_allclose(within, [5 / 3] * 3 + [1 / 3] * 3, atol=0.12)


def test_placebos_come_last_in_the_table_and_say_what_they_are_for():
    flags = [row.is_placebo for row in LOSSES.values()]
    assert flags == sorted(flags) and sum(flags) == 2
    assert all("not meant to help" in row.help for row in LOSSES.values() if row.is_placebo)


def test_only_losses_that_are_nothing_but_their_weights_count_for_a_setting():
    assert [name for name, row in LOSSES.items() if row.is_its_settings] == ["ce", "quality", "imp", "soft", "tuned"]
