"""Suggested settings: simple where simple is as good, honest about the choice, and silent where nothing differs."""

import json
import os
import shutil
import signal
import zlib
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ended, until
from test_forecast import CE, M, forecaster, last, made_up
from test_runs import worker_pid

from synweight_core import curation, device, project_settings, projects, runs
from synweight_core.cli import main
from synweight_core.errors import NotFoundError, StopRequested
from synweight_core.forecast import Estimate, Forecaster
from synweight_core.presets import DEFAULT
from synweight_core.suggest import (
    GRID,
    SWITCHES,
    TOTAL,
    Suggestion,
    choose,
    complexity,
    sentence,
    suggest,
)
from synweight_core.suggest_job import is_outdated, run_suggest, start_suggesting, suggestion_of
from synweight_core.weighting import WeightSettings

ALPHA, BOTH = WeightSettings(alpha=1, beta=0), WeightSettings(alpha=1, beta=0.5)
CAPS = WeightSettings()


def nothing(event):
    pass


@pytest.fixture(scope="module")
def noisy():
    return forecaster(*made_up())


@pytest.fixture(scope="module")
def planted(noisy):
    """What is suggested where half of the synthetic labels are wrong, and what was reported on the way."""
    events = []
    return suggest(noisy, events.append, CAPS), events


# ------------------------------------------------------------------ the rule


def values(*rows):
    return np.array(rows, dtype=float)


def test_simplest_setting_within_one_standard_error_of_the_best_is_chosen():
    # behind the best by 0.01 as it is; in the samples by 0.03 and -0.01: a standard error of 0.02
    found = values([0.5, 0.5, 0.5], [0.79, 0.77, 0.81], [0.80, 0.80, 0.80])
    assert choose(found, [CE, ALPHA, BOTH]) == (2, 1)


def test_simpler_setting_beyond_one_standard_error_is_not_chosen():
    # behind by 0.03, more than the standard error of 0.02
    found = values([0.5, 0.5, 0.5], [0.77, 0.77, 0.81], [0.80, 0.80, 0.80])
    assert choose(found, [CE, ALPHA, BOTH]) == (2, 2)


def test_differences_are_paired_a_shared_swing_is_no_standard_error():
    found = values([0.79, 0.69, 0.89], [0.80, 0.70, 0.90])
    assert choose(found, [CE, ALPHA]) == (1, 1)


def test_settings_that_do_the_same_are_all_ce():
    assert choose(np.full((3, 4), 0.8), [BOTH, ALPHA, CE]) == (2, 2)


def test_fewer_terms_are_simpler_then_smaller_exponents():
    ordered = [
        CE, WeightSettings(alpha=0.25, beta=0), WeightSettings(alpha=3, beta=0), WeightSettings(alpha=0.25, beta=0.25),
        BOTH, replace(BOTH, drop_share=0.3),
    ]  # fmt: skip
    assert sorted(ordered[::-1], key=complexity) == ordered
    assert complexity(replace(CE, max_weight=50)) == complexity(CE)


# ------------------------------------------------------------------ the search


def test_wrong_labels_make_it_suggest_quality(planted):
    found, _ = planted
    chosen = found.candidates[found.chosen]
    assert chosen.settings.alpha > 0
    assert found.is_better_than_ce
    assert chosen.over_ce.low > 0.05 and found.nested_over_ce.mean > 0.05


def test_every_candidate_is_forecast_on_the_same_rows_and_reported(planted):
    found, events = planted
    assert [event["done"] for event in events] == list(range(TOTAL + 1))
    assert len(found.candidates) == TOTAL == len(GRID) + len(SWITCHES)
    assert len({each.settings for each in found.candidates}) == TOTAL
    assert found.candidates[0].settings == CE and found.candidates[0].over_ce == Estimate(0, 0, 0)
    json.dumps(events, allow_nan=False)


