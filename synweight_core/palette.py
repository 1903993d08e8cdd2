"""Colours that mean the same on every page: classes, weights, scores. Safe for colour-blind eyes."""

from collections.abc import Sequence

# Okabe and Ito (2008), with grey for black, which would vanish on a dark page
CLASSES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
NEUTRAL = "#9AA3AD"
BELOW, ABOVE = "#1F6FB4", "#D9660A"
SEQUENTIAL = "Cividis"


def class_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, by its position: Okabe-Ito up to eight, glasbey beyond."""
    if len(names) <= len(CLASSES):
        return dict(zip(names, CLASSES, strict=False))
    import glasbey

    palette = glasbey.extend_palette(list(CLASSES), palette_size=len(names), colorblind_safe=True)
    return dict(zip(names, palette, strict=True))


def diverging(*, dark: bool) -> list[tuple[float, str]]:
    """The scale for weights on a log axis: blue below 1, orange above, neutral at 1."""
    middle = "#56606B" if dark else "#D5D9DE"
    return [(0.0, BELOW), (0.5, middle), (1.0, ABOVE)]
