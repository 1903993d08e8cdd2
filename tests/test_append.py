"""More synthetic rows for a project: what stays, what moves with its rows, what is refused."""

import numpy as np
import pandas as pd
import pytest
from test_projects import TEXT_AND_LABEL, dataset

from synweight_core import (
    append,
    cache,
    curation,
    named_settings,
    prepare,
    project_settings,
    projects,
    selections,
    stages,
)
from synweight_core.columns import Columns
from synweight_core.data import Upload
from synweight_core.errors import DataError
from synweight_core.known_vectors import completed, known_vectors
from synweight_core.map_view import MapView, load_view, save_view
from synweight_core.weighting import WeightSettings

MORE = pd.DataFrame({"text": ["new one", "new two", ""], "label": ["a", "B", "a"], "mood": ["x", "y", "z"]})


def more(frame=MORE, columns=TEXT_AND_LABEL, name="more.csv"):
    return Upload(name, frame, columns)


@pytest.fixture
def project(workspace):
    return projects.create_project(dataset(), "Tweets", files={"synthetic": "s.csv", "real": "r.csv"})


def test_old_rows_come_first_and_real_rows_keep_their_split(project):
    old, new = (projects.load_dataset(each) for each in (project, append.append_rows(project, more())))
    n = len(old.synthetic)
    assert new.synthetic["text"].tolist()[:n] == old.synthetic["text"].tolist()
    assert new.synthetic["text"].tolist()[n:] == ["new one", "new two"]
    assert new.synthetic["label"].tolist()[n:] == ["a", "b"]
    assert new.synthetic["upload:mood"].tolist()[n - 1 :] == ["", "x", "y"]
    assert new.synthetic["upload:file"].tolist()[n - 1 :] == ["s.csv", "more.csv", "more.csv"]
    pd.testing.assert_frame_equal(new.real, old.real)
    assert new.dropped["reason"].tolist()[len(old.dropped) :] == ["empty text"]


def test_next_version_is_another_project_that_names_the_old_one(project):
    made = append.append_rows(project, more())
    assert (made.name, made.after, made.metric) == ("Tweets v2", project.id, project.metric)
    assert made.files == {"synthetic": "s.csv + more.csv", "real": "r.csv"}
    assert projects.load_project(project.id) == project
    assert made.counts["synthetic"] == project.counts["synthetic"] + 2


@pytest.mark.parametrize(
    ("name", "following"), [("T", "T v2"), ("T v2", "T v3"), ("v2", "v2 v2"), ("x" * 80, "x" * 77 + " v2")]
)
def test_names_are_counted_on(name, following):
    assert append.next_name(name) == following


def test_what_people_did_moves_with_its_rows(project):
    n = project.counts["synthetic"]
    n_map = n + project.counts["train"] + project.counts["validation"]
    project_settings.save_settings(project, WeightSettings(alpha=2))
    named_settings.keep_settings(project, "Strict", WeightSettings(alpha=3))
    selections.save_selection(project, "Some", np.array([1, n, n_map - 1]), n_map)
    curation.exclude(project, np.array([1, 5]))
    save_view(project, MapView(selected=np.array([2, n]), open_row=n + 1, colour="quality"), n_map)
    made = append.append_rows(project, more())
    assert project_settings.load_settings(made).alpha == 2
    assert [kept.name for kept in named_settings.list_settings(made)] == ["Strict"]
    (selection,) = selections.list_selections(made)
    assert (selection.rows.tolist(), selection.n) == ([1, n + 2, n_map + 1], n_map + 2)
    assert np.flatnonzero(~curation.load_curation(made).kept).tolist() == [1, 5]
    view = load_view(made, n_map + 2)
    assert (view.selected.tolist(), view.open_row, view.colour) == ([2, n + 2], n + 3, "quality")


def test_adding_the_same_rows_again_opens_the_same_project_with_its_edits(project):
    made = append.append_rows(project, more())
    curation.exclude(made, np.array([3]))
    assert append.append_rows(project, more()) == made
    assert np.flatnonzero(~curation.load_curation(made).kept).tolist() == [3]


def test_row_that_stands_in_the_test_rows_is_left_out(project):
    real = projects.load_dataset(project).real
    leak = real[real["split"] == "test"]["text"].iloc[0]
    made = append.append_rows(project, more(MORE.assign(text=["new one", leak.upper(), "new three"])))
    assert made.counts["synthetic"] == project.counts["synthetic"] + 2
    assert "stands in test" in projects.load_dataset(made).dropped["reason"].tolist()


def test_labels_that_the_project_has_not_are_left_out_renamed_or_refused(project):
    foreign = more(MORE.assign(label=["a", "zebra", "a"]))
    made = append.append_rows(project, foreign)
    assert made.counts["synthetic"] == project.counts["synthetic"] + 1
    renamed = append.append_rows(project, foreign, label_map={"zebra": "b"})
    assert renamed.counts["synthetic"] == project.counts["synthetic"] + 2
    with pytest.raises(DataError, match=r"1 rows have labels that the project has not: zebra\. It has: a, b"):
        append.append_rows(project, foreign, unjudged="block")
    assert renamed.labels == made.labels == project.labels


def test_rows_of_which_none_fits_are_refused(project):
    with pytest.raises(DataError, match=r"more\.csv: no row is left"):
        append.append_rows(project, more(MORE.assign(label="zebra")))


def test_pairs_do_not_go_to_single_texts(project):
    with pytest.raises(DataError, match=r"more\.csv has two texts a row, and the project one"):
        append.append_rows(project, more(columns=Columns("text", "label", text_b="mood")))


def test_file_name_is_the_generator_where_the_old_rows_have_one(workspace):
    with_generator = dataset(Columns("text", "label", generator="model"))
    made = append.append_rows(projects.create_project(with_generator, "One"), more())
    assert projects.load_dataset(made).synthetic["generator"].tolist()[-3:] == ["y", "more.csv", "more.csv"]


# --- vectors


def test_only_texts_that_are_not_known_are_computed():
    known = known_vectors(["a", "b", "a"], np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32))
    asked = []

    def compute(texts):
        asked.extend(texts)
        return np.full((len(texts), 2), 7, dtype=np.float32)

    assert completed(["b", "c", "a"], known, compute).tolist() == [[0, 1], [7, 7], [1, 0]]
    assert asked == ["c"]
    assert completed(["a", "b"], known, lambda texts: 1 / 0).tolist() == [[1, 0], [0, 1]]


def test_preparation_of_the_next_version_encodes_the_new_texts_alone(project, monkeypatch):
    from synweight_core import embedding

    asked = []

    def embed(texts, **options):
        asked.append([*texts])
        return np.full((len(texts), 3), len(asked), dtype=np.float32)

    monkeypatch.setattr(embedding, "embed", embed)
    vectors = {}
    for each in (project, append.append_rows(project, more())):
        rows = projects.load_dataset(each)
        vectors[each.id] = stages.vectors("minilm", rows, print, "cpu", known=prepare._known(each))["positions"]
        cache.cached("vectors", prepare.cache_key(each, "vectors"), lambda id=each.id: {"positions": vectors[id]})
    assert len(asked[0]) == 72 and asked[1] == ["new one", "new two"]
    assert vectors[each.id][:, 0].tolist() == [1] * 40 + [2, 2] + [1] * 32