def test_switches_are_tried_at_the_best_point_of_the_grid(planted):
    found, _ = planted
    grid, switched = found.candidates[: len(GRID)], found.candidates[len(GRID) :]
    best = max(grid, key=lambda each: each.forecast.mean)
    assert {each.forecast.mean for each in grid if each.settings == replace(switched[0].settings, drop_share=0)} == {
        best.forecast.mean
    }
    for each, switch in zip(switched, SWITCHES, strict=True):
        assert all(getattr(each.settings, name) == value for name, value in switch.items())


def test_forecast_of_a_candidate_is_that_of_the_forecaster(noisy, planted):
    found, _ = planted
    row = found.candidates[GRID.index((1.0, 0.0, 0.0, "none"))]
    ce, said = (last(noisy.predictions(settings)) for settings in (CE, row.settings))
    assert (row.forecast, row.over_ce) == (noisy.estimate(said), noisy.estimate(said, against=ce))


def test_clean_labels_keep_the_weights_off():
    found = suggest(forecaster(*made_up(wrong=0.0)), nothing, CAPS)
    assert not found.is_recommended
    assert found.candidates[found.chosen].settings == CE or "No setting is forecast to differ" in sentence(found)


class Noise(Forecaster):
    """Predictions that have nothing to do with the settings or with the rows."""

    def predictions(self, settings):
        random = np.random.default_rng(zlib.crc32(repr(settings).encode()))
        yield random.integers(0, 3, self.real_alone().shape)


@pytest.mark.parametrize("seed", range(3))
def test_choosing_fold_by_fold_does_not_report_the_luck_of_the_winner(seed):
    found = forecaster(*made_up(seed=seed))
    found.__class__ = Noise
    told = suggest(found, nothing, replace(CAPS, max_weight=10 + seed))
    winner = told.candidates[told.best].forecast
    assert told.nested.mean <= winner.mean
    assert told.nested.mean == pytest.approx(1 / 3, abs=3 * np.sqrt(2 / 9 / M))
    assert not told.is_recommended


def test_first_settings_are_the_chosen_ones_or_ce_where_nothing_is_better(planted):
    found = planted[0]
    assert found.settings == found.candidates[found.chosen].settings != CE
    assert replace(found, nested_over_ce=Estimate(0.02, -0.01, 0.05)).settings == CE
    assert replace(found, is_complete=False).settings == CE


def test_only_the_switches_asked_for_are_tried():
    events = []
    found = suggest(forecaster(*made_up(m=90)), events.append, CAPS, switches=SWITCHES[:1])
    assert found.is_complete and len(found.candidates) == len(GRID) + 1
    assert events[-1]["done"] == events[-1]["total"] == len(GRID) + 1
    assert not any(each.settings.real_mass for each in found.candidates)


def test_caps_are_those_of_the_project():
    found = suggest(forecaster(*made_up(m=90)), _stops_after(2), WeightSettings(min_weight=0.1, max_weight=3))
    assert {(each.settings.min_weight, each.settings.max_weight) for each in found.candidates} == {(0.1, 3)}


def test_five_real_rows_suggest_nothing():
    found = suggest(forecaster(*made_up(m=6)), nothing, CAPS)
    assert sentence(found) == "Not enough real rows to suggest anything."
    assert not found.is_recommended
    assert sentence(Suggestion.from_json(_through_json(found))) == sentence(found)


def _stops_after(number):
    def report(event):
        if event["done"] == number:
            raise StopRequested

    return report


def test_stop_keeps_the_candidates_so_far_and_suggests_nothing(noisy, planted):
    found = suggest(noisy, _stops_after(3), CAPS)
    assert found.candidates == planted[0].candidates[:3]
    assert not found.is_complete and not found.is_recommended and not found.nested.is_known
    assert sentence(found) == f"Stopped after 3 of {TOTAL} settings: nothing is suggested."
    assert suggest(noisy, _stops_after(0), CAPS) is None


# ------------------------------------------------------------------ words and JSON


def _through_json(suggestion):
    return json.loads(json.dumps(suggestion.to_json(), allow_nan=False))


def test_json_gives_the_same_suggestion(planted):
    assert Suggestion.from_json(_through_json(planted[0])) == planted[0]


