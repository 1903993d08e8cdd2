"""The queue in a real Chromium, with real training runs: what a person sees after each change, and after a reload."""

import re
import shutil

import pytest
from conftest import ended, served, until

from synweight_core import device, projects, runs

pytestmark = [pytest.mark.browser, pytest.mark.long]
LONG = 120_000  # milliseconds


def in_state(page, *texts, reload=True):
    """These texts are shown; and again after a reload."""
    for text in texts:
        page.get_by_text(text).first.wait_for(timeout=LONG)
    if reload:
        page.reload()
        in_state(page, *texts, reload=False)


def seeds_waiting():
    return [run.settings["seed"] for run in device.waiting()]


def test_three_runs_wait_are_reordered_and_stopped_and_each_reload_shows_the_same(
    browser, prepared_home, workspace, tmp_path
):
    shutil.copytree(prepared_home, workspace)
    project = projects.demo_project()
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    with served(workspace, log=tmp_path / "first.log") as address:
        page.goto(f"{address}/train?project={project.id}")
        page.get_by_role("spinbutton", name="Epochs").fill("50", timeout=LONG)
        page.get_by_role("spinbutton", name="Seeds", exact=True).fill("3")
        page.get_by_role("button", name="Start training").click()
        in_state(page, "Queue · 2 waiting", "The device has: DIMP, seed 0", "1. DIMP, seed 1", "2. DIMP, seed 2")
        page.get_by_role("button", name="Top", exact=True).last.click()
        in_state(page, "1. DIMP, seed 2", "2. DIMP, seed 1")
        assert seeds_waiting() == [2, 1]
        in_state(page, re.compile(r"Step \d+ of 1,900"), reload=False)
    with served(workspace, log=tmp_path / "second.log") as address:  # the server was ended and started again
        page.goto(f"{address}/train?project={project.id}")
        in_state(page, re.compile(r"Step \d+ of 1,900"), "1. DIMP, seed 2", "2. DIMP, seed 1")
        page.get_by_role("button", name="Stop", exact=True).first.click()
        in_state(page, "Queue · 1 waiting", "The device has: DIMP, seed 2")
        first = runs.list_runs(project_id=project.id, kind="train")[-1]
        assert ended(first.id).status == "stopped" and seeds_waiting() == [1]
        page.get_by_role("button", name="Remove", exact=True).click()
        until(lambda: seeds_waiting() == [])
        page.get_by_role("button", name="Stop", exact=True).first.click()
        for run in runs.list_runs(project_id=project.id, kind="train"):
            assert ended(run.id).status == "stopped"
        page.get_by_text("Queue ·").wait_for(state="detached", timeout=LONG)
        page.get_by_role("button", name="Stop", exact=True).wait_for(state="detached", timeout=LONG)
    page.close()
