"""Runs whose worker or parent is killed by SIGKILL: at three moments here, at fifty in the long form."""

import json
import os
import re
import subprocess
import sys
import time
from argparse import Namespace
from contextlib import nullcontext
from dataclasses import asdict

import numpy as np
import pytest
from conftest import ROOT, ended, until

from synweight_core import runs, storage

SHARED = ("measuring", "browser", "tiny_backbone", "leftovers", "map", "killing", "kills_server")
QUEUE, TRAINING = "in the queue", "in training"
MOMENTS = (QUEUE, 2.0, TRAINING)  # seconds are of the start and of the imports


@pytest.fixture
def kills(benchmark):
    for name in SHARED:
        benchmark(name)
    return benchmark("kills")


@pytest.fixture
def killing(kills):
    return sys.modules["killing"]


@pytest.fixture
def leftovers(kills):
    return sys.modules["leftovers"]


def whole_outcome(killing, project, config):
    """What a run leaves that nobody interrupts, here in this process."""
    from synweight_core.train_job import run_training

    path = runs.folder("20260101-000000-000-whole-0000")
    about = {"kind": "train", "project": project.id, "name": "whole", "created": 0.0, "settings": asdict(config)}
    storage.write_json(path / "config.json", about)
    result = run_training(path, about, lambda event: storage.append_line(path / "metrics.jsonl", event))
    storage.write_json(path / "result.json", result)
    return killing.outcome(path.name)


def on(run_id, project, config):
    """Start a run, or let it go on; its id."""
    if run_id is None:
        return runs.start("train", project.id, asdict(config), name="kill")
    runs.resume(run_id)
    return run_id


def reach(killing, run_id, moment):
    """Wait until a run that has just been started is at this moment."""
    if moment == QUEUE:
        until(lambda: "synweight_core.worker" in killing.processes_of(run_id)[0].cmdline())
    elif moment == TRAINING:
        until(lambda: (runs.folder(run_id) / runs.CHECKPOINT).exists(), seconds=120)
        until(lambda: runs.latest_event(run_id).get("step", 0) > 25, seconds=120)
    else:
        time.sleep(moment)


def test_run_that_is_killed_three_times_is_equal_to_the_last_bit_to_one_that_never_was(
    kills, killing, leftovers, tiny_backbone
):
    project = kills.grown_project(400)
    config = killing.tiny_config(tiny_backbone, loss="dimp", epochs=6)
    whole = whole_outcome(killing, project, config)
    run_id = None
    for moment in MOMENTS:
        with killing.device_taken() if moment == QUEUE else nullcontext():
            run_id = on(run_id, project, config)
            reach(killing, run_id, moment)
            family = killing.kill(run_id)
        status, seconds = killing.seen_as(run_id)
        assert (status, len(family)) == ("failed", 1) and seconds < 1, moment
        left = leftovers.left(run_id, family)
        assert (left.orphans, left.locks) == ([], []) and killing.metrics_are_readable(run_id), moment
    runs.resume(run_id)
    assert ended(run_id).status == "finished"
    compared = killing.compared(run_id, whole)
    assert compared.is_equal and compared.each_step_once, compared
    assert killing.resumed_from(run_id) >= 20
    until(lambda: leftovers.left(run_id, []).is_clean, seconds=30)  # a worker takes its time to leave


PARENT = """
import sys, time
from synweight_core import runs
from synweight_core.train_config import TrainConfig
from dataclasses import asdict
print(runs.start("train", "p", asdict(TrainConfig()), name="t"), flush=True)
time.sleep(60)
"""


def test_run_outlives_the_process_that_started_it(killing, leftovers):
    with killing.device_taken():
        parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        run_id = parent.stdout.readline().strip()
        (worker,) = until(lambda: leftovers.processes_of(run_id))
        assert worker.ppid() == parent.pid
        parent.kill()
        parent.wait()
        parent.stdout.close()
        time.sleep(0.5)
        assert leftovers.is_alive(worker) and runs.load_run(run_id).status == "queued"
        runs.request_stop(run_id)
        assert ended(run_id).status == "stopped"
    until(lambda: leftovers.left(run_id, [worker]).is_clean, seconds=10)


# --- what the benchmark says


def test_there_is_one_moment_in_each_part_of_a_run(kills):
    shares = kills.moments(40)
    assert sorted(int(40 * share) for share in shares) == [*range(40)]
    assert shares == kills.moments(40) != sorted(shares)


PHASES = {
    "start and queue": {},
    "imports": {},
    "loading": {"event": "started", "total_steps": 9},
    "training": {"event": "step", "step": 8, "total_steps": 9},
    "test and results": {"event": "evaluation", "step": 9, "total_steps": 9},
}