def test_sentence_gives_forecast_difference_and_the_honest_difference(planted):
    row = replace(
        planted[0].candidates[planted[0].chosen],
        settings=BOTH, forecast=Estimate(0.815, 0.76, 0.86), over_ce=Estimate(0.092, 0.052, 0.133),
    )  # fmt: skip
    found = replace(
        planted[0], candidates=(planted[0].candidates[0], row), chosen=1, best=1,
        nested_over_ce=Estimate(0.081, 0.04, 0.12), real_over_best=Estimate(-0.1, -0.2, -0.05),
    )  # fmt: skip
    assert sentence(found) == (
        "Suggested: alpha 1, beta 0.5. Forecast 81.5 % (interval 76.0 to 86.0), 9.2 points (5.2 to 13.3) over CE; "
        "chosen honestly fold by fold it is 8.1 points (4.0 to 12.0)."
    )
    flattered = replace(found, nested_over_ce=Estimate(0.02, -0.01, 0.05))
    assert sentence(flattered) == "No setting is forecast to differ from CE: keep the weights off."
    real = replace(found, real=Estimate(0.9, 0.85, 0.95), real_over_best=Estimate(0.085, 0.04, 0.12))
    assert sentence(real).startswith("Real rows alone beat every setting: 90.0 % (interval 85.0 to 95.0), 8.5 points")
    assert real.is_better_than_ce and not real.is_recommended


# ------------------------------------------------------------------ the job


