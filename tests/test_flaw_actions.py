"""What can be done about a flaw: exclude, keep, strip into a project of its own; on the page and in a terminal."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from made_flaws import clean, seen_of
from test_pages import app, texts

from synweight_core import cache, cli, curation, named_settings, project_settings, projects, selections
from synweight_core.data import build_dataset
from synweight_core.errors import DataError, NotFoundError
from synweight_core.findings import pair_keys
from synweight_core.flaws import standing
from synweight_core.flaws.examination import STAGE, examine, load_flaws
from synweight_core.flaws.stripping import can_strip, made_from_here, made_from_words, stripped
from synweight_core.prepare import cache_key, has_findings, prepare
from synweight_core.projects import Columns, Upload, load_project
from synweight_core.weighting import WeightSettings

EXAMINED = {}  # by content: every test begins with the same rows
LEAKED = ("It is late. (Delivery)", "(Refund)", "Where is my lamp? [refund]")


def examined(project, dataset):
    """Findings in the cache, without any vectors: no row is anybody's neighbour."""
    test = dataset.real[dataset.real["split"] == "test"]
    seen = seen_of(dataset.synthetic, dataset.known_real, test)
    if project.data_hash not in EXAMINED:
        EXAMINED[project.data_hash] = examine(seen)
    cache.cached(STAGE, cache_key(project, STAGE), lambda: EXAMINED[project.data_hash])
    return project


@pytest.fixture
def project(workspace):
    """A project with three tags in it, one of which is all of its row, and one row that would repeat a test row."""
    rows, real = clean(repeat=2), clean(first=1, repeat=4)
    test = pd.DataFrame({"text": ["My kettle is gone"], "text_b": [""], "label": ["delivery"]}, dtype="str")
    rows.loc[:3, "text"] = [*LEAKED, "My kettle is gone (delivery)"]
    columns = Columns("text", "label")
    uploads = (Upload(name, frame.drop(columns="text_b"), columns) for name, frame in
               (("s.csv", rows), ("r.csv", real), ("t.csv", test)))  # fmt: skip
    dataset = build_dataset(*uploads)
    return examined(projects.create_project(dataset, "Shop"), dataset)


def flaw_of(project, name):
    return next(flaw for flaw in load_flaws(project) if flaw.name == name)


# --- strip


def test_stripping_makes_another_project_and_leaves_the_first_as_it_was(project):
    before = {path: path.read_bytes() for path in project.folder.glob("*") if path.is_file()}
    made = stripped(project, flaw_of(project, "label_leak"))
    assert {path: path.read_bytes() for path in project.folder.glob("*") if path.is_file()} == before
    assert projects.load_dataset(made).synthetic["text"].tolist()[:3] == [
        "It is late.",
        "(Refund)",
        "Where is my lamp?",
    ]
    assert made.counts == project.counts and made.name == "Shop without label in the text"


def test_rows_of_which_nothing_is_left_or_that_repeat_a_test_row_are_excluded_with_the_reason(project):
    made = stripped(project, flaw_of(project, "label_leak"))
    dataset = projects.load_dataset(made)
    assert np.flatnonzero(~curation.load_curation(made).kept).tolist() == [1, 3]
    assert [line.reason for line in curation.history(made)] == [
        "Nothing was left of the text, or it repeated a test row"
    ]
    test = dataset.real[dataset.real["split"] == "test"]
    assert not pair_keys(dataset.synthetic).isin(set(pair_keys(test))).any()


def test_the_two_projects_know_each_other(project):
    made = stripped(project, flaw_of(project, "label_leak"))
    assert [each.id for each in made_from_here(project)] == [made.id]
    assert load_project(made.id).after == project.id
    assert made_from_words(made) == "label in the text in 2 rows"
    assert made_from_words(project) == ""
    assert stripped(project, flaw_of(project, "label_leak")).id == made.id


