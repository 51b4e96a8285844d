"""What can be chosen of the camera of either view: within which limits, and by which options of the commands."""

import argparse
from typing import Any, NamedTuple

from roadcue.errors import BadInput

CAMERA_FIELDS = ("field_of_view", "camera_height", "roll", "exposure")
"""Fields of both specs that are options of both commands."""


class _Option(NamedTuple):
    """Its name in a sentence, its limits in `unit`, and its help."""

    words: str
    least: float
    most: float
    unit: str
    help: str

    @property
    def limits(self) -> str:
        return f"{self.least:g} to {self.most:g}{self.unit}"


def check_camera(view: str, spec: object, highest_m: float) -> None:
    """BadInput, which names the view, when a camera field of its spec is out of its limits, or not a number."""
    for name, option in _options(highest_m).items():
        value = getattr(spec, name)
        if not option.least <= value <= option.most:
            raise BadInput(
                f"{view}: {option.words} of {value}{option.unit} cannot be drawn. "
                f"Choose {option.limits} for --{name}."
            )


def add_camera(parser: argparse.ArgumentParser, default: object, highest_m: float) -> None:
    """--field_of_view and its like, each with the default of a spec."""
    for name, option in _options(highest_m).items():
        says = f"{option.help}, {option.limits} (default: %(default)s)"
        parser.add_argument(f"--{name}", type=float, default=getattr(default, name), help=says)


def camera_given(given: argparse.Namespace) -> dict[str, Any]:
    """The camera options that were given, as the fields of a spec."""
    return {name: getattr(given, name) for name in CAMERA_FIELDS}


def _options(highest_m: float) -> dict[str, _Option]:
    options = (
        _Option("a field of view", 20, 120, " degrees", "what a picture shows from left to right"),
        _Option("a camera height", 0.5, highest_m, " m", "of the camera above the ground"),
        _Option("a roll", -30, 30, " degrees", "by which the camera leans to its right, about its line of sight"),
        _Option("an exposure", 0.1, 10, "", "factor on the light; lamps shine as ever"),
    )
    return dict(zip(CAMERA_FIELDS, options, strict=True))
