"""Claims about edits: what they do to rows, weights and runs, that undo brings back every bit, and the log."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synweight_core import curation, project_settings, projects, storage, train_job
from synweight_core.clusters import ClusterLabels
from synweight_core.columns import Columns
from synweight_core.curated import curated_terms, curated_weights, edit_words, relabelled
from synweight_core.data import Upload, build_dataset
from synweight_core.errors import DataError
from synweight_core.export import weighted_rows
from synweight_core.launch import project_config
from synweight_core.losses import LOSSES
from synweight_core.map_rows import with_edits
from synweight_core.prepare import Prepared
from synweight_core.row_weights import RowWeights
from synweight_core.rowsets import pack
from synweight_core.train_config import TrainConfig
from synweight_core.weighting import WeightSettings, weights

N = 24
SETTINGS = WeightSettings(alpha=1, beta=0.5)
ROWS = pd.DataFrame({"text": [f"text {i}" for i in range(40)], "label": list("ab") * 20})


@pytest.fixture
def project():
    """24 synthetic rows with the labels a and b in turn, and 40 real ones."""
    columns = Columns("text", "label")
    synthetic = Upload("s.csv", ROWS[:N].assign(text="made up " + ROWS["text"]), columns)
    return projects.create_project(build_dataset(synthetic, Upload("r.csv", ROWS, columns)), "Shop")


@pytest.fixture
def prepared(project):
    """Made-up log-probabilities of both labels, of the synthetic and the known real rows."""
    dataset = projects.load_dataset(project)
    labels = np.concatenate([dataset.label_codes(dataset.synthetic), dataset.label_codes(dataset.known_real)])
    p = np.random.default_rng(0).uniform(0.05, 0.95, size=(2, len(labels)))
    quality, diversity = (np.log(np.stack([side, 1 - side], axis=1)) for side in p)
    return prepared_columns(N, quality, diversity, labels)


def prepared_columns(n, quality, diversity, labels):
    """`Prepared` with what weights need; the map's own columns are empty."""
    clusters = ClusterLabels(*np.zeros((4, 0)), [])
    return Prepared(
        n_synthetic=n, xy=np.zeros((len(labels), 2)), groups=np.arange(len(labels)), quality=quality,
        diversity=diversity, labels=labels, relevance=np.zeros(len(labels)), support=np.zeros(len(labels) - n),
        holes=(), clusters=clusters, facts={},
    )  # fmt: skip


def rows(*positions):
    return np.array(positions)


def log_lines(project):
    return storage.read_lines(project.folder / "edits.jsonl")[0]


# --- edits ----------------------------------------------------------------------------------


def test_project_that_nobody_edited_is_that_of_the_file(project):
    found = curation.load_curation(project)
    assert not found.edited and not found.can_undo and not found.can_redo and found.n_edits == 0
    assert found.labels.tolist() == [0, 1] * 12 and curation.log_size(project) == 0
    assert curation.history(project) == []


def test_each_edit_changes_its_rows_and_nothing_else(project):
    assert curation.relabel(project, rows(0, 2), label="b") == 2
    assert curation.exclude(project, rows(3)) == 1
    assert curation.set_factor(project, rows(3, 4), factor=0.5) == 2
    found = curation.load_curation(project)
    assert np.flatnonzero(found.relabelled).tolist() == [0, 2] and found.labels[[0, 2]].tolist() == [1, 1]
    assert np.flatnonzero(~found.kept).tolist() == [3]
    assert found.log_factor[[3, 4]].tolist() == [np.log(0.5)] * 2 and np.count_nonzero(found.log_factor) == 2
    assert edit_words(found)[:6].tolist() == ["relabelled", "", "relabelled", "excluded, factor 0.5", "factor 0.5", ""]


def test_later_edits_of_a_row_replace_earlier_ones(project):
    curation.set_factor(project, rows(0), factor=3)
    curation.set_factor(project, rows(0), factor=1)
    curation.exclude(project, rows(0))
    curation.include(project, rows(0))
    curation.relabel(project, rows(0), label="b")
    curation.relabel(project, rows(0), label="a")
    assert not curation.load_curation(project).edited


def test_nothing_in_the_upload_is_changed(project):
    before = (project.folder / "synthetic.parquet").read_bytes()
    curation.relabel(project, rows(0), label="b")
    curation.exclude(project, rows(1))
    assert (project.folder / "synthetic.parquet").read_bytes() == before
    assert projects.load_dataset(project).synthetic["label"].tolist() == list("ab") * 12


