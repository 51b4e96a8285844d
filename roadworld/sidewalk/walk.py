"""One walk: its scene, its light and its lens, and from them pictures, annotations and captions."""

from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count

import cv2
import numpy as np

from roadcue.prompts.annotation import ROAD_POSITIONS, SIDEWALK_POSITIONS, Annotation
from roadcue.roadworld.camera import scaled
from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_skyline
from roadcue.roadworld.ground import lay
from roadcue.roadworld.instances import Instances
from roadcue.roadworld.lens import draw_lens
from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.paint import Canvas, paint_classes, sun_at
from roadcue.roadworld.roll import levelled, rolled
from roadcue.roadworld.scenery import draw_season
from roadcue.roadworld.sidewalk.camera import Framing, chest_camera, framing, view_of
from roadcue.roadworld.sidewalk.caption import caption_of
from roadcue.roadworld.sidewalk.furniture import lantern
from roadcue.roadworld.sidewalk.labels import Moment, Sight, clear_sights, sight_of
from roadcue.roadworld.sidewalk.outing import BEFORE_S, FIRST_STEP, FUTURE_STEPS, Outing
from roadcue.roadworld.sidewalk.plan import draw_scene
from roadcue.roadworld.sidewalk.scene import Place, Scene, Thing
from roadcue.roadworld.sidewalk.spec import SidewalkSpec, image_name
from roadcue.roadworld.sidewalk.street import FAR_M
from roadcue.roadworld.sidewalk.walker import FASTEST_M_S, Walker, set_out
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.texture import Texture, draw_texture
from roadcue.roadworld.view import View
from roadcue.roadworld.weather import draw_walk
from roadcue.schema import CameraCalibration, Intent

_SCENES = 300
"""Drawn for a pair of positions before another pair is; of 2,400 walks of the default camera none needed over 32."""
_FIRST_LANTERN_M, _LANTERNS_M = -4.0, 16.0
"""Of the way, where the first hangs, and from one to the next."""


@dataclass(frozen=True)
class Frame:
    """A picture (height, width, 3) uint8 RGB with its labels and caption."""

    picture: np.ndarray
    annotation: Annotation
    caption: str


