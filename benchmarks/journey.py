"""The journey of a person: open the app, see the map, find bad rows, weigh, train, export.

Three parts: `demo` (what weighting gains on the built-in demo), `paint` (how soon the map is there) and `cli`
(seconds and memory of each command on the tweets of `--data`). Accuracies and differences are in points.
"""

import json
import math
import shutil
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import browser
import measuring

from synweight_core import projects, runs
from synweight_core.prepare import need_prepared

NAME = "journey"
SEEDS = (0, 1, 2)
SETTINGS = {  # loss and rows of each setting; everything else is TrainConfig's default
    "ce": ("ce", "synthetic"),
    "dimp": ("dimp", "synthetic"),
    "imp": ("imp", "synthetic"),
    "quality": ("quality", "synthetic"),
    "real": ("ce", "real"),  # the small real set alone
}
TARGET_SECONDS = 4.0  # first paint
HEAVY = ("torch", "transformers", "umap")
TWEETS = "tweet_sentiment"
PAINTS = 5
QUICK_PAINTS = 2
QUICK_SECONDS = 47.0  # of which the demo's preparation may take this many:
QUICK_PREPARE_SECONDS = 28.0


def main() -> None:
    """Measure what the options ask for."""
    measuring.measure(NAME, __doc__, parts=PARTS, quick=quick, render=report)


def quick(out: Path) -> str:
    """Imports, planted rows and first paint afresh; what needs training from the results file.

    On a machine too busy to prepare the demo in time, all that needs it is read from the results too.
    """
    deadline = time.monotonic() + QUICK_SECONDS
    stamped = measuring.stamp()
    measured: dict[str, Any] = {"torch_free_pages": not heavy_imports()}
    home = measuring.new_workspace()
    try:
        with measuring.use_workspace(home):
            measured |= _quick_demo(deadline)
    except TimeoutError as error:
        measuring.say(f"The machine is too busy: {error}")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    parts = measuring.load_parts(out, NAME)
    return measuring.quick_report(NAME, measured, kept_figures(parts), stamped=stamped, parts=parts)


def _quick_demo(deadline: float) -> dict[str, Any]:
    prepared = prepare_demo(max_seconds=QUICK_PREPARE_SECONDS)
    painted = paint(n=QUICK_PAINTS, deadline=deadline)
    return {
        "first_paint_s": painted["first_paint_s"],
        "map_drawn_s": painted["map_drawn_s"],
        "demo_mislabelled_auc": mislabelled_auc(),
        "demo_prepare_s": prepared["seconds"],
    }


def kept_figures(parts: Mapping[str, Any]) -> dict[str, Any]:
    """All figures of --quick as the results have them; None where they lack one."""
    demo, painted, cli = (parts.get(part, {}).get("values", {}) for part in ("demo", "paint", "cli"))
    settings, stages = demo.get("settings", {}), cli.get("stages", {})
    return {
        "first_paint_s": painted.get("first_paint_s"),
        "map_drawn_s": painted.get("map_drawn_s"),
        "torch_free_pages": painted.get("torch_free_pages"),
        "demo_mislabelled_auc": demo.get("mislabelled_auc"),
        "demo_prepare_s": demo.get("prepare", {}).get("seconds"),
        "demo_ce_accuracy": settings.get("ce", {}).get("mean"),
        "demo_weighted_accuracy": settings.get("dimp", {}).get("mean"),
        "demo_weighted_minus_ce": settings.get("dimp", {}).get("minus_ce", {}).get("mean"),
        "demo_settings": settings or None,
        "cli_seconds": {stage: cost["seconds"] for stage, cost in stages.items()} or None,
        "cli_peak_memory_mb": {stage: cost["peak_memory_mb"] for stage, cost in stages.items()} or None,
    }


# --- commands of the project


def synweight(*words: str, max_seconds: float = 7200) -> measuring.Measured:
    """`synweight WORDS` as a process of its own, watched."""
    return measuring.run([sys.executable, "-m", "synweight_core", *words], max_seconds=max_seconds)


def the_project() -> projects.Project:
    """The only project of the workspace."""
    (project,) = projects.list_projects()
    return project


