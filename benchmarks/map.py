"""The map: slider to recoloured frame, first frame, lasso to table, bytes; beside it st.plotly_chart.

Parts: `recolour` (20,000, 200,000 and a million rows, and the peer at 20,000 and 100,000), `first` (first frame and
lasso at 100,000). Texts, coordinates and checker columns are made up; the page is the app's own.
"""

import json
import os
import statistics
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import browser
import measuring
import numpy as np
import pandas as pd

from synweight_core import cache, prepare, projects
from synweight_core.clusters import ClusterLabels
from synweight_core.data import Dataset

NAME = "map"
MOVES = 12
QUICK_MOVES = 6
REALS = 300
CLASSES = 8
TARGETS = {"200000": 0.1, "1000000": 0.5, "1000000 selected": 1.2, "first_frame": 2.0, "lasso": 0.3, "bytes": 1.2}
LASSO = ((0.2, 0.1), (0.8, 0.1), (0.8, 0.6), (0.2, 0.6))
WORDS = [
    "parcel",
    "order",
    "refund",
    "late",
    "card",
    "login",
    "price",
    "return",
    "delivery",
    "broken",
    "screen",
    "code",
    "account",
    "invoice",
    "plan",
]
LAST_DRAW = "window.events.filter(event => event.type === 'draw' && event.seen).at(-1)"


def main() -> None:
    """Measure what the options ask for."""
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """Recolouring at 200,000 rows and the first frame at 100,000, measured now; the speed-up from its results."""
    stamped = measuring.stamp()
    with measuring.use_workspace(measuring.new_workspace()):
        big, half = grown_project(200_000), grown_project(100_000)
        with browser.server() as address, browser.chromium() as chromium:
            first = first_frame(chromium, address, half.id)
            found = recolouring(chromium, address, big.id, moves=QUICK_MOVES)
    measured = {
        "recolour_s_200k": found["plain"]["drawn_s"],
        "zoom_kept": found["zoom_kept"],
        "selection_kept": found["selection_kept"],
        "first_frame_s_100k": first["first_frame_s"],
        "bytes_per_point": found["plain"]["bytes_per_point"],
    }
    preparation = measuring.load_parts(out, "preparation")
    sample = preparation.get("sample", {}).get("values", {})
    kept = dict.fromkeys(measured) | {"speedup_over_defaults": sample.get("speedup_over_defaults")}
    return measuring.quick_report(NAME, measured, kept, stamped=stamped, parts=preparation)


# --- a project of any size


def grown_project(n: int) -> projects.Project:
    """A prepared project of `n` synthetic rows, its computed columns made up and put into the cache."""
    random = np.random.default_rng(0)
    labels = random.integers(0, CLASSES, n + REALS)
    names = np.array([f"class {i}" for i in range(CLASSES)])
    texts = [" ".join(words) for words in np.array(WORDS)[random.integers(0, len(WORDS), (n + REALS, 9))]]
    rows = pd.DataFrame({"text": texts, "text_b": "", "label": names[labels], "generator": "", "row": range(n + REALS)})
    real = rows.iloc[n:].reset_index(drop=True).assign(split="train")
    real.loc[::5, "split"], real.loc[1::5, "split"] = "validation", "test"
    dropped = rows.iloc[:0].assign(file="", reason="")
    dataset = Dataset(rows.iloc[:n].reset_index(drop=True), real, tuple(names), (), dropped)
    project = projects.create_project(dataset, f"{n} rows")
    codes = np.concatenate([labels[:n], dataset.label_codes(dataset.known_real)])
    for stage, arrays in made_up(random, codes, n_real=len(codes) - n).items():
        cache.cached(stage, prepare.cache_key(project, stage), lambda arrays=arrays: arrays)
    return project


