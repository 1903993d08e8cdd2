"""The recipe of a weighted data set, and the weights that it gives back."""

import hashlib
import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synweight_core import cache, curation, export, prepare, projects, recipe, storage
from synweight_core.columns import Columns
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import DataError, NotFoundError, SynweightError
from synweight_core.recipe_reading import parse, read_recipe
from synweight_core.reproduce import reproduce, reproduction_words
from synweight_core.rowsets import pack
from synweight_core.train_config import TrainConfig, run_config
from synweight_core.weighting import BALANCES, WeightSettings

N = 48
SETTINGS = WeightSettings(alpha=1, beta=0.5, relevance=0.2, max_weight=4)
WORDS = {"late": "parcel", "refund": "money"}
MANY_SETTINGS = [
    SETTINGS,
    WeightSettings(alpha=0, beta=0),
    WeightSettings(alpha=2, temperature=1.7, drop_share=0.25),
    *(WeightSettings(beta=0.3, balance=balance) for balance in BALANCES),
]


def texts(n, *, start):
    """n rows, the labels in turn; each text has the word of its label, or of another for every seventh row."""
    labels = [list(WORDS)[i % 2] for i in range(n)]
    words = [WORDS[labels[i - (i % 7 == 0)]] for i in range(n)]
    return pd.DataFrame({"text": [f"my {w} {start + i}" for i, w in enumerate(words)], "label": labels, "note": "=1"})


def fake_embed(rows, *, encoder, device, progress):
    """Unit vectors near an axis that the word of the text names, moved by its hash."""
    noise = [list(hashlib.sha256(text.encode()).digest()[:6]) for text in rows]
    vectors = np.array(noise, dtype=np.float32) / 128 - 1
    vectors[:, 0] += [4 if "parcel" in text else -4 for text in rows]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def embedding(monkeypatch):
    """No encoder: vectors are made by `fake_embed`."""
    monkeypatch.setitem(sys.modules, "synweight_core.embedding", SimpleNamespace(embed=fake_embed))


@pytest.fixture
def files(tmp_path):
    """The uploads."""
    return made_files(tmp_path)


def made_files(folder):
    for name, frame in (("synthetic", texts(N, start=0)), ("real", texts(60, start=500))):
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {name: folder / f"{name}.csv" for name in ("synthetic", "real")}


@pytest.fixture
def project(made_home, workspace):
    """A project whose columns are computed, in this test's own copy of the workspace."""
    shutil.copytree(made_home, workspace)
    return projects.list_projects()[0]


@pytest.fixture(scope="module")
def made_home(tmp_path_factory):
    """A workspace with a project whose columns are computed; all of its map is empty."""
    home = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNWEIGHT_HOME", str(home))
        patch.setitem(sys.modules, "synweight_core.embedding", SimpleNamespace(embed=fake_embed))
        _make_project(made_files(tmp_path_factory.mktemp("uploads")))
    return home


def _make_project(files):
    made = projects.project_from_files(files["synthetic"], files["real"], name="Shop")
    judged = prepare.judged(projects.load_dataset(made), made.encoder, report=lambda event: None)
    m = len(judged.labels) - N
    stages = {
        "graph": {"groups": judged.groups, "indices": np.zeros((N + m, 1), int), "distances": np.ones((N + m, 1))},
        "checkers": {name: getattr(judged, name) for name in ("quality", "diversity", "labels")},
        "relevance": {"relevance": judged.relevance},
        "support": {"ratio": np.ones(m), "hole_numbers": np.full(m, -1), "hole_words": np.zeros(0, np.str_)},
        "map": {"xy": np.arange(2.0 * (N + m)).reshape(-1, 2)},
        "clusters": judged.clusters.to_arrays(),
    }
    for stage, arrays in stages.items():
        cache.cached(stage, prepare.cache_key(made, stage), lambda arrays=arrays: arrays)


def edit(project):
    """Every kind of edit, one of them undone."""
    curation.relabel(project, np.array([0, 7]), label="late", reason="looked at it")
    curation.exclude(project, np.array([3]))
    curation.set_factor(project, np.array([4, 5]), factor=0.3)
    curation.exclude(project, np.array([9]))
    curation.undo(project)


def read_again(made):
    return parse(recipe.to_json(made))


