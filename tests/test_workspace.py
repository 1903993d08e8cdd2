"""The format of a workspace: noted, brought forward, or refused with one sentence."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from synweight_core import drafts, storage, workspace
from synweight_core.cli import main
from synweight_core.errors import WorkspaceError

OLD_FILE = {"sha256": "ab" * 32, "name": "mine.csv", "columns": None}


def noted(home: Path) -> object:
    return json.loads((home / workspace.FILE).read_text())


def test_new_workspace_has_the_present_format(workspace_home):
    workspace.check()
    assert noted(workspace_home) == {"format": workspace.FORMAT}


@pytest.fixture
def workspace_home():
    return storage.home()


def test_workspace_without_the_file_is_brought_forward_from_format_1(workspace_home):
    storage.write_json(workspace_home / "drafts" / "draft-1.json", {"real": OLD_FILE, "choices": {"name": "x"}})
    workspace.check()
    assert drafts.load_draft("draft-1") == {"real": [OLD_FILE], "choices": {"name": "x"}}
    assert noted(workspace_home) == {"format": workspace.FORMAT}


def test_migrating_again_what_is_half_migrated_changes_nothing(workspace_home):
    storage.write_json(workspace_home / "drafts" / "draft-1.json", {"real": [OLD_FILE]})
    (workspace_home / "drafts" / "draft-2.json").write_text("{")
    workspace.check()
    assert drafts.load_draft("draft-1") == {"real": [OLD_FILE]}


def test_every_format_up_to_the_present_one_has_its_step():
    assert list(workspace.MIGRATIONS) == list(range(1, workspace.FORMAT))


REFUSED = {
    '{"format": 99}': "was made by a newer version: it has format 99, and this version reads 2. Update SynWeight",
    '{"format": 0}': "has format 0, and this version reads 1 to 2",
    '{"format": "2"}': "is damaged: expected its format",
    '{"format": true}': "is damaged",
    "[]": "is damaged",
    "{": "is damaged",
}


@pytest.mark.parametrize("content", REFUSED)
def test_other_formats_are_refused_with_one_sentence(workspace_home, content):
    (workspace_home / workspace.FILE).write_text(content)
    with pytest.raises(WorkspaceError, match=REFUSED[content]):
        workspace.check()
    done = CliRunner().invoke(main, ["runs"])
    assert done.exit_code == 1 and REFUSED[content] in done.output
    assert (workspace_home / workspace.FILE).read_text() == content


@pytest.mark.parametrize("page", ["projects", "data", "map", "weights", "train", "runs", "present"])
def test_every_page_refuses_a_newer_workspace(workspace_home, page):
    (workspace_home / workspace.FILE).write_text('{"format": 99}')
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    test.switch_page(f"pages/{page}.py").run()
    assert not test.exception
    (error,) = test.error
    assert "made by a newer version" in error.value
    assert not test.button
