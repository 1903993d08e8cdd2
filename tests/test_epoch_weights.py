"""The weights of each epoch: written one by one, played back in their order."""

import numpy as np
import pytest

from synweight_core import runs
from synweight_core.epoch_weights import add_epoch, epoch_weights, n_epochs, weights_at

RUN = "20261120-101112-000-x-0000"


@pytest.fixture
def path(workspace):
    return runs.folder(RUN)


def test_epochs_are_played_back_in_their_order(path):
    for value in range(12):
        add_epoch(path, np.array([value, 0.5]))
    found = epoch_weights(RUN)
    assert found.dtype == np.float16 and found.shape == (12, 2)
    assert found[:, 0].tolist() == list(range(12)) and n_epochs(RUN) == 12
    assert weights_at(RUN, 11).tolist() == [10, 0.5]


def test_a_resumed_run_writes_an_epoch_again_and_drops_the_later_ones(path):
    for value in (1, 2, 3):
        add_epoch(path, np.array([value]))
    add_epoch(path, np.array([7]), epoch=2)
    assert epoch_weights(RUN).tolist() == [[1], [7]]


def test_weights_beyond_float16_are_its_largest(path):
    add_epoch(path, np.array([1e9]))
    assert np.isfinite(epoch_weights(RUN)).all()


@pytest.mark.parametrize("epoch", [0, 2, -1])
def test_an_epoch_that_is_not_there_has_no_weights(path, epoch):
    add_epoch(path, np.array([1.0]))
    assert weights_at(RUN, epoch) is None


@pytest.mark.parametrize("content", [b"", b"no npy", b"\x93NUMPY"])
def test_a_damaged_epoch_is_passed_over(path, content):
    add_epoch(path, np.array([1.0]))
    add_epoch(path, np.array([2.0]))
    (path / "playback" / "0001.npy").write_bytes(content)
    assert weights_at(RUN, 1) is None and epoch_weights(RUN).tolist() == [[2]]


def test_a_run_without_epochs_has_none(workspace):
    assert n_epochs(RUN) == 0 and epoch_weights(RUN).shape == (0, 0)
