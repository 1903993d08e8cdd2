"""Records of `evidence.py` -> a drawing: accuracy minus that of CE, a panel a set, a dot and its interval a method.

Each panel has a scale of its own, in points: sets differ in how much there is to gain.
"""

import math
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from evidence_data import SETS
from evidence_methods import METHODS
from evidence_report import Records, difference

from synweight_core import palette
from synweight_core.crossed import Interval

_ROW, _LABEL, _PANEL, _HEAD = 18, 250, 470, 34  # pixels


def drawing(records: Records, *, half: str) -> str:
    """An SVG of the differences in points: orange above CE, blue below, grey where the interval holds 0."""
    panels = []
    for name in SETS:
        methods = {method: difference(records, name, (method, "ce"), half=half) for method in METHODS if method != "ce"}
        known = {method: found for method, found in methods.items() if found}
        panels += [(name, known)] if known else []
    parts, top = [], 10
    for name, known in panels:
        parts.append(_panel(name, known, top=top, reach=_reach(known.values())))
        top += _HEAD + _ROW * len(known) + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LABEL + _PANEL + 70} {top}" '
        'font-family="sans-serif" font-size="12" role="img" aria-label="Accuracy minus that of CE, by set and method">'
        f'<rect width="100%" height="100%" fill="#FFFFFF"/>{"".join(parts)}</svg>\n'
    )


def _reach(found: Iterable[Interval]) -> float:
    """The points from the middle to an edge: all intervals are inside."""
    ends = [abs(end) for each in found for end in (each.mean, each.low, each.high) if math.isfinite(end)]
    return max(math.ceil(max(ends, default=1)), 1)


def _panel(name: str, known: Mapping[str, Interval], *, top: int, reach: float) -> str:
    def x(points: float) -> float:
        return round(_LABEL + _PANEL * (points + reach) / (2 * reach), 1)

    first, bottom = top + _HEAD, top + _HEAD + _ROW * len(known)
    lines = [
        f'<text x="10" y="{top + 14}" font-weight="bold">{escape(name)}</text>',
        f'<line x1="{x(0)}" x2="{x(0)}" y1="{top + 20}" y2="{bottom}" stroke="{palette.NEUTRAL}"/>',
        *(f'<text x="{x(at)}" y="{top + 14}" text-anchor="middle" fill="#56606B">{f"{at:+g}" if at else 0}</text>'
          for at in (-reach, 0, reach)),
    ]  # fmt: skip
    for i, (method, found) in enumerate(known.items()):
        y = first + _ROW * i
        colour = palette.ABOVE if found.low > 0 else palette.BELOW if found.high < 0 else "#56606B"
        low, high = (x(end) if math.isfinite(end) else x(found.mean) for end in (found.low, found.high))
        lines.append(
            f'<text x="10" y="{y + 4}">{escape(METHODS[method].label)}</text>'
            f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{x(found.mean)}" cy="{y}" r="4" fill="{colour}"/>'
            f'<text x="{_LABEL + _PANEL + 10}" y="{y + 4}" fill="{colour}">{found.mean:+.1f}</text>'
        )
    return "".join(lines)
