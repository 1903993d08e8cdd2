"""The Runs page over finished runs whose predictions are known: verdict, pairs, sources, and a model that is asked."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from made_runs import scored_run
from test_pages import app, texts

from synweight_core import ledger, map_view, projects, runs, storage
from synweight_core.run_groups import scored_rows
from synweight_core.weighting import WeightSettings, loss_settings


def finished(project, *, accuracy, seed=0, **choices):
    """A run that is right about this share of the test rows, others for each seed."""
    test = scored_rows(project)
    random = np.random.default_rng([seed, len(runs.list_runs())])
    wrong = random.permutation(len(test.labels))[: round((1 - accuracy) * len(test.labels))]
    said = test.labels.copy()
    said[wrong] = (said[wrong] + 1) % len(test.names)
    return scored_run(project, said, test.labels, n_classes=len(test.names), seed=seed, **choices)


@pytest.fixture
def compared(demo):
    """Three seeds of CE, IMP and the real rows alone."""
    for seed in range(3):
        finished(demo, accuracy=0.7, seed=seed, loss="ce")
        finished(demo, accuracy=0.85, seed=seed, loss="imp")
        finished(demo, accuracy=0.6, seed=seed, train_on="real")
    return demo


def said(element):
    """What a message says, without the escapes that keep it plain."""
    return element.value.replace("\\", "")


def tab(project, name, **state):
    test = app("runs", project=project.id)
    test.session_state[f"runs_tab:{project.id}"] = name
    for key, value in state.items():
        test.session_state[key] = value
    return test.run()


def test_verdict_names_the_best_setting_and_shows_all_with_intervals(compared):
    test = tab(compared, "Verdict")
    assert not test.exception
    assert said(test.success[0]).startswith("IMP beats CE by 15.0 points of accuracy")
    table = next(frame.value for frame in test.dataframe if "calibration error" in frame.value)
    assert table["setting"].tolist() == ["IMP", "CE", "Real rows alone (baseline)"]
    assert table["mean"].tolist() == pytest.approx([85, 70, 60], abs=0.2)
    assert (table["low"] < table["mean"]).all() and (table["seeds"] == 3).all()


def test_real_rows_that_are_better_are_said_in_red(demo):
    for seed in range(3):
        finished(demo, accuracy=0.6, seed=seed, loss="ce")
        finished(demo, accuracy=0.62, seed=seed, loss="imp")
        finished(demo, accuracy=0.9, seed=seed, train_on="real")
    test = tab(demo, "Verdict")
    assert "do not use this synthetic set" in said(test.error[0])


def test_runs_that_cannot_be_compared_are_named(demo):
    run_id = finished(demo, accuracy=0.7)
    (runs.folder(run_id) / "outputs.npz").write_bytes(b"no npz")
    test = tab(demo, "Verdict")
    assert not test.exception
    assert "No finished run with test figures yet" in texts(test) and "is left out" in texts(test)


@pytest.mark.parametrize("part", ["Rows", "Classes", "Confusion", "Learning curves"])
def test_two_settings_are_shown_side_by_side(compared, part):
    test = tab(compared, "Two settings", **{f"pair:{compared.id}": part})
    assert not test.exception
    assert "IMP beats CE by 15.0 points" in said(test.success[0])
    assert "Of 3 pairs of runs A wins 3, ties 0 and loses 0." in texts(test)
    test.selectbox(key=f"compare_b:{compared.id}").set_value("Real rows alone (baseline)").run()
    assert not test.exception and "by 25.0 points" in said(test.success[0])


def test_rows_won_are_those_that_only_a_has_right(compared):
    test = tab(compared, "Two settings", **{f"pair:{compared.id}": "Rows"})
    won = test.dataframe[-2].value
    assert (won["a_says"] == won["label"]).any() and won["seeds"].is_monotonic_decreasing
    assert set(won["text"]) <= set(projects.load_dataset(compared).real["text"])


def test_test_rows_lead_to_the_closest_rows_of_the_map(compared, monkeypatch):
    from pages.widgets import loaded

    class Encoder:
        def answer(self, text, second=None):
            return np.eye(384, dtype=np.float32)[len(text) % 384]

    monkeypatch.setattr(loaded, "encoder", lambda name: Encoder())
    monkeypatch.setattr("streamlit.switch_page", lambda page, **rest: None)
    test = tab(compared, "Two settings", **{f"pair:{compared.id}": "Rows"})
    test.button(key="closest_won").click().run()
    assert not test.exception
    selected = map_view.load_view(compared, 1460).selected
    assert 5 <= len(selected) <= 100


def test_scoreboard_of_prompts_and_the_forecast_without_each(demo):
    test = tab(demo, "Runs")
    finished(demo, accuracy=0.7)
    test = tab(demo, "Sources")
    board = next(frame.value for frame in test.dataframe if "share_weight" in frame.value)
    assert board["share_weight"].sum() == pytest.approx(1) and len(board) >= 2
    test.button(key="left_out").click().run()
    assert not test.exception
    board = next(frame.value for frame in test.dataframe if "gain" in frame.value)
    assert board["gain"].notna().any() and (board["low"].dropna() <= board["high"].dropna()).all()


def test_two_models_are_asked_about_one_sentence(compared, monkeypatch):
    from pages.widgets import loaded

    for run in runs.list_runs():
        storage.write_json(run.folder / "model" / "config.json", {})

    class Model:
        def __init__(self, run_id):
            self.run_id = run_id

        def answer(self, text, second=None):
            return np.log([0.1, 0.1, 0.1, 0.1, 0.6])

    monkeypatch.setattr(loaded, "model", Model)
    test = tab(compared, "Try a sentence")
    test.text_area(key="try_text").set_value("<b>where</b> is my refund?")
    next(button for button in test.button if button.label == "Ask both").click().run()
    assert not test.exception
    one, other = test.dataframe[-2].value, test.dataframe[-1].value
    assert one["label"].iloc[0] == other["label"].iloc[0] == compared.labels[4]


def test_command_compares_in_words_and_in_json(compared):
    from click.testing import CliRunner

    from synweight_core.cli import main

    told = CliRunner().invoke(main, ["compare", compared.id])
    assert told.exit_code == 0 and "IMP beats CE by 15.0 points of accuracy" in told.output
    assert "Real rows alone (baseline)" in told.output
    found = json.loads(CliRunner().invoke(main, ["compare", compared.id, "--json"]).output)
    (recipe,) = found["recipes"]
    assert recipe["verdict"]["kind"] == "better" and len(recipe["settings"]) == 3


def test_command_without_runs_says_so(demo):
    from click.testing import CliRunner

    from synweight_core.cli import main

    assert CliRunner().invoke(main, ["compare", demo.id]).output == "No finished run with test figures yet.\n"


def test_forecasts_stand_beside_what_became_of_them(compared):
    for loss, mean in (("ce", 0.71), ("imp", 0.8)):
        told = {"settings": asdict(loss_settings(loss, WeightSettings())), "edits": 0, "metric": compared.metric}
        ledger.record(compared, told | {"method": "probe", "mean": mean, "low": mean - 0.02, "high": mean + 0.02})
    test = tab(compared, "Forecasts")
    assert not test.exception
    kept = next(frame.value for frame in test.dataframe if "outcome" in frame.value)
    assert kept["outcome"].tolist() == pytest.approx([70, 85], abs=0.2)
    assert kept["inside"].tolist() == [True, False]
    marks = json.loads(test.get("plotly_chart")[0].proto.spec)["data"][1]
    assert marks["type"] == "scatter" and len(marks["text"]) == 2
