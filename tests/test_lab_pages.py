"""The tabs of the Weights page: each says something on the demo, and what to do where there is nothing to say."""

from dataclasses import replace

import numpy as np
import pytest
from test_pages import app, press, texts

from synweight_core import curation, ledger, map_view, named_settings, project_settings, projects
from synweight_core.presets import DEFAULT, settings_words
from synweight_core.weighting import WeightSettings


def lab(demo, tab):
    test = app("weights", project=demo.id)
    test.session_state[f"lab:{demo.id}"] = tab
    return test.run()


def nan_shown(test):
    return [metric.value for metric in test.metric if "nan" in metric.value.lower()]


def test_forecast_beats_ce_on_the_demo_and_is_kept(demo):
    test = lab(demo, "Forecast")
    assert not test.exception
    assert "Forecast to beat CE on synthetic rows by" in texts(test)
    kept = ledger.ledger(demo)
    assert len(kept) == 1 and 0.5 < kept["forecast"][0] < 1
    assert test.metric[0].value == f"{100 * kept['forecast'][0]:.1f} %"


def test_ledger_says_that_no_run_has_ended_yet(demo):
    lab(demo, "Forecast")
    assert "No forecast has met its run yet." in texts(lab(demo, "Ledger"))


def test_alignment_names_what_can_be_told_from_real_rows(demo):
    said = texts(lab(demo, "Alignment"))
    assert "can be told from the real ones" in said and "AUC of 0." in said


def test_checker_trust_says_how_far_the_weights_can_be_trusted(demo):
    assert "The quality checker is right on" in lab(demo, "Checker trust").success[0].value


@pytest.mark.parametrize("tab", ["Meters", "Forecast", "Suggest", "Alignment", "What if", "Checker trust", "Ledger"])
@pytest.mark.parametrize("left", [0, 1, 1200])
def test_few_or_equal_weights_give_sentences_and_no_nan(demo, tab, left):
    if left < 1200:
        curation.exclude(demo, np.arange(left, 1200))
    project_settings.save_settings(demo, WeightSettings(alpha=0, beta=0))  # all weights equal
    test = lab(demo, tab)
    assert not test.exception and not nan_shown(test)


def test_no_row_left_says_what_to_do(demo):
    curation.exclude(demo, np.arange(1200))
    assert "Undo some edits" in texts(lab(demo, "Meters"))
    assert "Not enough data: alignment needs" in texts(lab(demo, "Alignment"))


def test_a_class_without_weight_is_named(demo):
    refunds = np.flatnonzero(projects.load_dataset(demo).synthetic["label"] == "refund")
    project_settings.save_settings(demo, WeightSettings())
    curation.set_factor(demo, refunds, factor=0.01)
    assert "Hardly any weight is left for: refund" in texts(lab(demo, "Meters"))


def select(demo, rows):
    view = map_view.load_view(demo, 1460)
    map_view.save_view(demo, view.select(np.asarray(rows), token="test"), 1460)


def test_what_if_without_a_selection_says_how_to_make_one(demo):
    assert "Nothing is selected." in texts(lab(demo, "What if"))


def test_what_if_forecasts_the_change_and_trains_both_as_a_pair(demo, monkeypatch):
    started = []
    monkeypatch.setattr("pages.widgets.what_if_panel.start_training", lambda project, config: started.append(config))
    select(demo, np.arange(200))
    test = lab(demo, "What if")
    test.button(key="forecast_change").click().run()
    assert "the rows as they are" in texts(test) and not test.exception
    test.button(key="train_both").click().run()
    one, other = started
    assert other.edits == 1 and one.edits == 0 and one.seed == other.seed
    assert not curation.load_curation(demo).kept[:200].any()
    assert "Two runs were started" in test.success[0].value


def test_rows_that_the_last_move_changed_are_shown_with_both_weights(demo):
    test = app("weights", project=demo.id)
    test.session_state[f"rows:{demo.id}"] = "Rows that the last move changed"
    test.run()
    assert "Move a control" in texts(test)
    test.slider(key=f"alpha:{demo.id}").set_value(3.0).run()
    table = next(frame.value for frame in test.dataframe if "before" in frame.value)
    factors = np.log(table["weight"].clip(lower=0.01) / table["before"].clip(lower=0.01)).abs()
    assert len(table) == 50 and factors.is_monotonic_decreasing and factors.min() > 0
    assert f"Before: {settings_words(DEFAULT)}. Now: {settings_words(replace(DEFAULT, alpha=3))}." in texts(test)


def test_kept_settings_are_started_as_a_run(demo, monkeypatch):
    started = []
    monkeypatch.setattr(
        "pages.widgets.settings_panel.start_training", lambda project, config: started.append(config)
    )  # fmt: skip
    named_settings.keep_settings(demo, "Strict", WeightSettings(alpha=2, drop_share=0.2))
    test = app("weights", project=demo.id)
    press(test, "Train")
    (config,) = started
    assert (config.loss, config.weight_settings) == ("tuned", WeightSettings(alpha=2, drop_share=0.2))
    assert "A run with the settings Strict was started" in test.success[0].value
    assert project_settings.load_settings(demo) == DEFAULT