@pytest.fixture(scope="module")
def searched_home(prepared_home, tmp_path_factory):
    """A workspace in which a worker has looked for settings of the demo, because somebody asked for it."""
    home = tmp_path_factory.mktemp("searched") / "workspace"
    shutil.copytree(prepared_home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNWEIGHT_HOME", str(home))
        run = ended(start_suggesting(projects.demo_project()))
        assert run.status == "finished", run.error
    return home


@pytest.fixture
def searched(searched_home, workspace):
    """The demo and that run, in this test's own copy of the workspace."""
    shutil.copytree(searched_home, workspace)
    demo = projects.demo_project()
    (run,) = runs.list_runs(project_id=demo.id, kind="suggest")
    return demo, run


def test_job_suggests_for_the_demo_says_what_it_rests_on_and_changes_no_settings(searched):
    demo, run = searched
    assert project_settings.load_settings(demo) == DEFAULT and project_settings.suggested_settings(demo) is None
    found = suggestion_of(run)
    assert found.is_recommended and found.candidates[found.chosen].settings.alpha > 0
    assert (run.result["edits"], run.result["metric"]) == (0, "accuracy")
    assert not is_outdated(run, demo)
    curation.exclude(demo, np.arange(5))
    assert is_outdated(run, demo)
    curation.undo(demo)
    assert not is_outdated(run, demo)
    project_settings.save_settings(demo, WeightSettings(max_weight=5))
    assert is_outdated(run, demo)


def test_preparation_ends_with_first_settings_and_what_people_set_meanwhile_stays(demo):
    ended(runs.start("prepare", demo.id, {}, name="prepare"))
    project_settings.save_settings(demo, ALPHA)
    run = ended(runs.list_runs(project_id=demo.id, kind="suggest")[0].id)
    assert run.status == "finished", run.error
    found = suggestion_of(run)
    assert project_settings.load_settings(demo) == ALPHA and project_settings.first_settings(demo) == found.settings
    assert found.settings not in (ALPHA, DEFAULT) and not is_outdated(run, demo)
    (demo.folder / "settings.json").unlink()
    assert project_settings.load_settings(demo) == found.settings


@pytest.mark.parametrize("why", ["somebody has set some", "they were suggested before", "nobody wants them"])
def test_no_first_settings_are_looked_for_when(demo, why):
    if why == "somebody has set some":
        project_settings.save_settings(demo, ALPHA)
    elif why == "they were suggested before":
        project_settings.save_first_settings(demo, ALPHA)
    ended(runs.start("prepare", demo.id, {"suggests": why != "nobody wants them"}, name="prepare"))
    assert runs.list_runs(project_id=demo.id, kind="suggest") == []


def test_stopped_job_ends_within_seconds_and_keeps_what_it_had(demo):
    run_id = start_suggesting(demo)
    until(lambda: runs.latest_event(run_id).get("done", 0) >= 1)
    runs.request_stop(run_id)
    until(lambda: not runs.load_run(run_id).is_active, seconds=10)
    run = runs.load_run(run_id)
    assert run.status == "stopped"
    found = suggestion_of(run)
    assert 1 <= len(found.candidates) < TOTAL and not found.is_complete


def test_job_that_is_stopped_before_it_began_has_found_nothing(demo):
    run_id = start_suggesting(demo)
    runs.request_stop(run_id)
    run = ended(run_id)
    assert run.status == "stopped" and suggestion_of(run) is None


def test_killed_job_shows_as_failed_and_says_so(demo):
    run_id = start_suggesting(demo)
    until(lambda: runs.load_run(run_id).status == "running")
    os.kill(worker_pid(run_id), signal.SIGKILL)
    until(lambda: runs.load_run(run_id).status == "failed", seconds=5)
    assert "it was killed" in runs.load_run(run_id).error


def test_it_does_not_wait_for_the_device(demo):
    holder = runs.folder("20260101-000000-holder")
    holder.mkdir(parents=True)
    with device.turn(holder) as turn:
        assert turn
        run_id = start_suggesting(demo)
        until(lambda: runs.latest_event(run_id).get("done", 0) >= 1)
        runs.request_stop(run_id)
        ended(run_id)


def test_project_without_folds_is_refused_with_what_to_do(workspace):
    with pytest.raises(NotFoundError, match="Prepare it first"):
        start_suggesting(projects.demo_project())


def test_command_prints_the_sentence_and_applies_the_setting(demo):
    answer = CliRunner().invoke(main, ["suggest", demo.id, "--apply"])
    assert answer.exit_code == 0, answer.output
    (run,) = runs.list_runs(project_id=demo.id, kind="suggest")
    found = suggestion_of(run)
    assert sentence(found) in answer.output
    assert project_settings.load_settings(demo) == found.candidates[found.chosen].settings


# ------------------------------------------------------------------ the panel


def panel(project):
    from streamlit.testing.v1 import AppTest

    def draw(project):
        from pages.widgets.suggest_panel import suggest_panel

        suggest_panel(project)

    return AppTest.from_function(draw, args=(project,), default_timeout=60).run()


def test_panel_starts_the_search(demo):
    test = panel(demo)
    assert not test.exception
    test.button(key=f"suggest:{demo.id}").click().run()
    (run,) = runs.list_runs(project_id=demo.id, kind="suggest")
    assert run.is_active and not run.settings["is_first"]
    runs.request_stop(run.id)
    ended(run.id)


def test_panel_shows_what_was_found_and_uses_the_setting(searched):
    demo, run = searched
    project_settings.save_settings(demo, WeightSettings(alpha=0.3))
    test = panel(demo)
    assert not test.exception
    assert test.success[0].value.replace("\\", "").startswith("Suggested: alpha")
    assert len(test.dataframe) == 2
    test.button(key=f"use:{demo.id}").click().run()
    assert not test.exception
    found = suggestion_of(runs.load_run(run.id))
    assert project_settings.load_settings(demo) == found.candidates[found.chosen].settings
    assert test.button(key=f"use:{demo.id}").disabled
    curation.exclude(demo, np.arange(5))
    test = panel(demo)
    assert not test.exception
    assert test.warning[0].value.startswith("Outdated")
    assert all(button.key != f"use:{demo.id}" for button in test.button)


def test_panel_shows_a_stopped_search(demo):
    run_id = start_suggesting(demo)
    until(lambda: runs.latest_event(run_id).get("done", 0) >= 2)
    runs.request_stop(run_id)
    ended(run_id)
    test = panel(demo)
    assert not test.exception
    assert "nothing is suggested" in test.info[0].value


def test_job_in_a_notebook_is_a_call(demo):
    from synweight_core.suggest_job import basis

    result = run_suggest({"project": demo.id, "settings": basis(demo)}, _stops_after(2))
    assert result["stopped"] and len(result["suggestion"]["candidates"]) == 2