def made_up(
    random: np.random.Generator, codes: np.ndarray, *, n_real: int, classes: int = CLASSES
) -> dict[str, dict[str, np.ndarray]]:
    """Arrays as `prepare` stores them, by stage."""
    n = len(codes)
    centres = np.stack([np.cos(np.arange(classes)), 1.3 * np.sin(np.arange(classes))], axis=1)
    xy = (centres[codes] + 0.25 * random.normal(size=(n, 2))).astype(np.float32)
    facts = {
        f"{checker}_{fact}": np.array(1.0)
        for checker in ("quality", "diversity")
        for fact in ("temperature", "accuracy", "calibration_error")
    }
    names = [f"names of class {i}" for i in range(classes)]
    level = np.zeros(classes, dtype=np.int32)
    clusters = ClusterLabels(*centres.T.astype(np.float32), level, np.arange(classes, dtype=np.int32), names)
    return {
        "vectors": {"positions": np.zeros((n, 8), dtype=np.float32)},
        "graph": {"groups": np.arange(n, dtype=np.int32)},
        "checkers": {
            "quality": np.log(random.dirichlet(np.ones(classes), n)),
            "diversity": np.log(random.dirichlet(np.ones(classes), n)),
            "labels": codes,
            **facts,
        },
        "relevance": {"relevance": random.normal(size=n).astype(np.float32), "relevance_auc": np.array(0.9)},
        "support": {
            "ratio": np.zeros(n_real, dtype=np.float32), "hole_numbers": np.full(n_real, -1, dtype=np.int32),
            "hole_words": np.empty(0, dtype=str), "uncovered": np.array(0.0), "uncovered_by_chance": np.array(0.0),
        },
        "map": {"xy": xy},
        "clusters": clusters.to_arrays(),
    }  # fmt: skip


# --- the page


@contextmanager
def opened(chromium: Any, address: str) -> Iterator[Any]:  # noqa: ANN401 (Playwright's types are a development extra)
    """A page with the probe, in a browser context of its own."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.add_init_script(browser.PROBE)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    yield page
    context.close()


def first_frame(chromium: Any, address: str, project: str) -> dict[str, Any]:  # noqa: ANN401
    """Seconds from navigation to the first drawn frame, an empty browser cache; the second of two visits is warm."""
    seconds = []
    for _ in range(2):
        with opened(chromium, f"{address}/?project={project}") as page:
            page.wait_for_function(LAST_DRAW, timeout=120_000)
            seconds.append(page.evaluate("window.events.find(event => event.type === 'draw').drawn / 1000"))
    return {"first_frame_cold_server_s": round(seconds[0], 2), "first_frame_s": round(seconds[1], 2)}


def recolouring(chromium: Any, address: str, project: str, *, moves: int = MOVES) -> dict[str, Any]:  # noqa: ANN401
    """Slider moves after a zoom, then with a lasso's selection; whether both were kept."""
    with opened(chromium, f"{address}/?project={project}") as page:
        page.wait_for_function(LAST_DRAW, timeout=120_000)
        page.wait_for_timeout(1500)
        _zoom(page)
        camera = page.evaluate(f"{LAST_DRAW}.camera")
        found: dict[str, Any] = {"plain": _moves(page, moves)}
        selected = _lasso(page)
        found["selected"] = _moves(page, moves)
        found["rows_selected"] = selected["rows"]
        after = page.evaluate(LAST_DRAW)
        found["zoom_kept"] = after["camera"] == camera
        found["selection_kept"] = after["chosen"] == selected["rows"] == _rows_in_words(page)
        page.locator(".tool[data-action=points]").click()
        page.wait_for_timeout(1500)
        found["every_point"] = _moves(page, max(3, moves // 3))
    return found


def lassoed(chromium: Any, address: str, project: str) -> dict[str, Any]:  # noqa: ANN401
    """Mouse up to the table and the sentence of the selection."""
    with opened(chromium, f"{address}/?project={project}") as page:
        page.wait_for_function(LAST_DRAW, timeout=120_000)
        page.wait_for_timeout(1500)
        times = []
        for _ in range(5):
            times.append(_lasso(page))
            page.locator(".tool[data-action=clear]").click()
            page.wait_for_function("!document.body.innerText.match(/rows selected/)")
            page.wait_for_timeout(500)
    return {"rows": times[0]["rows"], "lasso_to_table_s": round(statistics.median(t["seconds"] for t in times), 3)}


def _zoom(page: Any) -> None:  # noqa: ANN401
    box = page.locator("canvas.points").bounding_box()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.45 * box["height"])
    page.mouse.wheel(0, -60)
    page.wait_for_timeout(1200)


def _lasso(page: Any) -> dict[str, Any]:  # noqa: ANN401
    """Draw LASSO; the rows in it, and seconds from mouse up to sentence and table."""
    box = page.locator("canvas.points").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in LASSO]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    done = page.wait_for_function(
        """() => document.body.innerText.match(/[\\d,]+ of [\\d,]+ rows selected/)
          && document.querySelector('[data-testid=stDataFrame] canvas') && performance.now()""",
        polling=5, timeout=60_000,
    ).json_value()  # fmt: skip
    seconds = (done - page.evaluate("window.pointerup")) / 1000
    page.wait_for_timeout(1000)
    return {"rows": _rows_in_words(page), "seconds": seconds}


