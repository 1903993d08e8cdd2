"""Weight settings to start from, and weight settings in words.

A preset says what counts (its terms); the smallest and the largest weight stay as the person set them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from synweight_core.losses import LOSSES
from synweight_core.weighting import BALANCES, WeightSettings, loss_settings

FILTERED_SHARE = 0.3


@dataclass(frozen=True)
class Preset:
    """One row of PRESETS; the caps of `settings` are not used."""

    label: str
    help: str
    settings: WeightSettings


def _of_loss(loss: str, *, label: str = "", note: str = "") -> Preset:
    row = LOSSES[loss]
    return Preset(label or row.label, f"{row.help} {note}".strip(), loss_settings(loss, WeightSettings()))


PRESETS: Mapping[str, Preset] = {
    "ce": _of_loss("ce"),
    "quality": _of_loss("quality"),
    "imp": _of_loss("imp"),
    "dimp": _of_loss("dimp", label="DIMP preview", note="Here the diversity checker stands in for the model."),
    "blended": Preset(
        "Blended",
        "Each row teaches half its label and half what the quality checker says of it; rows with likely labels count "
        "more, and the classes have the shares that they have among the real rows.",
        WeightSettings(alpha=1, beta=0, soft_share=0.5, balance="real"),
    ),
    "filtered": Preset(
        "Filtered",
        f"The {100 * FILTERED_SHARE:g} % of rows with the lowest quality are left out; the others count the same.",
        WeightSettings(alpha=0, beta=0, drop_share=FILTERED_SHARE),
    ),
}

DEFAULT = PRESETS["blended"].settings  # of a project for which nothing is suggested yet (docs/first-settings.md)


def with_preset(name: str, settings: WeightSettings) -> WeightSettings:
    """The terms of a preset within the caps of `settings`. Raises KeyError when there is no such preset."""
    return replace(PRESETS[name].settings, min_weight=settings.min_weight, max_weight=settings.max_weight)


def preset_of(settings: WeightSettings, *, preferred: str | None = None) -> str | None:
    """The preset with the terms of these settings, None when there is none; `preferred` where several have them."""
    same = [name for name in PRESETS if with_preset(name, settings) == settings]
    return preferred if preferred in same else next(iter(same), None)


def terms_words(settings: WeightSettings) -> str:
    """ "alpha 1, beta 0.5, drop 30 %": what differs from plain cross-entropy; "CE" when nothing does."""
    exponents = {"alpha": settings.alpha, "beta": settings.beta, "relevance": settings.relevance}
    parts = [f"{name} {value:g}" for name, value in exponents.items() if value]
    if settings.temperature != 1:
        parts.append(f"temperature {settings.temperature:g}")
    if settings.balance != "none":
        parts.append(f"balance {BALANCES[settings.balance].lower()}")
    shares = {"soft targets": settings.soft_share, "drop": settings.drop_share, "real mass": settings.real_mass}
    parts += [f"{name} {100 * share:g} %" for name, share in shares.items() if share]
    return ", ".join(parts) or "CE"


def settings_words(settings: WeightSettings) -> str:
    """ "alpha 1, beta 0.5, drop 30 %, weights 0 to 10": the terms, and the caps."""
    return f"{terms_words(settings)}, weights {settings.min_weight:g} to {settings.max_weight:g}"


def formula_words(settings: WeightSettings) -> str:
    """The weight formula with its numbers, without the terms that are off; then what else is done, in sentences."""
    sentences = [f"log weight = {_sum_words(settings)}"]
    if settings.temperature != 1:
        effect = "softer" if settings.temperature > 1 else "sharper"
        sentences.append(f"Quality at {settings.temperature:g} times its fitted temperature: {effect}")
    if settings.soft_share:
        sentences.append(f"The quality checker decides {100 * settings.soft_share:g} % of what a row teaches")
    if settings.balance != "none":
        sentences.append(f"Class shares of what is taught: {BALANCES[settings.balance].lower()}")
    if settings.drop_share:
        sentences.append(f"The {100 * settings.drop_share:g} % of rows with the lowest quality weigh 0")
    if settings.real_mass:
        often = "and are seen more often where that is much"
        sentences.append(f"Real rows join the training with {100 * settings.real_mass:g} % of the weight, {often}")
    return ". ".join(sentences) + "."


def _sum_words(settings: WeightSettings) -> str:
    """ "1 × log quality − 0.5 × log diversity checker"."""
    terms = {
        "log quality": settings.alpha,
        "log diversity checker": -settings.beta,
        "log relevance": settings.relevance,
    }
    words = "".join(
        f" {'−' if factor < 0 else '+'} {abs(factor):g} × {name}" for name, factor in terms.items() if factor
    )
    if not words:
        return "0: all rows count the same"
    return words.removeprefix(" + ") if words.startswith(" +") else "−" + words.removeprefix(" − ")
