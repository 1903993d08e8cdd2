"""Hostile inputs given to the product: nothing may end in a traceback, hang, reach outside or lose an upload.

`python benchmarks/hostile.py --count 500 --seed 0` gives 500 drawn inputs to a workspace of its own and prints one
JSON line. `intake.py` runs it in many short processes; `tests/test_hostile.py` a few inputs of each kind. A failure
names its number: the same seed and number draw the same input again (`--only 217`).
"""

import argparse
import io
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import hostile_inputs as made
import hostile_workspace
import numpy as np

from synweight_core import (
    curation,
    data,
    drafts,
    export,
    ledger,
    map_view,
    map_wire,
    named_settings,
    project_settings,
    projects,
    run_log,
    run_queue,
    runs,
    runtable,
    selections,
    tables,
    trash,
    uploads,
)
from synweight_core.columns import Columns, guess_columns, match_labels
from synweight_core.errors import SynweightError
from synweight_core.recipe_reading import read_recipe
from synweight_core.suggest_job import suggestion_of
from synweight_core.tables.cells import clean_text

MAX_SECONDS, MAX_WAIT_SECONDS = 10.0, 180.0  # of processor time; by the clock, since other programs run too
# of files that are read in this process; a share is read by a child, with the product's own limits
LIMITS = tables.Limits(max_expanded_bytes=50_000_000, max_cells=1_000_000, min_ratio_bytes=5_000_000)
SHARES = {"file": 50, "apart": 2, "id": 16, "columns": 10, "stored": 16, "event": 4, "page": 2}
PAGES = ("data", "map", "weights", "train", "runs", "present")
APP = Path(__file__).resolve().parent.parent / "app.py"


@dataclass
class Tally:
    """What came of the inputs so far."""

    inputs: int = 0
    tracebacks: int = 0
    hangs: int = 0
    escapes: int = 0
    uploads: int = 0
    uploads_lost: int = 0
    slowest_seconds: float = 0.0
    by_kind: Counter[str] = field(default_factory=Counter)
    refused: int = 0  # told in a sentence
    failures: list[dict[str, Any]] = field(default_factory=list)