def test_edits_settings_and_selections_are_taken_over(project):
    n = project.counts["synthetic"]
    curation.exclude(project, np.array([7]), reason="odd")
    slug = selections.save_selection(project, "mine", np.array([4, 5]), n)
    named_settings.keep_settings(project, "sharp", WeightSettings(alpha=2))
    project_settings.save_settings(project, WeightSettings(alpha=3))
    made = stripped(project, flaw_of(project, "label_leak"))
    assert np.flatnonzero(~curation.load_curation(made).kept).tolist() == [1, 3, 7]
    assert selections.load_selection(made, slug).rows.tolist() == [4, 5]
    assert [each.name for each in named_settings.list_settings(made)] == ["sharp"]
    assert project_settings.load_settings(made) == WeightSettings(alpha=3)


def test_both_ends_of_a_text_are_cut_where_quotation_marks_stand(workspace):
    rows, real = clean(), clean(first=1, repeat=4)
    rows.loc[:2, "text"] = ['"It is late now."', "1. Torn again.", "- Gone for good."]
    dataset = build_dataset(*(Upload("f.csv", frame.drop(columns="text_b"), Columns("text", "label"))
                              for frame in (rows, real)))  # fmt: skip
    made = stripped(flawed := examined(projects.create_project(dataset, "Shop"), dataset), flaw_of(flawed, "marks"))
    found = projects.load_dataset(made).synthetic["text"].tolist()[:3]
    assert found == ["It is late now.", "Torn again.", "Gone for good."]


def test_what_cannot_be_stripped_is_refused_with_what_to_do(project):
    leak = flaw_of(project, "label_leak")
    assert can_strip(leak) and not can_strip(replace(leak, name="near_copy"))
    with pytest.raises(DataError, match="Exclude its rows, or keep them"):
        stripped(project, replace(leak, name="near_copy"))
    only = replace(leak, rows=np.array([1]), spans=leak.spans[leak.spans[:, 0] == 1])
    with pytest.raises(DataError, match="Nothing would be left"):
        stripped(project, only)


# --- keep


def test_kept_findings_no_longer_count_until_they_have_other_rows(project):
    flaws = load_flaws(project)
    edits = curation.load_curation(project)
    assert standing.to_look_at(standing.standings(project, flaws, edits)) == 1
    leak = flaw_of(project, "label_leak")
    standing.keep(project, leak)
    assert standing.standings(project, flaws, edits)["label_leak"] == standing.KEPT
    grown = replace(leak, rows=np.append(leak.rows, 9))
    assert standing.standings(project, [grown], edits)["label_leak"] == standing.OPEN
    standing.look_again(project, "label_leak")
    assert standing.standings(project, flaws, edits)["label_leak"] == standing.OPEN
    with pytest.raises(NotFoundError, match="There is no finding"):
        standing.look_again(project, "../x")


@pytest.mark.parametrize("damage", ["{", "[]", '{"kept": 3}', '{"kept": {"../x": 1}}', '{"kept": {"label_leak": "a"}}'])
def test_damaged_notes_break_nothing(project, damage):
    (project.folder / "flaws.json").write_text(damage)
    found = standing.standings(project, load_flaws(project), curation.load_curation(project))
    assert set(found.values()) == {standing.OPEN}


def test_findings_of_a_project_that_is_not_examined_say_what_to_do(workspace):
    with pytest.raises(NotFoundError, match="synweight prepare"):
        load_flaws(projects.demo_project())


# --- the command


def command(*words):
    return CliRunner().invoke(cli.main, ["findings", *words])


def test_command_lists_what_was_found_as_words_and_as_json(project):
    said = command(project.id).output
    assert "4 rows" in said and "Label in the text (warning; strip; to look at)" in said and "1 to look at." in said
    found = {each["name"]: each for each in json.loads(command(project.id, "--json").output)["findings"]}
    assert found["label_leak"]["rows"] == 4
    assert found["label_leak"]["examples"][0] == {"row": 0, "part": "(Delivery)", "note": ""}