def test_log_line_says_when_what_and_why(project):
    curation.relabel(project, rows(1, 5), label="a", reason="plainly an order")
    (line,) = log_lines(project)
    assert line.pop("time") > 1.7e9
    assert line == {"kind": "relabel", "rows": pack(rows(1, 5), N), "value": "a", "reason": "plainly an order"}


def test_real_rows_are_left_out_of_an_edit(project):
    assert curation.exclude(project, rows(22, 23, 24, 30, -1)) == 2
    assert np.flatnonzero(~curation.load_curation(project).kept).tolist() == [22, 23]
    with pytest.raises(DataError, match=r"2 rows were chosen, and none of them is synthetic. Real rows are the yard"):
        curation.exclude(project, rows(24, 30))
    assert len(log_lines(project)) == 1


@pytest.mark.parametrize("factor", [0, -1, 100.5, np.inf, np.nan])
def test_factor_out_of_range_is_refused(project, factor):
    with pytest.raises(DataError, match=r"expected a number above 0 and at most 100. To switch rows off, exclude"):
        curation.set_factor(project, rows(0), factor=factor)


def test_unknown_label_and_long_reason_are_refused(project):
    with pytest.raises(DataError, match="Label 'z' is not one of this project: a, b"):
        curation.relabel(project, rows(0), label="z")
    with pytest.raises(DataError, match="The reason has 501 characters; expected at most 500"):
        curation.exclude(project, rows(0), reason="x" * 501)
    assert log_lines(project) == []


# --- undo and redo --------------------------------------------------------------------------


def test_undo_and_redo_walk_through_the_edits(project):
    curation.exclude(project, rows(0))
    curation.exclude(project, rows(1, 2))
    assert curation.undo(project) == 2
    found = curation.load_curation(project)
    assert np.flatnonzero(~found.kept).tolist() == [0] and found.can_undo and found.can_redo
    assert curation.redo(project) == 2
    assert np.flatnonzero(~curation.load_curation(project).kept).tolist() == [0, 1, 2]


def test_new_edit_after_an_undo_drops_what_could_be_redone(project):
    curation.exclude(project, rows(0))
    curation.undo(project)
    curation.exclude(project, rows(1))
    with pytest.raises(DataError, match="There is nothing to redo"):
        curation.redo(project)
    assert np.flatnonzero(~curation.load_curation(project).kept).tolist() == [1]


def test_nothing_to_undo_is_said_and_not_logged(project):
    with pytest.raises(DataError, match="There is nothing to undo"):
        curation.undo(project)
    assert log_lines(project) == []


def test_undo_from_two_pages_at_once_harms_nothing(project):
    curation.exclude(project, rows(0))
    curation.undo(project)
    storage.append_line(project.folder / "edits.jsonl", log_lines(project)[-1])
    assert not curation.load_curation(project).edited
    assert curation.redo(project) == 1 and curation.load_curation(project).edited


def test_history_tells_each_line_and_whether_it_is_in_force(project):
    curation.relabel(project, rows(0, 1), label="b", reason="why")
    curation.set_factor(project, rows(2), factor=0.5)
    curation.undo(project)
    found = [(line.number, line.words, line.rows, line.reason, line.in_force) for line in curation.history(project)]
    assert found == [
        (1, "relabelled as b", 2, "why", True), (2, "factor 0.5", 1, "", False), (3, "undo", 0, "", False),
    ]  # fmt: skip


EDIT = st.one_of(
    st.tuples(st.just("relabel"), st.sampled_from("ab")),
    st.tuples(st.just("factor"), st.sampled_from([0.5, 1.0, 3.0])),
    st.tuples(st.sampled_from(["exclude", "include"]), st.none()),
)
STEP = st.tuples(st.sampled_from(curation.STEPS), st.none())
POSITIONS = st.sets(st.integers(0, 3), min_size=1).map(lambda chosen: pack(np.array(sorted(chosen)), 4))
LINES = st.lists(st.tuples(EDIT | STEP, POSITIONS).map(lambda x: {"kind": x[0][0], "value": x[0][1], "rows": x[1]}))
ORIGINAL = np.array([0, 1, 0, 1])


