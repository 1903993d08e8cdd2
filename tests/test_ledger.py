"""Claims about forecasts: how they are kept, and how they are put beside the runs that they foretold."""

import json
import math
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from made_runs import ended_run

from synweight_core import projects, runs, storage
from synweight_core.errors import DataError
from synweight_core.ledger import ledger, rank_correlation, record, track_record
from synweight_core.weighting import WeightSettings

COLUMNS = ["settings", "forecast", "low", "high", "runs", "outcome", "outcome_low", "outcome_high", "inside"]


@pytest.fixture
def project():
    """A project by its facts only: the ledger needs no rows. Its metric is accuracy."""
    made = projects.Project("shop-1", "Shop", 0.0, "hash", ("a", "b"), {"synthetic": 2, "dropped": 0}, (), {})
    storage.write_json(made.folder / "project.json", asdict(made))
    return made


def forecast(alpha=1.0, mean=0.8, **fields):
    """A forecast that is sure to 0.05."""
    settings = fields.pop("settings", asdict(WeightSettings(alpha=alpha)))
    usual = {"edits": 0, "metric": "accuracy", "mean": mean, "low": mean - 0.05, "high": mean + 0.05, "method": "probe"}
    return {"settings": settings} | usual | fields


def finished(project, score, **choices):
    """The folder of a run that ended with this test figure; 'tuned' unless a loss is given."""
    test = {"accuracy": 0.0, "recall": {}, "metric": score}
    return runs.folder(ended_run(project, test=test, **{"loss": "tuned"} | choices))


def log_path(project):
    return project.folder / "forecasts.jsonl"


def log_lines(project):
    return storage.read_lines(log_path(project))[0]


# --- keeping --------------------------------------------------------------------------------


def test_line_says_when_what_and_how_sure(project):
    record(project, forecast(0.5, np.float32(0.75), low=0.5, high=1, edits=2, extra="not kept"))
    (line,) = log_lines(project)
    assert line.pop("time") > 1.7e9
    assert line == {
        "settings": asdict(WeightSettings(0.5)), "edits": 2, "metric": "accuracy", "method": "probe",
        "mean": 0.75, "low": 0.5, "high": 1,
    }  # fmt: skip


def test_same_forecast_is_not_written_twice(project):
    record(project, forecast(alpha=1))
    record(project, forecast(alpha=2))
    record(project, forecast(alpha=1.0))
    assert [line["settings"]["alpha"] for line in log_lines(project)] == [1, 2]


def test_newest_forecast_of_a_setting_counts(project):
    for mean in (0.7, 0.9, 0.7):
        record(project, forecast(mean=mean))
    record(project, forecast(mean=0.6, method="other"))
    assert len(log_lines(project)) == 4
    assert ledger(project)["forecast"].tolist() == [0.6]
    assert ledger(project, method="probe")["forecast"].tolist() == [0.7]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean": math.nan}, "mean nan"), ({"low": 0.9}, "expected finite, low <= high"), ({"edits": -1}, "edits -1"),
        ({"settings": {"gamma": 1}}, "gamma"), ({"settings": None}, "cannot be kept"), ({"mean": None}, "cannot be"),
        ({"settings": {"min_weight": 2}}, "min_weight 2"), ({"metric": "f1"}, "Metric 'f1' is not known"),
    ],
    ids=str,
)  # fmt: skip
def test_forecast_that_cannot_be_right_is_refused(project, fields, message):
    with pytest.raises(DataError, match=message):
        record(project, forecast() | fields)
    assert not log_path(project).exists()


def test_absent_field_is_refused(project):
    with pytest.raises(DataError, match=r"cannot be kept \('low'\). Expected settings, edits, metric, method, mean"):
        record(project, {name: value for name, value in forecast().items() if name != "low"})


def test_damaged_lines_and_those_of_another_version_are_left_out_and_a_torn_one_spoils_no_other(project):
    record(project, forecast(alpha=1))
    other = forecast(settings={"alpha": 5, "gamma": 1})
    huge = forecast(settings={"alpha": 10**400})
    lines = [b"junk", b"[]", b"{}", json.dumps(other).encode(), json.dumps(huge).encode(), b'{"settings": {"al']
    with log_path(project).open("ab") as file:
        file.write(b"\n".join(lines))
    assert len(ledger(project)) == 1
    record(project, forecast(alpha=2))
    assert ledger(project)["settings"].tolist() == ["alpha 1, weights 0 to 10", "alpha 2, weights 0 to 10"]


