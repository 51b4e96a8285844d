"""What can be chosen of the camera of either view: within which limits, and by which options of the commands."""

import argparse
from typing import Any, NamedTuple

from roadcue.errors import BadInput


class CameraOption(NamedTuple):
    """A field of both specs that is an option of both commands; limits and default are in `unit`."""

    words: str
    least: float
    most: float
    unit: str
    help: str


CAMERA_OPTIONS = {
    "field_of_view": CameraOption(
        "a field of view", 20, 120, " degrees", "what the picture shows from left to right, in degrees"
    ),
    "camera_height": CameraOption("a camera height", 0.5, 4, " m", "of the camera above the ground, in metres"),
    "roll": CameraOption(
        "a roll", -30, 30, " degrees", "by which the camera leans to the right about its line of sight, in degrees"
    ),
    "exposure": CameraOption("an exposure", 0.1, 10, "", "factor on the light of the scene; lamps shine as ever"),
}


def check_camera(view: str, spec: object) -> None:
    """BadInput, which names the view, when a camera option of its spec is out of its limits, or not a number."""
    for name, option in CAMERA_OPTIONS.items():
        value = getattr(spec, name)
        if not option.least <= value <= option.most:
            raise BadInput(
                f"{view}: {option.words} ({name}) of {value}{option.unit} cannot be drawn. "
                f"Choose {option.least} to {option.most}{option.unit}."
            )


def add_camera(parser: argparse.ArgumentParser, default: object) -> None:
    """--field_of_view and its like, each with the default of a spec."""
    for name, option in CAMERA_OPTIONS.items():
        parser.add_argument(
            f"--{name}",
            type=float,
            default=getattr(default, name),
            help=f"{option.help}, {option.least} to {option.most} (default: %(default)s)",
        )


def camera_given(given: argparse.Namespace) -> dict[str, Any]:
    """The camera options that were given, as the fields of a spec."""
    return {name: getattr(given, name) for name in CAMERA_OPTIONS}