def in_force(lines):
    """The edits that count, by walking a list with a pointer: not how the code does it."""
    edits, pointer = [], 0
    for line in lines:
        if line["kind"] == "undo":
            pointer = max(0, pointer - 1)
        elif line["kind"] == "redo":
            pointer = min(len(edits), pointer + 1)
        else:
            edits[pointer:] = [line]
            pointer += 1
    return edits[:pointer]


@given(LINES)
def test_any_edits_undos_and_redos_equal_the_edits_in_force(lines):
    found = curation.replay(lines, ORIGINAL, label_names="ab")
    expected = curation.replay(in_force(lines), ORIGINAL, label_names="ab")
    for column in ("labels", "kept", "log_factor"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    assert found.can_undo == bool(in_force(lines)) and found.n_edits == len(lines)


@given(LINES)
def test_undo_of_everything_brings_back_every_bit(lines):
    undos = [{"kind": "undo", "value": None, "rows": None}] * len(lines)
    found = curation.replay(lines + undos, ORIGINAL, label_names="ab")
    assert not found.edited and not found.can_undo
    log_p = np.log([[0.3, 0.7], [0.2, 0.8], [0.9, 0.1], [0.6, 0.4]])
    columns = prepared_columns(4, log_p, log_p[::-1], ORIGINAL)
    expected = weights(columns.log_quality, columns.log_reference, SETTINGS)
    assert curated_weights(columns, SETTINGS, found).tobytes() == expected.tobytes()


# --- the log --------------------------------------------------------------------------------


def test_first_lines_alone_give_the_state_of_that_moment(project):
    curation.exclude(project, rows(0))
    curation.exclude(project, rows(1))
    assert np.flatnonzero(~curation.load_curation(project, lines=1).kept).tolist() == [0]
    assert not curation.load_curation(project, lines=0).edited
    with pytest.raises(DataError, match=r"3 lines of edits\.jsonl were used, and only 2 are left"):
        curation.load_curation(project, lines=3)


GOOD = {"time": 1.0, "kind": "exclude", "rows": pack(rows(0), N), "value": None, "reason": ""}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "delete"}, {"kind": ["exclude"]}, {"rows": None}, {"rows": "junk"}, {"rows": pack(rows(24), 25)},
        {"kind": "relabel", "value": "z"}, {"kind": "factor", "value": "2"}, {"kind": "factor", "value": 0},
        {"time": "noon"}, {"time": 1e400}, {"reason": None}, {"value": 3}, {"kind": "undo"},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_line_is_named(project, change):
    (project.folder / "edits.jsonl").write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD | change) + "\n")
    for read in (curation.load_curation, curation.history):
        with pytest.raises(DataError, match=r"Line 2 of the edits in edits\.jsonl is damaged: expected one of relabel"):
            read(project)


# --- weights --------------------------------------------------------------------------------


def test_weights_without_edits_are_those_of_the_formula_to_the_last_bit(project, prepared):
    found = curated_weights(prepared, SETTINGS, curation.load_curation(project))
    assert found.tobytes() == weights(prepared.log_quality, prepared.log_reference, SETTINGS).tobytes()


def test_excluded_row_has_weight_zero_and_the_rest_are_scaled_without_it(project, prepared):
    curation.exclude(project, rows(0, 5))
    found = curated_weights(prepared, SETTINGS, curation.load_curation(project))
    assert found[[0, 5]].tolist() == [0, 0]
    kept = np.delete(np.arange(N), [0, 5])
    np.testing.assert_array_equal(
        found[kept], weights(prepared.log_quality[kept], prepared.log_reference[kept], SETTINGS)
    )


def test_relabelled_row_is_judged_by_its_new_label(project, prepared):
    curation.relabel(project, rows(0), label="b")
    state = curation.load_curation(project)
    columns = relabelled(prepared, state)
    assert (columns.log_quality[0], columns.log_reference[0]) == (prepared.quality[0, 1], prepared.diversity[0, 1])
    expected = weights(columns.log_quality, columns.log_reference, SETTINGS)
    np.testing.assert_array_equal(curated_weights(prepared, SETTINGS, state), expected)


def test_everything_excluded_weighs_nothing(project, prepared):
    curation.exclude(project, np.arange(N))
    assert not curated_weights(prepared, SETTINGS, curation.load_curation(project)).any()


