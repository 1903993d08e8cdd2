"""The Map page in a real Chromium: what hand, finger and keyboard do, and what then is on the screen."""

import re
import shutil
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from conftest import ended, served
from map_page import LEFT, LONG, MIDDLE, MapPage, copy_of, number

from synweight_core import curation, projects, runs, selections
from synweight_core.columns import Columns
from synweight_core.data import Upload, build_dataset
from synweight_core.map_view import load_view

pytestmark = pytest.mark.browser
SIZE = {"width": 1400, "height": 1000}


@pytest.fixture(scope="module")
def home(prepared_home, tmp_path_factory):
    """One workspace for the module; each test has a project of its own in it."""
    home = tmp_path_factory.mktemp("map") / "home"
    shutil.copytree(prepared_home, home)
    return home


@pytest.fixture(scope="module")
def address(home):
    with served(home, log=home.parent / "server.log") as address:
        yield address


@pytest.fixture
def project(home, monkeypatch, request):
    """The demo under an id of this test's own."""
    monkeypatch.setenv("SYNWEIGHT_HOME", str(home))
    name = re.sub(r"[\W_]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-").lower()
    return copy_of(projects.demo_project(), name)


@pytest.fixture
def visit(browser, address):
    """A function that opens a project's map in a context of its own; at the end no page may have failed."""
    opened = []

    def open_map(project, *, script="", query=None, wait=True, **options):
        context = browser.new_context(**{"viewport": SIZE} | options)
        tab = MapPage(context, address)
        opened.append(tab)
        if script:
            tab.page.add_init_script(script)
        return tab.open(project, **query or {}) if wait else tab

    yield open_map
    failures = [failure for tab in opened for failure in tab.failures]
    foreign = [url for tab in opened for url in tab.asked if not url.startswith((address, "data:", "blob:"))]
    for tab in opened:
        tab.context.close()
    assert not failures
    assert not foreign


@pytest.fixture
def tab(visit, project):
    """The map of the project."""
    return visit(project)


# --- what stays


def test_zoom_and_lasso_survive_slider_colour_page_switch_and_reload(tab):
    tab.key("+", "+", "ArrowRight")
    rows = tab.lasso()
    camera = tab.drawn("camera")
    assert camera["k"] == pytest.approx(1.96) and camera["x"] > 0
    for change in (
        tab.slide,
        lambda: tab.colour_by("Label"),
        lambda: (tab.step("Weights"), tab.step("Map"), tab.wait_drawn()),
        lambda: (tab.page.wait_for_timeout(800), tab.page.reload(), tab.wait_drawn()),
    ):
        change()
        tab.wait_selected(rows)
        assert tab.drawn("camera") == pytest.approx(camera)
        assert tab.counted == (rows, rows, rows)
    assert "account" in tab.legend()


def test_a_map_that_was_left_and_found_again_many_times_is_there(tab):
    rows = tab.lasso()
    for _ in range(4):
        for name in ("Weights", "Map", "Runs", "Map", "Data", "Map"):
            tab.page.get_by_test_id("stSidebar").get_by_role("link", name=name).click(no_wait_after=True)
            tab.page.wait_for_timeout(60)
    tab.page.evaluate("delete globalThis.__last.draw")
    tab.wait_drawn()
    tab.wait_selected(rows)
    assert tab.page.locator("canvas.points").count() == 1


def test_a_lost_webgl_context_comes_back_with_colours_and_selection(tab):
    rows = tab.lasso()
    lit = lit_pixels(tab)
    assert lit > 1000
    tab.page.evaluate("""() => {
        globalThis.__loser = globalThis.__last.draw.gl.getExtension('WEBGL_lose_context');
        globalThis.__loser.loseContext();
    }""")
    tab.page.wait_for_timeout(200)
    tab.slide()  # a message in between finds no context
    tab.page.evaluate("() => globalThis.__loser.restoreContext()")
    tab.page.wait_for_function("() => !globalThis.__last.draw.gl.isContextLost()")
    tab.page.wait_for_timeout(300)
    assert lit_pixels(tab) == pytest.approx(lit, rel=0.02)
    tab.wait_selected(rows)


