"""Sections of a report on rows, checkers and weights. They need a prepared project, but no run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from synweight_core import meters, report_charts
from synweight_core.curated import curated_weights
from synweight_core.curation import Curation, load_curation
from synweight_core.data import Dataset
from synweight_core.findings import listed
from synweight_core.headline import meter_words
from synweight_core.palette import class_colours
from synweight_core.plots import class_shares, weight_histogram
from synweight_core.prepare import Prepared, load_prepared
from synweight_core.presets import formula_words, settings_words
from synweight_core.project_settings import load_settings
from synweight_core.projects import Project, metric_label
from synweight_core.report_blocks import (
    MAX_CHARS,
    MAX_NAME_CHARS,
    Block,
    Chart,
    Picture,
    Points,
    Section,
    Table,
    Words,
    counted,
    cut,
    table,
)
from synweight_core.trust import leakage, trust_report
from synweight_core.trust_words import percent, trust_sentence
from synweight_core.weighting import WeightSettings

EXAMPLES = 10
MAX_LEGEND = 24  # names of classes beside a map
_SENTENCE_CHARS = 1_000


@dataclass(frozen=True, eq=False)
class Weighed:
    """A prepared project with its weights as they are set now. `weights` are of all synthetic rows. [n]"""

    project: Project
    dataset: Dataset
    prepared: Prepared
    settings: WeightSettings
    curation: Curation
    weights: np.ndarray

    @property
    def kept_weights(self) -> np.ndarray:
        """Of the rows that nobody excluded. [kept]"""
        return self.weights[self.curation.kept]

    @cached_property
    def labels(self) -> pd.Series:
        """The labels of the synthetic rows as they are edited. [n]"""
        names = np.asarray(self.dataset.labels, dtype=object)
        return pd.Series(names[self.curation.labels], dtype=str)

    @cached_property
    def classes(self) -> pd.DataFrame:
        """`meters.by_class` of the kept rows."""
        kept = self.labels[self.curation.kept]
        return meters.by_class(kept, self.kept_weights, self.dataset.known_real["label"])


def weighed(project: Project, dataset: Dataset) -> Weighed | None:
    """The weights of a project; None until it is prepared. Raises DataError when the log of edits is damaged."""
    prepared = load_prepared(project)
    if prepared is None:
        return None
    settings, curation = load_settings(project), load_curation(project)
    return Weighed(project, dataset, prepared, settings, curation, curated_weights(prepared, settings, curation))


def what_was_done(project: Project, dataset: Dataset, found: Weighed | None) -> Section:
    """Rows, classes, checkers, weights: what went in and what was decided."""
    blocks: list[Block] = [
        Words(
            "Texts that a language model wrote (synthetic rows) are to train a classifier. Some say what real people "
            "would say, some do not. Each synthetic row was given a weight: how much it counts in training. What "
            "follows says how, and what it was worth on real rows that took no part in it."
        ),
        _rows_table(project, dataset),
        Words(f"Classes ({len(dataset.labels):,}): {listed(dataset.labels)}."),
    ]
    if project.findings:
        blocks += [Words("Found in the files:"), Points(tuple(_sentence(each.message) for each in project.findings))]
    if found is None:
        return Section("What was done", (*blocks, Words("Nothing was weighed yet: the project is not prepared.")))
    return Section("What was done", (*blocks, *_checkers(found), *_weight_words(found)))


def maps(found: Weighed) -> Section:
    """The rows before weighting, coloured by class, and after it, coloured by weight."""
    n, xy = found.prepared.n_synthetic, found.prepared.xy
    dots, rings = report_charts.sample(n, len(xy) - n)
    by_class = class_colours(found.dataset.labels)
    colours = [by_class[label] for label in found.labels.iloc[dots]]
    before = report_charts.map_svg(xy[dots], colours, xy[rings], alt="Map of rows by class")
    after = report_charts.weight_map(xy, found.weights)
    said = _sample_words(len(dots), n, len(rings), len(xy) - n)
    return Section(
        "Map before and after weighting",
        (
            Words(f"Rows that say similar things lie close together. Rings are real rows. {said}"),
            Picture("Before: by class", before, _class_legend(by_class), "Every row counts the same."),
            Picture(
                "After: by weight",
                after,
                report_charts.weight_legend(found.weights),
                "Orange counts more, blue counts less.",
            ),
        ),
    )


def weight_meters(found: Weighed) -> Section:
    """What the weights amount to: in words, as a histogram, and class by class."""
    weights = found.kept_weights
    said = tuple(_sentence(words) for words in meter_words(weights, found.classes))
    if not weights.any():
        return Section("What the weights amount to", (Points(said),))
    histogram = report_charts.for_paper(weight_histogram(meters.histogram(weights), "Rows by weight"))
    shares = report_charts.for_paper(class_shares(found.classes, "Class shares: synthetic, weighted, and real"))
    return Section(
        "What the weights amount to",
        (Points(said), Chart(histogram, "Histogram of the weights."), Chart(shares, "Class shares."), _shares(found)),
    )


def examples(found: Weighed) -> Section:
    """The rows trusted most and least."""
    most, least = extreme_rows(found)
    return Section(
        "Examples",
        (
            Words("The prediction is that of the quality checker, which was trained on real rows alone."),
            _examples_table(found, most, "Trusted most"),
            _examples_table(found, least, "Mistrusted most"),
        ),
    )


def extreme_rows(found: Weighed) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the EXAMPLES rows with the highest and the lowest weights, of the kept rows; of equal weights
    those of higher and of lower quality. No row is in both.
    """
    kept = np.flatnonzero(found.curation.kept)
    labels = found.curation.labels[kept]
    quality = np.nan_to_num(found.prepared.quality[kept, labels], nan=0.0)
    order = kept[np.lexsort((quality, found.weights[kept]))]
    count = min(EXAMPLES, len(order) // 2)
    return order[::-1][:count], order[:count]


def _rows_table(project: Project, dataset: Dataset) -> Table:
    splits, files = dataset.real["split"].value_counts(), project.files
    rows = [
        ("Synthetic rows, to be weighed", files.get("synthetic", ""), f"{len(dataset.synthetic):,}"),
        ("Real rows that trained the quality checker", files.get("real", ""), f"{splits.get('train', 0):,}"),
        ("Real rows for validation", files.get("real", ""), f"{splits.get('validation', 0):,}"),
        ("Real test rows, which chose no weight", files.get("test", files.get("real", "")),
         f"{splits.get('test', 0):,}"),
        ("Rows left out when the files were read", "", f"{len(dataset.dropped):,}"),
    ]  # fmt: skip
    kind = " A row is a pair of texts." if dataset.is_pairs else ""
    note = f"What counts is: {metric_label(project.metric)}.{kind}"
    return table("Rows", ("What", "File", "Rows"), rows, note=note, numbers_from=2)


def _checkers(found: Weighed) -> list[Block]:
    report, leaks = trust_report(found.prepared, found.dataset), leakage(found.dataset, found.prepared)
    sentences = (trust_sentence(report.quality, leaks), trust_sentence(report.diversity))
    return [
        Words(
            "Two checkers judge each synthetic row. The quality checker was trained on real rows and says how likely "
            "the label is for the text. The diversity checker was trained on the synthetic rows and says how common "
            "such a row is among them."
        ),
        Points(tuple(_sentence(sentence) for sentence in sentences)),
    ]


def _weight_words(found: Weighed) -> list[Block]:
    edited = int((~found.curation.kept | found.curation.relabelled | (found.curation.log_factor != 0)).sum())
    by_hand = f" {counted(edited, 'row')} changed by hand." if edited else ""
    return [
        Words(f"Weights as they are set now: {settings_words(found.settings)}.{by_hand}"),
        Words(formula_words(found.settings), "formula"),
        Words(
            "Weights are scaled so that they are 1 on average. Map, figures of weights and examples show these "
            "weights; each run kept those of its own setting.",
            "note",
        ),
    ]


def _sample_words(dots: int, n: int, rings: int, m: int) -> str:
    if dots == n and rings == m:
        return f"All {n:,} synthetic and {m:,} real rows that are not test are drawn."
    return f"This is a sample: {dots:,} of {n:,} synthetic rows and {rings:,} of {m:,} real rows that are not test."


def _class_legend(colours: dict[str, str]) -> tuple[tuple[str, str], ...]:
    shown = tuple((colour, cut(name, MAX_NAME_CHARS)) for name, colour in [*colours.items()][:MAX_LEGEND])
    rest = len(colours) - len(shown)
    return (*shown, ("none", f"and {rest} more classes, whose colours may repeat")) if rest else shown


def _shares(found: Weighed) -> Table:
    classes = found.classes.sort_values("rows", ascending=False, kind="stable")
    rows = [
        (row["label"], f"{row['rows']:,}", percent(row["share_raw"]), percent(row["share_weighted"]),
         percent(row["share_real"]), f"{row['effective_sample_size']:,.0f}", f"{row['half_rows']:,}")
        for row in classes.to_dict("records")
    ]  # fmt: skip
    headers = ("Class", "Rows", "Share of rows", "Share of weight", "Share of real rows", "Effective sample size",
               "Rows with half of its weight")  # fmt: skip
    return table("Shares of the classes", headers, rows, which="the classes with most rows")


def _examples_table(found: Weighed, positions: np.ndarray, title: str) -> Table:
    best = np.nan_to_num(found.prepared.quality[positions], nan=-np.inf).argmax(axis=1)
    shown = found.dataset.synthetic.iloc[positions]
    texts = ("text", "text_b") if found.dataset.is_pairs else ("text",)
    columns: list[Sequence[str]] = [shown[name].tolist() for name in texts]
    columns += [
        [cut(label, MAX_NAME_CHARS) for label in found.labels.iloc[positions]],
        [cut(found.dataset.labels[code], MAX_NAME_CHARS) for code in best],
        [f"{weight:.2f}" for weight in found.weights[positions]],
    ]
    headers = ("Text", "Second text", "Label", "Prediction", "Weight") if len(texts) > 1 else (
        "Text", "Label", "Prediction", "Weight")  # fmt: skip
    rows = list(zip(*columns, strict=True))
    return table(title, headers, rows, numbers_from=len(headers) - 1, chars=MAX_CHARS)


def _sentence(words: str) -> str:
    return cut(words, _SENTENCE_CHARS)
