"""Searches over a project's rows, in the order of the map."""

import numpy as np
import pytest

from synweight_core import project_search, projects, search
from synweight_core.prepare import load_positions
from synweight_core.projects import load_dataset
from synweight_core.search import RegexHits


def test_texts_are_those_of_the_map_in_its_order(demo):
    from synweight_core.map_rows import map_rows
    from synweight_core.prepare import need_prepared

    dataset = load_dataset(demo)
    rows, texts = map_rows(dataset, need_prepared(demo)), project_search.map_texts(dataset)
    for name in ("text", "text_b", "label", "source"):
        assert rows[name].tolist() == texts[name].tolist()


@pytest.mark.parametrize("way", project_search.WAYS)
def test_every_way_finds_a_row_by_its_own_first_words(demo, way):
    text = load_dataset(demo).known_real["text"].iloc[3]
    query = text[:60] if way == "text" else "^" + search.regex.escape(text[:60]) if way == "regex" else text
    found = project_search.find_rows(demo, query, way=way)
    assert found.notice == ""
    assert found.rows.index[0] == 1203
    assert found.rows.loc[1203].tolist() == [load_dataset(demo).known_real["label"].iloc[3], "real", text]


def test_rows_close_in_meaning_are_those_of_the_vectors(demo):
    vectors = np.array(load_positions(demo))
    found = project_search.find_rows(demo, load_dataset(demo).synthetic["text"].iloc[5], way="similar")
    expected = np.sort(vectors @ vectors[5])[::-1][:50]
    assert len(found.rows) == 50
    assert (vectors @ vectors[5])[found.rows.index] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("stuck_row", "notice"),
    [
        (None, "Time ran out after 40 of 1,460 rows."),
        (40, "Time ran out after 40 of 1,460 rows. Row 40 took too long: simplify the expression."),
    ],
)
def test_pattern_that_ran_out_of_time_says_how_far_it_came(monkeypatch, stuck_row, notice):
    monkeypatch.setattr(search, "matching", lambda sides, query: RegexHits(np.array([2]), 40, True, stuck_row))
    found = project_search.find_rows(projects.demo_project(), "a", way="regex")
    assert (found.rows.index.tolist(), found.notice) == ([2], notice)


def test_both_texts_of_a_pair_are_searched_and_shown(tmp_path):
    for name, count in (("synthetic", 30), ("real", 60)):
        lines = [f"first {name} {i},second {name} {i},{'yes' if i % 2 else 'no'}" for i in range(count)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,text_b,label", *lines]))
    project = projects.project_from_files(tmp_path / "synthetic.csv", tmp_path / "real.csv", name="Pairs")
    assert project.is_pairs
    for way in ("text", "regex"):
        found = project_search.find_rows(project, "second synthetic 7", way=way).rows
        assert found["text"].to_dict() == {7: "first synthetic 7 | second synthetic 7"}
