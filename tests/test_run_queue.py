"""The order of waiting runs: as a file that may be anything, and as real processes that wait."""

import json
import os
import signal
import threading

import psutil
import pytest
from click.testing import CliRunner
from conftest import until
from test_runs import worker_pid
from waiting import device_taken, turns, waiting_run

from synweight_core import device, run_queue, runs, storage
from synweight_core.cli import main
from synweight_core.errors import NotFoundError
from synweight_core.run_queue import MOVES

IDS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("to", "order"), [("first", ["c", "a", "b"]), ("earlier", ["a", "c", "b"]), ("later", ["a", "b", "c"])]
)
def test_last_run_moves(workspace, to, order):
    assert run_queue.move("c", IDS, to=to) == order
    assert run_queue.in_order(IDS) == order


@pytest.mark.parametrize("to", MOVES)
def test_a_move_keeps_every_run_once(workspace, to):
    for run_id in IDS:
        assert sorted(run_queue.move(run_id, IDS, to=to)) == IDS


def test_first_run_moved_down_is_second(workspace):
    assert run_queue.move("a", IDS, to="later") == ["b", "a", "c"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"{}", b"[1, null, [2]]", b'"abc"', b"\xff", b"5"])
def test_without_a_whole_file_the_oldest_is_first(workspace, content):
    workspace.mkdir()
    (workspace / "runs").mkdir()
    if content is not None:
        (workspace / "runs" / "queue.json").write_bytes(content)
    assert run_queue.in_order(["c", "a", "b"]) == IDS
    assert run_queue.move("b", IDS, to="first") == ["b", "a", "c"]


def test_a_new_run_comes_last_and_an_ended_one_is_forgotten(workspace):
    run_queue.move("c", IDS, to="first")
    assert run_queue.in_order(["a", "b", "c", "d"]) == ["c", "a", "b", "d"]
    run_queue.move("d", ["b", "c", "d"], to="earlier")
    assert json.loads((workspace / "runs" / "queue.json").read_text()) == ["c", "d", "b"]


def test_an_id_twice_in_the_file_counts_where_it_stands_first(workspace):
    storage.write_json(workspace / "runs" / "queue.json", ["b", "a", "b"])
    assert run_queue.in_order(IDS) == ["b", "a", "c"]


def test_a_run_that_does_not_wait_cannot_be_moved(workspace):
    with pytest.raises(NotFoundError, match="Run 'z' does not wait for the device"):
        run_queue.move("z", IDS, to="first")


def test_moves_of_many_tabs_at_once_lose_no_run(workspace):
    ids = [f"{i:02d}" for i in range(20)]
    tabs = [threading.Thread(target=run_queue.move, args=(run_id, ids), kwargs={"to": "first"}) for run_id in ids]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sorted(run_queue.in_order(ids)) == ids
    stored = json.loads((workspace / "runs" / "queue.json").read_text())
    assert sorted(stored) == ids


def test_the_device_goes_round_in_the_order_that_people_chose(workspace):
    with device_taken():
        ids, processes = zip(*(waiting_run(number) for number in range(3)), strict=True)
        assert [run.id for run in device.waiting()] == list(ids)
        device.move(ids[2], to="first")
        device.move(ids[0], to="later")
    wished = [ids[2], ids[1], ids[0]]
    for process in processes:
        process.wait(20)
    assert turns() == wished


def test_a_failed_and_a_killed_run_do_not_hold_up_the_others(workspace):
    with device_taken():
        failing, fails = waiting_run(0, way="fails")
        killed, process = waiting_run(1)
        last, waits = waiting_run(2)
        device.move(killed, to="first")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        assert runs.load_run(killed).status == "failed"
    fails.wait(20)
    waits.wait(20)
    assert turns() == [failing, last]
    assert [runs.load_run(name).status for name in (failing, killed, last)] == ["failed", "failed", "finished"]


def test_a_run_killed_while_it_holds_the_device_lets_the_next_one_in(workspace):
    holder, process = waiting_run(0, way="stays")
    until(lambda: turns() == [holder])
    assert device.holder() == holder
    second, waits = waiting_run(1)
    assert [run.id for run in device.waiting()] == [second]
    process.kill()
    process.wait(20)
    waits.wait(20)
    assert turns() == [holder, second]
    assert device.holder() is None and device.waiting() == []


def test_a_stopped_run_leaves_the_queue(workspace):
    with device_taken():
        run_id, process = waiting_run(0)
        runs.request_stop(run_id)
        process.wait(20)
        assert device.waiting() == [] and runs.load_run(run_id).status == "stopped"
    assert turns() == []


def test_a_waiting_worker_costs_next_to_no_memory(workspace):
    with device_taken():
        run_id = runs.start("train", "no-project", {}, name="waits")
        pid = until(lambda: worker_pid(run_id))
        opened = f"/proc/{pid}/fd"
        until(lambda: any(os.path.realpath(f"{opened}/{file}").endswith("device.lock") for file in os.listdir(opened)))
        assert psutil.Process(pid).memory_info().rss < 40 * 2**20
        runs.request_stop(run_id)
        until(lambda: not runs.load_run(run_id).is_active)


def test_command_lists_and_moves_the_queue(workspace):
    assert CliRunner().invoke(main, ["queue"]).output == "No run waits for the device.\n"
    with device_taken():
        ids, processes = zip(*(waiting_run(number) for number in range(2)), strict=True)
        told = CliRunner().invoke(main, ["queue", "--first", ids[1]])
        assert [line.split()[1] for line in told.output.splitlines()] == [ids[1], ids[0]]
        wrong = CliRunner().invoke(main, ["queue", "--first", "z"])
        assert wrong.exit_code == 1 and "does not wait for the device" in wrong.output
    for process in processes:
        process.wait(20)
