"""The report: one HTML file that needs nothing beside it."""

import base64
import os
from collections.abc import Container, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from metrics.comparison import Comparison
from metrics.displacement import MISS_M
from reports.colours import PAST, colours
from reports.curves import horizon_curves, interval_chart
from reports.scene import Scene, birds_eye_view, camera_view
from reports.table import COLUMNS, extent, group_rows, how_made, rows

DRAWN = "The data are drawn, not recorded: the numbers show that the machinery works, and nothing about real roads."
"""What a page about drawn data says before anything else."""
MINIATURE = "The encoder is a miniature that has seen only drawn pictures: it says nothing about SmolVLM2-2.2B."
"""What a page about such an encoder says before anything else."""


def write_report(
    path: Path,
    *,
    comparison: Comparison,
    sees_image: Container[str],
    heading: Mapping[str, str],
    scenes: Sequence[Scene],
    cautions: Sequence[str] = (),
) -> Path:
    """Write the page to `path` and return it; an earlier page is replaced only by a whole one.

    `sees_image` holds the names of the methods that see an image, `heading` the facts of the run in order, by label,
    and `cautions` what a reader has to know before the numbers. OSError when the folder cannot be written.
    """
    names = [method.name for method in comparison.methods]
    paint = colours([*names, PAST, *(name for scene in scenes for name in scene.paths)])
    html = _template().render(
        comparison=comparison,
        cautions=cautions,
        heading=heading,
        extent=extent(comparison),
        how_made=how_made(comparison),
        miss_m=MISS_M,
        columns=COLUMNS,
        rows=rows(comparison, sees_image),
        groups={kind: group_rows(comparison, sees_image, kind) for kind in comparison.group_sizes},
        horizon=Markup(horizon_curves(comparison, sees_image)),
        intervals=Markup(interval_chart(comparison, sees_image)),
        scenes=[_Views(scene, paint, f"scene-{number}") for number, scene in enumerate(scenes, 1)],
        colours=paint,
    )
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_text(html, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:  # a write that fails does not say of which file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


class _Views:
    """A scene with its pictures, as the template shows it."""

    def __init__(self, scene: Scene, paint: Mapping[str, str], name: str) -> None:
        self.scene = scene
        self.above = Markup(birds_eye_view(scene.past, scene.paths, paint, name))
        self.camera = ""
        self.about_camera = f"Camera {scene.camera}"
        if scene.image is None:
            self.about_camera = f"This sample has no picture of the camera {scene.camera}."
            return
        if scene.calibration is None:
            self.about_camera += "; the data have no calibration of it, so the paths cannot be drawn here"
        jpeg = camera_view(scene.image, scene.calibration, scene.past, scene.paths, paint)
        self.camera = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((files("reports") / "page.html").read_text(encoding="utf-8"))
