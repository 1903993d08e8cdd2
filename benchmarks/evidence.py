"""Whether weighting works: fine-tuned models by method, set and seed, against baselines and placebos.

Each (set, method, seed) is one record in results/evidence.jsonl, keyed by all that decides it: a second call measures
what is missing. Two processes with the same `--home` share the work. `evidence.md` and `evidence.svg` are made from
all records. The other part, `defects`, says how well scores find the defects that were planted in the demo.
"""

import argparse
import base64
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import evidence_drawing
import evidence_report
import journey
import measuring
import numpy as np
from evidence_data import EPOCHS, HALVES, MOST_ROWS, ROWS, SETS, Budget, Case, locked, open_case
from evidence_methods import METHODS, config_of, trained, what_it_does

from synweight_core import projects, runs, storage

NAME = "evidence"
HOME = measuring.ROOT / "build" / NAME
SEEDS = (0, 1, 2, 3)
PARTS = ("campaign", "defects")
Work = tuple[str, str, int]  # set, method, seed


def main() -> None:
    """Measure what the options ask for."""
    options = _parser().parse_args()
    measuring.leave_on_sigterm()
    options.home = options.home.absolute()
    options.budget = Budget(options.rows, epochs=options.epochs)
    if options.quick:
        print(quick(options))
        return
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    os.environ.update(runs.WORKER_ENVIRONMENT | quiet | {"OMP_NUM_THREADS": str(options.threads)})  # before torch
    with measuring.use_workspace(options.home):
        {"campaign": campaign, "defects": defects}[options.only](options)
    write_report(options)


def _parser() -> argparse.ArgumentParser:
    parser = measuring.parser((__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=PARTS, default=PARTS[0], help="the part to measure (default campaign)")
    parser.add_argument("--home", type=Path, default=HOME, help="workspace that stays (default build/evidence)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=[*METHODS], metavar="METHOD", help=", ".join(METHODS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, metavar="SEED", help="default 0 1 2 3")
    parser.add_argument("--rows", type=_rows, default=ROWS, help=f"synthetic rows of a set (default {ROWS:,})")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default {EPOCHS}")
    parser.add_argument("--half", choices=HALVES, default="B", help="test rows of the report (default B; A: research)")
    parser.add_argument("--limit-minutes", type=float, default=float("inf"), help="end before this has passed")
    parser.add_argument("--threads", type=int, default=2, help="of this process (default 2)")
    return parser


def _rows(word: str) -> int:
    if not 50 <= int(word) <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"{word} was given; expected 50 to {MOST_ROWS:,} rows")
    return int(word)


def quick(options: argparse.Namespace) -> str:
    """The figures of the records that there are; nothing is measured."""
    found = records_of(options)
    last = max((record["date"] for record in found), default=None)
    parts = {"campaign": {"date": last, "commit": found[-1]["commit"]}} if found else {}
    planted = measuring.load_parts(options.out, NAME).get("defects", {}).get("values")
    kept = evidence_report.summary(found, half=options.half)
    kept |= {"half": options.half, "records": len(found), "planted_auc": planted}
    return measuring.quick_report(NAME, {}, kept, stamped=measuring.stamp(), parts=parts)


# --- the plan


def in_order(sets: Sequence[str], methods: Iterable[str], seeds: Sequence[int]) -> Iterator[Work]:
    """Breadth first: the main methods on all sets with one seed, then the next seed; then the other methods."""
    wanted = {*methods}
    for is_main in (True, False):
        names = [name for name, row in METHODS.items() if name in wanted and row.main is is_main]
        for seed in seeds:
            yield from ((s, name, seed) for name in names for s in sets if s in (METHODS[name].sets or sets))


def key_of(work: Work, budget: Budget) -> dict[str, Any]:
    """All that decides a record, as it stands there."""
    name, method, seed = work
    key = {"set": name, "method": method, "version": METHODS[method].version, "seed": seed} | budget.to_json()
    return json.loads(json.dumps(key))


def known(record: Mapping[str, Any], budget: Budget) -> bool:
    """Whether a record is of this budget and of a method as the table has it now."""
    key = record["key"]
    return key["method"] in METHODS and key == key_of((key["set"], key["method"], key["seed"]), budget)


def records_of(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All records of this budget, in the order in which they were measured."""
    lines, _ = storage.read_lines(options.out / f"{NAME}.jsonl")
    return [record for record in lines if known(record, options.budget)]


# --- part: campaign


def campaign(options: argparse.Namespace) -> None:
    """Measure all records that are missing and that no other process measures, within the time."""
    started, longest = time.perf_counter(), 0.0
    origin = {"commit": measuring.commit(), "command": measuring.command_line(), "machine": _machine(options.threads)}
    cases: dict[str, Case] = {}
    plan = [*in_order(options.sets, options.methods, options.seeds)]
    for i, work in enumerate(plan):
        spent = time.perf_counter() - started
        if (spent + longest) / 60 > options.limit_minutes:
            measuring.say(f"{spent / 60:.0f} minutes are over, {len(plan) - i} records were not looked at.")
            return
        clock = time.perf_counter()
        if _measure(work, cases, origin, options):
            longest = max(longest, time.perf_counter() - clock)
            measuring.say(f"{i + 1} of {len(plan)}: {' '.join(map(str, work))}, {time.perf_counter() - clock:.0f} s")


def _measure(work: Work, cases: dict[str, Case], origin: Mapping[str, str], options: argparse.Namespace) -> bool:
    """Append one record, unless it is there or another process is at it; whether it was."""
    key = key_of(work, options.budget)
    if _found(key, options):
        return False
    with locked(options.home / "locks" / f"{digest(key)}.lock", wait=False) as ours:
        if not ours or _found(key, options):
            return False
        if work[0] not in cases:
            cases[work[0]] = open_case(work[0], options.budget, data=options.data, home=options.home)
        record = {"key": key, "date": datetime.now(UTC).isoformat(timespec="seconds"), **origin}
        record |= _measured(work, cases[work[0]], options)
        storage.append_line(options.out / f"{NAME}.jsonl", record)
    return True


def _found(key: Mapping[str, Any], options: argparse.Namespace) -> bool:
    return any(record["key"] == key for record in records_of(options))


def _measured(work: Work, case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a method: of a run, or of the method that does the same on this set."""
    _, name, seed = work
    method = METHODS[name]
    config = config_of(method, case, options.budget, seed)
    did = json.loads(json.dumps(what_it_does(method, config)))
    for record in records_of(options):
        if (record["key"]["set"], record["key"]["seed"]) == (work[0], seed) and record["did"] == did:
            same = {part: record[part] for part in (*HALVES, "seconds", "machine")}
            return same | {"did": did, "same_as": record["key"]["method"]}
    _use_threads(options.threads)
    log_probs, labels, seconds = trained(method, case, config)
    _keep_predictions(options.home / "predictions" / f"{digest(key_of(work, options.budget))}.npz", log_probs)
    return figures(log_probs, labels, case.in_b) | {
        "did": did, "seconds": round(seconds, 1),
    }  # fmt: skip


def figures(log_probs: np.ndarray, labels: np.ndarray, in_b: np.ndarray) -> dict[str, Any]:
    """Of each half: figures in points, number of rows, and which rows are right, as `right_rows` reads them.

    Args:
        log_probs: [t, K].
        labels: [t] int.
        in_b: which rows are of half B. bool [t]
    """
    from synweight_core import metrics

    found = {}
    for half, rows in (("A", ~in_b), ("B", in_b)):
        scores = metrics.score(log_probs[rows], labels[rows])
        right = np.packbits(log_probs[rows].argmax(axis=1) == labels[rows])
        found[half] = {name: journey.points(scores[name]) for name in ("accuracy", "macro_f1", "calibration_error")}
        found[half] |= {"rows": int(rows.sum()), "right": base64.b64encode(right.tobytes()).decode()}
    return found


def digest(key: Mapping[str, Any]) -> str:
    """A short name for a key, as files have it."""
    words = f"{key['set']}-{key['method']}-{key['seed']}-".replace("_", "-")
    return words + hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]


def _keep_predictions(path: Path, log_probs: np.ndarray) -> None:
    """The log-probabilities, for whoever looks closer; they are not committed."""
    arrays = {"log_probs": log_probs.astype(np.float16)}
    storage.write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]


