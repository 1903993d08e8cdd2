"""The card that lies beside a trained model."""

import html
import re
from dataclasses import replace

import pytest
import yaml
from markdown_it import MarkdownIt

from synweight_core.model_card import escaped, model_card
from synweight_core.projects import Project
from synweight_core.recipe import InputRows
from synweight_core.train_config import TrainConfig

HOSTILE = "<script>alert(1)</script> [x](javascript:y) | `a`\n# b ![i](http://h/i.png) &amp; *c* \x1b[2J"
INPUTS = {"synthetic": InputRows(80, "f" * 64, "0" * 64), "real": InputRows(60, "e" * 64, "1" * 64)}
TEST = {"accuracy": 0.875, "macro_f1": 0.75, "recall": {"late": 0.9, "refund": None}}
PROJECT = Project(
    id="shop-1", name="Shop", created=0.0, data_hash="", labels=("late", "refund"),
    counts={"train": 40, "validation": 10, "test": 10}, findings=(), files={"synthetic": "made up.csv"},
)  # fmt: skip


def card(project=PROJECT, figures=None, **choices):
    figures = {"validation": TEST, "test": TEST} if figures is None else figures
    return model_card(project, TrainConfig(**choices), figures, inputs=INPUTS)


def test_card_names_data_setting_figures_limits_and_loading():
    text = card(loss="imp", beta=1.0, seed=3)
    assert "# Shop: IMP, seed 3" in text
    assert f"| synthetic | made up\\.csv | 80 | `{'0' * 64}` |" in text
    assert "split into 40 train, 10 validation, 10 test." in text
    assert "- test: accuracy 87.5 %, macro-F1 75.0 %" in text
    assert "| late | 90.0 % |\n| refund |  |" in text
    assert 'pipeline("text-classification", "path/of/this/folder")' in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Data", "## Setting", "## Figures", "## Classes", "## Limits", "## How to load it",
    ]  # fmt: skip


def test_head_is_yaml_that_names_the_library_and_the_task():
    head = yaml.safe_load(card().split("---\n")[1])
    assert (head["library_name"], head["pipeline_tag"]) == ("transformers", "text-classification")


def test_names_from_uploads_are_letters_and_nothing_else():
    project = replace(PROJECT, name=HOSTILE, labels=(HOSTILE, "b"), files={"synthetic": HOSTILE})
    text = card(project)
    assert len(text.splitlines()) == len(card().splitlines())
    shown = MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])
    assert not re.search(r"<(script|a|img|em)\b|\x1b", shown)
    letters = " ".join(HOSTILE.replace("\x1b", "").split())
    heading, *cells = re.findall(r"<(?:h1|td)>(&lt;script.*?)</(?:h1|td)>", shown)
    assert html.unescape(heading) == f"{letters}: CE, seed 0"
    assert [html.unescape(cell) for cell in cells] == [letters, letters]


@pytest.mark.parametrize(("name", "expected"), [("a_b*", r"a\_b\*"), ("ä\n b", "ä b"), ("x" * 101, "x" * 100 + "…")])
def test_escaped_name_is_one_line_of_at_most_100_characters(name, expected):
    assert escaped(name) == expected


def test_stopped_run_says_that_no_test_row_was_scored():
    text = card(figures={"validation": None, "test": None})
    assert "- test: not scored" in text and "- validation" not in text


def test_run_on_real_rows_says_so():
    text = card(train_on="real")
    assert "on real rows alone." in text and "small checkers" not in text


def test_folder_of_a_local_backbone_is_not_told(tmp_path):
    text = card(backbone=str(tmp_path))
    assert str(tmp_path.parent) not in text and tmp_path.name[:4] in text
