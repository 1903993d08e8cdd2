"""Rows of the map, its colours, meters and tables, on hand-made frames."""

import numpy as np
import pandas as pd
import pytest

from synweight_core import map_rows, meters, palette, runtable
from synweight_core.runs import Run

ROWS = pd.DataFrame(
    {
        "source": ["synthetic", "synthetic", "synthetic", "real"],
        "agreement": ["same", "different", "same", "same"],
        "generator": ["", "", "", ""],
        "edit": ["", "", "", ""],
        "weight": [0.5, 0.5, 2.0, np.nan],
    }
)


def test_every_colour_reads_its_column_from_the_demo(demo):
    from synweight_core.prepare import need_prepared
    from synweight_core.projects import load_dataset

    dataset, prepared = load_dataset(demo), need_prepared(demo)
    rows = map_rows.with_weights(map_rows.map_rows(dataset, prepared), np.ones(1200)).assign(edit="relabelled")
    rows = map_rows.with_run_scores(rows, prepared.quality, prepared.labels)
    rows = map_rows.with_epoch_weights(rows, np.ones(1200))
    colours = map_rows.colours_for(rows)
    assert {*map_rows.COLOURS, "upload:planted"} == set(colours)
    for colour in colours.values():
        values = colour.values(rows)
        assert len(values) == 1460
        assert values.notna().any()
    assert (rows["source"] == "synthetic").sum() == 1200 and rows["weight"].notna().sum() == 1200
    assert not set(rows["text"]) & set(dataset.real.loc[dataset.real["split"] == "test", "text"])


def test_planted_mislabelled_rows_of_the_demo_have_low_quality(demo):
    from sklearn.metrics import roc_auc_score

    from synweight_core.prepare import need_prepared
    from synweight_core.projects import load_dataset

    planted = load_dataset(demo).synthetic["upload:planted"] == "mislabelled"
    assert planted.sum() == 90
    assert roc_auc_score(planted, -need_prepared(demo).log_quality) >= 0.95


def test_log_colour_is_zero_at_weight_one_and_ends_at_an_eighth_and_eight():
    assert map_rows.log_colour(pd.Series([0.0, 1 / 8, 1.0, 8.0, 100.0])).tolist() == [-3, -3, 0, 3, 3]


def test_selection_summary_counts_rows_and_averages_synthetic_ones():
    figures = map_rows.selection_summary(ROWS, np.array([1, 2, 3]), n_synthetic=3)
    assert (figures["rows"], figures["synthetic"]) == (3, 2)
    assert figures["mean_weight"] == 1.25
    assert figures["disagree"] == 0.5
    assert figures["share_of_weight"] == pytest.approx(2.5 / 3)


def test_selection_of_real_rows_has_no_mean():
    figures = map_rows.selection_summary(ROWS, np.array([3]), n_synthetic=3)
    assert (figures["rows"], figures["synthetic"], figures["share_of_weight"]) == (1, 0, 0)
    assert np.isnan(figures["mean_weight"])


def test_generator_and_edits_are_no_colours_when_no_row_has_any():
    assert not {"generator", "edit"} & set(map_rows.colours_for(ROWS))


def test_run_scores_give_loss_and_correctness():
    log_probs = np.log(np.array([[0.9, 0.1], [0.9, 0.1]]))
    rows = map_rows.with_run_scores(pd.DataFrame(index=range(2)), log_probs, np.array([0, 1]))
    assert rows["run_loss"].tolist() == pytest.approx([-np.log(0.9), -np.log(0.1)])
    assert rows["run_correct"].tolist() == ["right", "wrong"]


def test_hover_shows_texts_cut_and_leaves_out_rows_that_are_not_there():
    rows = pd.DataFrame({"text": ["a" * 999, "<b>"], "text_b": ["", "second"], "source": "real", "label": "x",
                         "quality": 0.25, "prediction": "y", "agreement": ["same", "different"],
                         "edit": ["", "excluded"]})  # fmt: skip
    lines = map_rows.hover_lines(rows, [1, 0, -1, 7])
    assert set(lines) == {0, 1}
    assert lines[1] == [
        ("text", "<b>"),
        ("text", "second"),
        ("fact", "real · x · quality 25 %, more likely y · excluded"),
    ]
    assert len(lines[0][0][1]) == 300
    assert lines[0][1] == ("fact", "real · x · quality 25 %")


def test_rare_categories_are_joined_beyond_the_limit():
    values = pd.Series([f"c{i}" for i in range(60)] + ["c1", "c2", ""])
    named, names = map_rows.categories(values)
    assert len(names) <= map_rows.MAX_CATEGORIES + 1
    assert "other" in names and {"c1", "c2"} <= set(names)
    assert len(named) == len(values)


def test_near_duplicate_groups_are_numbered_by_size():
    names = map_rows.group_names(np.array([0, 1, 1, 2, 3, 3, 3]))
    assert names.tolist() == ["", *["group 2 (2 rows)"] * 2, "", *["group 1 (3 rows)"] * 3]


def test_support_of_real_rows_in_words():
    names = map_rows.support_names(np.array([0.5, 1.0, 1.1, np.inf, np.nan]))
    assert names == ["covered", "covered", "not covered", "not covered", "not judged"]


def test_meters_by_hand():
    weights = np.array([3.0, 1.0, 0.0, 0.0])
    figures = meters.summary(weights)
    assert figures["effective_sample_size"] == pytest.approx(16 / 10)
    assert (figures["half_rows"], figures["nearly_off"]) == (1, 2)
    assert not meters.is_collapsed(weights)
    assert meters.is_collapsed(np.array([1.0] + [0.0] * 99))


def test_histogram_counts_every_row_once():
    assert meters.histogram(np.array([0.0, 1e-9, 1.0, 1e9]))["rows"].sum() == 4


def test_class_table_by_hand():
    table = meters.by_class(pd.Series(["a", "a", "b"]), np.array([1.0, 1.0, 2.0]), pd.Series(["b", "b", "b", "a"]))
    assert table["share_raw"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert table["share_weighted"].tolist() == [0.5, 0.5]
    assert table["share_real"].tolist() == [0.25, 0.75]
    assert table["effective_sample_size"].tolist() == [2, 1]


@pytest.mark.parametrize("count", [2, 8, 40])
def test_classes_get_distinct_colours(count):
    colours = palette.class_colours([f"c{i}" for i in range(count)])
    assert len(set(colours.values())) == count


def finished(seed, accuracy, loss="dimp", train_on="synthetic"):
    settings = {
        "loss": loss, "train_on": train_on, "alpha": 1.0, "beta": 1.0, "max_weight": 10.0, "backbone": "minilm",
        "epochs": 5, "batch_size": 32, "learning_rate": 1e-4, "seed": seed,
    }  # fmt: skip
    result = {"test": {"accuracy": accuracy, "macro_f1": 0.5}, "validation": None, "seconds": 9.9}
    return Run(f"20261120-101112-{seed:03d}-x-00", "train", "p", "x", 0.0, settings, "finished", result, None)


def test_run_table_shows_per_cent_and_leaves_unknown_figures_empty():
    row = runtable.run_table([finished(0, 0.8)]).iloc[0]
    assert row["test accuracy"] == pytest.approx(80)
    assert np.isnan(row["best validation accuracy"])
    assert row["started"] == "2026-11-20 10:11"
