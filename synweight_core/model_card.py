"""The card of a trained model as Markdown: data, setting, figures, limits, how to load it. No text of the data.

Names from uploads (project, files, labels) are escaped, so that they are letters and nothing else.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synweight_core import __version__
from synweight_core.losses import LOSSES
from synweight_core.models import is_local
from synweight_core.presets import settings_words
from synweight_core.projects import Project, metric_label
from synweight_core.recipe import InputRows
from synweight_core.train_config import TRAIN_ON, TrainConfig

MAX_NAME_CHARS = 100
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # what a backslash makes plain (CommonMark 0.31, 2.4)
_HEAD = """---
library_name: transformers
pipeline_tag: text-classification
tags:
- text-classification
- synthetic-data
- sample-weights
---
"""
_ROWS = {"synthetic": "rows that a language model made, weighted one by one", "real": "real rows alone"}
_LIMITS_OF_SYNTHETIC = """\
- The texts that it learned from were a language model's; it repeats their gaps and their bias.
- The weights come from small checkers on few real rows. They are estimates, not judgements of any row.
"""
_LIMITS = """\
- The figures are of one split and one seed: with few test rows, small differences are chance.
- It knows the classes below and no other, and gives each text one of them.
- It is no basis for decisions about people without checks of your own on data like yours."""


def model_card(
    project: Project, config: TrainConfig, figures: Mapping[str, Any], *, inputs: Mapping[str, InputRows]
) -> str:
    """The README.md of a model folder.

    `figures` are those of `training.TrainResult`, `inputs` those of `recipe.input_rows`.
    """
    parts = [
        f"# {escaped(project.name)}: {LOSSES[config.loss].label}, seed {config.seed}",
        f"A text classifier, trained with SynWeight Studio {__version__} on {_ROWS[config.train_on]}.",
        f"## Data\n\n{_data(project, config, inputs)}",
        f"## Setting\n\n{_setting(config)}",
        f"## Figures\n\n{_figures(project, figures)}",
        f"## Classes\n\n{_classes(project, figures)}",
        f"## Limits\n\n{_LIMITS_OF_SYNTHETIC if config.train_on == 'synthetic' else ''}{_LIMITS}",
        f"## How to load it\n\n{_loading(project)}",
    ]
    return _HEAD + "\n" + "\n\n".join(parts) + "\n"


def escaped(name: object) -> str:
    """A name from outside as one line of Markdown that shows it letter by letter, at most MAX_NAME_CHARS of it."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split())
    return _PUNCTUATION.sub(r"\\\1", text if len(text) <= MAX_NAME_CHARS else f"{text[:MAX_NAME_CHARS]}…")


def _data(project: Project, config: TrainConfig, inputs: Mapping[str, InputRows]) -> str:
    lines = ["| part | file | rows | SHA-256 of the rows |", "| --- | --- | --- | --- |"]
    for part, rows in inputs.items():
        file = escaped(project.files.get(part, "not known"))
        lines.append(f"| {part} | {file} | {rows.rows:,} | `{rows.rows_sha256}` |")
    counts = ", ".join(f"{project.counts.get(split, 0):,} {split}" for split in ("train", "validation", "test"))
    edits = f"{config.edits:,} lines of edits by people were replayed over the synthetic rows." if config.edits else ""
    return "\n".join(lines) + f"\n\nThe real rows are split into {counts}. {edits}".rstrip()


def _setting(config: TrainConfig) -> str:
    rows = {
        "trained on": TRAIN_ON[config.train_on].lower(),
        "loss": f"{LOSSES[config.loss].label}. {LOSSES[config.loss].help}",
        "weights": settings_words(config.weight_settings),
        "backbone": escaped(Path(config.backbone).name if is_local(config.backbone) else config.backbone),
        "epochs": config.epochs,
        "batch size": config.batch_size,
        "learning rate": f"{config.learning_rate:g}",
        "longest text": f"{config.max_length} tokens",
        "seed": config.seed,
    }
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _figures(project: Project, figures: Mapping[str, Any]) -> str:
    lines = [f"The epoch that was kept is the best by {escaped(metric_label(project.metric))} on the validation rows."]
    for rows in ("validation", "test"):
        scores = figures.get(rows)
        if scores:
            named = (("accuracy", "accuracy"), ("macro_f1", "macro-F1"))
            shown = ", ".join(f"{label} {100 * scores[key]:.1f} %" for key, label in named if key in scores)
            lines.append(f"- {rows}: {shown}")
    if not figures.get("test"):
        lines.append("- test: not scored; the run was stopped, or there are no test rows")
    return "\n".join([lines[0], "", *lines[1:]])


def _classes(project: Project, figures: Mapping[str, Any]) -> str:
    recall = (figures.get("test") or {}).get("recall", {})
    shown = {label: f"{100 * recall[label]:.1f} %" if recall.get(label) is not None else "" for label in project.labels}
    rows = [f"| {escaped(label)} | {value} |" for label, value in shown.items()]
    return "\n".join(["| class | recall on test rows |", "| --- | --- |", *rows])


def _loading(project: Project) -> str:
    text = '{"text": "first text", "text_pair": "second text"}' if project.is_pairs else '"a text"'
    return (
        "```python\nfrom transformers import pipeline\n\n"
        f'classify = pipeline("text-classification", "path/of/this/folder")\nprint(classify({text}))\n```'
    )
