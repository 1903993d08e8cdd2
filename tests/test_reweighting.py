"""Learned weights, the baselines of the benchmarks: the closed form against autograd, and a toy with wrong labels."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from synweight_core.prediction import LabelledTexts
from synweight_core.train_config import run_config
from synweight_core.train_data import TrainData


@pytest.fixture
def reweighting(benchmark):
    return benchmark("reweighting")


def batch_of(reweighting, layer, features, labels):
    logits = layer(features).detach()
    return reweighting.Batch(torch.arange(len(labels)), labels, logits, features)


def toy(n, seed):
    """Two clouds in two dimensions, and which of their labels are wrong (three in ten)."""
    drawn = np.random.default_rng(seed)
    true = drawn.integers(0, 2, n)
    features = torch.tensor(drawn.normal(size=(n, 2)) + 3 * (2 * true[:, None] - 1), dtype=torch.float32)
    wrong = drawn.random(n) < 0.3
    return features, torch.tensor(np.where(wrong, 1 - true, true)), torch.tensor(true), wrong


def test_meta_weights_are_the_gradient_through_a_virtual_step(reweighting):
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 4)
    features, real_features = torch.randn(5, 3), torch.randn(6, 3)
    labels, real_labels = torch.randint(4, (5,)), torch.randint(4, (6,))
    share = torch.zeros(5, requires_grad=True)
    loss = (share * cross_entropy(layer(features), labels, reduction="none")).sum()
    steps = torch.autograd.grad(loss, list(layer.parameters()), create_graph=True)
    weight, bias = (value - step for value, step in zip(layer.parameters(), steps, strict=True))
    of_real = cross_entropy(real_features @ weight.T + bias, real_labels)
    helpful = (-torch.autograd.grad(of_real, share)[0]).clamp(min=0)
    found = reweighting.meta_weights(
        batch_of(reweighting, layer, features, labels), batch_of(reweighting, layer, real_features, real_labels)
    )
    torch.testing.assert_close(found, helpful * 5 / helpful.sum())


def test_rows_that_would_do_harm_weigh_nothing(reweighting):
    layer = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    real = batch_of(reweighting, layer, features[:1], torch.tensor([0]))
    right_and_wrong = batch_of(reweighting, layer, features, torch.tensor([0, 1]))
    only_wrong = batch_of(reweighting, layer, features[:1], torch.tensor([1]))
    assert reweighting.meta_weights(right_and_wrong, real).tolist() == [2, 0]
    assert reweighting.meta_weights(only_wrong, real).tolist() == [0]


def learned_weights(reweighting, weigher_of, features, labels, *, epochs):
    """Mean weight of each row over the epochs of a linear model, in batches of 20."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 2)
    weigher, total = weigher_of(layer), torch.zeros(len(labels))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(epochs):
        for rows in torch.arange(len(labels)).split(20):
            batch = batch_of(reweighting, layer, features[rows], labels[rows])._replace(positions=rows)
            weights = weigher.of_batch(batch)
            total[rows] += weights / epochs
            optimizer.zero_grad()
            (weights * cross_entropy(layer(features[rows]), labels[rows], reduction="none")).mean().backward()
            optimizer.step()
        weigher.epoch_ended()
    return total.numpy()


def test_wrong_labels_weigh_less_when_weights_are_learned_from_real_rows(reweighting):
    features, labels, _, wrong = toy(200, seed=0)
    real, _, true, _ = toy(30, seed=1)
    found = learned_weights(
        reweighting,
        lambda layer: reweighting.MetaWeigher(lambda: batch_of(reweighting, layer, real, true)),
        features, labels, epochs=5,
    )  # fmt: skip
    assert found[wrong].mean() < 0.1 * found[~wrong].mean()


def test_wrong_labels_weigh_less_when_the_model_boosts_itself(reweighting):
    features, labels, _, wrong = toy(200, seed=0)
    found = learned_weights(reweighting, lambda layer: reweighting.SelfWeigher(200, 5), features, labels, epochs=5)
    assert found[wrong].mean() < 0.5 * found[~wrong].mean()


def test_boosting_raises_rows_that_are_right_and_lowers_rows_that_are_wrong(reweighting):
    found = reweighting.boosted(
        np.ones(3), np.array([0.5, 0.0, 1.0]), np.array([True, False, True]), base=4.0
    )  # fmt: skip
    np.testing.assert_allclose(found, np.array([2, 0.25, 1]) * 3 / 3.25)
    assert reweighting.boosting_base(1, 2) == 1


@pytest.mark.long
@pytest.mark.parametrize("kind", ["meta", "self"])
def test_a_fine_tuning_with_learned_weights_scores_the_test_rows(reweighting, kind):
    texts, labels = ["where is my parcel", "i want my money back"] * 8, np.array([0, 1] * 8)
    rows = LabelledTexts(texts, labels)
    config = run_config(loss="ce", epochs=6, batch_size=8, learning_rate=1e-3, precision="float32")
    found = reweighting.train(kind, config, TrainData(rows, rows, rows, ("delivery", "refund")), real=rows)
    assert (found.test_log_probs.argmax(axis=1) == labels).all()
    assert found.row_weights.shape == (16,) and (found.row_weights >= 0).all()
