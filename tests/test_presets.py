"""Presets agree with the losses that they are named after; settings and the formula in words."""

import numpy as np
import pytest

from synweight_core import meters
from synweight_core.presets import PRESETS, formula_words, preset_of, settings_words, with_preset
from synweight_core.weighting import LOSSES, WeightSettings, loss_settings

ALL = WeightSettings(
    1, 0.5, 0, 10, relevance=0.3, temperature=1.5, balance="real", drop_share=0.3, real_mass=0.2, soft_share=0.25
)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_has_the_terms_of_its_loss_within_the_caps_of_the_person(name):
    mine = WeightSettings(2.5, 1.5, 0.1, 7, relevance=1, real_mass=0.2)
    found = with_preset(name, mine)
    assert (found.min_weight, found.max_weight) == (0.1, 7)
    if name in LOSSES:
        assert found == loss_settings(name, mine)
    else:
        assert found in (
            WeightSettings(0, 0, 0.1, 7, drop_share=0.3), WeightSettings(1, 0, 0.1, 7, soft_share=0.5, balance="real")
        )  # fmt: skip


def test_every_preset_is_recognised_whatever_the_caps():
    for name in PRESETS:
        assert preset_of(with_preset(name, WeightSettings(max_weight=3)), preferred=name) == name
    assert preset_of(WeightSettings(1, 1)) == "imp"
    assert preset_of(WeightSettings(1, 1), preferred="ce") == "imp"
    assert preset_of(WeightSettings(1, 1, relevance=0.1), preferred="imp") is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (WeightSettings(0, 0), "CE, weights 0 to 10"),
        (WeightSettings(), "alpha 1, weights 0 to 10"),
        (WeightSettings(0, 0, drop_share=0.29), "drop 29 %, weights 0 to 10"),
        (WeightSettings(-1, 2, 0.25, 4.5), "alpha -1, beta 2, weights 0.25 to 4.5"),
        (WeightSettings(0, 0, balance="uniform"), "balance all classes alike, weights 0 to 10"),
        (ALL, "alpha 1, beta 0.5, relevance 0.3, temperature 1.5, balance as in the real rows, soft targets 25 %, "
              "drop 30 %, real mass 20 %, weights 0 to 10"),
    ],
)  # fmt: skip
def test_settings_in_words_name_what_differs_from_plain_training(settings, words):
    assert settings_words(settings) == words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (WeightSettings(0, 0), "log weight = 0: all rows count the same."),
        (WeightSettings(1, 0), "log weight = 1 × log quality."),
        (WeightSettings(0, 0.5, relevance=0.3), "log weight = −0.5 × log diversity checker + 0.3 × log relevance."),
        (WeightSettings(-1, -0.5), "log weight = −1 × log quality + 0.5 × log diversity checker."),
        (WeightSettings(temperature=0.5), "log weight = 1 × log quality. Quality at 0.5 times its fitted temperature: "
                                          "sharper."),
        (ALL, "log weight = 1 × log quality − 0.5 × log diversity checker + 0.3 × log relevance. "
              "Quality at 1.5 times its fitted temperature: softer. "
              "The quality checker decides 25 % of what a row teaches. "
              "Class shares of what is taught: as in the real rows. "
              "The 30 % of rows with the lowest quality weigh 0. "
              "Real rows join the training with 20 % of the weight, and are seen more often where that is much."),
    ],
)  # fmt: skip
def test_formula_in_words_has_the_terms_in_use(settings, words):
    assert formula_words(settings) == words


def test_comparison_has_a_row_a_setting():
    found = meters.compare(
        [("Even", WeightSettings(0, 0)), ("One", WeightSettings())],
        lambda settings: np.array([4.0, 0, 0, 0]) if settings.alpha else np.ones(4),
    )
    assert found.to_dict("list") == {
        "name": ["Even", "One"],
        "settings": ["CE, weights 0 to 10", "alpha 1, weights 0 to 10"],
        "effective_sample_size": [4, 1],
        "effective_share": [1, 0.25],
        "half_rows": [2, 1],
    }
    assert list(meters.compare([], len).columns) == list(found.columns)
