"""The training loop on a few rows with the real backbone."""

import numpy as np
import pytest
import torch

from synweight_core.errors import ModelError
from synweight_core.train_config import TrainConfig
from synweight_core.training import LabelledTexts, StopRequested, TrainData, train
from synweight_core.weighting import LOSSES

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
    result, losses = run(loss, log_quality=quality, log_reference=quality[::-1].copy())
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    assert result.figures["validation"]["step"] in (2, 4)
    assert 0 <= result.figures["test"]["accuracy"] <= 1
    assert result.row_weights.shape == (len(TEXTS),)
    assert result.model.config.id2label == {0: "late", 1: "refund"}


def test_imp_with_equal_columns_trains_exactly_like_ce():
    column = np.log(np.linspace(0.2, 0.9, len(TEXTS)))
    assert run("imp", log_quality=column, log_reference=column)[1] == run("ce")[1]


def test_rows_without_quality_have_weight_one_under_dimp():
    quality = np.full(len(TEXTS), np.nan)
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


@pytest.mark.parametrize("loss", ["focal", "dimp"])
def test_factor_acts_in_each_batch_of_a_moving_loss(loss):
    from synweight_core.training import _RowWeights

    config = TrainConfig(loss=loss, **FEW)
    log_p = torch.full((4,), -1.0)
    rows = torch.arange(4)
    prior = np.zeros(len(TEXTS))
    prior[0] = np.log(2)
    column = np.full(len(TEXTS), -0.5)
    column[3] = np.nan
    plain = _RowWeights(config, data(log_quality=column)).of_batch(rows, log_p)
    found = _RowWeights(config, data(log_quality=column, log_prior=prior)).of_batch(rows, log_p)
    assert (found[0] / found[1]).item() == pytest.approx(2)
    assert found[3] == plain[3]
