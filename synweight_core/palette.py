"""Colours that mean the same on every page: classes, weights, scores. Safe for colour-blind eyes."""

from collections.abc import Sequence
from itertools import cycle

# Okabe and Ito (2008), with grey for black, which would vanish on a dark page
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
# As far from each other as can be: glasbey 0.4.0, extend_palette(OKABE_ITO, palette_size=40,
# colorblind_safe=True, lightness_bounds=(35, 80)). Stored, because computing it compiles for seconds.
GLASBEY = (
    "#14F7CA", "#6D7100", "#FFAEF7", "#C659DF", "#20C265", "#B22D86", "#F3CAB2", "#55EFFB", "#C2B6BA", "#698AFF",
    "#147D7D", "#B27955", "#417959", "#A6A6C2", "#9E35C6", "#86A200", "#1CBEAE", "#0CFB9A", "#D245AE", "#79DB51",
    "#109AB2", "#F779FF", "#86699A", "#FF75D7", "#DF9665", "#009E41", "#B2C2FF", "#7D6571", "#49CEA2", "#925D3D",
    "#A6A28A", "#FFBA71",
)  # fmt: skip
NEUTRAL = "#9AA3AD"
BELOW, ABOVE = "#1F6FB4", "#D9660A"
# Cividis (Nunez, Anderton, Renslow 2018) at ten even steps; on a dark page its blue end is lifted to stay visible
_CIVIDIS = (
    "#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838",
)  # fmt: skip
_CIVIDIS_ON_DARK = ("#3F6FB5", "#5A7AA6", "#72869A", "#8A928D", "#A39E80", "#BFAF70", "#DFCB58", "#FEE838")
NO_VALUE_LIGHT, NO_VALUE_DARK = "#C3C8CE", "#4C545E"


def class_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, by its position: distinct for 40 names, then from the start again."""
    return dict(zip(names, cycle((*OKABE_ITO, *GLASBEY)), strict=False))


def diverging_stops(*, dark: bool) -> tuple[str, str, str]:
    """The scale for weights on a log axis: blue below 1, neutral at 1, orange above."""
    return (BELOW, "#56606B" if dark else "#D5D9DE", ABOVE)


def diverging(*, dark: bool) -> list[tuple[float, str]]:
    """`diverging_stops` as Plotly takes a scale."""
    return [*zip((0.0, 0.5, 1.0), diverging_stops(dark=dark), strict=True)]


def sequential_stops(*, dark: bool) -> tuple[str, ...]:
    """The scale for scores, from low to high."""
    return _CIVIDIS_ON_DARK if dark else _CIVIDIS


def ratio(log2_value: float) -> str:
    """A weight from its log2, as people write it: 1/8, 1, 4."""
    return f"{2**log2_value:g}" if log2_value >= 0 else f"1/{2**-log2_value:g}"
