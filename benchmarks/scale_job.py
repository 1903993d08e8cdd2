"""One step of `benchmarks/scale.py` in a process of its own: `scale_job.py STEP FOLDER`. It measures nothing alone.

FOLDER has rows.parquet, real.jsonl and test.jsonl; `base` writes base.json and base.npy. The last line of the output
is JSON. Memory is the highest resident memory of this process during a step, memory maps included, in MB.
"""

import json
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

EDIT = " ~ "  # between a text and its edit
NOISE = (0.1, 0.8)  # length of the noise that an edit adds to a vector of length 1


class MadeEncoder:
    """Vectors of edited texts from those of the texts: the same text has the same vector, in any process."""

    tokenizer = None
    max_seq_length = 256

    def __init__(self, folder: Path) -> None:
        texts = json.loads((folder / "base.json").read_text(encoding="utf-8"))
        self.number = {text: number for number, text in enumerate(texts)}
        self.vectors = np.load(folder / "base.npy")

    def get_embedding_dimension(self) -> int:
        """d."""
        return self.vectors.shape[1]

    def encode(self, texts: list[str], **options: object) -> np.ndarray:
        """[n, d] float32, not of length 1."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        base, _, edit = text.rpartition(EDIT)
        if not edit or base not in self.number:
            return self.vectors[self.number[text]]
        random = np.random.default_rng(zlib.crc32(text.encode()))
        noise = random.normal(size=self.vectors.shape[1]).astype(np.float32)
        return self.vectors[self.number[base]] + noise * np.float32(random.uniform(*NOISE) / np.linalg.norm(noise))


class Costs:
    """Seconds, of processors too, and memory of the steps of this process, one after the other."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self.name = ""
        self.next("start")

    def next(self, name: str) -> None:
        """The step before has ended, this one begins; the same name goes on."""
        if name == self.name:
            return
        if self.name:
            seconds, cpu = time.perf_counter() - self.began, time.process_time() - self.worked
            cost = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "peak_memory_mb": _peak()}
            self.found[self.name] = cost
        self.name, self.began, self.worked = name, time.perf_counter(), time.process_time()
        Path("/proc/self/clear_refs").write_text("5")  # the highest memory is counted from here

    def end(self) -> dict[str, dict[str, float]]:
        """Of all steps."""
        self.next("end")
        return {name: cost for name, cost in self.found.items() if name != "start"}


def _peak() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6, 1)


def base(folder: Path) -> dict[str, Any]:
    """Vectors of the texts that edits are made of, by the real encoder."""
    from synweight_core.embedding import embed

    texts = json.loads((folder / "base.json").read_text(encoding="utf-8"))
    embed(texts[:64])  # loads and warms up
    began = time.perf_counter()
    np.save(folder / "base.npy", embed(texts))
    seconds = time.perf_counter() - began
    return {"texts": len(texts), "seconds": round(seconds, 2), "texts_per_second": round(len(texts) / seconds, 1)}


def project(folder: Path) -> dict[str, Any]:
    """From files to a project, as `synweight prepare` does it."""
    from synweight_core import projects
    from synweight_core.data import build_dataset

    costs = Costs()
    costs.next("read the files")
    uploads = [projects.read_upload(folder / name) for name in ("rows.parquet", "real.jsonl", "test.jsonl")]
    costs.next("build the data set")
    dataset = build_dataset(*uploads)
    costs.next("write the project")
    made = projects.create_project(dataset, "scale")
    return {"steps": costs.end(), "id": made.id, "counts": made.counts}


def prepare(folder: Path) -> dict[str, Any]:
    """The preparation; only the encoder is replaced."""
    from synweight_core import embedding, projects
    from synweight_core.prepare import prepare as compute

    embedding.load_encoder = lambda encoder, *, device: MadeEncoder(folder)  # type: ignore[assignment,return-value]
    costs = Costs()
    (made,) = projects.list_projects()
    compute(made, lambda event: costs.next(event["stage"]))
    return {"steps": costs.end(), "cache_mb": _cache_mb()}


def _cache_mb() -> dict[str, float]:
    from synweight_core import storage

    kinds = sorted((storage.home() / "cache").iterdir())
    return {kind.name: round(sum(file.stat().st_size for file in kind.iterdir()) / 1e6, 1) for kind in kinds}


def meters(folder: Path) -> dict[str, Any]:
    """What a move of a slider computes: weights and meters."""
    from synweight_core import curation, meters, projects
    from synweight_core.curated import curated_weights
    from synweight_core.prepare import need_prepared
    from synweight_core.weighting import WeightSettings

    costs = Costs()
    costs.next("load")
    (made,) = projects.list_projects()
    prepared, edits = need_prepared(made), curation.load_curation(made)
    dataset = projects.load_dataset(made)
    labels, real = dataset.synthetic["label"], dataset.known_real["label"]

    def move(alpha: float) -> float:
        began = time.perf_counter()
        weights = curated_weights(prepared, WeightSettings(alpha=alpha, beta=0.5), edits)
        (
            meters.summary(weights),
            meters.histogram(weights),
            meters.class_warnings(meters.by_class(labels, weights, real)),
        )
        return 1000 * (time.perf_counter() - began)

    costs.next("moves")
    found = [move(0.5 + number / 10) for number in range(7)]
    return {"meters_ms": round(float(np.median(found)), 1), "moves_ms": [round(one, 1) for one in found],
            "steps": costs.end()}  # fmt: skip


STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "base": base,
    "project": project,
    "prepare": prepare,
    "meters": meters,
}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](Path(sys.argv[2]))))