class Fuzzed:
    """One workspace, beside it what nobody may touch, and what was uploaded into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "workspace"
        self.uploads: dict[str, bytes] = {}
        self.project, self.files = hostile_workspace.build(self.home)
        self.whole = {path: path.read_bytes() for path in self.files}
        hostile_workspace.build_outside(root)
        self.before = hostile_workspace.snapshot(root, besides=self.home)

    def escapes(self) -> list[str]:
        """Files outside the workspace that are new, changed or gone."""
        now = hostile_workspace.snapshot(self.root, besides=self.home)
        return sorted(str(path) for path, state in self.before.items() ^ now.items())

    def lost(self) -> list[str]:
        """Uploads that were accepted and are no longer as they came."""
        folder = self.home / "uploads"
        return [name for name, content in self.uploads.items() if (folder / name).read_bytes() != content]


# --- checks: each takes (draw, fuzzed) and raises what it should not


def check_file(draw: random.Random, fuzzed: Fuzzed) -> None:
    """A file is stored, read, made a project; what is refused is refused in a sentence."""
    name, content = made.a_file(draw)
    sha = uploads.store_upload(io.BytesIO(content))
    fuzzed.uploads[sha] = content
    table = tables.read_table(uploads.upload_path(sha), name=name, limits=LIMITS)
    frame = table.frame
    assert set(map(str, frame.dtypes)) == {"str"} and frame.columns.is_unique and not frame.isna().any(axis=None)
    frame.to_parquet(io.BytesIO())
    upload = data.Upload(clean_text(name), frame, guess_columns(frame), table.notes)
    _made_project(draw, upload, upload)


def check_apart(draw: random.Random, fuzzed: Fuzzed) -> None:
    """The same by the child process, with the limits that people have."""
    name, content = made.a_file(draw) if draw.random() < 0.6 else draw.choice(made.BOMBS)(draw)
    sha = uploads.store_upload(io.BytesIO(content))
    fuzzed.uploads[sha] = content
    projects.read_upload(uploads.upload_path(sha), name=name)


def check_columns(draw: random.Random, fuzzed: Fuzzed) -> None:
    """Roles of columns, label names and choices that nobody would make."""
    drawn = [_drawn_upload(draw) for _ in range(3)]
    found = sorted(set(drawn[0].frame.iloc[:, 0]))
    match_labels(found, found[:2])
    mapped = {label: made.text(draw) for label in found[:3]} if draw.random() < 0.5 else None
    unjudged = draw.choice(("drop", "weight_one", "block"))
    test = drawn[2] if draw.random() < 0.5 else None
    data.build_dataset(drawn[0], drawn[1], test, label_map=mapped, unjudged=unjudged)


def _drawn_upload(draw: random.Random) -> data.Upload:
    import pandas as pd

    labels = draw.sample(["a", "b", "c", clean_text(made.text(draw))], 2)
    n = draw.choice((1, 25, 60))
    texts = [[clean_text(made.text(draw)) for _ in range(n)] for _ in range(2)]  # as `read_table` leaves them
    frame = pd.DataFrame({"text": texts[0], "label": draw.choices(labels, k=n)}, dtype="str")
    frame[clean_text(made.text(draw)) or "x"] = pd.Series(texts[1], dtype="str")
    names = [*frame.columns, None, "absent", made.text(draw)]
    columns = Columns("text", "label") if draw.random() < 0.6 else Columns(*(draw.choice(names) for _ in range(4)))
    return data.Upload(clean_text(made.file_name(draw, ".csv")), frame, columns)


def _made_project(draw: random.Random, synthetic: data.Upload, real: data.Upload) -> None:
    dataset = data.build_dataset(synthetic, real)
    metric = draw.choice(("accuracy", "macro_f1", "recall:" + dataset.labels[0], made.text(draw)))
    project = projects.create_project(dataset, made.text(draw), metric=metric, files={made.text(draw): synthetic.name})
    read = projects.load_dataset(projects.load_project(project.id))
    export.to_csv(read.dropped)
    assert read.content_hash() == dataset.content_hash()
    shutil.rmtree(project.folder)


def check_id(draw: random.Random, fuzzed: Fuzzed) -> None:
    """An id from a link or a command line."""
    wrong = made.an_id(draw)
    _by_id(fuzzed.project, wrong)[draw.randrange(len(_by_id(fuzzed.project, wrong)))]()


def _by_id(project: projects.Project, wrong: str) -> list[Callable[[], object]]:
    return [
        lambda: projects.load_project(wrong),
        lambda: uploads.upload_path(wrong),
        lambda: runs.load_run(wrong),
        lambda: runs.resume(wrong),
        lambda: runs.request_stop(wrong),
        lambda: runs.read_metrics(wrong),
        lambda: runs.latest_event(wrong),
        lambda: run_queue.move(wrong, [], to="first"),
        lambda: trash.delete_run(wrong),
        lambda: trash.restore_run(wrong),
        lambda: drafts.load_draft(wrong),
        lambda: drafts.save_draft(wrong, {}),
        lambda: selections.load_selection(project, wrong),
        lambda: selections.delete_selection(project, wrong),
        lambda: selections.save_selection(project, wrong, np.array([1]), 9),
        lambda: named_settings.load_named_settings(project, wrong),
        lambda: named_settings.delete_settings(project, wrong),
        lambda: named_settings.keep_settings(project, wrong, project_settings.load_settings(project)),
        lambda: curation.relabel(project, np.array([0]), label=wrong),
        lambda: run_log.RunLog(wrong).read_on(),
        lambda: curation.exclude(project, np.array([0]), reason=wrong),
    ]


def check_stored(draw: random.Random, fuzzed: Fuzzed) -> None:
    """A file of the workspace is broken, or was written by somebody else."""
    with hostile_workspace.spoilt(draw, fuzzed.whole):
        for read in readers(fuzzed.project.id):
            with suppress(SynweightError):
                read()


def readers(project_id: str) -> list[Callable[[], object]]:
    """What the pages read of the workspace's files."""

    def of_project(read: Callable[[projects.Project], object]) -> Callable[[], object]:
        return lambda: read(projects.load_project(project_id))

    def of_runs() -> None:
        found = runs.list_runs()
        runtable.run_table([run for run in found if run.kind == "train"])
        for run in found:
            runs.latest_event(run.id)
            suggestion_of(run)
            log = run_log.RunLog(run.id)
            log.read_on()
            for name in run_log.CURVES:
                log.curve(name)

    def of_folder(project: projects.Project) -> None:
        path = project.folder / "recipe.json"
        if path.exists():
            read_recipe(path)

    return [
        projects.list_projects, of_project(project_settings.load_settings),
        of_project(lambda p: map_view.load_view(p, 20)),
        of_project(curation.load_curation), of_project(curation.history), of_project(selections.list_selections),
        of_project(named_settings.list_settings), of_project(ledger.ledger), of_project(of_folder), of_runs,
        trash.deleted_runs, lambda: run_queue.in_order(["b", "a"]), lambda: drafts.load_draft(hostile_workspace.DRAFT),
    ]  # fmt: skip