@pytest.mark.parametrize("settings", MANY_SETTINGS)
def test_workspace_gives_back_the_same_bits(project, settings):
    edit(project)
    expected = export.project_weights(project.id, settings)["weight"].to_numpy()
    found = reproduce(read_again(recipe.project_recipe(project, settings)))
    assert found.weights.tobytes() == expected.tobytes()
    assert found.identical and reproduction_words(found) == "48 weights, identical to the last bit."
    assert found.weights[3] == 0
    assert settings.drop_share or found.weights[9] > 0


def test_recipe_outlives_later_edits(project):
    made = recipe.project_recipe(project, SETTINGS)
    edit(project)
    assert reproduce(made).identical


@pytest.mark.parametrize("settings", MANY_SETTINGS)
def test_exported_parquet_gives_back_the_weights(project, tmp_path, settings, monkeypatch):
    edit(project)
    (tmp_path / "w.parquet").write_bytes(export.to_parquet(export.project_weights(project.id, settings)))
    made = read_again(recipe.project_recipe(project, settings))
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    found = reproduce(made, exported=tmp_path / "w.parquet")
    assert found.max_difference <= 1e-6
    assert found.level == "file"


@pytest.mark.parametrize("stored", [False, True])
def test_texts_alone_give_the_weights_again(project, files, stored, tmp_path, monkeypatch):
    edit(project)
    made = read_again(recipe.project_recipe(project, SETTINGS))
    if stored:
        files = {part: tmp_path / f"kept-{part}.parquet" for part in files}
        for part, path in files.items():
            shutil.copyfile(project.folder / f"{part}.parquet", path)
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    stages = []
    found = reproduce(made, files=files, report=lambda event: stages.append(event["stage"]))
    assert {"vectors", "checkers", "relevance"} <= set(stages)
    assert found.level == "texts" and found.rank_correlation > 0.999
    assert {path.name for path in (storage.home() / "cache").glob("*")} <= {"tables"}  # as they were read


def test_rank_correlation_is_that_of_the_ranks(project, files, monkeypatch):
    made = recipe.project_recipe(project, SETTINGS)
    monkeypatch.setattr("synweight_core.reproduce.weights_of", lambda columns, settings: -(made.weights**3))
    found = reproduce(made, files=files)
    assert found.rank_correlation == pytest.approx(-1)
    assert reproduction_words(found).startswith("48 weights from the texts: rank correlation -1.0000, differences of")


def test_rank_correlation_of_weights_that_are_all_alike_cannot_be_told(project, files):
    made = recipe.project_recipe(project, WeightSettings(alpha=0, beta=0))
    found = reproduce(made, files=files)
    assert found.identical and np.isnan(found.rank_correlation)


def test_a_run_that_asks_no_checker_weighs_rows_that_were_not_judged_like_all_others(project):
    config = run_config(loss="ce", **{"max_weight": 4.0})
    made = recipe._recipe(project, config.weight_settings, weights=np.ones(N), edits=[], training=vars(config))
    assert reproduce(read_again(made)).identical


def test_weights_that_moved_in_training_are_not_made_up(project):
    config = TrainConfig(loss="dimp", beta=1.0)
    made = recipe._recipe(project, config.weight_settings, weights=np.ones(N), edits=[], training=vars(config))
    with pytest.raises(DataError, match="The loss DIMP moved these weights while the model trained"):
        reproduce(read_again(made))


def test_recipe_holds_no_text_of_the_data(project):
    edit(project)
    text = recipe.to_json(recipe.project_recipe(project, SETTINGS))
    assert "parcel" not in text and "money" not in text
    content = json.loads(text)
    assert [line["kind"] for line in content["edits"]] == ["relabel", "exclude", "factor"]
    assert content["columns"]["encoder"] == "minilm" and content["packages"]["numpy"] == np.__version__
    assert content["inputs"]["real"]["file_sha256"] == recipe.file_hash(project.folder / "real.parquet")


@pytest.mark.parametrize("part", recipe.PARTS)
def test_changed_stored_file_is_refused_by_its_name_and_hashes(project, part):
    made = recipe.project_recipe(project, SETTINGS)
    path = project.folder / f"{part}.parquet"
    rows = pd.read_parquet(path)
    rows.loc[0, "text"] = "other"
    rows.to_parquet(path)
    expected, found = made.inputs[part].file_sha256, recipe.file_hash(path)
    with pytest.raises(DataError, match=f"The file {part}.parquet of .* changed.* '{expected}', found '{found}'"):
        reproduce(made)


