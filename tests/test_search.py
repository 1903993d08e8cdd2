"""Claims about finding rows: by text, by pattern within its time, by vector."""

import time

import numpy as np
import pandas as pd
import pytest

from synweight_core import search
from synweight_core.errors import DataError

TEXTS = pd.Series(["Äpfel und Birnen", "a.b", "axb", "nul\x00byte", "שלום עולם", "e\u0301", "100%_"], dtype="str")
ONE_LINE = "a" * 1_000_000
MORE_THAN_A_BUDGET = 3.0  # seconds, with two busy cores


def strings(*texts):
    return pd.Series(list(texts), dtype="str")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ÄPFEL", [0]), ("äpfel U", [0]), ("a.b", [1]), ("\x00", [3]), ("שלום", [4]), ("\u0301", [5]),
        ("%_", [6]), ("(a", []), (".*", []), ("", [0, 1, 2, 3, 4, 5, 6]), ("ל", [4]),
    ],
)  # fmt: skip
def test_exact_search_is_plain_text_in_any_case(query, expected):
    assert search.exact([TEXTS], query).tolist() == expected


def test_exact_search_looks_into_every_text_of_a_row():
    assert search.exact([strings("yes", "no", "no"), strings("no", "no", "YES")], "yes").tolist() == [0, 2]


def test_exact_search_takes_joined_columns_missing_values_and_other_kinds_of_columns():
    joined = pd.concat([strings("a", "b"), strings("A")], ignore_index=True)
    assert search.exact([joined], "a").tolist() == [0, 2]
    assert search.exact([pd.Series(["a", None, "b"], dtype=object)], "a").tolist() == [0]
    assert search.exact([joined[joined == "none"]], "a").tolist() == []


def test_exact_search_finds_the_end_of_a_line_of_a_megabyte():
    assert search.exact([strings(ONE_LINE, ONE_LINE + "Z")], "az").tolist() == [1]


@pytest.mark.parametrize("find", [search.exact, search.matching])
@pytest.mark.parametrize(
    ("query", "message"), [("x" * 1001, "has 1,001 characters; at most 1,000"), ("\ud800", "half")]
)
def test_queries_too_long_or_broken_are_refused(find, query, message):
    with pytest.raises(DataError, match=message):
        find([TEXTS], query)


@pytest.mark.parametrize("character", ["a", "ä", "日", "ſ", "(", "😀"])
def test_longest_query_is_possible(character):
    assert search.exact([strings(character * 1000, "b")], character * 1000).tolist() == [0]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(r"a.b", [1, 2]), (r"a\.b", [1]), (r"(?i)ä", [0]), (r"ä", []), (r"\p{Hebrew}", [4]), (r"^$", []), (r"\x00", [3])],
)
def test_patterns_by_hand(pattern, expected):
    hits = search.matching([TEXTS], pattern)
    assert hits.rows.tolist() == expected
    assert (hits.tried, hits.ran_out, hits.stuck_row) == (7, False, None)


def test_pattern_looks_into_every_text_of_a_row():
    assert search.matching([strings("yes", "no", "no"), strings("no", "no", "yes")], "^y").rows.tolist() == [0, 2]


def test_no_rows_are_tried_at_once():
    hits = search.matching([TEXTS.iloc[:0]], "a")
    assert (hits.rows.tolist(), hits.rows.dtype, hits.tried, hits.ran_out) == ([], np.int64, 0, False)


def test_rows_beyond_one_block_keep_their_positions():
    texts = pd.Series(["no"] * 9000, dtype="str")
    texts[[0, 8191, 8192, 8999]] = "yes"
    assert search.matching([texts], "yes").rows.tolist() == [0, 8191, 8192, 8999]


