"""The benchmark of intake: its figures and its quick line; and its sessions, in short."""

import json

import pytest


@pytest.fixture
def intake(benchmark, monkeypatch):
    benchmark("measuring")
    return benchmark("intake")


def chunk(**differs):
    counts = {
        "inputs": 9, "tracebacks": 0, "hangs": 0, "escapes": 0, "uploads": 3, "uploads_lost": 0, "refused": 4,
        "slowest_seconds": 0.5, "by_kind": {"file": 5, "id": 4}, "failures": [],
    }  # fmt: skip
    return counts | differs


class Stages:
    def measure(self, stage, compute):
        return compute()


def test_chunks_and_browser_are_added_up(intake, monkeypatch):
    monkeypatch.setattr(intake, "CHUNKS", 2)
    monkeypatch.setattr(intake, "_chunk", lambda seed: chunk(tracebacks=seed, slowest_seconds=float(seed)))
    seen = {"inputs": 5, "scripts_run": 1, "tracebacks": 2, "where": ["map"]}
    monkeypatch.setattr(intake, "_in_browser", lambda: seen)
    found = intake.hostile(Stages(), None)
    assert (found["inputs"], found["tracebacks"], found["scripts_run"], found["slowest_seconds"]) == (23, 3, 1, 1.0)
    assert found["by_kind"] == {"browser": 5, "file": 10, "id": 8} and found["failures"] == ["map"]
    text = intake.report({"hostile": {**part(), "values": found}})
    assert "5 browser, 10 file, 8 id" in text and "| scripts run | 1 |" in text


def part():
    machine = {
        "gpus": [], "packages": {}, "cores": 2, "cpu": "x", "memory_gb": 8, "system": "Linux", "python": "3.11",
        "load_before": 0.0,
    }  # fmt: skip
    return {"date": "2026-01-01", "commit": "0", "command": "python x", "machine": machine}


def test_quick_adds_what_it_finds_now_to_the_results(intake, monkeypatch, tmp_path):
    monkeypatch.setattr(intake, "_chunk", lambda seed, **choices: chunk(escapes=1))
    results = {"hostile": {"date": "d", "commit": "c", "values": {"inputs": 10_000, "escapes": 0, "tracebacks": 2}}}
    scale = {"rows": {"date": "d", "commit": "c", "values": {"meters": {"meters_ms": 91}}}}
    (tmp_path / "scale.json").write_text(json.dumps({"parts": scale}))
    (tmp_path / "intake.json").write_text(json.dumps({"parts": results}))
    line = json.loads(intake.quick(tmp_path))
    assert (line["hostile_inputs"], line["escapes"], line["tracebacks"], line["meters_ms_1m"]) == (10_000, 1, 2, 91)
    assert json.loads(intake.quick(tmp_path / "none"))["missing"] == ["hostile_inputs", "meters_ms_1m"]


@pytest.mark.filterwarnings("ignore")
def test_two_sessions_that_edit_lose_nothing_and_see_the_truth(benchmark, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "root" / "workspace"))
    found = benchmark("sessions").two_who_edit(tmp_path / "root", edits=4)
    assert (found["kept"], found["lost"], found["is_truth"], found["tracebacks"]) == (4, 0, True, 0)


@pytest.mark.filterwarnings("ignore")
def test_step_that_another_session_has_undone_is_told(benchmark, tmp_path, monkeypatch):
    from streamlit.testing.v1 import AppTest

    from synweight_core import curation

    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "workspace"))
    project, hostile = benchmark("hostile_workspace").build(tmp_path / "workspace")[0], benchmark("hostile")
    test = AppTest.from_file(str(hostile.APP), default_timeout=60)
    test.query_params["project"] = project.id
    test.session_state[f"details:{project.id}"] = "Edit"
    test.run()
    while curation.load_curation(project).can_undo:
        curation.undo(project)  # the other session
    next(button for button in test.button if button.label == "Undo").click().run()
    assert not test.exception and any("There is nothing to undo" in toast.value for toast in test.toast)