def _rows_in_words(page: Any) -> int:  # noqa: ANN401
    found = page.evaluate("document.body.innerText.match(/([\\d,]+) of [\\d,]+ rows selected/)[1]")
    return int(found.replace(",", ""))


def _moves(page: Any, n: int) -> dict[str, Any]:  # noqa: ANN401
    """Medians over `n` moves of the slider Alpha, after two that do not count."""
    times = [_move(page, "ArrowRight" if i % 2 else "ArrowLeft") for i in range(n + 2)][2:]
    found = {name: round(statistics.median(one[name] for one in times), 3) for name in times[0]}
    rows = page.evaluate(f"{LAST_DRAW}.rows")
    bytes_down = statistics.median(one["bytes"] for one in times)
    slowest = round(max(one["drawn_s"] for one in times), 3)
    is_dense = page.evaluate(f"{LAST_DRAW}.dense")
    found |= {"slowest_s": slowest, "bytes_per_point": round(bytes_down / rows, 3), "dense": is_dense}
    return found


def _move(page: Any, key: str) -> dict[str, float]:  # noqa: ANN401
    before = page.evaluate(f"[window.events.length, window.messages.length, {LAST_DRAW}.codes]")
    page.get_by_role("slider").first.focus()
    page.keyboard.press(key)
    fresh = f"window.events.slice({before[0]}).find(e => e.type === 'draw' && e.codes !== {json.dumps(before[2])})"
    page.wait_for_function(f"{fresh}?.seen", timeout=60_000)
    page.wait_for_timeout(300)
    return page.evaluate(
        f"""(() => {{ const draw = {fresh}, down = window.messages.slice({before[1]});
          const large = down.reduce((a, b) => (b.bytes > a.bytes ? b : a));
          const since = (time) => (time - window.keydown) / 1000;
          return {{message_s: since(large.time), drawn_s: since(draw.drawn), pixel_s: since(draw.pixel),
            seen_s: since(draw.seen), bytes: down.reduce((sum, one) => sum + one.bytes, 0)}}; }})()"""
    )


# --- the peer


def plotly(chromium: Any, address: str, *, moves: int = 5) -> dict[str, Any]:  # noqa: ANN401
    """Key press until st.plotly_chart has painted other colours; bytes; whether zoom and selection stay."""
    with opened(chromium, address) as page:
        page.wait_for_function("document.querySelector('.js-plotly-plot canvas')", timeout=120_000)
        page.wait_for_timeout(3000)
        page.evaluate(_WATCH)
        times = []
        for i in range(moves + 1):
            sent = page.evaluate("window.messages.length")
            page.get_by_role("slider").first.focus()
            page.keyboard.press("ArrowRight" if i % 2 else "ArrowLeft")
            painted = page.wait_for_function(
                "window.painted > window.keydown && window.painted", timeout=120_000, polling=5
            ).json_value()
            key, total = page.evaluate(
                f"[window.keydown, window.messages.slice({sent}).reduce((sum, one) => sum + one.bytes, 0)]"
            )
            times.append({"drawn_s": (painted - key) / 1000, "bytes": total})
            page.wait_for_timeout(800)
    return {name: round(statistics.median(one[name] for one in times[1:]), 3) for name in times[0]}


