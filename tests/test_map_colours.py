"""Colours of the map: codes of rows and their legends."""

import numpy as np
import pandas as pd
import pytest

from synweight_core import map_colours
from synweight_core.map_colours import CENTRE, NO_VALUE
from synweight_core.map_rows import COLOURS, MAX_CATEGORIES, ColourBy, colours_for


def colour(kind, values):
    return ColourBy("A name", "help", kind, lambda _: pd.Series(values))


def test_weight_one_is_exactly_the_centre_and_an_eighth_and_eight_are_the_ends():
    codes = map_colours.weight_codes(np.array([1.0, 1 / 8, 8.0, 1 / 100, 100.0]))
    assert codes.tolist() == [CENTRE, 0, 254, 0, 254]


def test_rows_without_weight_have_no_colour():
    assert map_colours.weight_codes(np.array([np.nan, 0.0])).tolist() == [NO_VALUE, NO_VALUE]


def test_nats_are_centred_at_zero():
    assert map_colours.diverging_codes(np.array([-9.0, -3.0, 0.0, 3.0, np.nan]), end=3.0).tolist() == [
        0, 0, CENTRE, 254, NO_VALUE,
    ]  # fmt: skip


def test_scale_goes_from_first_to_last_code():
    assert map_colours.scale_codes(np.array([0.0, 0.5, 1.0, 2.0, np.nan]), low=0, high=1).tolist() == [
        0, 127, 254, 254, NO_VALUE,
    ]  # fmt: skip


def test_constant_column_has_a_colour():
    assert map_colours.scale_codes(np.array([3.0, 3.0]), low=3, high=3).tolist() == [0, 0]


def test_legend_of_weights_says_how_many_rows_lie_beyond_its_ends():
    found = map_colours.colouring(colour("weight", [0.01, 1.0, 100.0, np.nan]), pd.DataFrame(), ())
    assert "2 rows beyond the ends" in found.legend["note"]
    assert [text for _, text in found.legend["ticks"]] == ["1/8", "1/4", "1/2", "1", "2", "4", "8"]
    assert dict(map(reversed, found.legend["ticks"]))["1"] == 0.5


def test_legend_of_a_scale_says_that_the_ends_are_clipped():
    values = np.arange(101) / 100
    found = map_colours.colouring(colour("sequential", values), pd.DataFrame(), ())
    assert "middle 96 %" in found.legend["note"]
    assert "0 to 1" in found.legend["note"]
    assert [text for _, text in found.legend["ticks"]] == ["0.02", "0.5", "0.98"]


def test_class_has_the_colour_of_its_place_in_the_project_also_where_others_are_missing():
    labels = ("a", "b", "c")
    found = map_colours.colouring(colour("categorical", ["c", "a", ""]), pd.DataFrame(), labels)
    whole = map_colours.colouring(colour("categorical", ["a", "b", "c"]), pd.DataFrame(), labels)
    assert found.codes.tolist() == [1, 0, NO_VALUE]
    colours = {entry["name"]: entry["colour"] for entry in whole.legend["entries"]}
    assert {e["name"]: e["colour"] for e in found.legend["entries"]} == {n: colours[n] for n in ("a", "c")}


def test_rare_categories_share_one_entry():
    found = map_colours.colouring(colour("categorical", [f"c{i}" for i in range(300)]), pd.DataFrame(), ())
    assert len(found.legend["entries"]) == MAX_CATEGORIES + 1
    assert found.codes.max() < NO_VALUE


def test_column_of_many_numbers_is_a_scale_and_one_of_words_has_categories(rows):
    numbers = [f"{i / 7:.3f}" for i in range(len(rows))]
    found = colours_for(rows.assign(**{"upload:score": numbers, "upload:word": "x"}))
    assert found["upload:score"].kind == "sequential"
    assert found["upload:word"].kind == "categorical"


@pytest.fixture
def rows():
    n = 100
    text = {name: "x" for name in ("generator", "edit", "label", "source", "prediction", "agreement", "duplicates",
                                   "group", "split", "support", "run_correct")}  # fmt: skip
    numbers = {name: np.linspace(0.1, 2, n) for name in ("weight", "quality", "diversity", "relevance", "run_loss",
                                                              "epoch_weight")}  # fmt: skip
    return pd.DataFrame(text | numbers, index=range(n))


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_has_a_code_for_each_row_and_a_legend_that_is_json(name, rows):
    import json

    found = map_colours.colouring(COLOURS[name], rows, ("x",))
    assert found.codes.shape == (len(rows),)
    assert found.codes.dtype == np.uint8
    assert json.loads(json.dumps(found.legend))["title"] == COLOURS[name].label