def check_event(draw: random.Random, fuzzed: Fuzzed) -> None:
    """What a browser sends of a selection on the map."""
    event = {draw.choice(("bits", "rows")): made.json_value(draw), "token": made.json_value(draw)}
    rows = map_wire.chosen_rows(event, 100)
    assert rows.dtype == np.int64 and (not len(rows) or 0 <= rows[0] <= rows[-1] < 100)


def check_page(draw: random.Random, fuzzed: Fuzzed) -> None:
    """A page over a link, a broken file or odd words in its fields."""
    page, query = draw.choice(PAGES), {"project": fuzzed.project.id}
    kind = draw.randrange(3)
    if kind == 0:
        names = ("project", "draft", "run", "like", "watch", "selection", "colour", "settings", "loss", "x")
        query |= {name: made.an_id(draw) for name in draw.sample(names, 3)}
    if kind != 1:
        with hostile_workspace.restored(fuzzed.whole):
            open_page(page, query, draw=draw)
        return
    with hostile_workspace.spoilt(draw, fuzzed.whole) as path:
        page = draw.choice(_pages_of(path))
        open_page(page, query | ({"draft": hostile_workspace.DRAFT} if page == "data" else {}), draw=None)


def _pages_of(path: Path) -> tuple[str, ...]:
    if "drafts" in path.parts:
        return ("data",)
    return ("train", "runs", "present") if "runs" in path.parts else ("map", "weights", "present", "data")


def open_page(page: str, query: Mapping[str, str], *, draw: random.Random | None) -> None:
    """Open a page, write odd words into its fields, press a button."""
    from streamlit import config  # noqa: TID251 (what a page would show)
    from streamlit.testing.v1 import AppTest  # noqa: TID251

    config.set_option("client.showErrorDetails", "full")  # so that a failure can be found
    test = AppTest.from_file(str(APP), default_timeout=180)
    for name, value in query.items():
        test.query_params[name] = clean_text(value)  # a URL holds no half characters
    test = test.switch_page(f"pages/{page}.py").run()
    _raise_shown(test)
    if draw is None:
        return
    for field_ in [*test.text_input, *test.text_area]:
        if draw.random() < 0.5 and not field_.disabled:
            words = clean_text(made.text(draw))  # nor does a browser send any
            field_.set_value(words[: field_.proto.max_chars or None])
    buttons = [button for button in test.button if not button.disabled]
    (draw.choice(buttons).click() if buttons else test).run()
    _raise_shown(test)


def _raise_shown(test: Any) -> None:  # noqa: ANN401 (AppTest)
    shown = [*test.exception]
    assert not shown, f"{shown[0].message}: {' | '.join(shown[0].stack_trace[-4:])}"
    for element in [*test.markdown, *test.caption, *test.error, *test.info, *test.warning]:
        assert "Traceback (most" not in element.value, element.value
        assert not (getattr(element, "allow_html", False) and made.CANARY in element.value), element.value


