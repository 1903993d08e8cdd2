"""Hostile texts in a real browser: labels, names, cells, files and links that hold scripts, of which none may run.

Every page of the workspace of `hostile_workspace` is opened in Chromium, each of its tabs, a row's card, an upload.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import browser
import hostile_inputs as made
import hostile_workspace

from synweight_core import storage

PAGES = ("data", "map", "weights", "train", "runs", "present")
TRACEBACK = "Traceback (most recent"
QUIET = """() => !document.querySelector('[data-testid="stStatusWidget"]')
    && !document.querySelector('[data-stale="true"]') && document.querySelector('[data-testid="stMain"]')"""


def scripts_run(root: Path, *, links: int) -> dict[str, Any]:
    """Open all pages, then `links` links with scripts in their parameters; how often a script of an input ran.

    `SYNWEIGHT_HOME` must be `root / "workspace"`, which is made.
    """
    project, _ = hostile_workspace.build(root / "workspace")
    found: dict[str, Any] = {"inputs": 0, "scripts_run": 0, "tracebacks": 0, "where": []}
    with browser.server() as address, browser.chromium() as chromium, chromium.new_context() as context:
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.dismiss())
        for name in PAGES:
            _look(page, f"{address}/{name}?project={project.id}", found)
            for tab in range(page.get_by_role("tab").count()):
                page.get_by_role("tab").nth(tab).click(force=True)
                _judge(page, f"{name}, tab {tab}", found)
        _upload(page, f"{address}/data?draft={hostile_workspace.DRAFT}", found)
        for number in range(links):
            script = made.SCRIPTS[number % len(made.SCRIPTS)]
            names = ("project", "draft", "colour", "selection", "like", "watch", "settings", "loss")
            query = f"{names[number % len(names)]}={quote(script)}"
            _look(page, f"{address}/{PAGES[number % len(PAGES)]}?project={project.id}&{query}", found)
    return found


def _look(page: Any, url: str, found: dict[str, Any]) -> None:  # noqa: ANN401 (Playwright's types are an extra)
    page.goto(url)
    _judge(page, url.partition("://")[2], found)


def _upload(page: Any, url: str, found: dict[str, Any]) -> None:  # noqa: ANN401
    """A file whose name, column names and cells are scripts."""
    _look(page, url, found)
    names = ",".join(f'"{script.replace(chr(34), chr(34) * 2)}"' for script in made.SCRIPTS[:4])
    content = f"text,label,{names}\n" + "".join(f"{made.SCRIPTS[1]},{made.SCRIPTS[4]},1,2,3,4\n" for _ in range(30))
    file = storage.home().parent / f"{made.SCRIPTS[0].replace('/', '')}.csv"
    file.write_text(content)
    page.locator('input[type="file"]').first.set_input_files(str(file))
    page.wait_for_timeout(3_000)
    _judge(page, "upload", found)


def _judge(page: Any, where: str, found: dict[str, Any]) -> None:  # noqa: ANN401
    page.locator('[data-testid="stHeading"], [data-testid="stAlert"]').first.wait_for(timeout=60_000)
    page.wait_for_function(QUIET, timeout=60_000)
    page.wait_for_timeout(200)
    found["inputs"] += 1
    ran = page.evaluate(f"window.{made.CANARY} !== undefined")
    broke = TRACEBACK in page.locator("body").inner_text() or page.locator('[data-testid="stException"]').count() > 0
    found["scripts_run"] += ran
    found["tracebacks"] += broke
    if ran or broke:
        found["where"].append(where)
