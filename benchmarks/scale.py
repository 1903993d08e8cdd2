"""Scale: a million synthetic rows on one machine, from files to pages; seconds and memory of each stage.

The rows are 9,500 texts of a pool, repeated with edits so that all differ. Their vectors are made from those of the
texts by noise, since the encoder alone would take hours; how fast it is, is measured on the texts themselves.
"""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import browser
import measuring
import numpy as np
import pandas as pd
import preparation
import psutil
import scale_job

from synweight_core import runs

NAME = "scale"
ROWS = 1_000_000
BASE_ROWS = 10_000  # texts of the real encoder, the real rows among them
TARGETS = {"meters_ms": 300.0, "page_s": 2.0, "worker_mb": 8000.0, "server_mb": 4000.0}
PAGES = ("data", "map", "weights", "train", "runs", "present")
IDLE = "document.querySelector('[data-testid=\"stApp\"]')?.dataset.testScriptState === 'notRunning'"
SHOWN = f'{IDLE} && document.querySelector(\'[data-testid="stHeading"], [data-testid="stMetric"]\')'


def main() -> None:
    """Measure what the options ask for."""
    parser = measuring.parser((__doc__ or "").splitlines()[0], parts=["rows"])
    parser.add_argument("--rows", type=int, default=ROWS, help="synthetic rows (default 1,000,000)")
    options = parser.parse_args()
    measuring.leave_on_sigterm()
    if options.quick:
        print(quick(options.out))
        return
    stamped, stages = measuring.stamp(), measuring.Stages(options.out, NAME, "rows", resume=options.resume)
    measuring.say(f"Workspace {stages.workspace} (kept for --resume until all is measured)")
    with measuring.use_workspace(stages.workspace):
        values = measure(stages, options)
    measuring.save_part(options.out, NAME, "rows", values, stamped=stamped, render=report)
    stages.close()
    print(report(measuring.load_parts(options.out, NAME)))


def quick(out: Path) -> str:
    """The kept figures: a million rows take longer than the time allowed."""
    stamped, parts = measuring.stamp(), measuring.load_parts(out, NAME)
    values = parts.get("rows", {}).get("values", {})
    kept = {
        "rows": values.get("rows"),
        "meters_ms_1m": values.get("meters", {}).get("meters_ms"),
        "worker_peak_mb": values.get("worker_peak_mb"),
        "server_peak_mb": values.get("pages", {}).get("server_peak_mb"),
        "slowest_page_s": values.get("slowest_page_s"),
    }
    return measuring.quick_report(NAME, {}, kept, stamped=stamped, parts=parts)


