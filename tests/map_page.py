"""Drives the Map page in a browser: what a hand does, and what the map and the page then say."""

import json
import re

PROBE = """
globalThis.__last = {}; globalThis.__draws = 0;
globalThis.__mapProbe = (said) => { globalThis.__last[said.type] = said; globalThis.__draws += said.type === 'draw'; };
"""
SELECTED = re.compile(r"([\d,]+) of [\d,]+ rows selected")
MIDDLE = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
LEFT = ((0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98))
LONG = 20_000  # milliseconds: two cores may be busy


class MapPage:
    """A browser tab with the Map page of a project; `failures` are errors of scripts and failed requests."""

    def __init__(self, context, address):
        self.context, self.address = context, address
        self.failures, self.asked = [], []
        context.set_default_timeout(LONG)
        self.page = context.new_page()
        self.page.add_init_script(PROBE)
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, project, **query):
        words = "".join(f"&{name}={value}" for name, value in query.items())
        self.page.goto(f"{self.address}/?project={project.id}{words}")
        self.wait_drawn()
        return self

    def wait_drawn(self):
        self.page.wait_for_function("globalThis.__last?.draw")
        self.settle()

    def settle(self):
        """Until the page has run to its end and the map has drawn what it was told."""
        self.page.wait_for_function("""() => !document.querySelector('[data-testid="stStatusWidget"]')
            && !document.querySelector('[data-stale="true"]')""")
        self.page.wait_for_timeout(150)

    def drawn(self, name):
        """`camera`, `codes`, `chosen` or `dense` of the last picture."""
        return self.page.evaluate(f"globalThis.__last.draw.{name}")

    def wait(self, condition, arg=None):
        """Until JavaScript over `draw` (the last picture) and `arg` is true."""
        self.page.wait_for_function(f"(arg) => {{ const {{draw}} = globalThis.__last; return {condition}; }}", arg=arg)

    # --- what the map says

    @property
    def counted(self):
        """How many rows are selected: in the picture, above it, and in the sentence of the page."""
        above = self.page.locator(".chosen").inner_text().split(" of ")[0]
        return self.drawn("chosen"), number(above), self.sentence_count

    @property
    def sentence(self):
        return self.page.locator("p", has_text=SELECTED).first.inner_text()

    @property
    def sentence_count(self):
        return number(SELECTED.search(self.sentence)[1])

    def wait_selected(self, rows):
        """Until map and page both say that so many rows are selected."""
        self.wait("draw.chosen === arg", rows)
        self.page.get_by_text(f"{rows:,} of", exact=False).and_(self.page.get_by_text("rows selected")).first.wait_for()

    def legend(self):
        """Names in the legend with their counts."""
        found = self.page.locator(".legend button.class").evaluate_all(
            "all => all.map(one => [one.querySelector('.name').textContent, one.querySelector('.count').textContent])"
        )
        return {name: number(count.split(" of ")[-1]) for name, count in found}

    # --- what a hand does

    def place(self, across, down):
        """A place of the map as shares of its box, in pixels of the window."""
        box = self.page.locator("canvas.points").bounding_box()
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    def lasso(self, corners=MIDDLE, *, keys=(), is_closed=True):
        """Draw around a part of the map; how many rows are selected then."""
        self.page.locator("canvas.points").scroll_into_view_if_needed()
        before = self.page.evaluate("globalThis.__last.select?.time ?? 0")
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self.place(*corners[0]))
        self.page.mouse.down()
        for corner in (*corners[1:], *corners[: int(is_closed)]):
            self.page.mouse.move(*self.place(*corner), steps=6)
        self.page.mouse.up()
        for key in keys:
            self.page.keyboard.up(key)
        self.page.wait_for_function("before => (globalThis.__last.select?.time ?? 0) > before", arg=before)
        rows = self.page.evaluate("globalThis.__last.select.rows")
        if rows:
            self.wait_selected(rows)
        self.settle()
        return rows

    def tool(self, action):
        self.page.locator(f'.tool[data-action="{action}"]').click()

    def key(self, *names):
        """Press keys with the focus on the map."""
        self.page.locator(".root").focus()
        for name in names:
            self.page.keyboard.press(name)
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def colour_by(self, label):
        codes = self.drawn("codes")
        box = self.page.get_by_role("combobox", name="Colour by")
        box.click()
        self.page.get_by_role("option", name=label, exact=True).click()
        self.wait("draw.codes !== arg", codes)
        self.settle()

    def slide(self, name="Alpha: trust in quality", key="ArrowRight", times=3):
        codes = self.drawn("codes")
        self.page.get_by_role("slider", name=name).focus()
        for _ in range(times):
            self.page.keyboard.press(key)
        self.wait("draw.codes !== arg", codes)
        self.settle()

    def step(self, name):
        """Another page by the sidebar."""
        self.page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        self.page.get_by_role("heading", name=name, exact=True).wait_for()

    def tab(self, name):
        self.page.get_by_role("tab", name=name, exact=True).click()
        self.settle()

    def search(self, question, mode="Text"):
        self.page.get_by_test_id("stButtonGroup").get_by_role("radio", name=mode).or_(
            self.page.get_by_role("button", name=mode, exact=True)
        ).first.click()
        self.settle()
        field = self.page.get_by_role("textbox", name="Search", exact=True)
        field.fill(question)
        field.press("Enter")
        found = self.page.get_by_text(re.compile(r"[\d,]+ rows found"))
        found.first.wait_for()
        self.settle()


def number(text):
    return int(text.replace(",", "") or 0)


def copy_of(project, name):
    """The same prepared project under another id: with its own view, settings, edits and selections."""
    import shutil
    from dataclasses import replace

    twin = replace(project, id=name)
    shutil.copytree(
        project.folder, twin.folder, ignore=shutil.ignore_patterns("view.json", "edits.jsonl", "selections")
    )
    path = twin.folder / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id": name}))
    return twin