def lit_pixels(tab):
    """How many pixels of the points' canvas are not transparent."""
    return tab.page.evaluate("""() => new Promise((done) => requestAnimationFrame(() => {
        const was = globalThis.__mapProbe;
        globalThis.__mapProbe = (said) => {  // called while the picture is still in the buffer
            was(said);
            if (said.type !== 'draw') return;
            const {gl} = said, pixels = new Uint8Array(4 * gl.drawingBufferWidth * gl.drawingBufferHeight);
            gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
            globalThis.__mapProbe = was;
            done(pixels.filter((value, i) => i % 4 === 3 && value > 0).length);
        };
        window.dispatchEvent(new Event('resize'));
        const box = document.querySelector('[data-testid="stBidiComponentRegular"]') ?? document.body;
        globalThis.__last.draw && globalThis.__redraw?.();
        const find = (root) => root.querySelector?.('canvas.points') ?? [...root.querySelectorAll('*')]
            .map((one) => one.shadowRoot && find(one.shadowRoot)).find(Boolean);
        find(document).dispatchEvent(new PointerEvent('pointerleave'));
        find(document).getRootNode().querySelector('.tool[data-action=names]').click();
        find(document).getRootNode().querySelector('.tool[data-action=names]').click();
    }))""")


def test_light_and_dark_have_their_own_colours(tab):
    tab.lasso()
    paper = "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    light = tab.page.evaluate(paper)
    tab.page.emulate_media(color_scheme="dark")
    tab.page.wait_for_function(f"before => ({paper})() !== before", arg=light)
    tab.settle()
    assert tab.page.locator(".box").evaluate("box => getComputedStyle(box).backgroundColor") == tab.page.evaluate(paper)
    none = tab.page.locator(".legend button.class i").first.evaluate("dot => dot.style.background")
    tab.page.emulate_media(color_scheme="light")
    tab.page.wait_for_function(f"before => ({paper})() === before", arg=light)
    tab.settle()
    assert tab.page.locator(".legend button.class i").first.evaluate("dot => dot.style.background") != none


# --- selecting


def test_shift_adds_alt_takes_away_and_all_three_counts_agree(tab):
    middle = tab.lasso(MIDDLE)
    both = tab.lasso(LEFT, keys=["Shift"])
    left_away = tab.lasso(LEFT, keys=["Alt"])
    overlap_only = both - left_away
    assert middle < both and 0 < left_away < middle
    assert tab.counted == (left_away, left_away, left_away)
    assert tab.lasso(LEFT) == overlap_only
    assert tab.lasso(MIDDLE, keys=["Shift", "Alt"]) == middle - left_away


def test_the_box_tool_selects_and_the_page_switches_how_the_next_selection_joins(tab):
    left = tab.lasso(LEFT)
    tab.tool("box")
    assert tab.page.locator('.tool[data-action="box"]').get_attribute("aria-pressed") == "true"
    middle = tab.lasso(((0.3, 0.3), (0.7, 0.7)), is_closed=False)
    tab.page.get_by_role("radio", name="Add").or_(tab.page.get_by_role("button", name="Add", exact=True)).first.click()
    tab.settle()
    tab.tool("lasso")
    assert middle < tab.lasso(LEFT) < middle + left


def test_the_table_lists_the_selection(tab, project):
    tab.search("password")
    rows = tab.sentence_count
    assert 0 < rows < 500
    assert tab.counted == (rows, rows, rows)
    table = tab.page.get_by_test_id("stDataFrame").first
    table.wait_for()
    assert number(table.locator("table[role=grid]").first.get_attribute("aria-rowcount")) == rows + 1