def _use_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _machine(threads: int) -> str:
    from synweight_core.devices import pick_device

    device = pick_device()
    found = measuring.machine()
    processor = f"{found['cores']} cores of {found['cpu']}, {threads} threads"
    return f"{', '.join(found['gpus'])}, {processor}" if device == "cuda" else processor


# --- part: defects


def defects(options: argparse.Namespace) -> None:
    """How well one score each finds the planted rows of the demo among its clean ones."""
    from synweight_core.prepare import prepare

    stamped, project = measuring.stamp(), projects.demo_project()
    prepare(project, lambda event: None)
    values = defect_aucs(project)
    render = partial(_rendered, options)
    measuring.save_part(options.out, NAME, "defects", values, stamped=stamped, render=render)


def defect_aucs(project: projects.Project) -> dict[str, float]:
    """The area under the curve of each score; the names of the planted rows are read for nothing else."""
    from sklearn.metrics import roc_auc_score

    from synweight_core.defects import boilerplate, off_topic
    from synweight_core.prepare import load_positions, need_prepared

    prepared, positions = need_prepared(project), np.asarray(load_positions(project))
    n, labels = prepared.n_synthetic, prepared.labels
    scores = {
        "mislabelled": -prepared.log_quality,
        "off_topic": off_topic(positions[:n], positions[n:]),
        "boilerplate": boilerplate(positions[:n], labels[:n], positions[n:], labels[n:]),
    }
    planted = projects.load_dataset(project).synthetic["upload:planted"].to_numpy()
    found = {}
    for name, score in scores.items():
        rows = np.isin(planted, ["", name])
        found[name] = round(float(roc_auc_score(planted[rows] == name, score[rows])), 4)
    return found


# --- results for people


def _rendered(options: argparse.Namespace, parts: Mapping[str, Any]) -> str:
    return evidence_report.report(records_of(options), parts, seeds=SEEDS, half=options.half)


def write_report(options: argparse.Namespace) -> None:
    """evidence.md and evidence.svg from all records and parts."""
    found = records_of(options)
    text = _rendered(options, measuring.load_parts(options.out, NAME))
    files = {"md": text} | ({"svg": evidence_drawing.drawing(found, half=options.half)} if found else {})
    for suffix, content in files.items():
        path = options.out / f"{NAME}.{suffix}"
        storage.write_atomically(path, partial(Path.write_text, data=content, encoding="utf-8"))
        path.chmod(0o644)
    measuring.say(f"{len(found)} records in {options.out / NAME}.md")  # not shown: half B is for the end


if __name__ == "__main__":
    main()
