import pytest

from roadcue.reports.colours import _FREE, LOG, PAST, colours

NAMES = ["stand still", "constant velocity", "constant turn rate", "ridge", "waypoint", "waypoint without features"]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [value / 255 for value in bytes.fromhex(colour[1:])]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", ["#ffffff", "#14171b"])
def test_every_colour_stands_out_on_a_light_and_a_dark_page(page: str):
    for name, colour in colours([*NAMES, LOG, PAST, "a", "b", "c"]).items():
        dark, light = sorted([luminance(colour), luminance(page)])
        assert (light + 0.05) / (dark + 0.05) >= 3, (name, colour)


def test_a_name_keeps_its_colour_in_any_order_and_no_two_names_share_one():
    assert [colours("edcba")[name] for name in "abcde"] == list(_FREE)
    palette = colours([*NAMES, LOG, PAST])
    assert colours(reversed(NAMES)).items() <= palette.items()
    assert len(set(palette.values())) == len(palette) == 8