def test_hidden_classes_are_not_picked_and_a_double_click_shows_one_alone(tab):
    tab.colour_by("Label")
    legend = tab.legend()
    everything = tab.lasso(((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    assert everything == sum(legend.values()) == 1460
    tab.page.locator(".legend button.class", has_text="refund").click()
    without = tab.lasso(((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    assert without == everything - legend["refund"]
    tab.page.locator(".legend button.class", has_text="billing").dblclick()
    alone = tab.lasso(((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    assert alone == legend["billing"]
    tab.page.wait_for_timeout(800)
    tab.page.reload()
    tab.wait_drawn()
    pressed = tab.page.locator('.legend button.class[aria-pressed="true"] .name').all_inner_texts()
    assert pressed == ["billing"]


def test_two_tabs_have_selections_of_their_own(visit, project):
    one, other = visit(project), visit(project)
    few, many = one.lasso(MIDDLE), other.lasso(((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    assert few < many
    one.slide()
    other.slide(times=5)
    one.wait_selected(few)
    other.wait_selected(many)


def test_a_kept_selection_opens_by_its_link_in_another_browser(visit, project):
    one = visit(project)
    rows = one.lasso()
    one.colour_by("Label")
    one.page.get_by_role("button", name="Saved").click()
    one.page.get_by_role("textbox", name="Keep this selection as").fill("<b>Mine</b> ![x](http://x.invalid/x.png)")
    one.page.get_by_role("button", name="Keep", exact=True).click()
    link = one.page.get_by_test_id("stCode").get_by_text("selection=").inner_text()
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    one.page.keyboard.press("Escape")
    one.key("Escape")
    one.page.get_by_text("rows selected").wait_for(state="detached")
    assert query.pop("project") == project.id
    other = visit(project, query=query)
    other.wait_selected(rows)
    assert "account" in other.legend()
    other.lasso(LEFT)  # what a person does after opening a link counts more than the link
    mine = other.counted[0]
    assert mine != rows
    other.page.reload()
    other.wait_drawn()
    other.wait_selected(mine)


# --- keyboard, touch, hover


def test_keys_move_zoom_clear_and_open_the_row_in_the_middle(tab):
    tab.key("ArrowRight", "ArrowUp")
    camera = tab.drawn("camera")
    assert (camera["k"], camera["x"], camera["y"]) == pytest.approx((1, 0.15, 0.15))
    tab.key("+", "ArrowLeft", "ArrowDown", "-")
    assert tab.drawn("camera")["x"] == pytest.approx(0.15 - 0.15 / 1.4)
    tab.key("0")
    tab.wait("draw.camera.k === 1 && draw.camera.x === 0 && draw.camera.y === 0")
    tab.lasso()
    tab.key("Escape")
    tab.wait("draw.chosen === 0")
    tab.page.get_by_text("rows selected").wait_for(state="detached")
    tab.key("Enter")
    tab.page.get_by_text("Nearest real rows").wait_for()
    assert tab.page.get_by_text(re.compile(r"row [\d,]+ of the")).count() == 1


def test_the_wheel_zooms_to_the_pointer_and_a_double_click_shows_all(tab):
    tab.page.mouse.move(*tab.place(0.9, 0.1))
    tab.page.mouse.wheel(0, -400)
    tab.wait("draw.camera.k > 1.2 && draw.camera.x > 0 && draw.camera.y > 0")
    tab.page.mouse.dblclick(*tab.place(0.97, 0.03))
    tab.wait("draw.camera.k === 1 && draw.camera.x === 0")


def test_a_finger_draws_a_lasso_and_two_fingers_zoom(visit, project):
    tab = visit(project, has_touch=True)
    hand = tab.context.new_cdp_session(tab.page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(tab.place(*place) for place in places)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.45, 0.5))
    touch("touchStart", (0.45, 0.5), (0.55, 0.5))
    for i in range(1, 6):
        touch("touchMove", (0.45 - 0.04 * i, 0.5), (0.55 + 0.04 * i, 0.5))
    touch("touchEnd")
    tab.wait("draw.camera.k > 3")
    assert tab.drawn("chosen") == 0
    tab.tool("whole")
    tab.wait("draw.camera.k === 1")
    touch("touchStart", (0.3, 0.3))
    for corner in ((0.5, 0.3), (0.7, 0.3), (0.7, 0.5), (0.7, 0.7), (0.5, 0.7), (0.3, 0.7)):
        touch("touchMove", corner)
    touch("touchEnd")
    tab.wait("draw.chosen > 0")
    tab.wait_selected(tab.drawn("chosen"))


def test_the_pointer_shows_the_text_of_the_row_under_it(tab, project):
    hover_a_row(tab)
    row = tab.page.evaluate("globalThis.__last.tip.row")
    dataset = projects.load_dataset(project)
    texts = [*dataset.synthetic["text"], *dataset.known_real["text"]]
    assert tab.page.locator(".tip .text").inner_text() == texts[row]


def hover_a_row(tab):
    """The pointer goes over the map until a row answers."""
    tab.page.locator("canvas.points").scroll_into_view_if_needed()
    for down in (0.5, 0.4, 0.6, 0.3, 0.7, 0.45, 0.55, 0.35, 0.65):
        for across in np.linspace(0.1, 0.9, 60):
            tab.page.mouse.move(*tab.place(across, down))
            tab.page.wait_for_timeout(25)
            if tab.page.evaluate("Boolean(globalThis.__last.tip)") and tab.page.locator(".tip").is_visible():
                return
    raise AssertionError("no row answered")


# --- search


def test_text_and_pattern_find_what_pandas_finds(tab, project):
    dataset = projects.load_dataset(project)
    texts = pd.concat([dataset.synthetic["text"], dataset.known_real["text"]])
    tab.search("REFUND")
    tab.wait_selected(int(texts.str.contains("refund", case=False).sum()))
    tab.search(r"\d{3}", "Pattern")
    tab.wait_selected(int(texts.str.contains(r"\d{3}").sum()))


def test_meaning_finds_50_rows_and_orders_by_similarity(tab, project):
    tab.search("I forgot my password and cannot log in", "Meaning")
    tab.wait_selected(50)
    assert tab.page.get_by_role("combobox", name="Order").input_value() == "Most similar first"


# --- edits


def test_edits_recolour_change_the_sentence_and_can_be_undone(tab, project):
    tab.colour_by("Label")
    before = tab.legend()
    tab.search("password")
    sentence, codes = tab.sentence, tab.drawn("codes")
    tab.tab("Edit")
    tab.page.get_by_role("textbox", name="Reason, for the log").fill("<b>wrong</b> ![x](http://x.invalid/x.png)")
    tab.page.get_by_role("textbox", name="Reason, for the log").press("Enter")
    tab.settle()
    press(tab, "Relabel")
    tab.wait("draw.codes !== arg", codes)
    tab.settle()
    assert sum(tab.legend().values()) == sum(before.values())
    assert tab.legend() != before
    assert tab.sentence != sentence
    relabelled = tab.sentence
    press(tab, "Exclude")
    tab.page.get_by_text("0.0 % of all weight").wait_for()
    press(tab, "Undo")
    tab.page.get_by_text("0.0 % of all weight").wait_for(state="detached")
    press(tab, "Undo")
    tab.wait("draw.codes === arg", codes)
    tab.settle()
    assert (tab.legend(), tab.sentence) == (before, sentence)
    press(tab, "Redo")
    tab.wait("draw.codes !== arg", codes)
    tab.settle()
    assert tab.sentence == relabelled
    log = curation.history(project)
    assert [line.kind for line in log] == ["relabel", "exclude", "undo", "undo", "redo"]
    tab.page.get_by_text("Log of 5 steps").click()
    tab.page.get_by_test_id("stDataFrame").get_by_text("<b>wrong</b>").first.wait_for(state="attached")


def test_a_factor_is_in_the_map_and_in_the_sentence(tab, project):
    tab.search("password")
    mean = mean_weight(tab)
    tab.tab("Edit")
    field = tab.page.get_by_role("spinbutton", name="Weight factor")
    field.fill("4")
    field.press("Enter")
    tab.settle()
    codes = tab.drawn("codes")
    press(tab, "Set factor")
    tab.wait("draw.codes !== arg", codes)
    tab.settle()
    assert mean_weight(tab) > 2 * mean
    changed = int((curation.load_curation(project).log_factor > 0).sum())
    assert changed == sum(row < 1200 for row in load_view(project, 1460).selected)


def mean_weight(tab):
    return float(re.search(r"mean weight ([\d.]+)", tab.sentence)[1])


def press(tab, label):
    tab.page.get_by_role("button", name=label).last.click()
    tab.settle()


# --- without WebGL


NO_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind === 'webgl2' ? null : real.call(this, kind, ...more);
};
"""


def test_without_webgl_a_simpler_picture_says_so_and_its_lasso_selects(visit, project):
    tab = visit(project, script=NO_WEBGL, wait=False)
    tab.page.goto(f"{tab.address}/?project={project.id}")
    tab.page.get_by_text("This browser offers no WebGL2, so the map is a simpler picture.").wait_for(timeout=LONG)
    drag = tab.page.locator(".js-plotly-plot .nsewdrag").first
    drag.wait_for()
    tab.page.wait_for_timeout(1000)
    box = drag.bounding_box()
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in MIDDLE]
    tab.page.mouse.move(*places[0])
    tab.page.mouse.down()
    for place in (*places[1:], places[0]):
        tab.page.mouse.move(*place, steps=6)
    tab.page.mouse.up()
    tab.page.get_by_text("rows selected").first.wait_for()
    assert 10 < tab.sentence_count < 1460
    assert len(load_view(project, 1460).selected) == tab.sentence_count


# --- hostile texts


IMAGE = '<img src=x onerror="window.__pwned=1">'
HOSTILE = (
    IMAGE, "<script>window.__pwned=1</script>", "![x](http://x.invalid/p.png) [y](http://x.invalid/y) http://x.invalid",
    "x" * 1_000_000,
    "\u202eright to left \u0645\u0631\u062d\u0628\u0627", "Z" + "\u0301\u0327" * 200, "$y^2$ :red[z] **b**",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile(home):
    """A prepared project whose texts, labels and generators try to be more than text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNWEIGHT_HOME", str(home))
        texts = [f"{HOSTILE[i % len(HOSTILE)] if i < 7 else HOSTILE[i % 3]} {i}" for i in range(60)]
        rows = pd.DataFrame({"text": texts, "label": [f"{IMAGE} a", "<b>b</b>"] * 30})
        made_up = rows.assign(text="made up " + rows["text"], generator=[f"{IMAGE} g", "![g](http://x.invalid/g)"] * 30)
        columns = Columns("text", "label", generator="generator")
        dataset = build_dataset(
            Upload(f"{IMAGE}.csv", made_up, columns),
            Upload("real.csv", pd.concat([rows, rows[:2]]), Columns("text", "label")),
        )
        project = projects.create_project(dataset, f"{IMAGE} hostile")
        run = ended(runs.start("prepare", project.id, {"suggests": False}, name="prepare"))
        assert run.status == "finished", run.error
        selections.save_selection(project, f"{IMAGE} kept", np.arange(5), 60)
        curation.exclude(project, np.array([0]), reason=IMAGE)
        return project


def test_hostile_texts_are_only_text_in_hover_card_table_search_legend_and_names(visit, hostile, monkeypatch, home):
    monkeypatch.setenv("SYNWEIGHT_HOME", str(home))
    tab = visit(hostile)
    for colour in ("Label", "Generator", "Quality checker's prediction"):
        tab.colour_by(colour)
        assert any("<" in name or "![" in name for name in tab.legend())
    tab.search("onerror")
    tab.search(r"<scr.pt>", "Pattern")
    tab.lasso(((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    for name in ("Distributions", "Edit", "Holes", "Selected rows"):
        tab.tab(name)
        tab.page.wait_for_timeout(300)
    tab.page.get_by_role("button", name="Saved").click()
    tab.page.get_by_text("Kept selections").wait_for()
    tab.page.keyboard.press("Escape")
    tab.tab("Edit")
    tab.page.get_by_text("Log of 1 step").click()
    tab.key("Enter")
    tab.page.get_by_text("Nearest real rows").wait_for()
    hover_a_row(tab)
    assert tab.page.locator(".tip .text").first.evaluate("tip => tip.children.length") == 0
    assert tab.page.evaluate("window.__pwned") is None
    assert not tab.page.locator("img[src*='invalid'], img[src='x'], a[href*='x.invalid']").count()


def test_a_row_of_a_million_letters_reaches_card_and_table_cut(visit, hostile, monkeypatch, home):
    monkeypatch.setenv("SYNWEIGHT_HOME", str(home))
    tab = visit(hostile)
    tab.search("x" * 900)
    tab.wait_selected(tab.sentence_count)
    tab.page.get_by_test_id("stDataFrame").first.wait_for()
    assert tab.page.evaluate("document.body.innerText.length") < 100_000
