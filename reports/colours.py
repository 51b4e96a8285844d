"""One colour per method, the same in the table, the curves and the pictures."""

from collections.abc import Iterable
from itertools import cycle

LOG = "logged"
"""The name of the path that was driven."""
PAST = "past"
"""The name of the path that led to t = 0."""
RATED = "rated"
"""The name of what raters scored."""

# Okabe and Ito's colours for the colour-blind (jfly.uni-koeln.de/color), darkened where needed: each has a
# contrast of 3 or more (WCAG 2.2, 1.4.11) against a white page and against a black one.
_KNOWN = {
    LOG: "#009e73",
    PAST: "#808080",
    RATED: "#8f6fd0",
    "constant velocity": "#0b78c0",
    "constant turn rate": "#2f94d0",
    "ridge": "#b87a00",
    "stand still": "#a0623a",
}
_FREE = ("#d55e00", "#c4639b", "#5b86a3", "#8a8400", "#b5534a")


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour `#rrggbb` for every name, whatever their order: the baselines and the log always have the same one."""
    names = set(names)
    free = dict(zip(sorted(names - _KNOWN.keys()), cycle(_FREE)))
    return {name: _KNOWN.get(name) or free[name] for name in names}
