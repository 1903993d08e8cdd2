"""Numbers with a unit, in words."""

import pytest

from synweight_core.units import duration, size


@pytest.mark.parametrize(
    ("n", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (1234567, "1.2 MB"), (9e9, "9.0 GB"), (5e16, "50000.0 TB")],
)
def test_bytes_in_words(n, words):
    assert size(n) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (4e6, "1,111 h 6 min")],
)
def test_seconds_in_words(seconds, words):
    assert duration(seconds) == words