def test_line_from_before_a_setting_existed_has_its_default(project):
    storage.append_line(log_path(project), forecast(settings={"alpha": 1}))
    record(project, forecast(settings=asdict(WeightSettings())))
    assert len(log_lines(project)) == 1


def test_forecasts_of_several_processes_are_all_kept(project):
    program = (
        "import sys; from synweight_core import ledger, projects\n"
        "project, first = projects.load_project(sys.argv[1]), int(sys.argv[2])\n"
        "for i in range(first, first + 20): ledger.record(project, {'settings': {'alpha': i}, 'edits': 0,\n"
        "    'metric': 'accuracy', 'method': 'probe', 'mean': 0.5, 'low': 0.4, 'high': 0.6})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, project.id, first], cwd=ROOT) for first in ("1", "11")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert sorted(ledger(project)["settings"]) == sorted(f"alpha {i}, weights 0 to 10" for i in range(1, 31))


# --- forecast and outcome -------------------------------------------------------------------


def test_project_without_forecasts_has_an_empty_ledger(project):
    finished(project, 0.8)
    frame = ledger(project)
    assert list(frame.columns) == COLUMNS and frame.empty
    assert track_record(frame) == "No forecast has met its run yet."


def test_outcome_is_the_mean_over_seeds_with_its_t_interval(project):
    record(project, forecast(0.5, 0.8))
    for seed, score in enumerate([0.7, 0.8, 0.9]):
        finished(project, score, alpha=0.5, seed=seed)
    (row,) = ledger(project).to_dict("records")
    half = 4.302653 * 0.1 / math.sqrt(3)  # the 97.5 % point of t with 2 degrees of freedom
    assert row == {
        "settings": "alpha 0.5, weights 0 to 10", "forecast": 0.8, "low": 0.75, "high": pytest.approx(0.85), "runs": 3,
        "outcome": pytest.approx(0.8), "outcome_low": pytest.approx(0.8 - half), "outcome_high":
        pytest.approx(0.8 + half), "inside": True,
    }  # fmt: skip


def test_one_run_has_no_interval_and_no_run_no_outcome(project):
    record(project, forecast(1))
    record(project, forecast(2))
    finished(project, 0.9)
    frame = ledger(project)
    assert frame["runs"].tolist() == [1, 0] and frame["outcome"].isna().tolist() == [False, True]
    assert frame[["outcome_low", "outcome_high"]].isna().all(axis=None)
    assert frame["inside"].tolist() == [False, pd.NA]


@pytest.mark.parametrize(
    "choices",
    [
        {"alpha": 2}, {"beta": 0.1}, {"max_weight": 9}, {"edits": 1}, {"loss": "dimp"}, {"loss": "ce"},
        {"train_on": "real"}, {"kind": "score"}, {"result": {"stopped": True}}, {"result": {"test": None}},
        {"result": {"stopped": True, "test": {"metric": 0.8}}}, {"result": {"test": {"metric": math.nan}}},
        {"result": {"test": 3}},
    ],
    ids=str,
)  # fmt: skip
def test_run_that_is_not_of_this_forecast_does_not_count(project, choices):
    record(project, forecast(alpha=1))
    finished(project, 0.8, **choices)
    assert ledger(project)["runs"].tolist() == [0]


def test_losses_with_exponents_of_their_own_meet_the_forecast_of_these(project):
    for alpha, beta in ((0, 0), (1, 0), (1, 1)):
        record(project, forecast(settings=asdict(WeightSettings(alpha, beta))))
    for score, loss in ((0.6, "ce"), (0.7, "quality"), (0.8, "imp"), (0.1, "focal"), (0.1, "dimp")):
        finished(project, score, loss=loss, alpha=7)
    assert ledger(project)["outcome"].tolist() == [0.6, 0.7, 0.8]


def test_edits_are_part_of_a_setting(project):
    for edits in (0, 1, 3):
        record(project, forecast(settings=asdict(WeightSettings(max_weight=5)), edits=edits))
    finished(project, 0.8, max_weight=5, edits=3)
    frame = ledger(project)
    start = "alpha 1, weights 0 to 5"
    assert frame["settings"].tolist() == [start, f"{start}, 1 edit", f"{start}, 3 edits"]
    assert frame["runs"].tolist() == [0, 0, 1]


def test_run_from_before_there_were_edits_counts_and_damaged_runs_do_not(project):
    record(project, forecast())
    for seed, change in enumerate([{"edits": None}, {"alpha": "x"}, {"backbone": 3}, {"new": 1}]):
        path = finished(project, 0.8, seed=seed)
        config = storage.read_json(path / "config.json")
        config["settings"] |= change
        config["settings"] = {k: v for k, v in config["settings"].items() if v is not None}
        storage.write_json(path / "config.json", config)
    assert ledger(project)["runs"].tolist() == [1]


def test_seed_that_was_run_again_counts_once_and_anew(project):
    record(project, forecast())
    for score in (0.2, 0.8):
        finished(project, score, seed=4, device="cpu" if score == 0.2 else "auto")
    assert ledger(project)[["runs", "outcome"]].to_numpy().tolist() == [[1, 0.8]]


def test_runs_of_one_recipe_are_compared_that_of_most_settings(project):
    record(project, forecast(1))
    record(project, forecast(2))
    for alpha in (1, 2):
        finished(project, 0.8, alpha=alpha, epochs=5)
    finished(project, 0.3, alpha=1, epochs=1)
    assert ledger(project)["outcome"].tolist() == [0.8, 0.8]
    finished(project, 0.4, alpha=2, epochs=1)  # now both cover two settings: the later one is taken
    assert ledger(project)["outcome"].tolist() == [0.3, 0.4]


def test_forecasts_in_another_metric_stay_apart(project):
    record(project, forecast(metric="macro_f1", mean=0.1))
    assert ledger(project).empty
    record(project, forecast(mean=0.2))
    assert ledger(project)["forecast"].tolist() == [0.2]


def test_runs_of_another_project_do_not_count(project):
    record(project, forecast())
    path = finished(project, 0.8)
    storage.write_json(path / "config.json", storage.read_json(path / "config.json") | {"project": "other"})
    assert ledger(project)["runs"].tolist() == [0]


# --- track record ---------------------------------------------------------------------------


def frame_of(forecasts, outcomes, inside):
    return pd.DataFrame({"forecast": forecasts, "outcome": outcomes, "inside": pd.array(inside, dtype="boolean")})


def test_rank_correlation_by_hand():
    frame = frame_of([0.1, 0.2, 0.3, 0.4, 0.9], [0.5, 0.7, 0.6, 0.8, np.nan], [True, False, True, True, None])
    correlation, n = rank_correlation(frame)  # ranks 1 3 2 4: 1 - 6 * (1 + 1) / (4 * 15)
    assert correlation == pytest.approx(0.8) and n == 4
    assert track_record(frame) == (
        "Over 4 settings the forecasts ranked the runs with a rank correlation of 0.80; "
        "3 of 4 outcomes fell inside the interval."
    )


def test_two_outcomes_are_too_few():
    frame = frame_of([0.1, 0.2, 0.3], [0.5, 0.7, np.nan], [True, False, None])
    assert math.isnan(rank_correlation(frame)[0]) and rank_correlation(frame)[1] == 2
    assert track_record(frame) == "Too few to tell (2 of 3 needed)."


@pytest.mark.parametrize(("forecasts", "outcomes"), [([0.5] * 3, [0.1, 0.2, 0.3]), ([0.1, 0.2, 0.3], [0.5] * 3)])
def test_sides_that_do_not_vary_rank_nothing(forecasts, outcomes):
    frame = frame_of(forecasts, outcomes, [True, False, False])
    assert math.isnan(rank_correlation(frame)[0]) and rank_correlation(frame)[1] == 3
    assert track_record(frame) == (
        "Over 3 settings the forecasts or the outcomes are all the same and rank nothing; "
        "1 of 3 outcomes fell inside the interval."
    )


def test_track_record_of_a_ledger_from_disk(project):
    for alpha, mean, score in ((0, 0.6, 0.61), (1, 0.7, 0.8), (2, 0.8, 0.5)):
        record(project, forecast(alpha, mean))
        finished(project, score, alpha=alpha)
    assert track_record(ledger(project)) == (
        "Over 3 settings the forecasts ranked the runs with a rank correlation of -0.50; "
        "1 of 3 outcomes fell inside the interval."
    )
