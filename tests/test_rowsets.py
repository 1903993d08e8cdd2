"""Claims about packed sets of rows: nothing is lost, and damaged or hostile texts are refused plainly."""

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synweight_core.errors import DataError
from synweight_core.rowsets import MAX_ROWS, pack, unpack


def packed(n, content):
    """A text as `pack` would write it, of any content."""
    return f"{n}:{base64.b64encode(zlib.compress(content)).decode()}"


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(n - 1, 0))))))
def test_every_set_comes_back(case):
    n, rows = case
    rows = sorted(rows) if n else []
    assert unpack(pack(np.array(rows, dtype=int), n)).tolist() == rows


def test_order_and_repeats_do_not_matter():
    assert unpack(pack(np.array([5, 2, 5]), 9)).tolist() == [2, 5]


def test_bits_are_those_of_packbits():
    assert pack(np.array([0, 8]), 9) == packed(9, bytes([0b1000_0000, 0b1000_0000]))


@pytest.mark.parametrize(
    ("rows", "chars"),
    [(np.array([7, 500_000, 999_999]), 300), (np.arange(1_000_000), 300), (np.arange(0, 1_000_000, 3), 1_000)],
)
def test_few_and_regular_rows_of_a_million_are_short(rows, chars):
    text = pack(rows, 1_000_000)
    assert len(text) < chars
    np.testing.assert_array_equal(unpack(text), rows)


def test_random_half_of_the_largest_set_still_fits():
    rows = np.flatnonzero(np.random.default_rng(0).random(MAX_ROWS) < 0.5)
    np.testing.assert_array_equal(unpack(pack(rows, MAX_ROWS)), rows)


@pytest.mark.parametrize("rows", [[-1], [3], [0, 3]])
def test_positions_outside_are_refused(rows):
    with pytest.raises(DataError, match="expected 0 to 2"):
        pack(np.array(rows), 3)


GOOD = pack(np.array([1, 3]), 20)
DAMAGED = {
    "empty": "",
    "no size": GOOD.partition(":")[2],
    "negative size": "-" + GOOD,
    "other digits": "²" + GOOD[1:],
    "no data": "20:",
    "no base64": "20:é!",
    "no zlib": "20:" + base64.b64encode(b"junk").decode(),
    "cut": GOOD[:-8],
    "flipped": GOOD[:-6] + ("A" if GOOD[-6] != "A" else "B") + GOOD[-5:],
    "too few bytes": packed(20, b"\0\0"),
    "too many bytes": packed(20, b"\0\0\0\0"),
    "more behind it": packed(20, b"\0\0\0")[:-4] + base64.b64encode(b"abcd").decode(),
    "beyond its end": packed(20, b"\0\0\1"),
    "too long": "20:" + "A" * 3_000_000,
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_text_is_refused(case):
    with pytest.raises(DataError, match=r"A stored set of rows is damaged: .* Make the selection again"):
        unpack(DAMAGED[case])


@pytest.mark.parametrize("n", [MAX_ROWS + 1, 999_999_999])
def test_too_many_rows_are_refused_both_ways(n):
    with pytest.raises(DataError, match=f"A set of {n:,} rows was found; at most 10,000,000"):
        unpack(f"{n}:")
    with pytest.raises(DataError, match=f"A set of {n:,} rows was found"):
        pack(np.array([0]), n)


def test_bomb_is_refused_before_it_unfolds():
    bomb = packed(80, bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(DataError, match="10 bytes were expected"):
        unpack(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
