"""Claims about sets of map rows: how they combine, and how named ones are kept."""

import json

import numpy as np
import pytest

from synweight_core import projects, selections
from synweight_core.errors import DataError, NotFoundError

CURRENT, NEW = np.array([1, 2, 5]), np.array([2, 3])


@pytest.fixture
def project():
    """The demo, not prepared: selections need its folder only."""
    return projects.demo_project()


def stored(project, slug):
    return project.folder / "selections" / f"{slug}.json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("replace", [2, 3]), ("add", [1, 2, 3, 5]), ("subtract", [1, 5]), ("intersect", [2])],
)
def test_combinations_by_hand(name, expected):
    assert selections.COMBINE[name].apply(CURRENT, NEW).tolist() == expected


@pytest.mark.parametrize("name", selections.COMBINE)
def test_every_combination_gives_ascending_distinct_positions_and_takes_empty_sets(name):
    rng = np.random.default_rng(0)
    current, new = (np.unique(rng.integers(0, 99, 40)) for _ in range(2))
    nothing = np.array([], dtype=np.int64)
    for pair in ((current, new), (current, nothing), (nothing, new), (nothing, nothing)):
        combined = selections.COMBINE[name].apply(*pair)
        assert combined.dtype == np.int64
        assert (np.diff(combined) > 0).all()


@pytest.mark.parametrize("name", ["Rare", "日本", "../x", "a/b\\c", "x" * 80, "e\u0301", "‮abc", "<b>", "a\x00b", ".."])
def test_selection_of_any_name_comes_back_whole(project, name):
    slug = selections.save_selection(project, name, np.array([5, 0]), 1460)
    found = selections.load_selection(project, slug)
    assert (found.slug, found.name, found.n, found.rows.tolist()) == (slug, name, 1460, [0, 5])
    assert stored(project, slug).parent == project.folder / "selections" and stored(project, slug).exists()


def test_names_that_look_alike_in_a_slug_stay_apart(project):
    for number, name in enumerate(["a b", "a-b", "A b", "日", "本"]):
        selections.save_selection(project, name, np.array([number]), 10)
    assert {each.rows[0]: each.name for each in selections.list_selections(project)} == dict(
        enumerate(["a b", "a-b", "A b", "日", "本"])
    )


def test_same_name_is_replaced_and_becomes_the_newest(project, monkeypatch):
    for second, (name, row) in enumerate([("a", 1), ("b", 2), (" a ", 3)]):
        monkeypatch.setattr(selections.time, "time", lambda second=second: second)
        selections.save_selection(project, name, np.array([row]), 10)
    listed = selections.list_selections(project)
    assert [(each.name, each.created, each.rows.tolist()) for each in listed] == [("a", 2, [3]), ("b", 1, [2])]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "has 0 characters; expected 1 to 80"),
        (" \n", "has 0 char"),
        ("x" * 81, "has 81 char"),
        ("\ud800", "half a"),
    ],
)
def test_names_that_nobody_could_read_are_refused(project, name, message):
    with pytest.raises(DataError, match=message):
        selections.save_selection(project, name, np.array([0]), 1)
    assert selections.list_selections(project) == []


def test_positions_outside_are_refused_and_keep_the_old_selection(project):
    slug = selections.save_selection(project, "a", np.array([1]), 10)
    with pytest.raises(DataError, match="expected 0 to 9"):
        selections.save_selection(project, "a", np.array([10]), 10)
    assert selections.load_selection(project, slug).rows.tolist() == [1]


@pytest.mark.parametrize(
    "damage",
    [
        {"rows": "5:junk"}, {"rows": None}, {"rows": "9999999999:"}, {"created": "then"}, {"n": 2}, {"n": None},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_selection_is_skipped_and_not_found(project, damage):
    good = selections.save_selection(project, "good", np.array([1]), 10)
    bad = selections.save_selection(project, "bad", np.array([7]), 10)
    content = json.loads(stored(project, bad).read_text())
    stored(project, bad).write_text(json.dumps(content | damage))
    assert [each.slug for each in selections.list_selections(project)] == [good]
    with pytest.raises(NotFoundError, match=f"There is no selection '{bad}' in this project"):
        selections.load_selection(project, bad)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff", b'{"name": "a"'])
def test_file_that_is_no_selection_is_skipped(project, content):
    slug = selections.save_selection(project, "a", np.array([1]), 10)
    stored(project, slug).write_bytes(content)
    assert selections.list_selections(project) == []


@pytest.mark.parametrize("slug", ["../x", "..", "/etc/passwd", "a.json", "", "A", "a\x00"])
def test_slugs_that_could_leave_the_folder_are_refused(project, slug):
    for function in (selections.load_selection, selections.delete_selection):
        with pytest.raises(NotFoundError, match="This id is not valid"):
            function(project, slug)


def test_deleted_selection_is_gone_and_may_be_deleted_again(project):
    slug = selections.save_selection(project, "a", np.array([1]), 10)
    for _ in range(2):
        selections.delete_selection(project, slug)
    assert selections.list_selections(project) == []
    with pytest.raises(NotFoundError):
        selections.load_selection(project, slug)


def test_selection_of_half_a_million_of_a_million_rows_comes_back():
    project = projects.demo_project()
    rows = np.arange(0, 1_000_000, 2)
    slug = selections.save_selection(project, "even", rows, 1_000_000)
    assert np.array_equal(selections.load_selection(project, slug).rows, rows)
