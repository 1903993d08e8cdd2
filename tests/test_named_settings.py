"""Claims about weight settings that are kept under a name."""

import json
from dataclasses import asdict, dataclass

import pytest

from synweight_core import named_settings, project_settings, projects, storage
from synweight_core.errors import DataError, NotFoundError
from synweight_core.weighting import WeightSettings

SETTINGS = WeightSettings(alpha=0.5, beta=-1, min_weight=0.1, max_weight=4)


@pytest.fixture
def project():
    """A project by its facts only: settings need no rows."""
    made = projects.Project("shop-1", "Shop", 0.0, "hash", ("a", "b"), {}, (), {})
    storage.write_json(made.folder / "project.json", asdict(made))
    return made


def stored(project, slug):
    return project.folder / "settings" / f"{slug}.json"


@pytest.mark.parametrize("name", ["Careful", "日本", "../x", "x" * 80, "<b>", "a\x00b"])
def test_settings_of_any_name_come_back_whole(project, name):
    slug = named_settings.keep_settings(project, name, SETTINGS)
    found = named_settings.load_named_settings(project, slug)
    assert (found.slug, found.name, found.settings) == (slug, name, SETTINGS)
    assert [path.name for path in (project.folder / "settings").iterdir()] == [f"{slug}.json"]


def test_names_that_look_alike_in_a_slug_stay_apart(project):
    for number, name in enumerate(["a b", "a-b", "A b", "日", "本"]):
        named_settings.keep_settings(project, name, WeightSettings(alpha=number))
    found = {each.name: each.settings.alpha for each in named_settings.list_settings(project)}
    assert found == {"a b": 0, "a-b": 1, "A b": 2, "日": 3, "本": 4}


def test_same_name_is_replaced_and_becomes_the_newest(project, monkeypatch):
    for second, (name, alpha) in enumerate([("a", 1), ("b", 2), (" a ", 3)]):
        monkeypatch.setattr(named_settings.time, "time", lambda second=second: second)
        named_settings.keep_settings(project, name, WeightSettings(alpha=alpha))
    found = [(each.name, each.created, each.settings.alpha) for each in named_settings.list_settings(project)]
    assert found == [("a", 2, 3), ("b", 1, 2)]


@pytest.mark.parametrize(
    ("name", "message"), [(" ", "name of the settings has 0 char"), ("x" * 81, "has 81"), ("\ud800", "half a")]
)
def test_names_that_nobody_could_read_are_refused(project, name, message):
    with pytest.raises(DataError, match=message):
        named_settings.keep_settings(project, name, SETTINGS)
    assert named_settings.list_settings(project) == []


def test_settings_in_use_are_not_touched(project):
    project_settings.save_settings(project, SETTINGS)
    named_settings.keep_settings(project, "other", WeightSettings())
    assert project_settings.load_settings(project) == SETTINGS


def test_field_that_weight_settings_get_later_is_kept_and_has_its_default_in_older_files(project, monkeypatch):
    @dataclass(frozen=True)
    class Later(WeightSettings):
        relevance: float = 0.0

    old = named_settings.keep_settings(project, "old", SETTINGS)
    monkeypatch.setattr(named_settings, "WeightSettings", Later)
    new = named_settings.keep_settings(project, "new", Later(relevance=2))
    assert named_settings.load_named_settings(project, new).settings == Later(relevance=2)
    assert named_settings.load_named_settings(project, old).settings == Later(0.5, -1, 0.1, 4, relevance=0)


def test_fields_of_another_version_are_refused_by_name_and_left_out_of_lists(project):
    slug = named_settings.keep_settings(project, "new", SETTINGS)
    content = json.loads(stored(project, slug).read_text())
    content["settings"] |= {"gamma": 1, "delta": 2}
    stored(project, slug).write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"by another version of the app: this one does not know delta, gamma\. Update"):
        named_settings.load_named_settings(project, slug)
    assert named_settings.list_settings(project) == []


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b'{"name": "a"', b"\xff", b'{"name": "a", "created": 1}',
        b'{"name": "a", "created": 1, "settings": [1]}', b'{"name": "a", "created": "x", "settings": {}}',
        b'{"name": "a", "created": 1, "settings": {"alpha": "x"}}',
        b'{"name": "a", "created": 1, "settings": {"alpha": NaN}}',
        b'{"name": "a", "created": 1, "settings": {"min_weight": 2}}',
        b'{"name": "a", "created": 1, "settings": {"alpha": 1' + b"0" * 400 + b"}}",
        b'{"name": "a", "created": 1' + b"0" * 400 + b', "settings": {}}',
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)  # fmt: skip
def test_damaged_file_is_left_out_of_lists_and_refused(project, content):
    good = named_settings.keep_settings(project, "good", SETTINGS)
    bad = named_settings.keep_settings(project, "bad", SETTINGS)
    stored(project, bad).write_bytes(content)
    assert [each.slug for each in named_settings.list_settings(project)] == [good]
    with pytest.raises(DataError, match=f"The file of the settings '{bad}' is damaged: expected a name, a time and"):
        named_settings.load_named_settings(project, bad)


@pytest.mark.parametrize("slug", ["../x", "..", "/etc/passwd", "a.json", "", "A", "a\x00"])
def test_slugs_that_could_leave_the_folder_are_refused(project, slug):
    for function in (named_settings.load_named_settings, named_settings.delete_settings):
        with pytest.raises(NotFoundError, match="This id is not valid"):
            function(project, slug)


def test_deleted_settings_are_gone_and_may_be_deleted_again(project):
    slug = named_settings.keep_settings(project, "a", SETTINGS)
    for _ in range(2):
        named_settings.delete_settings(project, slug)
    assert named_settings.list_settings(project) == []
    with pytest.raises(NotFoundError, match=f"There are no settings '{slug}' in this project"):
        named_settings.load_named_settings(project, slug)
