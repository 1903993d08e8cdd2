"""The presentation: large, plain and read only; and the ways to it from the Runs page."""

import shutil

import pytest
from conftest import ROOT
from map_page import PROBE
from streamlit.testing.v1 import AppTest
from test_report import finished, made_project, with_runs

from synweight_core import projects, storage
from synweight_core.curated import curated_weights
from synweight_core.curation import load_curation
from synweight_core.prepare import need_prepared
from synweight_core.presets import DEFAULT
from synweight_core.run_groups import settings_compared
from synweight_core.verdict import project_verdict
from synweight_core.weighting import rows_carrying
from synweight_core.workspace import check as check_workspace

READ_ONLY = {
    "title", "subheader", "markdown", "caption", "metric", "info", "html", "image", "vertical", "horizontal", "main",
    "flex_container", "page_link", "download_button", "bidi_component", "empty", "sidebar", "event", "root",
}  # fmt: skip
LONG = 120_000  # milliseconds


def opened(page="present", state=None, **query):
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    for name, value in (state or {}).items():
        test.session_state[name] = value
    test.run()
    return test.switch_page(f"pages/{page}.py").run()


def elements(block):
    """All elements of a page, by their types."""
    for child in block.children.values():
        yield child
        yield from elements(child) if hasattr(child, "children") else ()


def shown(test):
    return "\n".join(each.value.replace("\\", "") for each in [*test.markdown, *test.caption, *test.info])


def files(home):
    return {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_presentation_says_the_verdict_and_three_figures(demo):
    test = opened(project=with_runs(demo).id)
    assert not test.exception
    (recipe,) = settings_compared(demo).recipes
    assert project_verdict(recipe).sentence in shown(test)
    assert [metric.label for metric in test.metric] == [
        "Accuracy of IMP", "IMP against CE", "IMP against the real rows alone",
    ]  # fmt: skip
    weights = curated_weights(need_prepared(demo), DEFAULT, load_curation(demo))
    assert f"Half of the weight sits on {rows_carrying(weights)} rows." in shown(test)


def test_presentation_has_no_sidebar_and_no_control_that_writes(demo):
    test = opened(project=demo.id)
    assert not test.sidebar.children
    assert {element.type for element in elements(test.main)} <= READ_ONLY


def test_presentation_changes_nothing_on_disk(demo, workspace):
    finished(demo, 0.5)
    check_workspace()  # as any page before it did
    before = files(workspace)
    opened(project=demo.id)
    assert files(workspace) == before


@pytest.mark.parametrize("with_run", [False, True])
def test_presentation_of_a_project_that_is_not_prepared_starts_nothing(with_run):
    project = made_project()
    if with_run:
        with_runs(project)
    test = opened(project=project.id)
    assert not test.exception and not test.button
    assert "not prepared yet" in shown(test) and len(test.metric) == 3
    assert not [*(storage.home() / "runs").glob("*prepare*")]


def test_presentation_of_an_empty_workspace_says_how_to_begin():
    test = opened()
    assert not test.exception and not test.button
    assert "There is no project yet." in shown(test)


def test_browser_without_webgl_gets_a_drawing(demo):
    test = opened(project=demo.id, state={"no_webgl": True})
    assert not test.exception
    assert [element for element in elements(test.main) if element.type == "image"]


@pytest.mark.parametrize("bad", ["../../etc", "no-such-project"])
def test_project_ids_of_the_presentation_are_validated(demo, bad):
    test = opened(project=bad)
    assert not test.exception and test.title[0].value == demo.name


@pytest.mark.parametrize("with_run", [False, True])
def test_runs_page_leads_to_report_and_presentation(with_run):
    project = made_project()
    if with_run:
        with_runs(project)
    test = opened("runs", project=project.id)
    assert not test.exception
    links = [element.proto for element in elements(test.main) if element.type == "page_link"]
    assert [link.label for link in links if link.page == "present"] == ["Present"]
    buttons = [element.proto.label for element in elements(test.main) if element.type == "download_button"]
    assert buttons[0] == "Report (HTML)"


@pytest.mark.browser
def test_map_of_the_presentation_moves_and_selects_nothing_and_the_report_comes_down(
    browser, prepared_home, workspace, serve, tmp_path
):
    shutil.copytree(prepared_home, workspace)
    project = projects.demo_project()
    before = files(workspace / "projects")
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(LONG)
    page, failures = context.new_page(), []
    page.add_init_script(PROBE)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(f"{serve(workspace)}/present?project={project.id}")
    page.wait_for_function("globalThis.__last?.draw")
    assert not page.get_by_test_id("stSidebar").count()
    tools = page.locator(".tool").evaluate_all("all => all.filter(e => e.offsetParent).map(e => e.dataset.action)")
    assert tools == ["nearer", "farther", "whole", "names", "points"]
    camera = page.evaluate("globalThis.__last.draw.camera")
    box = page.locator("canvas.points").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 350, steps=5)
    page.mouse.up()
    page.wait_for_function("x => globalThis.__last.draw.camera.x !== x", arg=camera["x"])
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)
    assert page.evaluate("globalThis.__last.draw.chosen") == 0 and not page.evaluate("globalThis.__last.select")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Report (HTML)").click()
    waiting.value.save_as(tmp_path / "report.html")
    assert "<!DOCTYPE html>" in (tmp_path / "report.html").read_text(encoding="utf-8")[:40]
    assert files(workspace / "projects") == before and not failures
    context.close()