@pytest.mark.parametrize("part", recipe.PARTS)
@pytest.mark.parametrize("column", ["text", "label"])
def test_changed_upload_is_refused_by_its_name_and_hashes(project, files, part, column):
    made = recipe.project_recipe(project, SETTINGS)
    rows = pd.read_csv(files[part])
    rows.loc[1, column] = "late"  # it was a refund
    rows.to_csv(files[part], index=False)
    with pytest.raises(DataError, match=rf"The {part} rows in {part}.csv changed .*'[0-9a-f]{{64}}', found '[0-9a-f]"):
        reproduce(made, files=files)


def test_changed_weights_file_is_refused(project, tmp_path):
    rows = export.project_weights(project.id, SETTINGS)
    made = recipe.project_recipe(project, SETTINGS)
    (tmp_path / "w.parquet").write_bytes(export.to_parquet(rows.assign(weight=rows["weight"] * 2)))
    with pytest.raises(
        DataError, match=r"The weights in w.parquet changed since the recipe was made: expected SHA-256"
    ):
        reproduce(made, exported=tmp_path / "w.parquet")


def test_changed_log_probabilities_give_other_weights_and_are_refused(project, tmp_path):
    rows = export.project_weights(project.id, SETTINGS)
    made = recipe.project_recipe(project, SETTINGS)
    (tmp_path / "w.parquet").write_bytes(export.to_parquet(rows.assign(log_quality=rows["log_quality"] ** 2)))
    with pytest.raises(DataError, match="away from those of the recipe; expected differences of at most 1e-06"):
        reproduce(made, exported=tmp_path / "w.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text,label\na,b\n"])