def prepare_demo(*, max_seconds: float = 7200) -> dict[str, Any]:
    """Prepare the demo: seconds, memory, seconds of each stage. Raises TimeoutError."""
    return preparation(synweight("demo", max_seconds=max_seconds))


def prepare_set(folder: Path, name: str) -> measuring.Measured:
    """`synweight prepare` on a data set of the folder of sets."""
    files = {"--synthetic": "synthetic.jsonl", "--real": "real_train.jsonl", "--test": "real_test.jsonl"}
    words = [word for option, file in files.items() for word in (option, str(folder / file))]
    return synweight("prepare", *words, "--name", name)


def preparation(measured: measuring.Measured) -> dict[str, Any]:
    """Cost of the preparation just made, with seconds of its stages from the run's own events."""
    run = runs.list_runs(project_id=the_project().id, kind="prepare")[0]
    events, _ = runs.read_metrics(run.id)
    ended = (run.folder / "result.json").stat().st_mtime
    seconds = stage_seconds(events, asked=measured.started, created=run.created, ended=ended)
    return measured.cost() | {"stage_seconds": seconds}


def stage_seconds(
    events: Sequence[Mapping[str, Any]], *, asked: float, created: float, ended: float
) -> dict[str, float]:
    """Seconds of each stage: reading the files, starting the worker, then those of the run in their order."""
    begins = {"files": asked, "worker start": created}
    for event in events:
        if event["event"] == "stage":
            begins.setdefault(event["stage"], event["time"])
    ends = [*[*begins.values()][1:], ended]
    return {stage: round(end - begin, 2) for (stage, begin), end in zip(begins.items(), ends, strict=True)}


def train(project_id: str, loss: str, *, train_on: str = "synthetic", seed: int = 0) -> dict[str, Any]:
    """One run by the CLI with default settings: its cost and its figures on the test rows, in points."""
    words = ("train", project_id, "--loss", loss, "--train-on", train_on, "--seed", str(seed))
    measured = synweight(*words)
    run = runs.load_run(measured.output.split()[0])
    if run.status != "finished" or run.result is None:
        raise RuntimeError(f"{run.id} is {run.status}: {run.error}")
    events, _ = runs.read_metrics(run.id)
    started = next(event for event in events if event["event"] == "started")
    return measured.cost() | {
        "run": run.id,
        "accuracy": points(run.result["test"]["accuracy"]),
        "macro_f1": points(run.result["test"]["macro_f1"]),
        "train_seconds": round(run.result["train_seconds"], 2),
        "rows_per_second": round(run.result["rows_per_second"], 1),
        "device": started["device"],
        "precision": started["precision"],
    }


def points(share: float) -> float:
    """A share from 0 to 1 in points from 0 to 100."""
    return round(100 * share, 3)


# --- part: demo


