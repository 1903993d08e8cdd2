"""The README keeps its word: its example runs, and its tables and commands are those of the code."""

import ast
import importlib
import os
import re
import subprocess
import sys

import pytest
from conftest import END_SECONDS, ROOT

from synweight_core.checkers import CHECKERS
from synweight_core.cli import main
from synweight_core.tables import READERS
from synweight_core.weighting import LOSSES

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


(EXAMPLE,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_notebook_example_has_ten_lines_and_all_that_it_names_exists():
    assert len([line for line in EXAMPLE.splitlines() if line]) == 10
    imported, *lines = ast.parse(EXAMPLE).body
    modules = {each.name: importlib.import_module(f"synweight_core.{each.name}") for each in imported.names}
    used = {
        (each.value.id, each.attr)
        for line in lines
        for each in ast.walk(line)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in modules
    }
    assert {module for module, _ in used} == set(modules)
    assert [(module, name) for module, name in used if not hasattr(modules[module], name)] == []


@pytest.mark.long
def test_notebook_example_runs(demo, workspace):
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLE], env=os.environ | {"SYNWEIGHT_HOME": str(workspace)},
        capture_output=True, text=True, timeout=END_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"^effective sample size [\d,]+ of 1,200 rows$", done.stdout, re.MULTILINE)
    assert 0.5 < float(done.stdout.split()[-1]) <= 1


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_its_row(name):
    loss = LOSSES[name]
    row = next(line for line in README.splitlines() if line.startswith(f"| {loss.label} | `{name}` |"))
    alpha, beta = [cell.strip() for cell in row.split("|")][4:6]
    if not loss.focal_gamma:
        assert alpha == ("yours" if loss.alpha is None else f"{loss.alpha:g}")
        assert beta == ("yours" if loss.beta is None else f"{loss.beta:g}")


@pytest.mark.parametrize("name", CHECKERS)
def test_every_checker_has_its_row(name):
    assert f"\n| `{name}` |" in README


@pytest.mark.parametrize("suffix", READERS)
def test_every_file_format_is_named(suffix):
    assert f"`{suffix}`" in README


@pytest.mark.parametrize("name", main.commands)
def test_every_command_is_shown(name):
    assert re.search(rf"^synweight {name}\b", README, re.MULTILINE)


def test_every_command_and_option_shown_exists():
    for line in re.findall(r"^(?:\.venv/bin/)?synweight (.+)", README, re.MULTILINE):
        name = line.split()[0]
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= known, line


def test_every_make_target_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert {"app", "test"} <= named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_other_documents_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+\.md)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
