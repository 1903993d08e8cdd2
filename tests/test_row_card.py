"""What a click on a row shows, on hand-made vectors and on the demo."""

from types import SimpleNamespace

import numpy as np
import pytest

from synweight_core.errors import DataError, NotFoundError
from synweight_core.prepare import load_positions, need_prepared
from synweight_core.projects import demo_project, load_dataset
from synweight_core.row_card import row_card

# synthetic 0 to 2, real 3 to 4
VECTORS = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8], [1, 0]], dtype=np.float32)
LABELS = ("a", "b", "c")


def prepared(quality, n_synthetic=3):
    """The columns of `Prepared` that a card reads."""
    log_probs = np.log(np.tile(np.array(quality, dtype=float), (5, 1)))
    groups = np.array([0, 1, 2, 1, 1])
    return SimpleNamespace(n_synthetic=n_synthetic, groups=groups, quality=log_probs, diversity=log_probs[:, ::-1])


PREPARED = prepared([0.2, 0.7, 0.1])


def positions(neighbours):
    return [row for row, _ in neighbours]


def test_card_by_hand():
    card = row_card(0, VECTORS, PREPARED, LABELS)
    assert [label for label, _ in card.quality_predictions] == ["b", "a", "c"]
    assert [share for _, share in card.quality_predictions] == pytest.approx([0.7, 0.2, 0.1])
    assert [label for label, _ in card.diversity_predictions] == ["b", "c", "a"]
    assert positions(card.nearest_real) == [4, 3]
    assert [cosine for _, cosine in card.nearest_real] == pytest.approx([1, 0.6])
    assert positions(card.nearest_synthetic) == [1, 2]
    assert [cosine for _, cosine in card.nearest_synthetic] == pytest.approx([0.8, 0])
    assert (card.row, card.copies) == (0, 0)


def test_real_row_leaves_out_itself_and_counts_its_copies():
    card = row_card(4, VECTORS, PREPARED, LABELS)
    assert positions(card.nearest_real) == [3]
    assert positions(card.nearest_synthetic) == [0, 1, 2]
    assert card.copies == 2


def test_class_that_a_checker_does_not_know_is_left_out():
    card = row_card(0, VECTORS, prepared([0.2, np.nan, 0.8]), LABELS)
    assert [label for label, _ in card.quality_predictions] == ["c", "a"]


def test_class_that_is_impossible_has_probability_zero():
    with np.errstate(divide="ignore"):
        certain = prepared([1, 0, 0])
    assert row_card(0, VECTORS, certain, LABELS).quality_predictions == [("a", 1), ("b", 0), ("c", 0)]


def test_without_real_rows_none_are_near():
    assert row_card(0, VECTORS, prepared([1 / 3] * 3, n_synthetic=5), LABELS).nearest_real == []


@pytest.mark.parametrize("row", [-1, 5])
def test_row_that_is_none_is_refused(row):
    with pytest.raises(DataError, match=f"Row {row} was asked for; expected 0 to 4"):
        row_card(row, VECTORS, PREPARED, LABELS)


def test_card_of_the_demo_has_the_exact_neighbours(demo):
    vectors, columns = load_positions(demo), need_prepared(demo)
    labels = load_dataset(demo).labels
    scores = np.array(vectors) @ np.array(vectors).T
    np.fill_diagonal(scores, -1)
    for row in (0, 700, 1199, 1200, 1459):
        card = row_card(row, vectors, columns, labels)
        for found, part in ((card.nearest_synthetic, scores[row, :1200]), (card.nearest_real, scores[row, 1200:])):
            assert [cosine for _, cosine in found] == pytest.approx(np.sort(part)[::-1][:5].tolist(), abs=1e-5)
        assert len(card.quality_predictions) == min(5, len(labels))
        assert card.quality_predictions[0][1] == pytest.approx(np.exp(np.nanmax(columns.quality[row])))


def test_vectors_of_the_demo_are_mapped_unit_vectors_that_cannot_be_written(demo):
    vectors = load_positions(demo)
    assert isinstance(vectors, np.memmap) and vectors.shape == (1460, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(1460), abs=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        vectors[0, 0] = 1


def test_vectors_of_a_project_that_is_not_prepared_are_not_found():
    with pytest.raises(NotFoundError, match=r"is not prepared yet\. Run 'synweight prepare demo-"):
        load_positions(demo_project())
