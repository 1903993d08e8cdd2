"""What a run has reported: read piece by piece, and once more from a checkpoint after it was resumed."""

import pytest

from synweight_core import runs, storage
from synweight_core.run_log import CURVES, RunLog

RUN = "20261120-101112-000-x-0000"


@pytest.fixture
def path(workspace):
    runs.folder(RUN).mkdir(parents=True)
    return runs.folder(RUN) / "metrics.jsonl"


def step(number, **values):
    return {"event": "step", "step": number, "epoch": number / 2, "loss": 1 / number, "learning_rate": 0.1} | values


def evaluation(number, **values):
    figures = {"accuracy": 0.5, "metric": 0.25, "effective_sample_size": 100 * number}
    return {"event": "evaluation", "step": number, "epoch": number / 2} | figures | values


def write(path, *events):
    for event in events:
        storage.append_line(path, event)


@pytest.fixture
def log(path):
    return RunLog(RUN)


def test_before_the_first_event_all_curves_are_empty(log):
    log.read_on()
    assert all(len(log.curve(name)[0]) == 0 for name in CURVES) and not log.started and not log.now


def test_each_look_takes_in_what_is_new(path, log):
    write(path, {"event": "started", "rows": 7}, step(1))
    log.read_on()
    write(path, step(2), evaluation(2))
    log.read_on()
    log.read_on()
    epochs, losses = log.curve("loss")
    assert epochs.tolist() == [0.5, 1] and losses.tolist() == [1, 0.5]
    assert log.started["rows"] == 7 and log.now["step"] == 2
    assert [each.tolist() for each in log.curve("effective_sample_size")] == [[1], [200]]


def test_what_was_not_reported_is_not_drawn(path, log):
    write(path, step(1), step(2, memory_bytes=2**31), step(3))
    log.read_on()
    assert [each.tolist() for each in log.curve("memory_bytes")] == [[1], [2]]  # GiB
    assert len(log.curve("rows_per_second")[0]) == 0


def test_a_resumed_run_replaces_what_it_had_reported_after_its_checkpoint(path, log):
    write(path, step(1), step(2), evaluation(2), step(3), evaluation(3))
    log.read_on()
    write(path, {"event": "resumed", "step": 2}, step(3, loss=9))
    log.read_on()
    epochs, losses = log.curve("loss")
    assert epochs.tolist() == [0.5, 1, 1.5] and losses.tolist() == [1, 0.5, 9]
    assert [event["step"] for event in log.evaluations] == [2]


def test_a_class_that_is_the_metric_is_read_where_no_figure_has_its_name(path, log):
    write(path, evaluation(2))
    log.read_on()
    assert log.evaluated("recall:refund")[1].tolist() == [0.25] and log.evaluated("accuracy")[1].tolist() == [0.5]


def test_notices_are_kept(path, log):
    write(path, {"event": "notice", "message": "In parts of 8 rows."}, step(1))
    log.read_on()
    assert log.notices == ["In parts of 8 rows."]


def test_damaged_events_break_nothing(path, log):
    write(path, {}, {"event": "step"}, {"event": "evaluation", "epoch": None}, {"event": "resumed"}, {"event": 5})
    with path.open("ab") as file:
        file.write(b"{\xff}\n[1]\n")
    log.read_on()
    assert all(len(log.curve(name)[0]) == 0 for name in CURVES)


def test_a_file_that_became_shorter_is_read_from_its_start(path, log):
    write(path, step(1), step(2), step(3))
    log.read_on()
    path.unlink()
    write(path, step(1, loss=5))
    log.read_on()
    assert log.curve("loss")[1].tolist() == [5]
