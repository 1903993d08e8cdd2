"""Who wrote the rows that count: shares against hand-computed arrays, and a bad source that is better left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_forecast import CE, N, forecaster, made_up, unedited

from synweight_core import sources


def test_shares_of_rows_and_weight_by_source():
    board = sources.scoreboard(pd.Series(["a", "a", "", "b"]), np.array([3.0, 1.0, 0.0, 4.0])).set_index("source")
    assert list(board.index) == ["a", "(none)", "b"]
    assert board.loc["a"].tolist() == [2, 0.5, 0.5, 2, pytest.approx(1.6)]
    assert board.loc["(none)"].tolist() == [1, 0.25, 0, 0, 0]
    assert board["share_weight"].sum() == 1


def test_only_columns_with_some_values_tell_sources_apart():
    n = sources.MAX_VALUES + 1
    rows = pd.DataFrame({"generator": "", "upload:batch": ["x", "y", "z"] * (n // 3), "upload:id": map(str, range(n))})
    assert sources.source_columns(rows) == ["upload:batch"]
    assert sources.source_columns(rows.assign(generator=rows["upload:batch"])) == ["generator", "upload:batch"]


def test_source_of_wrong_labels_is_better_left_out_and_others_are_not():
    features, labels = made_up(wrong=0.5)  # the first half is wrong
    names = pd.Series(np.where(np.arange(N) < N // 2, "bad", "good"))
    start = unedited(labels[:N])
    board = sources.scoreboard(names, np.ones(N))
    made = sources.left_out(board, names, CE, start, lambda edits: forecaster(features, labels, curation=edits))
    gains = made.set_index("source")
    assert gains.loc["bad", "low"] > 5 and gains.loc["good", "high"] < 0


def test_the_only_source_cannot_be_left_out():
    features, labels = made_up()
    names = pd.Series(["one"] * N)
    board = sources.scoreboard(names, np.ones(N))
    made = sources.left_out(
        board, names, CE, unedited(labels[:N]), lambda edits: forecaster(features, labels, curation=edits)
    )
    assert made["gain"].isna().all()


def test_rows_that_are_excluded_already_stay_out():
    features, labels = made_up(wrong=0.5)
    names = pd.Series(np.where(np.arange(N) < N // 2, "bad", "good"))
    start = replace(unedited(labels[:N]), kept=np.arange(N) >= N // 2)
    board = sources.scoreboard(names, np.ones(N))
    made = sources.left_out(board, names, CE, start, lambda edits: forecaster(features, labels, curation=edits))
    assert made.set_index("source").loc["bad", "gain"] == pytest.approx(0)