def test_file_that_is_no_export_is_refused(project, tmp_path, content):
    (tmp_path / "w.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"w\.parquet is not a weights\.parquet with log-probabilities"):
        reproduce(recipe.project_recipe(project, SETTINGS), exported=tmp_path / "w.parquet")


def test_other_project_is_not_found(project, monkeypatch, tmp_path):
    made = recipe.project_recipe(project, SETTINGS)
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(NotFoundError, match="There is no project"):
        reproduce(made)


def test_encoder_of_a_recipe_is_loaded_only_when_it_is_named(project, files):
    content = with_section(recipe.to_json(recipe.project_recipe(project, SETTINGS)), "columns", encoder="evil/model")
    with pytest.raises(DataError, match="made with the encoder 'evil/model', which is not the built-in one"):
        reproduce(parse(content), files=files)
    assert reproduce(parse(content), files=files, encoder="minilm").rank_correlation > 0.999


# --- files of unknown origin ----------------------------------------------------------------


def with_section(text, section, **changes):
    """The recipe with other values in a section, and the hash that belongs to them."""
    content = json.loads(text)
    content[section] |= changes
    content["sha256"][section] = recipe.section_hash(content[section])
    return json.dumps(content)


def test_changed_setting_is_named_with_its_hashes(project):
    content = json.loads(recipe.to_json(recipe.project_recipe(project, SETTINGS)))
    content["settings"]["alpha"] = 2.0
    with pytest.raises(
        DataError, match=r"the weight settings \('settings'\) differ .*'[0-9a-f]{64}', found '[0-9a-f]{64}'"
    ):
        parse(json.dumps(content))


def test_changed_setting_with_its_own_hash_gives_other_weights_and_is_refused(project):
    made = parse(with_section(recipe.to_json(recipe.project_recipe(project, SETTINGS)), "settings", alpha=2.0))
    with pytest.raises(DataError, match="away from those of the recipe; expected identical weights"):
        reproduce(made)


def test_recipe_cut_anywhere_is_refused_with_a_plain_sentence(project, tmp_path):
    text = recipe.to_json(recipe.project_recipe(project, SETTINGS))
    for end in range(0, len(text) - 1, 97):
        (tmp_path / "recipe.json").write_text(text[:end], encoding="utf-8")
        with pytest.raises(DataError, match="cut off or is not JSON"):
            read_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize("section", ["settings", "edits", "inputs", "columns", "weights", "sha256", "training"])
def test_recipe_without_a_section_is_refused_by_its_name(project, section):
    content = json.loads(recipe.to_json(recipe.project_recipe(project, SETTINGS)))
    del content[section]
    with pytest.raises(DataError, match=f"The recipe lacks {section}"):
        parse(json.dumps(content))


HOSTILE = [
    None, True, -1, 10**400, 1e308, float("nan"), float("inf"), "", "../../etc/passwd", "\ud800", "x" * 20_000,
    "\x1b[2J", [], [None], {}, {"rows": "../x"},
]  # fmt: skip
PLACES = [
    ("project", "id"), ("project", "labels"), ("settings", "alpha"), ("settings", "balance"), ("settings", "evil\n"),
    ("settings", "max_weight"), ("inputs", "synthetic"), ("inputs", "real"), ("columns", "encoder"),
    ("columns", "checker"), ("columns", "seed"), ("columns", "keys"), ("columns", "real_shares"), ("weights", "rows"),
    ("weights", "sha256"), ("weights", "float64_zlib"),
]  # fmt: skip
HARMLESS = {("settings", "max_weight"): (True,), ("settings", "alpha"): (-1,)}


@pytest.mark.parametrize(("section", "name"), PLACES)
def test_hostile_value_is_refused_without_a_traceback(project, section, name):
    text = recipe.to_json(recipe.project_recipe(project, SETTINGS))
    for value in HOSTILE:
        if value in HARMLESS.get((section, name), ()) and value is not None:
            continue
        with pytest.raises(SynweightError) as caught:
            reproduce(parse(with_section(text, section, **{name: value})))
        message = str(caught.value)
        assert len(message) < 600 and message.isprintable(), value


@pytest.mark.parametrize("edits", [1, [1], [{}], [{"kind": "undo"}], {}, [{"kind": []}], "x"])
def test_hostile_edits_are_refused(project, edits):
    content = json.loads(recipe.to_json(recipe.project_recipe(project, SETTINGS)))
    content["edits"], content["sha256"]["edits"] = edits, recipe.section_hash(edits)
    with pytest.raises(DataError, match=r"no recipe has \(edit"):
        parse(json.dumps(content))


def test_edits_of_rows_that_are_not_there_are_refused(project):
    edit(project)
    content = json.loads(recipe.to_json(recipe.project_recipe(project, SETTINGS)))
    content["edits"][0]["rows"] = pack(np.array([999]), 1000)
    content["sha256"]["edits"] = recipe.section_hash(content["edits"])
    with pytest.raises(DataError, match="The edits of the recipe name rows that are not there"):
        reproduce(parse(json.dumps(content)))


@pytest.mark.parametrize("training", [1, [], {"loss": "nope"}, {"evil": 1}, {"loss": []}, {"alpha": 3.0}])
def test_hostile_run_settings_are_refused(project, training):
    content = json.loads(recipe.to_json(recipe.project_recipe(project, SETTINGS)))
    content["training"], content["sha256"]["training"] = training, recipe.section_hash(training)
    with pytest.raises(DataError, match="no recipe has"):
        parse(json.dumps(content))


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "1", "null", '{"format": "other"}', '{"format": []}'])
def test_text_that_is_no_recipe_is_refused(text):
    with pytest.raises(DataError):
        parse(text)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "recipe.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text in UTF-8"):
        read_recipe(tmp_path / "recipe.json")


def test_row_hash_tells_where_cells_end():
    columns = Columns("text", "label")
    rows = texts(60, start=0)

    def hashes(first, second):
        changed = rows.copy()
        changed.loc[[0, 1], "text"] = [first, second]
        made = build_dataset(Upload("s", changed, columns), Upload("r", texts(60, start=500), columns))
        return recipe.rows_hashes(made)["synthetic"]

    assert hashes("ab", "c") != hashes("a", "bc")


def test_row_hash_is_that_of_the_texts_however_they_are_held():
    rows = texts(60, start=0).assign(text_b="", row=np.arange(60))[10:30]
    names = ("text", "text_b", "label")
    found = {recipe._frame_hash(frame, names) for frame in (rows, rows.astype(object), rows.copy().reset_index())}
    assert len(found) == 1
    digest = hashlib.sha256(np.arange(10, 30).astype("<i8").tobytes())
    for name in names:
        digest.update(np.array([len(cell.encode()) for cell in rows[name]], dtype="<i8").tobytes())
        digest.update("".join(rows[name]).encode())
    assert found == {digest.hexdigest()}
