"""One walk: its scene, its light and its lens, and from them pictures, annotations and captions."""

from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from roadcue.prompts.annotation import ROAD_POSITIONS, SIDEWALK_POSITIONS, Annotation
from roadcue.roadworld.camera import scaled
from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_skyline
from roadcue.roadworld.ground import lay
from roadcue.roadworld.instances import Instances
from roadcue.roadworld.lens import draw_lens
from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.paint import Canvas, paint_classes
from roadcue.roadworld.roll import levelled, rolled
from roadcue.roadworld.sidewalk.camera import Framing, chest_camera, framing, view_of
from roadcue.roadworld.sidewalk.caption import caption_of
from roadcue.roadworld.sidewalk.furniture import lantern
from roadcue.roadworld.sidewalk.labels import Sight, clear_sights
from roadcue.roadworld.sidewalk.plan import draw_scene
from roadcue.roadworld.sidewalk.scene import Scene, Thing
from roadcue.roadworld.sidewalk.spec import FRAMES, SidewalkSpec, image_name
from roadcue.roadworld.texture import Texture, draw_texture
from roadcue.roadworld.weather import draw_walk

_SCENES = 300
"""Drawn for a pair of positions before another pair is; of 2,400 walks of the default camera none needed over 32."""
_LANTERNS_X = np.arange(-4.0, 60.0, 16.0)
_LANTERNS = place(
    [lantern()] * len(_LANTERNS_X), np.stack([_LANTERNS_X, np.zeros_like(_LANTERNS_X)], axis=1), 0 * _LANTERNS_X
)
"""They hang over the middle of the path, or where it would be."""


@dataclass(frozen=True)
class Frame:
    """A picture (height, width, 3) uint8 RGB with its labels and caption."""

    picture: np.ndarray
    annotation: Annotation
    caption: str


class Walk:
    """A walk of `FRAMES` pictures: its scene is drawn until it is clear, painted, and labelled by its geometry."""

    def __init__(self, spec: SidewalkSpec, number: int) -> None:
        self._number = number
        rng = np.random.default_rng([spec.seed, number, 2])
        self.camera = chest_camera(spec)
        self.scene, self.sights = self._draw(rng, framing(spec))
        self.light, self._lens = draw_daylight(rng, *draw_walk(rng)).on_foot().exposed(spec.exposure), draw_lens(rng)
        areas = [(_outline(each.x, each.y), each.colour, each.semantic) for each in self.scene.surfaces]
        self._ground = lay(areas, self.scene.marks)
        self._canvas = self._stretch(draw_skyline(rng), draw_texture(rng))

    def changed(self, things: list[Thing], sights: list[Sight], light: Daylight) -> "Walk":
        """The same way, camera and lens with other things, whose sights are given, or in another light."""
        other = copy(self)
        other.scene, other.sights, other.light = replace(self.scene, things=things), sights, light
        other._canvas = other._stretch(self._canvas.skyline, self._canvas.texture)
        return other

    def _stretch(self, skyline: np.ndarray, texture: Texture) -> Canvas:
        return Canvas(levelled(self.camera), self.light, skyline, np.array(self.scene.surfaces[0].colour), texture)

    def _draw(self, rng: np.random.Generator, framed: Framing) -> tuple[Scene, list[Sight]]:
        """All sixteen pairs of positions are meant equally often, but for one that a camera hardly ever has clear."""
        while True:
            sidewalk, road = str(rng.choice(SIDEWALK_POSITIONS)), str(rng.choice(ROAD_POSITIONS))
            for _ in range(_SCENES):
                scene = draw_scene(rng, sidewalk, road, framed)
                sights = clear_sights(scene, [view_of(scene, frame, self.camera) for frame in range(FRAMES)])
                if sights:
                    return scene, sights

    def annotation(self, frame: int) -> Annotation:
        """The labels of a frame."""
        sight = self.sights[frame]
        return Annotation(image_name(self._number, frame), sight.sidewalk, sight.road, sight.near, sight.far)

    def caption(self, frame: int) -> str:
        """What is to be said of a frame."""
        return caption_of(self.scene, self.sights[frame])

    def paint(self, frame: int) -> np.ndarray:
        """The picture of a frame, (height, width, 3) uint8 RGB."""
        view = view_of(self.scene, frame, self._canvas.camera, self._lens.shake(frame))
        picture = self._canvas.paint(view, self._ground, self._meshes(frame))
        self._lens.fall(picture, self.light, frame)
        picture = rolled(picture, self.camera, cv2.INTER_LINEAR)
        sun = self._canvas.sun_at(view_of(self.scene, frame, self.camera, self._lens.shake(frame)))
        return self._lens.expose(picture, self.light, frame, sun)

    def paint_classes(self, frame: int, scale: float) -> np.ndarray:
        """What is where in that picture, (height * scale, width * scale) uint8 of `SemanticClass`."""
        small = scaled(self.camera, scale)
        view = view_of(self.scene, frame, levelled(small), self._lens.shake(frame))
        return rolled(paint_classes(view, self._ground, self._meshes(frame)), small, cv2.INTER_NEAREST)

    def instances(self, frame: int) -> Instances:
        """Which things are seen where in that picture."""
        view = view_of(self.scene, frame, self._canvas.camera, self._lens.shake(frame))
        meshes = self._meshes(frame)
        return Instances.of(view, meshes, np.arange(sum(len(each.origins) for each in meshes)) + 1, self.camera)

    def _meshes(self, frame: int) -> list[Mesh]:
        """The things of the scene, and after them at night the lanterns over the way."""
        lanterns = [_LANTERNS] if self.light.dark else []
        return [*self._things(frame), *lanterns]

    def _things(self, frame: int) -> list[Mesh]:
        things = self.scene.things
        if not things:
            return []
        places = np.array([thing.place(frame) for thing in things])
        return [place([thing.look(frame) for thing in things], places, np.array([thing.heading for thing in things]))]


@lru_cache(maxsize=4)
def _walk(spec: SidewalkSpec, number: int) -> Walk:
    return Walk(spec, number)


def paint_walk(spec: SidewalkSpec, number: int, frame: int) -> Frame:
    """Frame 0 to `FRAMES` - 1 of a walk of any number, without files; one after the other is fastest."""
    walk = _walk(spec, number)
    return Frame(walk.paint(frame), walk.annotation(frame), walk.caption(frame))


def _outline(x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    return np.array([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