@pytest.mark.parametrize("pattern", ["(", "[", "*", "(?P<a", "\\", "a{2,1}", "(" * 500 + ")" * 500, r"\p{Nothing}"])
def test_what_is_no_pattern_is_said_plainly(pattern):
    with pytest.raises(
        DataError, match=r"This is no regular expression: .* Correct it, or search for it as plain text"
    ):
        search.matching([TEXTS], pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z]{1000000000}",
        "a{9999999}",
        "(a{1000}" * 50 + ")" * 50,
        "(a{,1000}" * 9 + ")" * 9,
        "((a{999,}){999,}){999,}",
    ],
)
def test_counts_that_would_fill_the_memory_are_refused(pattern):
    with pytest.raises(DataError, match=r"repeat counts in \{\} of this expression are too large"):
        search.matching([TEXTS], pattern)


@pytest.mark.parametrize("pattern", ["(?x)a{1 0 0 0 0 0 0 0 0}", "(?ix)a", "(?V1x:a)"])
def test_blanks_that_would_hide_counts_are_refused(pattern):
    with pytest.raises(DataError, match="The flag x"):
        search.matching([TEXTS], pattern)


@pytest.mark.parametrize("pattern", [r"\d{4}-\d{2}-\d{2}", r".{0,200}x.{0,200}", r"(?P<x>\w{1,30}\s){3}", r"a{0,}"])
def test_usual_counts_are_possible(pattern):
    assert search.matching([TEXTS], pattern).tried == 7


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a|a)*$", "a" * 1000 + "b"),
        (r"(a|aa)+$", "a" * 5000 + "b"),
        (r"(x+x+)+y", "x" * 100_000),
        (r"(\w+\s?)*\d$", "word " * 100_000),
        (r"(a+)+c(?<=z)", ONE_LINE + "c"),
    ],
)
def test_pattern_that_never_ends_is_reported_with_its_row_in_about_the_budget(pattern, text):
    started = time.monotonic()
    hits = search.matching([strings("hit a b x 1", text, "after")], pattern + "|^hit", max_seconds=0.5)
    assert time.monotonic() - started < MORE_THAN_A_BUDGET
    assert (hits.rows.tolist(), hits.tried, hits.ran_out, hits.stuck_row) == ([0], 1, True, 1)


def test_classic_bomb_ends_one_way_or_the_other():
    started = time.monotonic()
    search.matching([strings(ONE_LINE + "b")], "(a+)+$", max_seconds=0.5)
    assert time.monotonic() - started < MORE_THAN_A_BUDGET


@pytest.mark.parametrize("pattern", ["(?R)", "((?1)?a)+$"])
def test_pattern_that_calls_itself_is_refused(pattern):
    with pytest.raises(DataError, match="Calls of groups"):
        search.matching([strings("aaa b")], pattern)


def test_many_rows_share_one_budget():
    texts = pd.Series(["word and " * 20] * 300_000, dtype="str")
    started = time.monotonic()
    hits = search.matching([texts], "and", max_seconds=0.1)
    assert time.monotonic() - started < MORE_THAN_A_BUDGET
    assert hits.ran_out and hits.stuck_row is None
    assert 0 < hits.tried < 300_000 and hits.rows.tolist() == list(range(hits.tried))


def test_similar_rows_come_best_first_with_their_cosines():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    rows, scores = search.similar(vectors, np.array([0, 1], dtype=np.float32), limit=3)
    assert rows.tolist() == [1, 2, 0]
    assert scores.tolist() == pytest.approx([1, 0.8, 0])


@pytest.mark.parametrize("limit", [0, 1, 7, 5000, 9999])
def test_similar_rows_are_those_of_a_full_sort(limit):
    vectors = np.random.default_rng(0).standard_normal((5000, 384)).astype(np.float32)
    rows, scores = search.similar(vectors, vectors[7], limit=limit)
    expected = np.argsort(-(vectors @ vectors[7]), kind="stable")[:limit]
    assert rows.tolist() == expected.tolist()
    assert scores == pytest.approx(vectors[expected] @ vectors[7], rel=1e-4)


def test_equal_rows_come_in_order_of_position():
    assert search.best(np.array([1.0, 2.0, 2.0, 1.0, 2.0]), 2).tolist() == [1, 2]
