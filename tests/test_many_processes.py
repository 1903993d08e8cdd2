"""Several processes that train one model, against one that has the same batches; and what becomes of them."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
import psutil
import pytest
import torch
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from click.testing import CliRunner
from conftest import ROOT, ended, until
from many_rows import trained
from test_runs import worker_pid
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from synweight_core import companions, learner, runs, trackers, training
from synweight_core.cli import main
from synweight_core.errors import ModelError
from synweight_core.processes import Processes
from synweight_core.train_config import TrainConfig


@pytest.fixture(scope="module")
def still_backbone(tiny_backbone, tmp_path_factory):
    """The small backbone without dropout, which no two processes could have in common."""
    folder = tmp_path_factory.mktemp("still")
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    AutoModelForSequenceClassification.from_pretrained(tiny_backbone, **none).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(folder)
    return str(folder)


# --- shares ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 4, 7, 8])
def test_each_row_is_in_one_share_and_shares_differ_by_one_row_at_most(n, count):
    rows = [*range(n)]
    shares = [rows[Processes(index, count).share(n)] for index in range(count)]
    assert [row for share in shares for row in share] == rows
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_process_without_a_row_takes_one_that_counts_nothing():
    first, second = Processes(0, 2), Processes(1, 2)
    assert first.mine([7]) == second.mine([7]) == [7]
    weights = torch.tensor([3.0])
    assert sorted([first.of_mine(weights).item(), second.of_mine(weights).item()]) == [0, 3]


# --- the same curve: threads that stand for processes ---------------------------------------


@dataclass(frozen=True)
class Thread(Processes):
    """One of several threads that add up as processes do."""

    meeting: threading.Barrier | None = None
    shown: tuple[list[torch.Tensor], ...] = ()

    def _add_up(self, values):
        self.shown[self.index].append(values.clone())
        self.meeting.wait(60)
        total = sum(every[-1] for every in self.shown)
        self.meeting.wait(60)
        values.copy_(total)


@pytest.fixture
def by_threads(monkeypatch, still_backbone):
    """A function that trains on several threads; what each found."""
    own = threading.local()
    for module in (training, learner):
        monkeypatch.setattr(module, "processes_of", lambda accelerator: own.processes)

    def run(count, **plan):
        meeting, shown = threading.Barrier(count), tuple([] for _ in range(count))

        def one(index):
            own.processes = Thread(index, count, meeting=meeting, shown=shown)
            return trained(still_backbone, **plan)

        with ThreadPoolExecutor(count) as pool:
            return [*pool.map(one, range(count))]

    return run


def need_same(found, alone):
    """Whether the curves and the outputs are those of one process."""
    assert found["steps"] == alone["steps"] == len(found["losses"])
    assert found["rates"] == alone["rates"]
    for name in ("losses", "evaluations", "weights", "log_probs"):
        np.testing.assert_allclose(found[name], alone[name], atol=1e-5, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize(("loss", "count"), [("ce", 2), ("imp", 3), ("dimp", 2), ("dimp", 3), ("dimp_ema", 2)])
def test_several_have_the_curve_of_one_also_in_a_batch_with_fewer_rows_than_they_are(
    by_threads, still_backbone, loss, count
):
    found = by_threads(count, loss=loss)  # 49 rows in batches of 8
    with pytest.MonkeyPatch.context() as patch:
        for module in (training, learner):
            patch.setattr(module, "processes_of", lambda accelerator: Processes())
        need_same(found[0], trained(still_backbone, loss=loss))
    for other in found[1:]:
        assert other["model"] == found[0]["model"] and other["weights"] == found[0]["weights"]


def test_all_stop_where_the_first_is_asked_to(by_threads):
    found = by_threads(2, loss="ce", stop_at=5)
    assert [one["steps"] for one in found] == [5, 5] and found[0]["model"] == found[1]["model"]


# --- the same curve: processes --------------------------------------------------------------


@pytest.mark.long
def test_two_processes_train_as_one_does(still_backbone, tmp_path):
    plans = [{"loss": loss, "n_train": 200, "n_test": 1000, "epochs": 1} for loss in ("ce", "dimp")]
    plans.append({"loss": "imp", "stop_at": 5})
    started, outs = [], [tmp_path / f"{rank}.json" for rank in range(2)]
    for rank, out in enumerate(outs):
        environment = companions.environment(rank, 2, meeting=tmp_path / "meeting") | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ROOT / "tests" / "many_rows.py"), still_backbone, str(out), json.dumps(plans)]
        started.append(subprocess.Popen(command, env=os.environ | environment))
    alone = [trained(still_backbone, **plan) for plan in plans]
    assert [process.wait(250) for process in started] == [0, 0]
    first, second = (json.loads(out.read_text()) for out in outs)
    for found, beside, one in zip(first, second, alone, strict=True):
        assert found["model"] == beside["model"] and found["steps"] == beside["steps"]
        if one["log_probs"]:
            need_same(found, one)
            assert abs(found["accuracy"] - one["accuracy"]) <= 0.005
    assert first[2]["steps"] == 5


@pytest.mark.long
def test_run_that_is_made_to_be_started_by_hand_is_started_by_any_launcher(demo, tiny_backbone):
    told = CliRunner().invoke(
        main,
        [
            "train",
            demo.id,
            "--backbone",
            tiny_backbone,
            "--epochs",
            "1",
            "--processes",
            "2",
            "--device",
            "cpu",
            "--by-hand",
        ],
    )
    assert told.exit_code == 0, told.output
    (run,) = runs.list_runs(kind="train")
    assert run.error.startswith("Nobody has started its worker yet")
    program, verb, *rest = told.output.split()
    assert (program, verb) == ("accelerate", "launch")
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", *rest]
    subprocess.run(launcher, cwd=ROOT, timeout=250, check=True)
    run = runs.load_run(run.id)
    assert run.status == "finished", run.error
    assert steps(run.id) == [*range(1, run.result["steps"] + 1)]


def children(pid):
    """The companions of a worker."""
    return [child for child in psutil.Process(pid).children() if "synweight_core.worker" in child.cmdline()]


def steps(run_id):
    return [event["step"] for event in runs.read_metrics(run_id)[0] if event["event"] == "step"]


@pytest.mark.long
def test_killed_run_on_two_processes_leaves_none_behind_and_goes_on(demo, tiny_backbone):
    quick = {"backbone": tiny_backbone, "max_length": 16, "batch_size": 40, "device": "cpu", "epochs": 4}
    run_id = runs.start("train", demo.id, asdict(TrainConfig(loss="dimp", processes=2, **quick)), name="t")
    until(lambda: steps(run_id)[31:], seconds=200)
    pid = worker_pid(run_id)
    (other,) = children(pid)
    os.kill(pid, signal.SIGKILL)
    other.wait(10)
    assert runs.load_run(run_id).status == "failed"
    runs.resume(run_id)
    run = ended(run_id)
    assert run.status == "finished" and steps(run_id) == [*range(1, 121)]
    assert (run.folder / "model").exists()


# --- companions -----------------------------------------------------------------------------

PROGRAM = """
import sys, time
from pathlib import Path
from synweight_core import companions
companions._command = lambda path: [sys.executable, "-c", sys.argv[1]]
with companions.companions(Path("."), 3, failed=lambda message: (print(message, flush=True), sys.exit())):
    print("ready", flush=True)
    time.sleep(100)