def measure(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """All stages, in the workspace of `stages`; `options` has `rows` and `data`."""
    folder = stages.workspace / "files"
    folder.mkdir(exist_ok=True)
    stages.measure("files", lambda: write_files(folder, options.data, rows=options.rows))
    found = {step: stages.measure(step, partial(job, step, folder)) for step in ("base", "project", "prepare")}
    found["meters"] = stages.measure("meters", partial(job, "meters", folder))
    found["pages"] = stages.measure("pages", partial(pages, found["project"]["id"]))
    steps = found["project"]["steps"] | found["prepare"]["steps"]
    return found | {
        "rows": options.rows,
        "worker_peak_mb": max(cost["peak_memory_mb"] for cost in steps.values()),
        "slowest_page_s": max(found["pages"]["warm"].values()),
        "encoder_hours": round(options.rows / found["base"]["texts_per_second"] / 3600, 2),
    }


def write_files(folder: Path, data: Path, *, rows: int) -> dict[str, Any]:
    """The uploads, and the texts that they are made of."""
    base = preparation.sample_texts(data, BASE_ROWS)
    (folder / "base.json").write_text(json.dumps(base), encoding="utf-8")
    pool = {line["text"]: line for line in _lines(data / preparation.POOL / "synthetic.jsonl")}
    written = pd.DataFrame([pool[text] for text in base if text in pool])
    made = edited(written, rows)
    made.to_parquet(folder / "rows.parquet", row_group_size=100_000)
    for name, source in (("real", "real_train"), ("test", "real_test")):
        (folder / f"{name}.jsonl").write_bytes((data / preparation.REAL / f"{source}.jsonl").read_bytes())
    return {
        "rows": len(made),
        "distinct": int(made["text"].nunique()),
        "bytes": (folder / "rows.parquet").stat().st_size,
    }


def edited(written: pd.DataFrame, rows: int) -> pd.DataFrame:
    """`rows` rows: those written, again and again, each time with other words added to the text."""
    words = np.array(sorted({word for text in written["text"][:500] for word in text.split()}))
    random = np.random.default_rng(0)
    positions = np.arange(rows) % len(written)
    made = written.iloc[positions].reset_index(drop=True)
    added = pd.Series([" ".join(three) for three in random.choice(words, (rows, 3))])
    number = pd.Series(np.arange(rows) // len(written)).astype(str)
    return made.assign(text=(made["text"] + scale_job.EDIT + added + " " + number).where(number != "0", made["text"]))


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def job(step: str, folder: Path) -> dict[str, Any]:
    """A step of `scale_job.py`, in the environment of workers."""
    command = [sys.executable, "benchmarks/scale_job.py", step, str(folder)]
    measured = measuring.run(command, env=runs.WORKER_ENVIRONMENT, max_seconds=4 * 3600)
    return measured.cost() | json.loads(measured.output.splitlines()[-1])


def pages(project: str) -> dict[str, Any]:
    """Seconds until each page is there: the server's first visit to it, and the next, of another browser session."""
    found: dict[str, Any] = {"cold": {}, "warm": {}, "cold_cpu": {}, "warm_cpu": {}}
    with browser.served() as (process, address), browser.chromium() as chromium:
        server = psutil.Process(process.pid)
        for visit in ("cold", "warm"):
            for page in PAGES:
                before = sum(server.cpu_times()[:2])
                found[visit][page] = opened(chromium, f"{address}/{'' if page == 'map' else page}?project={project}")
                found[f"{visit}_cpu"][page] = round(sum(server.cpu_times()[:2]) - before, 2)
                measuring.say(f"{visit} {page}: {found[visit][page]} s")
                found["server_peak_mb"] = round(_memory(process.pid, "VmHWM") / 1e6, 1)
        found["server_mb"] = round(_memory(process.pid, "VmRSS") / 1e6, 1)
        found["server_mapped_mb"] = round(_memory(process.pid, "RssFile") / 1e6, 1)
    return found


def opened(chromium: Any, address: str) -> float:  # noqa: ANN401 (Playwright's types are a development extra)
    """Seconds until a page's program has ended and what it shows is in the browser."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(SHOWN, timeout=300_000)
    seconds = time.perf_counter() - began
    context.close()
    return round(seconds, 2)


def _memory(pid: int, kind: str) -> int:
    assert psutil.pid_exists(pid)
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(kind)).split()[1])


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, {"rows": _tables})


def _tables(values: Mapping[str, Any]) -> list[str]:
    steps = (
        values["project"]["steps"] | values["prepare"]["steps"] | {"meters: load": values["meters"]["steps"]["load"]}
    )
    costs = [
        [name, cost["seconds"], cost["cpu_seconds"], f"{cost['peak_memory_mb']:,.0f}"] for name, cost in steps.items()
    ]
    opened = [
        [page, *(values["pages"][one][page] for one in ("cold", "cold_cpu", "warm", "warm_cpu"))] for page in PAGES
    ]
    counts = ", ".join(f"{count:,} {name}" for name, count in values["project"]["counts"].items())
    base, shown = values["base"], values["pages"]
    return [
        f"Rows: {counts}. Worker: at most {values['worker_peak_mb']:,.0f} MB (bound {TARGETS['worker_mb']:,.0f}), "
        "memory maps included. `vectors` is without the encoder: on this machine it reads "
        f"{base['texts_per_second']:,.0f} texts a second, {values['encoder_hours']:,.1f} hours for these rows.",
        measuring.table(["stage", "seconds", "seconds of processors", "peak MB"], costs),
        "Cache on disk, MB: "
        + ", ".join(f"{kind} {size:,.0f}" for kind, size in values["prepare"]["cache_mb"].items()),
        f"A move of a slider computes weights and meters in {values['meters']['meters_ms']:,.0f} ms (target "
        f"{TARGETS['meters_ms']:,.0f}).",
        f"Pages: navigation until the page's program has ended (target {TARGETS['page_s']:g} s on a warm server). "
        f"Server: at most {shown['server_peak_mb']:,.0f} MB (bound {TARGETS['server_mb']:,.0f}), "
        f"{shown['server_mb']:,.0f} MB at the end, of which {shown['server_mapped_mb']:,.0f} MB are mapped files.",
        measuring.table(
            ["page", "server's first visit s", "its processors s", "warm server s", "its processors s"], opened
        ),
    ]


if __name__ == "__main__":
    main()