# Streamlit may put a new plot in the place of the old one, so each frame looks at the colours of whichever is there.
_WATCH = """() => {
  let before;
  const look = () => {
    const now = document.querySelector('.js-plotly-plot')?._fullData?.[0]?.marker?.color?.[0];
    if (now !== undefined && now !== before) { before = now; window.painted = performance.now(); }
    requestAnimationFrame(look);
  };
  look();
}"""


# --- parts


def measure_recolour(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """The app at three sizes, the peer at two, in one run."""
    sizes = (20_000, 200_000, 1_000_000)
    found: dict[str, Any] = {}
    with browser.chromium() as chromium:
        version = chromium.version
        with browser.server() as address:
            for n in sizes:
                project = grown_project(n).id
                found[str(n)] = stages.measure(str(n), lambda p=project, a=address: recolouring(chromium, a, p))
        peers = {}
        for n in (20_000, 100_000):
            os.environ["ROWS"] = str(n)
            with browser.server(measuring.ROOT / "benchmarks" / "plotly_map.py") as address:
                peers[str(n)] = stages.measure(f"plotly {n}", lambda a=address: plotly(chromium, a))
    kept = all(one["zoom_kept"] and one["selection_kept"] for one in found.values())
    return {"sizes": found, "plotly": peers, "kept": kept, "browser": f"Chromium {version}"}


def measure_first(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """First frame and lasso at 100,000 rows."""
    project = grown_project(100_000).id
    with browser.chromium() as chromium, browser.server() as address:
        first = stages.measure("first frame", lambda: first_frame(chromium, address, project))
        return first | stages.measure("lasso", lambda: lassoed(chromium, address, project))


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "recolour": measure_recolour,
    "first": measure_first,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _recolour_tables(values: Mapping[str, Any]) -> list[str]:
    head = ["rows", "state", "message s", "drawn s", "slowest s", "pixel s", "seen s", "bytes a row"]
    head += ["picture", "target s"]
    rows = []
    for n, one in values["sizes"].items():
        for state, target in (("plain", n), ("selected", f"{n} selected"), ("every_point", "")):
            moves = one[state]
            label = f"{one['rows_selected']:,} selected" if state != "plain" else "no selection"
            rows.append(
                [f"{int(n):,}", label, moves["message_s"], moves["drawn_s"], moves["slowest_s"], moves["pixel_s"],
                 moves["seen_s"], moves["bytes_per_point"], "density" if moves["dense"] else "points",
                 TARGETS.get(target, "")]
            )  # fmt: skip
    peers = [[f"{int(n):,}", one["drawn_s"], f"{one['bytes']:,.0f}"] for n, one in values["plotly"].items()]
    return [
        f"Key press on the slider Alpha to the drawn frame ({values['browser']}, software WebGL), medians of {MOVES} "
        "moves. Message: Python's answer has arrived; drawn: gl.finish() has returned; pixel: a pixel of the frame has "
        "been read back, for which software WebGL waits longer; seen: two animation frames later. "
        f"Zoom and lasso kept at every size: {'yes' if values['kept'] else 'no'}. "
        f"Target for bytes: {TARGETS['bytes']:g} a row and move.",
        measuring.table(head, rows),
        "The same slider with `st.plotly_chart`, key press to painted, in the same run:",
        measuring.table(["rows", "painted s", "bytes a move"], peers),
    ]


def _first_tables(values: Mapping[str, Any]) -> list[str]:
    rows = [
        ["first frame, warm server (s)", values["first_frame_s"], TARGETS["first_frame"]],
        ["first frame, the server's first visit (s)", values["first_frame_cold_server_s"], ""],
        [f"lasso of {values['rows']:,} rows: mouse up to table (s)", values["lasso_to_table_s"], TARGETS["lasso"]],
    ]
    return [
        "100,000 rows with cached coordinates, empty browser cache; from navigation to the drawn frame.",
        measuring.table(["figure", "value", "target"], rows),
    ]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {"recolour": _recolour_tables, "first": _first_tables}

if __name__ == "__main__":
    main()
