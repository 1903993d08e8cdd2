"""What the map shows for each row: one frame of rows, and the table of columns to colour by.

Adding a colour is one row in COLOURS. Pure arithmetic on frames and arrays; no figures are made here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from synweight_core.data import Dataset
from synweight_core.prepare import Prepared

MAX_COLOUR_NATS = 3.0  # log ratios beyond share the end colours: 20 times as frequent
MAX_COLOUR_RATIO = 8.0  # weights beyond 1/8 and 8 share the end colours
NONE, OTHER = "(none)", "other"  # names of no value, and of all the rare ones
_HOVER_CHARS = 300
_HOVER_COLUMNS = ["text", "text_b", "source", "label", "quality", "prediction", "agreement", "edit"]
MAX_CATEGORIES = 40  # more names than this and the rest is drawn as "other"


@dataclass(frozen=True)
class ColourBy:
    """One way to colour the map: weights on a log scale, nats around 0, a sequential scale or categories."""

    label: str
    help: str
    kind: Literal["weight", "diverging", "sequential", "categorical"]
    values: Callable[[pd.DataFrame], pd.Series]


def _column(name: str) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: rows[name]


COLOURS: Mapping[str, ColourBy] = {
    "weight": ColourBy("Weight", "Blue: counts less than 1. Orange: counts more.", "weight", _column("weight")),
    "quality": ColourBy(
        "Quality", "P(label | text) by the checker trained on real rows.", "sequential", _column("quality")
    ),
    "diversity": ColourBy(
        "Diversity",
        "-log P(label | text) by the checker trained on synthetic rows, in nats: high is rare.",
        "sequential",
        _column("diversity"),
    ),
    "relevance": ColourBy(
        "Relevance",
        "log P(text)/Q(text) in nats: how much more often such a text is real than synthetic. 0: as often in both.",
        "diverging",
        _column("relevance"),
    ),
    "support": ColourBy(
        "Support of real rows",
        "Covered: a synthetic row with the same label lies as near as the fifth real one.",
        "categorical",
        _column("support"),
    ),
    "label": ColourBy("Label", "The label in the file.", "categorical", _column("label")),
    "source": ColourBy("Source", "Synthetic or real.", "categorical", _column("source")),
    "prediction": ColourBy(
        "Quality checker's prediction",
        "The most likely label by real rows.",
        "categorical",
        _column("prediction"),
    ),
    "agreement": ColourBy(
        "Label against prediction",
        "Whether the quality checker would give the same label.",
        "categorical",
        _column("agreement"),
    ),
    "duplicates": ColourBy(
        "Near-duplicates",
        "Rows with another row at cosine similarity 0.95 or more.",
        "categorical",
        _column("duplicates"),
    ),
    "group": ColourBy(
        "Near-duplicate groups",
        "Rows that near-duplicates join to one group, the largest groups by name.",
        "categorical",
        _column("group"),
    ),
    "split": ColourBy("Split", "What the row is used for.", "categorical", _column("split")),
    "generator": ColourBy("Generator", "Who or what wrote the row.", "categorical", _column("generator")),
    "edit": ColourBy("Edits", "What was changed here about the row.", "categorical", _column("edit")),
    "run_loss": ColourBy(
        "Loss of a run",
        "Cross-entropy of a trained model, in nats: high is what it finds hard or wrong.",
        "sequential",
        _column("run_loss"),
    ),
    "run_correct": ColourBy(
        "Correctness of a run",
        "Whether a trained model gives the row's label.",
        "categorical",
        _column("run_correct"),
    ),
    "epoch_weight": ColourBy(
        "Weight in an epoch of a run",
        "The weights that follow the model, as they were after an epoch. Blue: less than 1. Orange: more.",
        "weight",
        _column("epoch_weight"),
    ),
}
RUN_COLOURS = ("run_loss", "run_correct")  # need `with_run_scores`
EPOCH_COLOUR = "epoch_weight"  # needs `with_epoch_weights`


def colours_for(rows: pd.DataFrame) -> dict[str, ColourBy]:
    """COLOURS that say something about these rows, and one for each further column of the upload."""
    empty = {name for name in ("generator", "edit") if not (rows[name] != "").any()}
    found = {name: colour for name, colour in COLOURS.items() if name not in empty}
    return found | {name: _of_upload(name, rows[name]) for name in map(str, rows.columns) if name.startswith("upload:")}


def _of_upload(name: str, values: pd.Series) -> ColourBy:
    """A further column of the upload: a scale where it holds many different numbers, else categories."""
    help_text, label = "A column of the upload. No model ever sees it.", name.removeprefix("upload:")
    if values.nunique() > MAX_CATEGORIES:
        numbers = pd.to_numeric(values, errors="coerce").replace([np.inf, -np.inf], np.nan)
        if numbers.notna().sum() >= 0.9 * (values != "").sum():
            return ColourBy(label, help_text, "sequential", lambda _: numbers)
    return ColourBy(label, help_text, "categorical", _column(name))


def map_rows(dataset: Dataset, prepared: Prepared) -> pd.DataFrame:
    """Synthetic and known real rows with everything that does not depend on sliders.

    Columns: text, text_b, label, generator, row, upload columns, source, split, x, y, quality (0 to 1),
    diversity (nats), prediction, agreement, duplicates, group, relevance (nats), support, edit. `weight`
    is added by `with_weights`, edits by `with_edits`.
    """
    synthetic = dataset.synthetic.assign(source="synthetic", split="synthetic")
    real = dataset.known_real.assign(source="real")
    rows = pd.concat([synthetic, real], ignore_index=True).fillna("")
    numbers = np.arange(len(rows))
    best = np.nan_to_num(prepared.quality, nan=-np.inf).argmax(axis=1)
    group_sizes = np.bincount(prepared.groups)[prepared.groups]
    rows["x"], rows["y"] = prepared.xy.T
    rows["quality"] = np.exp(prepared.quality[numbers, prepared.labels])
    rows["diversity"] = -prepared.diversity[numbers, prepared.labels]
    rows["prediction"] = _named(dataset.labels, best)
    rows["agreement"] = _named(("different", "same"), best == prepared.labels)
    rows["duplicates"] = _named(("single", "has a near-duplicate"), group_sizes > 1)
    rows["group"] = group_names(prepared.groups)
    rows["relevance"] = prepared.relevance
    rows["edit"] = ""
    rows["support"] = ""
    rows.loc[len(synthetic) :, "support"] = support_names(prepared.support)
    return rows


def _named(names: Sequence[str], codes: np.ndarray) -> Any:  # noqa: ANN401 (pandas' own array)
    """Names by code [n] int or bool, as an array of str: much quicker than from an array of objects."""
    return pd.array(list(names), dtype="str").take(codes.astype(np.int64))


def with_edits(rows: pd.DataFrame, prepared: Prepared, label_names: Sequence[str], words: pd.Series) -> pd.DataFrame:
    """The rows with the labels of `prepared` (see `curated.relabelled`), what the checkers say of them, and `edit`.

    `words` are those of `curated.edit_words`, of the synthetic rows.
    """
    names = pd.Series(np.asarray(label_names, dtype=object)[prepared.labels], index=rows.index, dtype=str)
    numbers = np.arange(len(rows))
    return rows.assign(
        label=names,
        quality=np.exp(prepared.quality[numbers, prepared.labels]),
        diversity=-prepared.diversity[numbers, prepared.labels],
        agreement=np.where(names == rows["prediction"], "same", "different"),
        edit=words.reindex(rows.index, fill_value=""),
    )


def with_run_scores(rows: pd.DataFrame, log_probs: np.ndarray, codes: np.ndarray) -> pd.DataFrame:
    """The rows with what a trained model says of them: `run_loss` (nats) and `run_correct`.

    Args:
        rows: of `map_rows`, [n + m].
        log_probs: of `map_scores.load_map_scores`, [n + m, K].
        codes: label codes of the rows, [n + m].
    """
    loss = -log_probs[np.arange(len(rows)), codes].astype(np.float64)
    correct = np.where(log_probs.argmax(axis=1) == codes, "right", "wrong")
    return rows.assign(run_loss=loss, run_correct=correct)


def group_names(groups: np.ndarray) -> np.ndarray:
    """ "group 1 (57 rows)" of each row, the largest group first; "" for a row without near-duplicate. [n] str"""
    sizes = np.bincount(groups)
    names = np.full(len(sizes), "", dtype=object)
    shared = np.flatnonzero(sizes > 1)
    for number, group in enumerate(shared[np.argsort(-sizes[shared], kind="stable")], start=1):
        names[group] = f"group {number} ({sizes[group]} rows)"
    return names[groups]


def support_names(ratio: np.ndarray) -> list[str]:
    """What a support ratio means, of each real row."""
    return np.select([np.isnan(ratio), ratio > 1], ["not judged", "not covered"], "covered").tolist()


def with_weights(rows: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """The rows with `weight`: of the synthetic ones, which come first; NaN for real rows."""
    return rows.assign(weight=_padded(weights, len(rows)))


def with_epoch_weights(rows: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """The rows with `epoch_weight`, as `with_weights`."""
    return rows.assign(epoch_weight=_padded(weights, len(rows)))


def _padded(weights: np.ndarray, n: int) -> np.ndarray:
    padded = np.full(n, np.nan)
    padded[: len(weights)] = weights
    return padded


def log_colour(weights: pd.Series) -> np.ndarray:
    """log2 of weights within 1/8 and 8, the colour axis of weights. [n]"""
    limited = weights.to_numpy().clip(1 / MAX_COLOUR_RATIO, MAX_COLOUR_RATIO)
    return np.log2(limited)


def categories(values: pd.Series) -> tuple[pd.Series, list[str]]:
    """Values as names, the rarest joined as OTHER beyond MAX_CATEGORIES, and the names in order."""
    named = values.where(values != "", NONE).astype(str)
    frequent = list(named.value_counts().index[:MAX_CATEGORIES])
    if named.nunique() > MAX_CATEGORIES:
        named = named.where(named.isin(frequent), OTHER)
    return named, sorted(named.unique())


def selection_summary(rows: pd.DataFrame, selected: np.ndarray, *, n_synthetic: int) -> dict[str, float]:
    """Counts and means of a selection; means over its synthetic rows, NaN when it has none."""
    synthetic = selected[selected < n_synthetic]
    weights = rows["weight"].to_numpy()
    chosen = weights[synthetic]
    total = float(weights[:n_synthetic].sum())
    is_any = len(synthetic) > 0
    return {
        "rows": len(selected),
        "synthetic": len(synthetic),
        "mean_weight": float(chosen.mean()) if is_any else float("nan"),
        "disagree": float((rows["agreement"].iloc[synthetic] == "different").mean()),
        "share_of_weight": float(chosen.sum()) / total if total else 0.0,
    }


def hover_lines(rows: pd.DataFrame, asked: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """What the pointer shows for these positions: ("text", its texts, cut), then ("fact", what is known of it)."""
    wanted = [position for position in asked if 0 <= position < len(rows)]
    lines = {}
    for position, row in zip(wanted, rows.iloc[wanted][_HOVER_COLUMNS].to_dict("records"), strict=True):
        texts = [("text", _cut(row[name])) for name in ("text", "text_b") if row[name]]
        doubt = f", more likely {_cut(row['prediction'])}" if row["agreement"] == "different" else ""
        known = [row["source"], _cut(row["label"]), f"quality {100 * row['quality']:.0f} %{doubt}", row["edit"]]
        lines[position] = [*texts, ("fact", " · ".join(filter(None, known)))]
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= _HOVER_CHARS else text[: _HOVER_CHARS - 1] + "…"
