"""What the heads answer, in words below a picture: whether they are sure, which ways are possible, the sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GROUND, _INK, _DIM = "#141414", "#ffffff", "#8c8c8c"
_SURE, _UNSURE = "#22c08c", "#ffb000"
"""Words and shapes say the same as these."""
_LETTERS_IN_WIDTH, _WIDEST, _SMALLEST = 38, 1.2, 15
"""The height of the text is a picture's width over so many, of one that is wider its height times so much; and at
least so many pixels."""
_COLUMN = 7.0
"""Letters wide is what stands before the sentences and signs."""
_CUE = 1.6
"""Times as large as other text is what a cue says."""
_LINES = {True: 2, False: 3}
"""For a cue or a path, which are short, and for other answers; of a longer one the end is left out."""
_SIGNS: Mapping[str, Sequence[tuple[float, float]]] = {
    "deviate left": ((-1, 0), (-0.1, -0.8), (-0.1, -0.3), (1, -0.3), (1, 0.3), (-0.1, 0.3), (-0.1, 0.8)),
    "keep straight": ((0, -1), (0.8, -0.1), (0.3, -0.1), (0.3, 1), (-0.3, 1), (-0.3, -0.1), (-0.8, -0.1)),
    "deviate right": ((1, 0), (0.1, 0.8), (0.1, 0.3), (-1, 0.3), (-1, -0.3), (0.1, -0.3), (0.1, -0.8)),
    "stop": ((-0.4, -1), (0.4, -1), (1, -0.4), (1, 0.4), (0.4, 1), (-0.4, 1), (-1, 0.4), (-1, -0.4)),
}
"""Ways as arrows and a pace as a stop sign: corners, to the right and down, within -1 to 1."""


def answer_band(
    answers: Mapping[str, Mapping[str, Any]], title: str, size: tuple[int, int], colours: Mapping[str, str]
) -> np.ndarray:
    """(h, w, 3) uint8 RGB: of each head's answer, as it stands in JSON, whether it is sure, and its sentence.

    `size`: w and the height of the picture above; h is even, and the same for all answers of a run. A head of
    `colours` has a line of that colour below its name.
    """
    width, above = size
    letters = max(_SMALLEST, int(min(width, _WIDEST * above)) // _LETTERS_IN_WIDTH)
    heads = sorted(answers, key=lambda name: not _is_cue(answers[name]))  # a cue is first
    heights = [_height(answers[name], letters) for name in heads]
    band = Image.new("RGB", (width, 2 * round((sum(heights) + 1.6 * letters) / 2)), _GROUND)
    pen, top = ImageDraw.Draw(band), 0.4 * letters
    for name, height in zip(heads, heights, strict=True):
        _draw_answer(pen, top, letters, name, answers[name], colours.get(name))
        top += height
    pen.text((width - 0.6 * letters, band.height - 0.4 * letters), title, _DIM, _font(0.8 * letters), anchor="rs")
    return np.asarray(band)


def _height(answer: Mapping[str, Any], letters: float) -> float:
    return _LINES[_is_short(answer)] * 1.25 * _size(answer, letters) + 0.5 * letters


def _is_short(answer: Mapping[str, Any]) -> bool:
    return _is_cue(answer) or not answer.keys().isdisjoint(("waypoints_m", "lacks"))


def _is_cue(answer: Mapping[str, Any]) -> bool:
    return answer.keys() >= {"cue", "cues", "pace", "paces", "sure"}


def _size(answer: Mapping[str, Any], letters: float) -> float:
    return _CUE * letters if _is_cue(answer) else letters


def _draw_answer(
    pen: ImageDraw.ImageDraw, top: float, letters: float, name: str, answer: Mapping[str, Any], colour: str | None
) -> None:
    """Whether it is sure, its signs or its name, and its sentence beside them, from `top` on."""
    size, left = _size(answer, letters), 0.6 * letters
    middle, sure = top + 0.6 * size, _is_sure(answer)
    text_at = left + _COLUMN * letters
    if _is_cue(answer):
        sign_at = middle + 0.35 * size
        _draw_sure(pen, left, sign_at, letters, "sure" if sure else "not sure", sure)
        for sign, corners in _SIGNS.items():
            _draw_sign(pen, text_at + 0.85 * size, sign_at, 0.85 * size, corners, _state(sign, answer))
            text_at += 2.2 * size
        text_at += 0.3 * size
    else:
        _draw_sure(pen, left, middle, letters, name, sure)
        if colour:
            under = middle + 0.8 * letters
            pen.line((left, under, text_at - letters, under), colour, round(letters / 4))
    text, width = answer.get("sentence") or answer.get("lacks") or "", pen.im.size[0] - text_at - 0.6 * letters
    size, lines = _fitted(text, size, letters, width, _LINES[_is_short(answer)])
    for line in lines:
        pen.text((text_at, middle), line, _INK, _font(size), anchor="lm")
        middle += 1.25 * size


def _is_sure(answer: Mapping[str, Any]) -> bool | None:
    """None of an answer that does not say: whether its picture is like others alone does not make it sure."""
    if "lacks" in answer or answer.get("in_distribution") is False or answer.get("reason"):
        return False
    return answer.get("sure")


def _draw_sure(
    pen: ImageDraw.ImageDraw, left: float, middle: float, letters: float, word: str, sure: bool | None
) -> None:
    """A word behind a tick when sure, behind a triangle when not, and alone where nothing is said of that."""
    half, x = 0.45 * letters, left + 0.45 * letters
    colour = {True: _SURE, False: _UNSURE, None: _DIM}[sure]
    if sure:
        tick = ((x - half, middle), (x - 0.3 * half, middle + 0.7 * half), (x + half, middle - 0.8 * half))
        pen.line(tick, colour, round(letters / 5), joint="curve")
    elif sure is False:
        pen.polygon(((x, middle - half), (x + 1.1 * half, middle + half), (x - 1.1 * half, middle + half)), colour)
    room = (_COLUMN - 0.5 - (0 if sure is None else 1.4)) * letters
    font = _font(letters * min(1, room / _font(letters).getlength(word)))
    pen.text((left if sure is None else left + 1.4 * letters, middle), word, colour, font, anchor="lm")


def _state(sign: str, answer: Mapping[str, Any]) -> str:
    """What a sign is of an answer: "said", "possible" or "ruled out"."""
    stops = answer["sure"] and answer["pace"] == "stop"  # then no way is said
    said = {answer["pace"]} if stops else {answer["cue"], answer["pace"]}
    if sign in said and answer["sure"]:
        return "said"
    possible = {*answer["paces"], *(() if stops else answer["cues"])}
    return "possible" if sign in possible else "ruled out"


def _draw_sign(
    pen: ImageDraw.ImageDraw, x: float, y: float, half: float, corners: Sequence[tuple[float, float]], state: str
) -> None:
    """Full when it is said, an outline when it is possible, and dark when it is ruled out."""
    points = [(x + half * across, y + half * down) for across, down in corners]
    edge = "#3c3c3c" if state == "ruled out" else _INK
    pen.polygon(points, _INK if state == "said" else None, edge, width=max(2, round(half / 8)))


def _fitted(text: str, largest: float, smallest: float, width: float, lines: int) -> tuple[float, list[str]]:
    """The largest size at which the text fits into `width` and the height of so many of the largest lines."""
    size, height = largest, lines * largest
    while size > smallest and len(_wrapped(text, _font(size), width, 99)) * size > height:
        size = max(smallest, 0.9 * size)
    return size, _wrapped(text, _font(size), width, int(height / size))


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float, lines: int) -> list[str]:
    """The text in as many lines at most; where it is longer, "..." stands for its end."""
    broken = [""]
    for word in text.split():
        longer = f"{broken[-1]} {word}".lstrip()
        if font.getlength(longer) <= width or not broken[-1]:
            broken[-1] = longer
        else:
            broken.append(word)
    if len(broken) > lines:
        kept = broken[lines - 1].split()
        while len(kept) > 1 and font.getlength(" ".join([*kept, "..."])) > width:
            kept.pop()
        broken = [*broken[: lines - 1], " ".join([*kept, "..."])]
    return broken


def _font(size: float) -> Any:
    return ImageFont.load_default(round(size))