class Walk:
    """A walk: its scene is drawn until it is clear, walked through, painted, and labelled by its geometry."""

    def __init__(self, spec: SidewalkSpec, number: int) -> None:
        self._spec, self._number = spec, number
        streams = Streams((spec.seed, number, "walk"))
        self.camera = chest_camera(spec)
        hour, weather = draw_walk(streams.of("weather"))
        season = draw_season(streams.of("season"), weather)
        self.scene, self.outing, self._sights = self._draw(streams, framing(spec), season)
        light = draw_daylight(streams.of("light"), hour, weather)
        self.light = light.on_foot().exposed(spec.exposure)
        self._lens = draw_lens(streams.of("lens"))
        areas = [(_outline(each.x, each.y), each.colour, each.semantic) for each in self.scene.surfaces]
        self._ground = lay(areas, self.scene.marks)
        self._canvas = self._stretch(draw_skyline(streams.of("skyline")), draw_texture(streams.of("texture")))

    def changed(self, things: list[Thing], outing: Outing, sights: list[Sight], light: Daylight) -> "Walk":
        """The same way, camera and lens with other things, whose sights are given, or in another light."""
        other = copy(self)
        other.scene, other.outing, other.light = replace(self.scene, things=things), outing, light
        other._sights = dict(enumerate(sights))
        other._canvas = other._stretch(self._canvas.skyline, self._canvas.texture)
        return other

    def _stretch(self, skyline: np.ndarray, texture: Texture) -> Canvas:
        return Canvas(levelled(self.camera), self.light, skyline, np.array(self.scene.surfaces[0].colour), texture)

    def _draw(self, streams: Streams, framed: Framing, season: str) -> tuple[Scene, Outing, dict[int, Sight | None]]:
        """All sixteen pairs of positions are meant equally often, but for one that a camera hardly ever has clear."""
        spec = self._spec
        clear, reach = (spec.frames if spec.all_clear else 1), FASTEST_M_S * max(0.0, spec.seconds - 1)
        for meant in count():
            rng = streams.of("positions", meant)
            sidewalk, road = str(rng.choice(SIDEWALK_POSITIONS)), str(rng.choice(ROAD_POSITIONS))
            for attempt in range(_SCENES):
                self._attempt = streams.within(meant, attempt)
                scene = draw_scene(self._attempt, sidewalk, road, framed, reach, season)
                walked = self._walked(scene, clear)
                if walked and not self._bumps(scene, walked[0]):
                    return scene, walked[0], dict(enumerate(walked[1]))
        raise AssertionError  # for mypy: count() has no end

    def _bumps(self, scene: Scene, outing: Outing) -> bool:
        """Whether the walker touches anything until his last future ends."""
        outing.run_to(self.step(self._spec.frames - 1) + FUTURE_STEPS)
        return outing.touches(scene.things)

    def to_first_picture(self, things: list[Thing]) -> Outing:
        """The walk among these things, so far as both halves of a pair share it."""
        outing = Outing(self._set_out(self.scene), things)
        outing.run_to(FIRST_STEP)
        return outing

    def _set_out(self, scene: Scene) -> Walker:
        return set_out(self._attempt.of("walker"), scene, BEFORE_S)

    def _walked(self, scene: Scene, clear: int) -> tuple[Outing, list[Sight]] | None:
        """The walk through a scene without the things that are not clear, and the sights of its first pictures."""
        about = Moment(view_of(Place(0.0, scene.start, 0.0), self.camera), lambda thing: thing.at(0), lambda _: 0.0)
        if clear_sights(scene, [lambda: about]) is None:
            return None  # told without a walk; most scenes that are not clear end here
        while True:
            among = len(scene.things)
            outing = Outing(self._set_out(scene), scene.things)
            sights = clear_sights(scene, [partial(self.moment, outing, frame) for frame in range(clear)])
            if sights is None:
                return None
            if len(scene.things) == among:
                return outing, sights

    def moment(self, outing: Outing, frame: int) -> Moment:
        """What a frame shows of an outing."""
        outing.run_to(self.step(frame))
        t, view = self.seconds(frame), view_of(outing.pose(self.step(frame)), self.camera)
        return Moment(view, partial(outing.place, t=t), partial(outing.speed, t=t))

    def step(self, frame: int) -> int:
        """The time step of a frame."""
        return FIRST_STEP + frame * self._spec.frame_steps

    def seconds(self, frame: int) -> float:
        """The time of a frame, from the first on."""
        return frame / self._spec.rate

    def sight(self, frame: int) -> Sight | None:
        """What a frame shows; None when that is not clear enough to be labelled."""
        if frame not in self._sights:
            self._sights[frame] = sight_of(self.scene, self.moment(self.outing, frame))
        return self._sights[frame]

    def _clear_sight(self, frame: int) -> Sight:
        sight = self.sight(frame)
        if sight is None:
            raise ValueError(f"frame {frame} of walk {self._number} is not clear enough to be labelled")
        return sight

    def annotation(self, frame: int) -> Annotation:
        """The labels of a frame that has a sight."""
        sight = self._clear_sight(frame)
        return Annotation(image_name(self._number, frame), sight.sidewalk, sight.road, sight.near, sight.far)

    def caption(self, frame: int) -> str:
        """What is to be said of a frame that has a sight."""
        return caption_of(self.scene, self._clear_sight(frame))

    def past(self, frame: int) -> np.ndarray:
        """(16, 6) float32, columns `STATE_COLUMNS`, in the walker's frame of this moment."""
        return self.outing.past(self.step(frame))

    def future(self, frame: int) -> np.ndarray:
        """(20, 2) float32 metres, walker's frame, t = 0.25 ... 5 s."""
        return self.outing.future(self.step(frame))

    def intent(self, frame: int) -> Intent:
        """Straight on: no way of this world turns."""
        return Intent.GO_STRAIGHT

    def paint(self, frame: int) -> np.ndarray:
        """The picture of a frame, (height, width, 3) uint8 RGB."""
        view = self._view(frame, self._canvas.camera)
        picture = self._canvas.paint(view, self._ground, self._meshes(frame))
        self._lens.fall(picture, self.light, self.step(frame))
        picture = rolled(picture, self.camera, cv2.INTER_LINEAR)
        sun = sun_at(self._view(frame, self.camera), self.light) if self.light.sun_shines else None
        return self._lens.expose(picture, self.light, self.step(frame), sun)

    def paint_classes(self, frame: int, scale: float) -> np.ndarray:
        """What is where in that picture, (height * scale, width * scale) uint8 of `SemanticClass`."""
        small = scaled(self.camera, scale)
        view = self._view(frame, levelled(small))
        return rolled(paint_classes(view, self._ground, self._meshes(frame)), small, cv2.INTER_NEAREST)

    def instances(self, frame: int) -> Instances:
        """Which things are seen where in that picture."""
        view = self._view(frame, self._canvas.camera)
        return Instances.of(view, self._meshes(frame), np.arange(self.last_number) + 1, self.camera)

    @property
    def last_number(self) -> int:
        """That of the scene's last thing in `instances`."""
        return sum(len(each.origins) for each in self._meshes(0))

    def _view(self, frame: int, camera: CameraCalibration) -> View:
        self.outing.run_to(self.step(frame))
        return view_of(self.outing.pose(self.step(frame)), camera, self._lens.shake(self.step(frame)))

    def _meshes(self, frame: int) -> list[Mesh]:
        """The things of the scene, and before them at night the lanterns over the way.

        So they have the same numbers in both halves of a pair.
        """
        lanterns = [_lanterns(self.scene.reach)] if self.light.dark else []
        return [*lanterns, *self._things(frame)]

    def _things(self, frame: int) -> list[Mesh]:
        things, t = self.scene.things, self.seconds(frame)
        if not things:
            return []
        places = [self.outing.place(thing, t) for thing in things]
        standing = list(zip(things, places, strict=True))
        looks = [thing.look(there) for thing, there in standing]
        origins = np.array([thing.origin(there) for thing, there in standing])
        return [place(looks, origins, np.array([there.heading for there in places]))]


@lru_cache(maxsize=4)
def _walk(spec: SidewalkSpec, number: int) -> Walk:
    return Walk(spec, number)


def paint_walk(spec: SidewalkSpec, number: int, frame: int) -> Frame:
    """A frame of a walk of any number that is clear, without files; one after the other is fastest."""
    walk = _walk(spec, number)
    return Frame(walk.paint(frame), walk.annotation(frame), walk.caption(frame))


@lru_cache(maxsize=4)
def _lanterns(reach: float) -> Mesh:
    """They hang over the middle of the path, or where it would be, as far as `reach` metres more than a short walk's.

    Of the night alone: by day the sky would be full of them.
    """
    x = np.arange(_FIRST_LANTERN_M, FAR_M + reach, _LANTERNS_M)
    return place([lantern()] * len(x), np.stack([x, np.zeros_like(x)], axis=1), np.zeros_like(x))


def _outline(x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    return np.array([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