@pytest.mark.parametrize("phase", PHASES)
def test_phase_of_a_kill_is_that_of_the_latest_event(killing, phase):
    assert killing.phase(PHASES[phase], has_device=phase != "start and queue") == phase


def test_difference_is_zero_for_equal_bits_alone(killing):
    one = np.array([0.0, 1.0], dtype=np.float32)
    assert killing.difference(one, one.copy()) == 0.0
    assert killing.difference(one, np.array([0.0, 1.5], dtype=np.float32)) == 0.5
    assert killing.difference(one, np.array([-0.0, 1.0], dtype=np.float32)) > 0
    assert killing.difference(one, one.astype(np.float64)) == float("inf")


def test_orphan_of_a_run_and_its_unfinished_files_are_found(leftovers, workspace):
    path = runs.folder("r")
    (path / "playback").mkdir(parents=True)
    for name in ("playback/.0123456789abcdef.npy", runs.CHECKPOINT, "metrics.jsonl"):
        (path / name).touch()
    orphan = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", str(path)])
    try:
        until(lambda: leftovers.processes_of("r"))
        left = leftovers.left("r", [])
        assert left == leftovers.Left([orphan.pid], [], [*sorted(["playback/.0123456789abcdef.npy", runs.CHECKPOINT])])
    finally:
        orphan.kill()
        orphan.wait()
    assert leftovers.processes_of("r") == []


def a_kill(killing, leftovers, **differs):
    """What became of one kill, where all went well."""
    none = leftovers.Left([], [], [])
    compared = killing.Compared({"model": 0.0}, same_figures=True, same_curve=True, each_step_once=True)
    facts = {
        "loss": "ce", "at_s": 1.0, "phase": "training", "step": 3, "status": "failed", "status_s": 0.02,
        "metrics_readable": True, "resumed_from": 2, "resumed_status": "finished", "compared": compared,
        "after_kill": none, "after_resume": none,
    }  # fmt: skip
    return killing.Kill(**facts | differs)


def test_figures_count_what_went_wrong(kills, killing, leftovers):
    bad = a_kill(
        killing, leftovers, status_s=0.5, after_kill=leftovers.Left([7], [], []),
        compared=killing.Compared({"model": 1e-7}, same_figures=True, same_curve=True, each_step_once=True),
        after_resume=leftovers.Left([], ["lock"], []),
    )  # fmt: skip
    told = [kills.told(kill) for kill in (a_kill(killing, leftovers), bad)]
    found = kills.figures(told)
    assert found == {"killed": 2, "status_max_s": 0.5, "resumed_equal": 1, "orphans": 1, "locks_left": 1}
    assert [kill["is_clean"] for kill in told] == [True, False]
    (_, table, _, moments) = kills.TABLES["worker"]({"seconds_uninterrupted": {"ce": 9.0}, "kills": told})
    assert "| training | 2 | 2 | 0.500 | 2 | 1 | 2 | 1 |" in table and moments.endswith(": 1.0, 1.0.")


def test_no_kill_leaves_the_figures_to_the_results(kills):
    assert set(kills.figures([]).values()) == {None}


# --- the long form


@pytest.fixture
def measured(kills, tmp_path):
    """A function that measures a part of the benchmark."""
    measuring = sys.modules["measuring"]

    def measure(part):
        stages = measuring.Stages(tmp_path, "kills", part)
        with measuring.use_workspace(stages.workspace):
            values = kills.PARTS[part](stages, Namespace())
        stages.close()
        return values["kills"]

    return measure


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_forty_runs_killed_at_random_moments_go_on_and_are_equal_to_the_last_bit(measured, kills):
    found = measured("worker")
    figures = kills.figures(found)
    assert figures["status_max_s"] < 1
    assert figures | {"status_max_s": 0} == {
        "killed": 40, "status_max_s": 0, "resumed_equal": 40, "orphans": 0, "locks_left": 0,
    }  # fmt: skip
    assert all(kill["is_clean"] and kill["compared"]["each_step_once"] for kill in found)


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.timeout(3600)
def test_ten_runs_whose_server_is_killed_finish_and_the_next_server_shows_them(measured):
    found = measured("server")
    for fact in ("was_child", "was_active", "went_on", "finished", "is_equal", "is_clean", "shown_s"):
        assert all(kill[fact] for kill in found), fact
    assert len(found) == 10


@pytest.mark.long
def test_quick_kills_says_what_is_measured(tmp_path):
    command = [sys.executable, "benchmarks/kills.py", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    keys = ["killed", "status_max_s", "resumed_equal", "orphans", "locks_left"]
    assert keys in (found["measured"], found["from_results"])
    assert re.fullmatch(r"[0-9a-f]{10}(-dirty)?|uncommitted", found["commit"])
