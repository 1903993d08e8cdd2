"""Batches that do not fit into memory: what is learned is the same, in parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from transformers import AutoModelForSequenceClassification

from synweight_core import devices, training
from synweight_core.errors import ModelError
from synweight_core.gradients import Batch, Gradients
from synweight_core.prediction import LabelledTexts, collator, encode, load_backbone, predict
from synweight_core.row_weights import RowWeights, targets
from synweight_core.train_config import TrainConfig
from synweight_core.train_data import TrainData
from synweight_core.training import train

TEXTS = ["late", "where is it", "please refund me", "my money back", "a b c d", "e", "f g", "h i j"]
LABELS = np.array([0, 0, 1, 1] * 2)
ROWS = LabelledTexts(TEXTS, LABELS)
QUALITY = np.linspace(0.2, 0.9, 8)
DATA = TrainData(
    ROWS, ROWS, ROWS, ("late", "refund"), log_quality=np.log(QUALITY), log_reference=np.log(QUALITY[::-1].copy()),
    quality=np.log(np.stack([QUALITY, 1 - QUALITY], axis=1)),
)  # fmt: skip
INPUTS = {"input_ids": torch.arange(8 * 5).reshape(8, 5) + 1000}
BATCH = Batch(INPUTS, torch.from_numpy(LABELS), torch.tensor([3, 1, 0, 2, 7, 5, 6, 4]))
LOSSES = ["ce", "imp", "dimp", "dimp_ema", "focal", "soft"]


def model_of(folder):
    return AutoModelForSequenceClassification.from_pretrained(folder)


def gradient_of(folder, loss, *, rows_at_once, dropout=False):
    """Loss, gradient of each parameter, and latest weights of one batch."""
    torch.manual_seed(3)
    model = model_of(folder).train(dropout)
    config = TrainConfig(loss=loss, batch_size=8)
    weights = RowWeights(config, DATA)
    gradients = Gradients(
        model,
        weights,
        targets(config, DATA, weights.latest),
        rows_at_once=rows_at_once,
        backward=lambda part: part.backward(),
    )
    found = gradients.add(BATCH)
    return found, [parameter.grad for parameter in model.parameters()], weights.latest, gradients.rows_at_once


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("rows_at_once", [1, 3, 4])
def test_parts_of_a_batch_together_give_its_loss_gradient_and_weights(tiny_backbone, loss, rows_at_once):
    loss_whole, whole, weights_whole, _ = gradient_of(tiny_backbone, loss, rows_at_once=8)
    loss_parts, parts, weights_parts, _ = gradient_of(tiny_backbone, loss, rows_at_once=rows_at_once)
    torch.testing.assert_close(loss_parts, loss_whole)
    np.testing.assert_allclose(weights_parts, weights_whole, rtol=1e-5)
    for own, other in zip(parts, whole, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-7)


def test_weights_that_follow_the_model_come_from_the_pass_that_learns_with_its_dropout(tiny_backbone):
    """A weight is quality / p up to one factor: with dropout, too, p must be that of the same pass."""
    torch.manual_seed(3)
    model, config = model_of(tiny_backbone).train(), TrainConfig(loss="dimp", batch_size=8, max_weight=1000)
    weights, said = RowWeights(config, DATA), []
    learns = model.forward

    def forward(**inputs):
        answer = learns(**inputs)
        if torch.is_grad_enabled():
            said.append(answer.logits.detach().log_softmax(dim=1))
        return answer

    model.forward = forward
    Gradients(model, weights, None, rows_at_once=3, backward=lambda part: part.backward()).add(BATCH)
    log_p = torch.cat(said).numpy()[np.arange(8), LABELS]
    rows = BATCH.positions.numpy()
    ratio = weights.latest[rows] / (QUALITY[rows] / np.exp(log_p))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


@pytest.fixture
def small_memory(monkeypatch, tiny_backbone):
    """Backbones without dropout that take no more than 3 rows at once; the sizes that were tried."""
    tried = []

    def load(backbone, label_names):
        tokenizer, model = load_backbone(backbone, label_names)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        answer = model.forward

        def forward(**inputs):
            tried.append(len(inputs["input_ids"]))
            if tried[-1] > forward.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return answer(**inputs)

        forward.most = load.most
        model.forward = forward
        return tokenizer, model

    load.most = 3
    monkeypatch.setattr(training, "load_backbone", load)
    return load, tried


@pytest.mark.parametrize("loss", ["imp", "dimp"])
def test_run_goes_on_in_parts_when_memory_runs_out_says_so_and_learns_the_same(small_memory, tiny_backbone, loss):
    load, tried = small_memory
    config = TrainConfig(
        loss=loss, backbone=tiny_backbone, epochs=3, batch_size=8, evaluations_per_epoch=1, learning_rate=1e-3,
        device="cpu",
    )  # fmt: skip
    told, free = [], []
    small = train(config, DATA, told.append)
    assert tried[:3] == [8, 4, 2] and max(tried[3:]) == 8  # scoring begins with large batches each time
    notices = [(event["rows_at_once"], event["message"]) for event in told if event["event"] == "notice"]
    assert [rows for rows, _ in notices] == [4, 2]
    assert "memory ran out: from now on each batch goes through it 2 rows at a time" in notices[-1][1]
    load.most = 1000
    large = train(config, DATA, free.append)
    losses = [[event["loss"] for event in events if event["event"] == "step"] for events in (told, free)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    np.testing.assert_allclose(small.test_log_probs, large.test_log_probs, atol=1e-4)


def test_memory_that_has_no_room_for_one_row_is_said_in_a_sentence(small_memory, tiny_backbone):
    load, _ = small_memory
    load.most = 0
    with pytest.raises(ModelError, match=r"memory ran out, even with one row at a time\. Use a smaller model"):
        train(TrainConfig(backbone=tiny_backbone, device="cpu"), DATA, lambda event: None)


def test_state_of_a_run_knows_how_much_fits(small_memory, tiny_backbone):
    _, tried = small_memory
    config = TrainConfig(backbone=tiny_backbone, epochs=2, batch_size=8, evaluations_per_epoch=1, device="cpu")
    kept = []
    train(config, DATA, lambda event: None, keep=kept.append)
    tried.clear()
    train(config, DATA, lambda event: None, start=kept[0])
    assert tried[0] == 2


def test_predictions_do_not_depend_on_how_many_rows_fit(small_memory, tiny_backbone):
    load, tried = small_memory
    accelerator = Accelerator(cpu=True)
    found = []
    for most in (3, 1000):
        load.most = most
        torch.manual_seed(0)
        tokenizer, model = load(tiny_backbone, ("a", "b"))
        rows = encode(tokenizer, ROWS, max_length=16)
        collate = collator(tokenizer, accelerator.device)
        found.append(predict(model, rows, collate=collate, accelerator=accelerator, batch_size=8))
    assert tried[:4] == [8, 4, 2, 2]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_other_errors_of_a_model_are_not_taken_for_missing_memory(small_memory, tiny_backbone):
    config = TrainConfig(loss="soft", backbone=tiny_backbone, device="cpu")
    wrong = replace(DATA, quality=np.log(np.full((8, 5), 0.2)))  # five classes for a model of two
    with pytest.raises(RuntimeError, match="multi-target not supported"):
        train(config, wrong, lambda event: None)


def test_each_step_tells_the_memory_of_the_process_and_no_utilization_of_a_cpu(tiny_backbone):
    events = []
    config = TrainConfig(backbone=tiny_backbone, epochs=1, batch_size=8, evaluations_per_epoch=1, device="cpu")
    train(config, DATA, events.append)
    (step,) = [event for event in events if event["event"] == "step"]
    assert 1e8 < step["memory_bytes"] < 1e11
    assert step["utilization"] is None
    assert devices.memory_bytes("cpu") >= step["memory_bytes"]