CHECKS: Mapping[str, Callable[[random.Random, Fuzzed], None]] = {
    "file": check_file, "apart": check_apart, "id": check_id, "columns": check_columns, "stored": check_stored,
    "event": check_event, "page": check_page,
}  # fmt: skip


# --- running them


def run(fuzzed: Fuzzed, *, count: int, seed: int, kinds: Mapping[str, int] = SHARES, only: int | None = None) -> Tally:
    """Give `count` inputs of these kinds (by their shares) to the product; no worker is started meanwhile."""
    tally = Tally()
    with quiet():
        for number in range(count) if only is None else [only]:
            draw = random.Random(f"{seed}:{number}")
            kind = draw.choices([*kinds], [*kinds.values()])[0]
            _give(tally, fuzzed, kind, draw, number=number, seed=seed)
    for what, found in (("escapes", fuzzed.escapes()), ("uploads_lost", fuzzed.lost())):
        setattr(tally, what, len(found))
        tally.failures += [{"what": what, "found": found[:9]}] if found else []
    tally.uploads = len(fuzzed.uploads)
    return tally


def _give(tally: Tally, fuzzed: Fuzzed, kind: str, draw: random.Random, *, number: int, seed: int) -> None:
    began, busy = time.monotonic(), _processor_seconds()
    failure = None
    try:
        CHECKS[kind](draw, fuzzed)
    except SynweightError:
        tally.refused += 1
    except Exception as error:  # the point: whatever it is, a person would have seen it
        tally.tracebacks += 1
        last = traceback.extract_tb(error.__traceback__)[-1]
        failure = f"{type(error).__name__}: {str(error)[:600]} at {Path(last.filename).name}:{last.lineno}"
    waited, seconds = time.monotonic() - began, _processor_seconds() - busy
    tally.inputs += 1
    tally.by_kind[kind] += 1
    tally.slowest_seconds = max(tally.slowest_seconds, round(seconds, 2))
    if seconds > MAX_SECONDS or waited > MAX_WAIT_SECONDS:
        tally.hangs += 1
        failure = failure or f"took {seconds:.1f} s of the processor, {waited:.1f} s in all"
    if failure:
        tally.failures.append({"kind": kind, "seed": seed, "number": number, "what": failure})


def _processor_seconds() -> float:
    """Seconds of this process and of the children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def quiet() -> Any:  # noqa: ANN401 (a context manager)
    """No worker starts, no model is asked."""
    from contextlib import ExitStack

    from synweight_core.errors import ModelError
    from synweight_core.sentence_process import SentenceProcess

    def no_model(self: SentenceProcess, text: str, second: str | None = None) -> np.ndarray:
        raise ModelError("No model is asked here.")

    stack = ExitStack()
    stack.enter_context(mock.patch.object(runs, "_launch", lambda path, lock: None))
    stack.enter_context(mock.patch.object(SentenceProcess, "answer", no_model))
    return stack


def main() -> None:
    """Give drawn inputs to a fresh workspace; one JSON line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", type=int, help="the number of one input, to see its traceback")
    options.add_argument("--kinds", choices=[*CHECKS], nargs="+", default=[*CHECKS], help="inputs of these kinds alone")
    options.add_argument("--report", action="store_true", help="end well also when something failed: it is in the line")
    chosen = options.parse_args()
    root = Path(tempfile.mkdtemp(prefix="synweight-hostile-"))
    os.environ["SYNWEIGHT_HOME"] = str(root / "workspace")
    try:
        kinds = {kind: SHARES[kind] for kind in chosen.kinds}
        tally = run(Fuzzed(root), count=chosen.count, seed=chosen.seed, kinds=kinds, only=chosen.only)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(json.dumps(vars(tally)))
    sys.exit(bool(tally.failures) and not chosen.report)


if __name__ == "__main__":
    main()
