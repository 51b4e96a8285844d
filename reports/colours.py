"""One colour per method, the same in the table, the curves and the pictures."""

from collections.abc import Iterable
from itertools import cycle

LOG = "logged"
"""The name of the path that was driven."""
PAST = "past"
"""The name of the path that led to t = 0."""
RATED = "rated"
"""The name of what raters scored."""

# Any two of the eight differ by a CIEDE2000 of 12 or more, in full colour and after Machado's simulation of
# protanopia, deuteranopia and tritanopia, and each has a contrast of 3 or more (WCAG 2.2, 1.4.11) against a white
# page and against a black one: tests/reports/test_colours.py computes it. They were found by a search over a grid:
# from random beginnings each colour was moved in turn to where no difference is below 12.6 and it is nearest to what
# it should look like (green for the log, grey for the past, the others after Okabe and Ito).
_GREEN, _GREY, _VIOLET, _SLATE = "#0f9669", "#696969", "#874bd2", "#4b6987"
_SKY, _AMBER, _RUST, _MAUVE = "#1e96ff", "#c38700", "#b44b00", "#a587b4"
_KNOWN = {
    LOG: _GREEN,
    PAST: _GREY,
    RATED: _VIOLET,
    "constant velocity": _SLATE,
    "constant turn rate": _SKY,
    "ridge": _AMBER,
    "stand still": _GREY,  # a method, and in no figure with the past
}
_FREE = (_RUST, _MAUVE, _SKY, _VIOLET, _GREEN, _AMBER, _SLATE, _GREY)
"""For other names, those first that no known name has."""


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour `#rrggbb` for every name, whatever their order: the baselines and the log always have the same one.

    Up to eight names of one figure have different ones, but for the past and what stands still.
    """
    names = set(names)
    known = {name: colour for name, colour in _KNOWN.items() if name in names}
    free = [colour for colour in _FREE if colour not in known.values()]
    return known | dict(zip(sorted(names - known.keys()), cycle(free)))