"""
WAITS = "from synweight_core import companions; import time; companions.end_with_worker(); time.sleep(100)"


def worker_with(program):
    """A process that has started two companions that run this program."""
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    worker = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, program], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert worker.stdout.readline() == "ready\n"
    return worker


def test_killed_worker_leaves_no_companion_behind():
    with worker_with(WAITS) as worker:
        others = psutil.Process(worker.pid).children()
        assert len(others) == 2
        worker.kill()
        gone, alive = psutil.wait_procs(others, timeout=20)
    assert len(gone) == 2 and not alive


def test_worker_is_told_when_a_companion_is_gone():
    with worker_with("import os; os._exit(3 * (os.environ['RANK'] == '2'))") as worker:
        assert worker.stdout.readline().startswith("Process 3 of 3 ended early (code 3): it was killed")
        worker.kill()


def test_processes_of_another_launcher_are_not_started_again(monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(companions, "_started", lambda *told: pytest.fail("started one"))
    with companions.companions(tmp_path, 2, failed=pytest.fail):
        assert not companions.is_companion()


# --- choices --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"processes": 0}, "processes is 0; expected 1 to 64"),
        ({"processes": 65}, "processes is 65; expected 1 to 64"),
        ({"tracker": "../x"}, "expected nothing, or a name such as tensorboard"),
    ],
)
def test_choices_out_of_range_are_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**choice)


# --- trackers -------------------------------------------------------------------------------


class Notes(GeneralTracker):
    """A tracker that keeps what it is given."""

    name = "notes"
    requires_logging_directory = False
    logged, ended = [], []

    def __init__(self, run_name):
        super().__init__()

    @property
    def tracker(self):
        return self.logged

    def log(self, values, step=None):
        self.logged.append((step, values))

    def finish(self):
        self.ended.append(True)


STEP = {
    "event": "step",
    "step": 3,
    "total_steps": 9,
    "epoch": 0.5,
    "loss": 0.7,
    "learning_rate": 0.1,
    "utilization": None,
}
EVALUATION = {"event": "evaluation", "step": 3, "total_steps": 9, "epoch": 0.5, "accuracy": 0.9, "recall": {"a": 1.0}}


def test_tracker_gets_the_figures_of_steps_and_evaluations_and_is_closed(monkeypatch, tmp_path):
    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "notes", Notes)
    events = []
    with trackers.tracked(events.append, TrainConfig(tracker="notes", device="cpu"), tmp_path) as report:
        for event in (STEP, EVALUATION, {"event": "notice", "message": "m"}):
            report(event)
    assert Notes.logged == [
        (3, {"train/loss": 0.7, "train/learning_rate": 0.1}),
        (3, {"validation/accuracy": 0.9}),
    ]
    assert Notes.ended == [True] and len(events) == 3


def test_tensorboard_gets_files_in_the_folder_of_the_run(tmp_path):
    with trackers.tracked([].append, TrainConfig(tracker="tensorboard", device="cpu"), tmp_path) as report:
        report(STEP)
    assert [*(tmp_path / trackers.FOLDER).rglob("events.out.tfevents.*")]


@pytest.mark.parametrize("name", ["nobody", "clearml"])
def test_tracker_that_is_not_there_is_named(tmp_path, name):
    with (
        pytest.raises(ModelError, match=f"The tracker '{name}' was asked for"),
        trackers.tracked([].append, TrainConfig(tracker=name, device="cpu"), tmp_path),
    ):
        pass