def test_steps_of_each_kept_row_add_up_to_its_weight(project, prepared):
    curation.exclude(project, rows(1))
    curation.relabel(project, rows(2), label="b")
    curation.set_factor(project, rows(2, 3), factor=4)
    state = curation.load_curation(project)
    expected = curated_weights(prepared, SETTINGS, state)
    for row in (0, 2, 3):
        terms = dict(curated_terms(prepared, SETTINGS, state, row=row))
        assert np.exp(sum(terms.values())) == pytest.approx(expected[row])
        assert terms["your factor"] == pytest.approx(0 if row == 0 else np.log(4))
    assert curated_terms(prepared, SETTINGS, state, row=1) == []


def test_rows_of_the_map_show_the_new_label_and_what_the_checkers_say_of_it(project, prepared):
    curation.relabel(project, rows(0), label="b")
    state = curation.load_curation(project)
    columns = relabelled(prepared, state)
    labels = np.array(["a", "b"])[prepared.labels]
    frame = pd.DataFrame(
        {"label": labels, "prediction": "b", "agreement": np.where(labels == "b", "same", "different")}
    )
    found = with_edits(frame, columns, project.labels, edit_words(state))
    assert found["edit"][:2].tolist() == ["relabelled", ""] and found["edit"].iloc[-1] == ""
    assert found.loc[0, ["label", "agreement"]].tolist() == ["b", "same"]
    assert found["quality"][0] == np.exp(prepared.quality[0, 1])
    assert found["label"][1:].tolist() == labels[1:].tolist()


# --- training -------------------------------------------------------------------------------


def test_run_trains_on_the_rows_as_they_were_when_it_was_started(project, prepared):
    curation.exclude(project, rows(0))
    curation.relabel(project, rows(1), label="a")
    curation.set_factor(project, rows(2), factor=2)
    config = project_config(project, loss="imp")
    curation.exclude(project, rows(5))
    assert config.edits == 3
    data = train_job.training_data(project, projects.load_dataset(project), prepared, config)
    assert list(data.train.texts) == [f"made up text {i}" for i in range(1, N)]
    assert data.train.labels[:3].tolist() == [0, 0, 1]
    assert data.log_quality[0] == prepared.quality[1, 0] and data.log_reference[0] == prepared.diversity[1, 0]
    assert data.log_prior[:3].tolist() == [0, np.log(2), 0]


def test_edits_play_no_part_for_real_rows_and_when_all_are_undone(project, prepared):
    curation.exclude(project, rows(0))
    config = project_config(project, train_on="real")
    assert config.edits == 0
    data = train_job.training_data(project, projects.load_dataset(project), prepared, config)
    assert data.log_prior is None and not [text for text in data.train.texts if text.startswith("made up")]
    curation.undo(project)
    assert project_config(project).edits == 0


