"""The whole way through the app in a real Chromium, on the demo."""

import csv
import shutil

import pandas as pd
import pytest
from conftest import ended
from map_page import PROBE, MapPage

from synweight_core import projects, runs
from synweight_core.columns import Columns
from synweight_core.data import Upload, build_dataset

pytestmark = pytest.mark.browser

POINTS = """() => Math.max(0, ...[...document.querySelectorAll('.js-plotly-plot')]
    .filter(plot => plot.layout.title?.text?.includes('Validation accuracy'))
    .flatMap(plot => plot._fullData.map(trace => trace.x.length)))"""
LONG = 120_000  # milliseconds


@pytest.fixture
def page(browser, prepared_home, workspace, serve):
    """The app on its own copy of the prepared demo."""
    shutil.copytree(prepared_home, workspace)
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    tab = MapPage(context, serve(workspace))
    page = tab.page
    page.map, page.failures = tab, tab.failures
    page.on("requestfailed", lambda request: page.failures.append(request.url))
    page.goto(tab.address)
    page.get_by_role("heading", name="Map").wait_for(timeout=LONG)
    yield page
    context.close()


def step(page, name):
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()


def test_the_whole_journey_on_the_demo(page, tmp_path):
    # a slider moves: the colours of the map change; a lasso selects rows
    tab = page.map
    tab.wait_drawn()
    tab.slide()
    assert 100 < tab.lasso() < 1460

    # a DIMP run: points arrive by themselves, also after a reload in the middle
    step(page, "Train")
    page.get_by_role("spinbutton", name="Epochs").fill("1")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function(f"() => ({POINTS})() >= 1", timeout=LONG)
    seen = page.evaluate(POINTS)
    page.reload()
    page.wait_for_function(f"seen => ({POINTS})() >= seen", arg=seen)
    page.get_by_text("finished · validation accuracy").wait_for(timeout=LONG)

    # the finished run is in the table, and its weights can be taken away
    step(page, "Runs")
    page.get_by_text("recall on test rows").or_(page.get_by_test_id("stDataFrame").first).first.wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV", exact=True).click()
    waiting.value.save_as(tmp_path / "weights.csv")
    with (tmp_path / "weights.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1200
    assert all(0 <= float(row["weight"]) <= 10 for row in rows)
    assert len({row["weight"] for row in rows}) > 1000
    assert not page.failures


def test_a_page_opened_by_its_own_address_on_a_fresh_server_has_its_frame(browser, prepared_home, workspace, serve):
    shutil.copytree(prepared_home, workspace)
    page = browser.new_page()
    page.goto(f"{serve(workspace)}/train")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Runs").wait_for()
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    assert page.url.split("?")[0].endswith("/train")
    page.close()


MARKUP = "<img src=x onerror=alert(1)> <b>bold</b> [link](http://127.0.0.1:9/) ![x](http://127.0.0.1:9/p.png) $x^2$"


@pytest.mark.long
def test_markup_in_texts_labels_and_names_is_shown_as_text_on_every_page(browser, workspace, serve):
    texts = [f"{MARKUP} {i}" for i in range(60)]
    rows = pd.DataFrame({"text": texts, "label": [f"a {MARKUP}", "b"] * 30})
    columns = Columns("text", "label")
    synthetic = Upload(f"{MARKUP}.csv", rows.assign(text="made up " + rows["text"]), columns)
    dataset = build_dataset(synthetic, Upload(f"{MARKUP}.csv", pd.concat([rows, rows[:2]]), columns))
    project = projects.create_project(dataset, MARKUP)
    prepared = ended(runs.start("prepare", project.id, {"suggests": False}, name="prepare"))
    assert prepared.status == "finished", prepared.error
    page = browser.new_page()
    page.add_init_script(PROBE)
    asked, dialogs = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    address = serve(workspace)
    for name, path in (
        ("Data", "data"),
        ("Map", ""),
        ("Weights", "weights"),
        ("Train", "train"),
        ("Runs", "runs"),
        ("Projects", "projects"),
    ):
        page.goto(f"{address}/{path}?project={project.id}")
        page.get_by_role("heading", name=name, exact=True).wait_for()
        page.wait_for_timeout(1500)
        rendered = page.locator("img[src*='127.0.0.1:9'], a[href*='127.0.0.1:9/'], .katex").all()
        assert not [element.evaluate("e => e.outerHTML + e.parentElement.outerHTML")[:600] for element in rendered], (
            name
        )
    page.goto(f"{address}/?project={project.id}")
    page.wait_for_function("globalThis.__last?.draw")
    assert not dialogs
    assert not [url for url in asked if ":9/" in url]
    page.close()


def test_stop_at_once_and_back_leave_the_app_usable(page):
    step(page, "Train")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("stopped").first.wait_for(timeout=LONG)
    page.go_back()
    page.get_by_role("heading", name="Map", exact=True).wait_for()
    assert not page.failures


def test_two_tabs_show_the_same_run(page):
    step(page, "Train")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("heading", name="Train").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    other.reload()
    other.get_by_role("button", name="Stop", exact=True).click(timeout=LONG)
    page.get_by_text("stopped").first.wait_for(timeout=LONG)
    assert not page.failures


def test_a_file_above_the_limit_is_refused_in_the_browser_and_the_other_file_is_kept(page, tmp_path):
    step(page, "Data")
    page.get_by_role("tab", name="New project").click()
    small = tmp_path / "real.csv"
    small.write_text("text,label\n" + "".join(f"message {i},{'ab'[i % 2]}\n" for i in range(40)))
    large = tmp_path / "synthetic.csv"
    with large.open("wb") as file:
        file.truncate(300 * 2**20)
    inputs = page.locator("input[type=file]")
    inputs.nth(1).set_input_files(small)
    page.get_by_text("40 rows").wait_for()
    inputs.nth(0).set_input_files(large)
    page.get_by_text("200.0MB or smaller").wait_for()
    page.get_by_text("40 rows").wait_for()
