"""Token ids that are kept by content."""

import numpy as np
import pytest
from transformers import AutoTokenizer

from synweight_core import cache, tokens
from synweight_core.models import MINILM, model_source
from synweight_core.prediction import LabelledTexts, encode

ONE = LabelledTexts(["where is it", "", "refund me, now"], np.array([0, 1, 1]))
PAIRS = LabelledTexts(ONE.texts, ONE.labels, ["here", "there it is", "no"])


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNWEIGHT_HOME", str(tmp_path))


@pytest.fixture
def tokenizer():
    return AutoTokenizer.from_pretrained(model_source(MINILM), local_files_only=True)


@pytest.fixture
def encoded(monkeypatch):
    """How many rows were really tokenised, call by call."""
    calls = []

    def counted(tokenizer, rows, **more):
        calls.append(len(rows.texts))
        return encode(tokenizer, rows, **more)

    monkeypatch.setattr(tokens, "encode", counted)
    return calls


@pytest.mark.parametrize("rows", [ONE, PAIRS], ids=["single", "pairs"])
def test_same_texts_are_tokenised_once(rows, tokenizer, encoded):
    expected = encode(tokenizer, rows, max_length=6)
    for _ in range(2):
        assert tokens.kept_tokens(tokenizer, rows, max_length=6) == expected
    assert encoded == [3]


def test_labels_are_not_kept(tokenizer, encoded):
    tokens.kept_tokens(tokenizer, ONE, max_length=6)
    relabelled = LabelledTexts(ONE.texts, np.array([1, 0, 0]))
    assert [row["labels"] for row in tokens.kept_tokens(tokenizer, relabelled, max_length=6)] == [1, 0, 0]
    assert encoded == [3]


def test_other_texts_lengths_and_rules_are_tokenised_anew(tokenizer, encoded):
    moved = LabelledTexts(["where is ", "it", "refund me, now"], ONE.labels)
    for rows, length in ((ONE, 6), (moved, 6), (PAIRS, 6), (ONE, 4)):
        assert tokens.kept_tokens(tokenizer, rows, max_length=length) == encode(tokenizer, rows, max_length=length)
    tokenizer.add_tokens(["refund me"])
    assert tokens.kept_tokens(tokenizer, ONE, max_length=6) == encode(tokenizer, ONE, max_length=6)
    assert encoded == [3] * 5


def test_full_disk_costs_no_run(tokenizer, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "store", full)
    assert tokens.kept_tokens(tokenizer, ONE, max_length=6) == encode(tokenizer, ONE, max_length=6)


def test_no_rows_are_no_rows(tokenizer):
    assert tokens.kept_tokens(tokenizer, LabelledTexts([], np.zeros(0, int)), max_length=6) == []