@pytest.mark.parametrize(("real_mass", "visits"), [(0.0, 0), (0.01, 1), (0.4, 2), (0.9, 3)])
def test_real_rows_join_as_often_as_their_mass_asks_for(project, prepared, real_mass, visits):
    project_settings.save_settings(project, WeightSettings(real_mass=real_mass))
    dataset, config = projects.load_dataset(project), project_config(project, loss="tuned")
    real = dataset.real[dataset.real["split"] == "train"][: N // 3]
    fewer = replace(dataset, real=pd.concat([real, dataset.real[dataset.real["split"] != "train"]]))
    data = train_job.training_data(project, fewer, prepared, config)
    assert [*data.train.texts[N:]] == [*real["text"]] * visits and data.n_real == visits * len(real)
    assert data.train.labels[N:].tolist() == dataset.label_codes(real).tolist() * visits


@pytest.mark.parametrize(("excluded", "left"), [(np.arange(5), 19), (np.arange(0, N, 2), 12)])
def test_too_few_rows_after_exclusion_are_refused(project, prepared, excluded, left):
    curation.exclude(project, excluded)
    config = project_config(project)
    with pytest.raises(DataError, match=rf"^{left} synthetic rows with \d labels are left after your edits .* Undo"):
        train_job.training_data(project, projects.load_dataset(project), prepared, config)


def test_one_label_left_is_refused(project, prepared):
    curation.relabel(project, np.arange(N), label="a")
    with pytest.raises(DataError, match="24 synthetic rows with 1 labels are left"):
        train_job.training_data(project, projects.load_dataset(project), prepared, project_config(project))


def test_weights_that_a_run_keeps_stand_in_the_order_of_all_rows(project, prepared, tmp_path, monkeypatch):
    curation.exclude(project, rows(1, 3))
    config = project_config(project, loss="ce")
    nothing = SimpleNamespace(save_pretrained=lambda folder: folder.mkdir(exist_ok=True))
    trained = np.arange(1.0, N - 1)
    monkeypatch.setattr(train_job, "need_prepared", lambda project: prepared)
    result = SimpleNamespace(model=nothing, tokenizer=nothing, row_weights=trained, test_log_probs=None, figures={})
    monkeypatch.setattr(train_job, "train", lambda config, data, report, **places: result)
    train_job.run_training(tmp_path, {"project": project.id, "settings": asdict(config)}, print)
    with np.load(tmp_path / "outputs.npz") as stored:
        assert stored["row_weights"].tolist() == [1, 0, 2, 0, *range(3, N - 1)]


def test_settings_of_a_run_from_before_there_were_edits_still_load():
    settings = asdict(TrainConfig())
    del settings["edits"]
    assert TrainConfig(**settings) == replace(TrainConfig(), edits=0)


# --- export ---------------------------------------------------------------------------------


def test_export_without_edits_is_that_of_the_upload(project, prepared):
    dataset = projects.load_dataset(project)
    found = weighted_rows(dataset, prepared, np.ones(N), curation=curation.load_curation(project))
    pd.testing.assert_frame_equal(found, weighted_rows(dataset, prepared, np.ones(N)))
    assert (found["edit"] == "").all() and (found["label"] == found["label_in_file"]).all()


def test_export_says_what_was_edited_and_keeps_excluded_rows(project, prepared):
    curation.relabel(project, rows(0, 1), label="b")
    curation.exclude(project, rows(0, 2))
    curation.set_factor(project, rows(0), factor=0.3)
    state = curation.load_curation(project)
    row_weights = curated_weights(prepared, SETTINGS, state)
    found = weighted_rows(projects.load_dataset(project), prepared, row_weights, curation=state)
    assert found["label"][:4].tolist() == ["b", "b", "a", "b"]
    assert found["label_in_file"].tolist() == list("ab") * 12
    assert found["edit"][:4].tolist() == ["excluded, relabelled, factor 0.3", "", "excluded", ""]
    assert found["weight"][[0, 2]].tolist() == [0, 0] and len(found) == N
    assert found["quality"][0] == np.exp(prepared.quality[0, 1])


# --- runs of every loss ---------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["placebo", "placebo_within"])
def test_placebo_leaves_out_as_many_rows_as_the_filter_but_others_and_gives_the_rest_the_same_weights(
    project, prepared, loss
):
    curation.exclude(project, rows(1))
    project_settings.save_settings(project, WeightSettings(alpha=1, beta=0.5, drop_share=0.3, balance="uniform"))
    tuned, placebo, other = (
        train_job.taking_part(prepared, config, curation.load_curation(project, lines=config.edits))
        for config in (
            project_config(project, loss=name, seed=seed) for name, seed in (("tuned", 0), (loss, 0), (loss, 1))
        )
    )
    kept, weights = placebo
    assert kept.sum() == tuned[0].sum() and not kept[1]
    assert kept.tolist() != tuned[0].tolist() and kept.tolist() != other[0].tolist()
    settings = project_settings.load_settings(project)
    honest = curated_weights(prepared, settings, curation.load_curation(project))[tuned[0]]
    np.testing.assert_allclose(sorted(weights), sorted(honest))
    labels = prepared.labels[:N]
    same_classes = np.bincount(labels[kept]).tolist() == np.bincount(labels[tuned[0]]).tolist()
    assert loss == "placebo" or same_classes


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_of_any_loss_has_weights_of_mean_1_for_the_rows_that_it_trains_on(project, prepared, loss):
    project_settings.save_settings(project, WeightSettings(alpha=1, beta=1, relevance=0.5, drop_share=0.15))
    config = project_config(project, loss=loss)
    data = train_job.training_data(project, projects.load_dataset(project), prepared, config)
    weighted = RowWeights(config, data)
    if weighted.is_fixed:
        assert weighted.latest.shape == (len(data.train.texts),) and weighted.latest.mean() == pytest.approx(1)
    assert (data.quality is not None) == (loss == "soft")
    assert len(data.train.texts) == (21 if LOSSES[loss].alpha is None else N)
