"""Lines that are thinned and smoothed: what a person must still see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from synweight_core.curves import smoothed, thinned


def test_a_short_line_stays_as_it_is():
    x, y = thinned(np.arange(500.0), np.ones(500))
    assert len(x) == len(y) == 500


def test_a_long_line_keeps_its_first_and_last_point_and_its_one_spike():
    y = np.zeros(100_000)
    y[77_777] = 9
    x, thin = thinned(np.arange(100_000.0), y)
    assert len(x) <= 500 and (x[0], x[-1]) == (0, 99_999)
    assert x[thin == 9].tolist() == [77_777]
    assert np.diff(x).max() < 1_000  # over the whole range, not only its ends


@given(some.lists(some.floats(allow_infinity=False), min_size=1, max_size=80), some.integers(4, 30))
def test_thinned_points_are_points_of_the_line_in_order_with_its_extremes(values, max_points):
    y = np.array(values)
    x, thin = thinned(np.arange(len(y), dtype=float), y, max_points=max_points)
    assert len(x) <= max_points and (np.diff(x) > 0).all()
    assert np.array_equal(thin, y[x.astype(int)], equal_nan=True)
    assert (x[0], x[-1]) == (0, len(y) - 1)
    if not np.isnan(y).all():
        assert (np.nanmin(thin), np.nanmax(thin)) == (np.nanmin(y), np.nanmax(y))


def test_smoothing_weighs_the_newest_value_most():
    assert smoothed(np.array([0.0, 1.0]), over=3) == pytest.approx([0, 2 / 3])  # weights 1/2 and 1
    assert smoothed(np.array([0.0, 1.0, 1.0]), over=3)[2] == pytest.approx(1 - 0.25 / 1.75)


def test_smoothing_over_one_point_changes_nothing_and_nan_counts_for_nothing():
    assert smoothed(np.array([3.0, 1.0]), over=1).tolist() == [3, 1]
    assert smoothed(np.array([2.0, np.nan, 2.0]), over=5)[2] == 2
