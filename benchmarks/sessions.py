"""Several people on one project at once: two who edit, and twenty who open the map."""

import time
from pathlib import Path
from typing import Any

import browser
import hostile
import hostile_workspace
import map as map_benchmark
import numpy as np
import psutil

from synweight_core import curation

SESSIONS, ROWS = 20, 20_000


def two_who_edit(root: Path, *, edits: int = 20) -> dict[str, Any]:
    """Two sessions of the map, each with rows of its own selected, exclude and include them in turn.

    Then both see the same number of steps, and the log holds every edit.
    """
    from streamlit.testing.v1 import AppTest  # noqa: TID251 (sessions without a browser)

    project, _ = hostile_workspace.build(root / "workspace")
    before = len(curation.history(project))
    pages = []
    with hostile.quiet():
        for rows in (np.arange(10, 20), np.arange(15, 30)):
            page = AppTest.from_file(str(hostile.APP), default_timeout=60)
            page.query_params["project"] = project.id
            page.run()
            key = f"view:{project.id}"
            page.session_state[key] = page.session_state[key].select(rows, token="page-0")
            page.session_state[f"details:{project.id}"] = "Edit"
            pages.append(page.run())
        for number in range(edits):
            wanted = ("Exclude", "Include again")[number // 2 % 2]
            next(b for b in pages[number % 2].button if b.label == wanted).click().run()
        shown = {_steps(page.run()) for page in pages}
    log = curation.history(project)
    state = curation.load_curation(project)
    return {
        "edits": edits, "kept": len(log) - before, "lost": edits - (len(log) - before), "both_show": sorted(shown),
        "is_truth": shown == {len(log)}, "excluded": int((~state.kept).sum()),
        "tracebacks": sum(len(page.exception) for page in pages),
    }  # fmt: skip


def _steps(page: Any) -> int:  # noqa: ANN401 (AppTest)
    """How many steps the page says the log has."""
    said = next(each.label for each in page.expander if each.label.startswith("Log of"))
    return int(said.split()[2].replace(",", ""))


def twenty_who_look(*, sessions: int = SESSIONS, rows: int = ROWS) -> dict[str, Any]:
    """So many browser tabs open the map of one project; memory of the server, and how long each waits."""
    project = map_benchmark.grown_project(rows)
    with browser.served() as (server, address), browser.chromium() as chromium:
        process = psutil.Process(server.pid)
        contexts, waits, memory = [], [], [_megabytes(process)]
        for _ in range(sessions):
            contexts.append(context := chromium.new_context())
            waits.append(_open(context, f"{address}/?project={project.id}"))
            memory.append(_megabytes(process))
        began = time.monotonic()
        answered = chromium.new_context().request.get(f"{address}/_stcore/health").ok
        health_s = time.monotonic() - began
        for context in contexts:
            context.close()
    return {
        "sessions": sessions, "rows": rows, "map_drawn": sum(wait is not None for wait in waits),
        "first_s": waits[0], "median_s": round(float(np.median([wait or 60.0 for wait in waits])), 2),
        "slowest_s": max(wait or 60.0 for wait in waits), "answers": answered, "health_s": round(health_s, 3),
        "memory_mb_before": memory[0], "memory_mb_one": memory[1], "memory_mb_all": memory[-1],
        "memory_mb_a_session": round((memory[-1] - memory[1]) / max(sessions - 1, 1), 1),
    }  # fmt: skip


def _open(context: Any, url: str) -> float | None:  # noqa: ANN401 (Playwright's types are an extra)
    """Seconds until the map is drawn; None when it is not within a minute."""
    page = context.new_page()
    page.add_init_script(browser.PROBE)
    began = time.monotonic()
    page.goto(url)
    try:
        page.wait_for_function(f"({map_benchmark.LAST_DRAW}) !== undefined", timeout=60_000)
    except Exception:  # Playwright's TimeoutError
        return None
    return round(time.monotonic() - began, 2)


def _megabytes(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 1e6, 1)