def test_command_excludes_keeps_and_strips(project):
    said = command(project.id, "--exclude", "label_leak").output
    assert "(warning; strip; excluded)" in said and "0 to look at." in said
    curation.undo(project)
    assert "kept)" in command(project.id, "--keep", "label_leak").output
    said = command(project.id, "--strip", "label_leak").output
    (made,) = made_from_here(project)
    assert said.startswith(f"Project {made.id}: {project.id} without label in the text in 2 rows.")


def test_command_refuses_what_was_not_found(project):
    done = command(project.id, "--exclude", "language")
    assert done.exit_code == 1 and "'language' was not found in this project. Found: label_leak" in done.output


# --- the page


def page(project):
    return app("data", project=project.id)


def test_page_lists_each_finding_with_its_count_and_examples_as_plain_text(project):
    test = page(project)
    assert not test.exception
    labels = [expander.label for expander in test.expander]
    assert any(label.startswith("Label in the text · 4 rows, ") and label.endswith("· to look at") for label in labels)
    (table,) = [
        each.value for each in test.dataframe if "what" in each.value.columns and "(Delivery)" in [*each.value["what"]]
    ]
    assert table["text"].tolist()[0] == LEAKED[0]


def test_page_excludes_and_takes_it_back(project):
    test = page(project)
    test.button(key=f"exclude:label_leak:{project.id}").click().run()
    assert np.flatnonzero(~curation.load_curation(project).kept).tolist() == [0, 1, 2, 3]
    assert any(expander.label.endswith("· excluded") for expander in test.expander)
    assert "Excluded 4 rows" in texts(test)
    test.button(key=f"undo_flaw:{project.id}").click().run()
    assert curation.load_curation(project).kept.all()
    assert not any(expander.label.endswith("· excluded") for expander in test.expander)


def test_page_keeps_a_finding_and_looks_at_it_again(project):
    test = page(project)
    test.button(key=f"keep:label_leak:{project.id}").click().run()
    assert any(label.endswith("· kept") for label in (expander.label for expander in test.expander))
    again = page(project)
    again.button(key=f"again:label_leak:{project.id}").click().run()
    assert not any(expander.label.endswith("· kept") for expander in again.expander)


def test_page_strips_into_a_project_that_links_back(project, monkeypatch):
    monkeypatch.setattr("synweight_core.runs.start", lambda *args, **options: None)
    test = page(project)
    test.button(key=f"strip:label_leak:{project.id}").click().run()
    (made,) = made_from_here(project)
    assert not test.exception
    assert "made from another by taking out: label in the text in 2 rows" in texts(test)
    test.button(key=f"other:{project.id}").click().run()
    assert test.session_state["project"] == project.id
    assert f"other:{made.id}" in [button.key for button in test.button]


def test_page_leads_to_the_rows_on_the_map(project):
    test = page(project)
    test.button(key=f"map:label_leak:{project.id}").click().run()
    (kept,) = selections.list_selections(project)
    assert (kept.name, kept.rows.tolist()) == ("Finding: Label in the text", [0, 1, 2, 3])
    assert test.session_state[f"view:{project.id}"].selected.tolist() == [0, 1, 2, 3]


def test_page_of_a_project_that_is_not_examined_offers_to_do_so(workspace):
    test = page(projects.demo_project())
    assert not test.exception
    assert any(button.label == "Prepare map and weights" for button in test.button)


def test_page_with_a_damaged_log_says_so_and_still_offers_new_projects(project):
    (project.folder / "edits.jsonl").write_text('{"kind": "odd"}\n')
    test = page(project)
    assert not test.exception
    assert "edits.jsonl" in texts(test)


@pytest.mark.long
def test_preparation_of_the_demo_finds_what_was_planted(demo):
    prepare(demo, lambda event: None)
    assert has_findings(demo)
    found = {flaw.name: set(flaw.rows.tolist()) for flaw in load_flaws(demo)}
    planted = projects.load_dataset(demo).synthetic["upload:planted"]
    boilerplate = set(np.flatnonzero(planted == "boilerplate").tolist())
    assert found["talk"] | found["list"] == boilerplate
