"""Figures that live inside a page: text stays text, and black on white turns white on black with the page."""

import base64
import html
import io
import re
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the colour of the page's text; `svg` turns it into `currentColor`."""
PAPER = "#fefdfc"
"""Stands for the colour of the page itself; `svg` turns it into the page's `--page`."""

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "roadcue",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
"""matplotlib settings under which figures for `svg` are drawn: `with matplotlib.rc_context(STYLE)`."""


def data_uri(jpeg: bytes) -> str:
    """The picture itself as an address."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


_NO_METADATA: Mapping[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element; `name` (letters, digits, -) keeps its ids apart from those of other figures.

    `description` is what a screen reader says in its place. The size is left to the page, the viewBox has the aspect.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata=dict(_NO_METADATA))
    _, opening, body = re.split(r"(<svg [^>]*>)", buffer.getvalue(), maxsplit=1)
    view_box = re.search(r'viewBox="[^"]*"', opening)
    assert view_box, "matplotlib writes a viewBox"
    body = re.sub(r'(?<= id=")|(?<= xlink:href="#)|(?<=url\(#)', f"{name}-", body).replace("xlink:href", "href")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {view_box[0]} role="img" aria-label="{html.escape(description)}">'
        + body.replace(INK, "currentColor").replace(PAPER, "var(--page, #fff)")
    )
