"""Colours of one figure are told apart, by the colour-blind too, on a light and on a dark page."""

from itertools import combinations

import numpy as np
import pytest

from roadcue.reports.colours import _FREE, LOG, PAST, RATED, colours

NAMES = ["stand still", "constant velocity", "constant turn rate", "ridge", "waypoint", "waypoint without features"]
MACHADO = {
    "full colour": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Of linear RGB, at severity 1 (Machado, Oliveira and Fernandes 2009; the table of their page
inf.ufrgs.br/~oliveira/pubs_files/CVD_Simulation)."""
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]
"""Pairs of L*a*b* and their CIEDE2000 (Sharma, Wu and Dalal 2005, table 1)."""


def linear(colour: str) -> np.ndarray:
    """(3,) linear RGB of sRGB (IEC 61966-2-1)."""
    channels = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """(3,) linear RGB -> CIE L*a*b* under D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    ratio = np.array(to_xyz) @ rgb / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """The difference of two L*a*b* colours (Sharma, Wu and Dalal 2005, equations 2 to 22, all weights 1)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + 25**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
    t += 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.20 * np.cos(np.radians(4 * hue - 63))
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    lightness, chroma = (l2 - l1) / s_l, (c2 - c1) / (1 + 0.045 * mean_c)
    tint = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * mean_c * t)
    rotation = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(lightness**2 + chroma**2 + tint**2 + rotation * chroma * tint))


@pytest.mark.parametrize(("one", "other", "difference"), SHARMA)
def test_the_difference_is_the_published_one(one: tuple, other: tuple, difference: float):
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(difference, abs=1e-4)
    assert ciede2000(np.array(other), np.array(one)) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("vision", MACHADO)
def test_any_two_colours_of_a_figure_are_told_apart(vision: str):
    seen = {colour: lab(np.clip(np.array(MACHADO[vision]) @ linear(colour), 0, 1)) for colour in _FREE}
    assert len(seen) == 8
    for one, other in combinations(seen, 2):
        assert ciede2000(seen[one], seen[other]) >= 12, (one, other)


@pytest.mark.parametrize("page", ["#ffffff", "#14171b"])
def test_every_colour_stands_out_on_a_light_and_a_dark_page(page: str):
    weights = np.array([0.2126, 0.7152, 0.0722])  # relative luminance (WCAG 2.2)
    for name, colour in colours([*NAMES, LOG, PAST, RATED, *"abcdefgh"]).items():
        dark, light = sorted([weights @ linear(colour), weights @ linear(page)])
        assert (light + 0.05) / (dark + 0.05) >= 3, (name, colour)


@pytest.mark.parametrize(
    "names",
    [
        [*NAMES, LOG],
        ["waypoint", "ridge", "constant velocity", LOG, PAST, RATED],
        ["field", "field, answered", "field without features", "majority field", "list everything"],
        "abcdefgh",
    ],
)
def test_a_name_keeps_its_colour_in_any_order_and_no_two_names_of_a_figure_share_one(names: list[str]):
    palette = colours(names)
    assert colours(reversed(names)) == palette
    assert len(set(palette.values())) == len(palette) == len(names)


def test_a_method_has_the_same_colour_in_every_figure():
    everything = colours([*NAMES, LOG, PAST, RATED])
    for figure in (NAMES, ["waypoint", "waypoint without features", "ridge"], ["waypoint", "ridge", LOG, PAST]):
        assert colours(figure).items() <= everything.items()