def measure_demo(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Planted rows found, and the test accuracy of each setting over paired seeds."""
    prepared = stages.measure("prepare demo", prepare_demo)
    project = the_project()
    found = stages.measure("planted rows", lambda: {"auc": mislabelled_auc()})
    trained = {name: _train_seeds(stages, project.id, name) for name in SETTINGS}
    return {
        "prepare": prepared,
        "mislabelled_auc": found["auc"],
        "seeds": [*SEEDS],
        "test_rows": project.counts["test"],
        "settings": {name: summary(of_seeds, trained["ce"]) for name, of_seeds in trained.items()},
    }


def _train_seeds(stages: measuring.Stages, project_id: str, setting: str) -> list[dict[str, Any]]:
    loss, train_on = SETTINGS[setting]

    def one(seed: int) -> dict[str, Any]:
        return train(project_id, loss, train_on=train_on, seed=seed)

    return [stages.measure(f"train {setting} s{seed}", partial(one, seed)) for seed in SEEDS]


def summary(trained: Sequence[Mapping[str, Any]], ce: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One setting over its seeds: accuracy, paired difference to CE, cost of a run."""
    accuracies = [run["accuracy"] for run in trained]
    differences = [run["accuracy"] - plain["accuracy"] for run, plain in zip(trained, ce, strict=True)]
    return spread(accuracies) | {
        "minus_ce": spread(differences),
        "macro_f1": spread([run["macro_f1"] for run in trained]),
        "seconds_per_run": spread([run["seconds"] for run in trained]),
        "train_seconds_per_run": spread([run["train_seconds"] for run in trained]),
        "peak_memory_mb": max(run["peak_memory_mb"] for run in trained),
        "device": trained[0]["device"],
        "precision": trained[0]["precision"],
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, lowest, highest and the values by seed."""
    exact = {"mean": statistics.fmean(values), "min": min(values), "max": max(values)}
    return {name: round(value, 3) for name, value in exact.items()} | {"per_seed": [round(v, 3) for v in values]}


def mislabelled_auc() -> float:
    """Area under the ROC curve of low quality as a finder of rows whose label was planted wrong, 0 to 1."""
    from sklearn.metrics import roc_auc_score

    project = the_project()
    planted = projects.load_dataset(project).synthetic["upload:planted"] == "mislabelled"
    return round(float(roc_auc_score(planted, -need_prepared(project).log_quality)), 4)


# --- part: paint


def measure_paint(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """First paint of the prepared demo, and what the pages import."""
    stages.measure("prepare demo", prepare_demo)
    painted = stages.measure("paint", lambda: paint(n=PAINTS))
    heavy = stages.measure("imports", lambda: {"heavy": heavy_imports()})["heavy"]
    return painted | {"torch_free_pages": not heavy, "heavy_imports": heavy}


def paint(*, n: int, deadline: float = math.inf) -> dict[str, Any]:
    """Seconds from the start of the server to the heading and to the drawn map: medians of `n` after a warm-up.

    The browser is up before the clock starts; each time has a new server and an empty browser cache. When
    `deadline` (of the monotonic clock) comes near there are fewer times, at worst the warm-up alone.
    """
    with browser.chromium() as chromium:
        times = [_paint_once(chromium)]
        while len(times) <= n and time.monotonic() + 1.5 * times[0]["map_drawn_s"] < deadline:
            times.append(_paint_once(chromium))
        version = chromium.version
    times = times[1:] or times
    medians = {name: statistics.median(one[name] for one in times) for name in times[0]}
    return {name: round(value, 2) for name, value in medians.items()} | {
        "target_s": TARGET_SECONDS,
        "times": times,
        "browser": f"Chromium {version}",
    }


def _paint_once(chromium: Any) -> dict[str, float]:  # noqa: ANN401 (Playwright's types are a development extra)
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(browser.PROBE)
    clock = time.perf_counter()
    times = {}

    def reached(name: str) -> None:
        times[name] = round(time.perf_counter() - clock, 3)

    with browser.server() as address:
        reached("server_answers_s")
        page.goto(address, wait_until="commit")
        page.get_by_role("heading", name="Map", exact=True).wait_for(timeout=60_000)
        reached("first_paint_s")
        page.wait_for_function(MAP_IS_DRAWN, timeout=60_000)
        reached("map_drawn_s")
        page.close()
    return times


MAP_IS_DRAWN = "window.events.some(event => event.type === 'draw')"


IMPORT_ALL = """
import ast, importlib, json, sys
root, heavy, *sources = sys.argv[1:]
sys.path.insert(0, root)
for source in sources:
    for node in ast.walk(ast.parse(open(source, encoding="utf-8").read())):
        if isinstance(node, ast.Import):
            [importlib.import_module(name.name) for name in node.names]
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for name in node.names:
                hasattr(module, name.name) or importlib.import_module(node.module + "." + name.name)
print(json.dumps([name for name in heavy.split() if name in sys.modules]))
"""


def heavy_imports() -> list[str]:
    """Those of HEAVY that a fresh interpreter has loaded once it has imported all that the pages import."""
    sources = [measuring.ROOT / "app.py", *sorted((measuring.ROOT / "pages").rglob("*.py"))]
    words = [sys.executable, "-c", IMPORT_ALL, str(measuring.ROOT), " ".join(HEAVY), *map(str, sources)]
    return json.loads(measuring.run(words).output.splitlines()[-1])


# --- part: cli


def measure_cli(stages: measuring.Stages, options: Namespace) -> dict[str, Any]:
    """Seconds and memory of each command, from files to exported weights and model."""
    folder = options.data / TWEETS
    if not folder.is_dir():
        raise SystemExit(f"The data set '{TWEETS}' was not found in {options.data}. Name its folder with --data.")
    done = {"prepare": stages.measure("prepare", lambda: preparation(prepare_set(folder, "tweet")))}
    project = the_project().id
    done["weigh"] = stages.measure("weigh", lambda: synweight("weigh", project).cost())
    for loss in ("ce", "dimp"):
        done[f"train {loss}"] = stages.measure(f"train {loss}", partial(train, project, loss))
    done["runs"] = stages.measure("runs", lambda: synweight("runs", project).cost())
    target = str(stages.workspace / "export")
    trained = done["train dimp"]["run"]
    done["export"] = stages.measure("export", lambda: synweight("export", trained, "--to", target).cost())
    return {"data": TWEETS, "rows": the_project().counts, "stages": done}


PARTS: dict[str, Callable[[measuring.Stages, Namespace], dict[str, Any]]] = {
    "paint": measure_paint,
    "demo": measure_demo,
    "cli": measure_cli,
}


# --- tables for people


def report(parts: Mapping[str, Any]) -> str:
    """All parts as Markdown."""
    return measuring.report(NAME, __doc__, parts, TABLES)


def _paint_tables(values: Mapping[str, Any]) -> list[str]:
    heavy = ", ".join(values["heavy_imports"]) or "none"
    rows = [
        ["server answers (s)", values["server_answers_s"]],
        [f"first paint: the heading 'Map' (s), target {values['target_s']:g}", values["first_paint_s"]],
        ["map drawn (s)", values["map_drawn_s"]],
        [f"of {', '.join(HEAVY)} imported by pages", heavy],
    ]
    n = len(values["times"])
    return [
        f"Seconds from the start of the server, median of {n}, each with a new server and an empty browser cache "
        f"({values['browser']}).",
        measuring.table(["figure", "value"], rows),
    ]


def _demo_tables(values: Mapping[str, Any]) -> list[str]:
    head = ["setting", "accuracy", "lowest", "highest", "by seed", "minus CE", "minus CE by seed", "s a run", "peak MB"]
    rows = [
        [
            name, one["mean"], one["min"], one["max"], _series(one["per_seed"]),
            f"{one['minus_ce']['mean']:+.2f}", _series(one["minus_ce"]["per_seed"], sign="+"),
            one["seconds_per_run"]["mean"], f"{one['peak_memory_mb']:,.0f}",
        ]
        for name, one in values["settings"].items()
    ]  # fmt: skip
    first = values["settings"]["ce"]
    return [
        f"Test accuracy in points on {values['test_rows']} rows, seeds {_series(values['seeds'], digits=0)}, "
        f"{first['device']}, {first['precision']}. `real` is the small real set alone. Low quality finds planted "
        f"mislabelled rows with an AUC of {values['mislabelled_auc']:.4f} (0 to 1).",
        measuring.table(head, rows),
        _stage_table({"prepare": values["prepare"]}),
        _sub_stages(values["prepare"]),
    ]


def _cli_tables(values: Mapping[str, Any]) -> list[str]:
    counts = ", ".join(f"{count:,} {name}" for name, count in values["rows"].items())
    return [
        f"Data set {values['data']}: rows {counts}. Memory: highest sum over the command and its worker.",
        _stage_table(values["stages"]),
        _sub_stages(values["stages"]["prepare"]),
    ]


def _stage_table(stages: Mapping[str, Any]) -> str:
    head = ["stage", "seconds", "peak MB", "test accuracy", "rows/s", "device"]
    rows = [
        [
            name, one["seconds"], f"{one['peak_memory_mb']:,.0f}", one.get("accuracy", ""),
            one.get("rows_per_second", ""), one.get("device", ""),
        ]
        for name, one in stages.items()
    ]  # fmt: skip
    return measuring.table(head, rows)


def _sub_stages(prepared: Mapping[str, Any]) -> str:
    return "Stages of prepare, seconds:\n\n" + measuring.table(["stage", "seconds"], prepared["stage_seconds"].items())


def _series(values: Sequence[float], *, sign: str = "", digits: int = 2) -> str:
    return ", ".join(f"{value:{sign}.{digits}f}" for value in values)


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "paint": _paint_tables,
    "demo": _demo_tables,
    "cli": _cli_tables,
}

if __name__ == "__main__":
    main()
