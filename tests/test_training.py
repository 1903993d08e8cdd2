"""The training loop on a few rows with the real backbone."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from synweight_core.doubts import DoubtfulWeightsWarning
from synweight_core.errors import ModelError, StopRequested
from synweight_core.losses import LOSSES
from synweight_core.prediction import LabelledTexts
from synweight_core.row_weights import RowWeights, targets
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.training import train
from synweight_core.weighting import ExtremeWeightsWarning

TEXTS = ["the parcel is late", "where is my order", "please refund me", "i want my money back"] * 4
LABELS = np.array([0, 0, 1, 1] * 4)
ROWS = LabelledTexts(TEXTS, LABELS)
FEW = {"epochs": 2, "batch_size": 8, "evaluations_per_epoch": 1, "device": "cpu"}


def data(**columns):
    return TrainData(
        ROWS, LabelledTexts(TEXTS[:4], LABELS[:4]), LabelledTexts(TEXTS[:4], LABELS[:4]), ("late", "refund"), **columns
    )


def run(loss, **columns):
    events = []
    result = train(TrainConfig(loss=loss, **FEW), data(**columns), events.append)
    return result, [event["loss"] for event in events if event["event"] == "step"]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_and_reports(loss):
    quality = np.log(np.linspace(0.2, 0.9, len(TEXTS)))
    of_all = np.log(np.stack([np.linspace(0.2, 0.9, len(TEXTS)), np.linspace(0.8, 0.1, len(TEXTS))], axis=1))
    result, losses = run(loss, log_quality=quality, log_reference=quality[::-1].copy(), quality=of_all)
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    assert result.figures["validation"]["step"] in (2, 4)
    assert 0 <= result.figures["test"]["accuracy"] <= 1
    assert result.row_weights.shape == (len(TEXTS),)
    assert result.model.config.id2label == {0: "late", 1: "refund"}


def test_effective_sample_size_is_told_beside_the_number_of_synthetic_rows():
    events = []
    train(TrainConfig(loss="tuned", beta=0, real_mass=0.4, **FEW | {"epochs": 1}), data(**IMP), events.append)
    (started,) = (event for event in events if event["event"] == "started")
    assert started["rows"] == 12 and 1 < started["effective_sample_size"] < 12


def test_imp_with_equal_columns_trains_exactly_like_ce():
    column = np.log(np.linspace(0.2, 0.9, len(TEXTS)))
    assert run("imp", log_quality=column, log_reference=column)[1] == run("ce")[1]


def test_rows_without_quality_have_weight_one_under_dimp():
    quality = np.full(len(TEXTS), np.nan)
    with pytest.warns(DoubtfulWeightsWarning, match=r"16 of 16 rows were not judged, .* their label \(late, refund"):
        result, losses = run("dimp", log_quality=quality)
    assert losses == run("ce")[1]
    assert (result.row_weights == 1).all()


def test_stop_from_report_ends_early_with_the_best_model_and_no_test_figures():
    def report(event):
        if event["event"] == "step" and event["step"] == 3:
            raise StopRequested

    result = train(TrainConfig(**FEW), data(), report)
    assert result.figures["stopped"]
    assert result.figures["steps"] == 3
    assert result.figures["validation"]["step"] == 2
    assert result.figures["test"] is None


def test_pairs_reach_the_tokenizer_as_pairs():
    rows = LabelledTexts(TEXTS, LABELS, TEXTS[::-1])
    few = LabelledTexts(TEXTS[:4], LABELS[:4], TEXTS[:4])
    result = train(TrainConfig(**FEW | {"epochs": 1}), TrainData(rows, few, few, ("a", "b")), lambda event: None)
    assert result.figures["steps"] == 2


def test_unknown_backbone_is_named_in_the_message():
    with pytest.raises(ModelError, match="The backbone '/no/folder' could not be loaded"):
        train(TrainConfig(backbone="/no/folder", **FEW), data(), lambda event: None)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("loss", "nope", "loss is nope; expected one of ce, focal"),
        ("epochs", 0, "epochs is 0; expected 1 to 1,000"),
        ("learning_rate", 0.0, "learning_rate is 0.0; expected 1e-7 to 0.1"),
        ("max_weight", 0.5, "expected 0 <= min_weight <= 1 <= max_weight"),
    ],
)
def test_values_out_of_range_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{field: value})


def test_stop_at_an_evaluation_keeps_that_evaluation():
    def report(event):
        if event["event"] == "evaluation":
            raise StopRequested

    assert train(TrainConfig(**FEW), data(), report).figures["validation"]["step"] == 2


@pytest.mark.parametrize("loss", ["ce", "imp", "quality", "tuned"])
def test_factor_of_2_is_a_weight_ratio_of_2(loss):
    column = np.full(len(TEXTS), -0.5)
    prior = np.where(np.arange(len(TEXTS)) < 4, np.log(2), 0.0)
    result, _ = run(loss, log_quality=column, log_reference=column, log_prior=prior)
    np.testing.assert_allclose(result.row_weights[:4] / result.row_weights[4:8], 2)
    assert result.row_weights.mean() == pytest.approx(1)


def test_plain_cross_entropy_asks_no_checker_also_for_rows_that_were_not_judged():
    quality = np.where(np.arange(len(TEXTS)) < 8, np.nan, -0.5)
    prior = np.where(np.arange(len(TEXTS)) == 0, np.log(2), 0.0)
    result, _ = run("ce", log_quality=quality, log_prior=prior)
    assert result.row_weights[0] == pytest.approx(2 * result.row_weights[1])
    assert len(set(result.row_weights[1:])) == 1


@pytest.mark.parametrize("loss", ["focal", "dimp", "dimp_ema"])
def test_factor_acts_in_each_batch_of_a_moving_loss(loss):

    config = TrainConfig(loss=loss, **FEW)
    log_p = torch.full((4,), -1.0)
    rows = torch.arange(4)
    prior = np.zeros(len(TEXTS))
    prior[0] = np.log(2)
    column = np.full(len(TEXTS), -0.5)
    column[3] = np.nan
    plain = RowWeights(config, data(log_quality=column)).of_batch(rows, log_p)
    found = RowWeights(config, data(log_quality=column, log_prior=prior)).of_batch(rows, log_p)
    assert (found[0] / found[1]).item() == pytest.approx(2)
    assert found[3] == plain[3]


# --- weights that follow the model ----------------------------------------------------------


@pytest.mark.parametrize("loss", ["focal", "dimp", "dimp_ema"])
def test_no_gradient_runs_through_the_weights(loss):
    column = np.log(np.linspace(0.2, 0.9, len(TEXTS)))
    logits = torch.randn(4, 2, generator=torch.manual_seed(0)).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1])
    loss_per_row = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    found = RowWeights(TrainConfig(loss=loss, **FEW), data(log_quality=column)).of_batch(torch.arange(4), -loss_per_row)
    assert not found.requires_grad
    (found * loss_per_row).sum().backward()
    p = logits.detach().softmax(dim=1)
    torch.testing.assert_close(logits.grad, found[:, None] * (p - torch.eye(2)[labels]))


def moving(loss, **columns):
    config = TrainConfig(loss=loss, **FEW | {"batch_size": 4})
    return RowWeights(config, data(log_quality=np.zeros(len(TEXTS)), **columns))


def test_dimp_is_made_anew_in_each_batch_from_the_model_at_that_moment():
    weighted = moving("dimp")
    first = weighted.of_batch(torch.arange(2), torch.tensor([0.5, 0.25]).log())
    assert (first[1] / first[0]).item() == pytest.approx(2)
    again = weighted.of_batch(torch.arange(2), torch.tensor([0.5, 0.5]).log())
    assert again[1] == again[0]


def test_averaged_dimp_is_dimp_at_the_first_visit_of_a_row_and_lags_behind_it_then():
    at_first, later = torch.tensor([0.5, 0.25]).log(), torch.tensor([0.5, 1.0]).log()
    weighted = moving("dimp_ema")
    torch.testing.assert_close(
        weighted.of_batch(torch.arange(2), at_first), moving("dimp").of_batch(torch.arange(2), at_first)
    )
    found = weighted.of_batch(torch.arange(2), later)
    assert (found[1] / found[0]).item() == pytest.approx(1)  # the average of 1/4 and 1, geometric, is 1/2
    unseen = weighted.of_batch(torch.arange(2, 4), at_first)
    assert (unseen[1] / unseen[0]).item() == pytest.approx(2)


# --- soft targets and placebos --------------------------------------------------------------


def test_soft_targets_need_the_distribution_of_the_checker():
    with pytest.raises(ValueError, match="A soft share needs `quality`"):
        run("soft")


def test_soft_targets_of_a_sure_and_right_checker_train_like_ce():
    sure = np.where(np.eye(2)[LABELS] == 1, 0.0, -np.inf)
    np.testing.assert_allclose(run("soft", quality=sure)[1], run("ce")[1], rtol=1e-5)


def test_real_rows_that_join_keep_their_label_under_soft_targets():
    half = np.log(np.full((12, 2), 0.5))
    found = targets(TrainConfig(loss="soft"), data(quality=half, n_real=4), np.ones(12))
    assert found[:12].numpy() == pytest.approx(np.where(np.eye(2)[LABELS[:12]] == 1, 0.75, 0.25))
    assert found[12:].tolist() == np.eye(2)[LABELS[12:]].tolist()


@pytest.mark.parametrize("loss", ["placebo", "placebo_within"])
def test_placebo_is_your_weights_on_other_rows_by_the_seed_of_the_run(loss):
    columns = {"log_quality": np.log(np.linspace(0.2, 0.9, 16)), "log_reference": np.full(16, -1.0)}
    tuned, placebo, again, other = (
        RowWeights(TrainConfig(loss=name, seed=seed), data(**columns)).latest
        for name, seed in (("tuned", 0), (loss, 0), (loss, 0), (loss, 1))
    )
    assert sorted(placebo) == sorted(tuned) and placebo.tolist() != tuned.tolist()
    assert placebo.tolist() == again.tolist() != other.tolist()
    keeps_classes = [sorted(placebo[label == LABELS]) == sorted(tuned[label == LABELS]) for label in (0, 1)]
    assert keeps_classes == [loss == "placebo_within"] * 2


# --- further terms in training --------------------------------------------------------------

QUALITY, DIVERSITY = np.log(np.linspace(0.2, 0.9, 12)), np.log(np.linspace(0.9, 0.5, 12))
IMP = {"log_quality": QUALITY, "log_reference": DIVERSITY, "n_real": 4}


def test_tuned_with_the_exponents_of_imp_takes_relevance_and_pooling():
    relevance = np.linspace(-1, 1, 12)
    config = TrainConfig(loss="tuned", alpha=1, beta=1, relevance=0.5, real_mass=0.4, max_weight=100)
    weighted = RowWeights(config, data(log_relevance=relevance, **IMP))
    by_hand = np.exp(QUALITY - DIVERSITY + 0.5 * relevance)
    np.testing.assert_allclose(weighted.latest, by_hand / by_hand.mean())
    used = weighted.of_batch(torch.arange(16), torch.zeros(16)).double()
    assert used.mean().item() == pytest.approx(1) and (used[12:].sum() / used.sum()).item() == pytest.approx(0.4)
    np.testing.assert_allclose(used[:12] / used[0], by_hand / by_hand[0], rtol=1e-5)


@pytest.mark.parametrize(("loss", "exponents"), [("quality", (1, 0)), ("imp", (1, 1))])
def test_tuned_with_the_exponents_of_a_loss_and_no_further_term_is_that_loss(loss, exponents):
    columns = {"log_quality": np.tile(QUALITY, 2)[:16], "log_reference": np.tile(DIVERSITY, 2)[:16]}
    tuned = TrainConfig(loss="tuned", alpha=exponents[0], beta=exponents[1])
    found = RowWeights(tuned, data(**columns)).latest
    np.testing.assert_array_equal(found, RowWeights(TrainConfig(loss=loss), data(**columns)).latest)


# --- what goes wrong is finite, and is told -------------------------------------------------

NAN_FIRST = np.where(LABELS == 0, np.nan, -0.5)
WRONG = np.full(16, -700.0)
COPIES = LabelledTexts(["the parcel is late"] * 16, LABELS)
BAD = {
    "gap": (ExtremeWeightsWarning, r"span e\^\d+; the caps", {"log_quality": np.r_[-1000.0, np.full(15, -0.5)]}),
    "absent class": (DoubtfulWeightsWarning, r"8 of 16 rows were not judged.*\(late\)", {"log_quality": NAN_FIRST}),
    "always wrong": (DoubtfulWeightsWarning, r"label of 100% of the rows less likely", {"log_quality": WRONG}),
    "copies": (DoubtfulWeightsWarning, r"16 synthetic rows are copies: only 1 ", {"train": COPIES}),
}


@pytest.mark.parametrize("loss", ["imp", "dimp", "dimp_ema", "soft", "placebo"])
@pytest.mark.parametrize("bad", BAD)
def test_bad_input_gives_finite_losses_and_a_warning_that_names_the_cause(bad, loss):
    expected, message, columns = BAD[bad]
    asks = LOSSES[loss].alpha != 0 or bad == "copies" or (loss == "soft" and bad != "gap")  # a gap is one of weights
    told = np.where(np.isnan(columns.get("log_quality", np.full(16, -0.5))), np.nan, -0.5)
    log_quality = columns.get("log_quality", np.full(16, -0.5))
    of_all = np.stack([log_quality, np.full(16, -0.5)], axis=1)
    given = {"log_quality": log_quality, "log_reference": told, "quality": of_all}
    rows = replace(data(**given), train=columns.get("train", ROWS))
    events = []
    with pytest.warns(expected, match=message) if asks else nullcontext():
        train(TrainConfig(loss=loss, **FEW | {"epochs": 1}), rows, events.append)
    losses = [event["loss"] for event in events if event["event"] == "step"]
    assert len(losses) == 2 and np.isfinite(losses).all()
    (started,) = [event for event in events if event["event"] == "started"]
    assert bool(started["doubts"]) == (asks and expected is DoubtfulWeightsWarning)
