"""The painter's algorithm, from the sky to what is nearest: in colours under a light, or in classes.

A view, a ground and meshes are all it takes; who drives or walks there is no matter of this file.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from roadcue.roadworld.daylight import Daylight
from roadcue.roadworld.face_texture import FaceTextures
from roadcue.roadworld.ground import Ground
from roadcue.roadworld.lamplight import alight, brightened, light_ground, street_lamps
from roadcue.roadworld.mesh import Mesh, join
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.texture import Texture
from roadcue.roadworld.view import SUBPIXEL_BITS, View, clip_near, fixed_point
from roadcue.schema import CameraCalibration

_MARKS_TO_M = 80.0
"""Beyond it, markings are thinner than a pixel of the default front camera."""
_LONGEST_MARK_M = 6.0
_THINNEST_MARK_RAD = 0.0006
"""Markings that look lower are not painted: a third of a pixel of the default front camera."""
_BLOOM_RAD = 0.0042
"""A lamp that shines never looks smaller than 2.2 pixels of the default front camera, as on real sensors."""
_LAMPS_CUT_HAZE = 0.4
"""A lamp that shines is seen through haze as other things are from that share of the distance."""
_SUN_RAD = 0.0075
"""Half the sun's width as sensors see it, more than its 0.0047 since it is far beyond what they can hold."""
_MARGIN, _MARGIN_RAD = 16, 0.006
"""Rows by which a shaking camera can move the horizon; more when the angle is more of its rows."""


class Canvas:
    """What the pictures of one camera under one light begin with: its sky and its haze, made once.

    `skyline` (360,) tangents of elevation by bearing; `grass` (3,) RGB lies where no other ground is. The camera's
    extrinsic may be pitched, not rolled: roll.py makes a rolled picture of a level one.

    A picture in the making has a fourth channel: of the ground the classes, then of upright faces the numbers, by
    which textures are put onto them. Outlines are smoothed in it too, so that a pixel on an edge may name a third
    face, whose texture it gets; to paint the numbers once more with hard edges would cost more than it shows.
    """

    def __init__(
        self, camera: CameraCalibration, light: Daylight, skyline: np.ndarray, grass: np.ndarray, texture: Texture
    ) -> None:
        self.camera, self.light, self.skyline, self.texture = camera, light, skyline, texture
        level = View(np.eye(4), camera)
        self._horizon_row, self._camera_height = level.horizon_row, float(level.position[2])
        self._margin = max(_MARGIN, int(np.ceil(_MARGIN_RAD * level.focal)))
        self._sky = self._make_sky(grass)
        self._gain, self._clearness, self._haze = self._make_haze()

    def paint(self, view: View, ground: Ground, meshes: Sequence[Mesh]) -> np.ndarray:
        """The picture of a moment, (height, width, 3) uint8 RGB, before the lens; each mesh in the world's frame."""
        light = self.light
        shift = int(np.clip(round(view.horizon_row - self._horizon_row), -self._margin, self._margin))
        picture = self._sky[self._margin - shift : self._margin - shift + self.camera.height].copy()
        self._paint_skyline(picture, view)
        areas = self._lit_ground(ground.area_colours, ground.area_classes)
        marks = self._lit_ground(ground.mark_colours, ground.mark_classes)
        _paint_ground(picture, view, ground, areas, marks, cv2.LINE_AA)
        self.texture.on_ground(picture, view, light)
        lamps = [street_lamps(view, each) for each in meshes if light.dark]
        near = np.concatenate([np.zeros((0, 4)), *lamps])
        light_ground(picture, view, near, max(0, int(np.ceil(view.horizon_row)) + 1))
        self._veil(picture, shift)
        mesh = join([view.crop(each) for each in meshes])
        mesh = alight(mesh) if light.dark else mesh
        where = view.to_camera(mesh.middles)
        colours, clear = self._lit_objects(mesh, where, near)
        textures = FaceTextures.of(view, mesh, where, self.texture.pattern, self.texture.strength * clear)
        _paint_objects(picture, view, mesh, np.column_stack([colours, textures.numbers]), cv2.LINE_AA)
        finished = cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
        textures.onto(finished, cv2.extractChannel(picture, 3))
        return finished

    def _lit_ground(self, colours: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """(n, 4): the colours of flat polygons, and their classes."""
        return np.column_stack([self.light.ground(self.light.covered(colours, classes)), classes])

    def _lit_objects(self, mesh: Mesh, where: np.ndarray, lamps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The colours (n + m, 3) of faces near street lamps (k, 4), and how much of each (n + m,) haze leaves.

        `where` (n + m, 3): their middles in the camera's frame.
        """
        lit = self.light.shade(self.light.snowed(mesh.colours, mesh.normals), mesh.normals)
        lit *= self.light.beam(where[:, 0], where[:, 1])[:, None] * brightened(lamps, mesh.middles[:, :2])
        seen_from = np.where(mesh.shines, _LAMPS_CUT_HAZE, 1) * where[:, 0]
        lamps_shine = mesh.colours / self.light.gain
        colours = self.light.through_haze(np.where(mesh.shines[:, None], lamps_shine, lit), seen_from)
        return np.clip(colours, 0, 255), self.light.clearness(seen_from)

    def _make_sky(self, grass: np.ndarray) -> np.ndarray:
        """From the zenith's to the horizon's colour, and grass below, with a margin above and below the picture."""
        row = np.arange(-self._margin, self.camera.height + self._margin)
        up = np.clip(1 - row / max(self._horizon_row, 1), 0, 1)[:, None] ** 0.8
        rows = self.light.horizon * (1 - up) + self.light.zenith * up
        rows = np.pad(rows, ((0, 0), (0, 1)))
        rows[row >= self._horizon_row] = self._lit_ground(grass[None], np.array([SemanticClass.GRASS]))
        return np.repeat(np.clip(rows, 0, 255).astype(np.uint8)[:, None], self.camera.width, axis=1)

    def _make_haze(self) -> tuple[float, np.ndarray, np.ndarray]:
        """(gain, factor, haze): ground pixels become gain * factor * pixel / 255 + haze, both (rows, width, 4) uint8.

        From the horizon's row down to the lower edge. On flat ground the distance, and so the haze, is the same along
        a row of a camera that is not rolled. Wet ground mirrors the sky, the more the flatter one looks at it.
        """
        focal, centre = self.camera.intrinsic[:2], self.camera.intrinsic[2:4]
        rows = np.arange(max(0, int(np.ceil(self._horizon_row))), self.camera.height + self._margin)
        fall = np.arctan((rows - centre[1]) / focal[1]) - np.arctan((self._horizon_row - centre[1]) / focal[1])
        ahead = self._camera_height / np.tan(np.clip(fall, 1e-3, 1.5))
        left = ahead[:, None] * (centre[0] - np.arange(self.camera.width)) / focal[0]
        mirrored = (0.35 * self.light.wet * (1 - np.exp(-ahead / 12)))[:, None]
        black, white = (self.light.through_haze(np.full((len(rows), 3), c), ahead) for c in (0.0, 255.0))
        clear = ((white - black) / 255 * (1 - mirrored))[:, None].astype(np.float32)
        factor = clear * self.light.beam(ahead[:, None], left).astype(np.float32)[..., None]
        haze = black * (1 - mirrored) + self.light.horizon * mirrored
        gain = max(1.0, float(factor.max(initial=0)))
        factor, haze = np.rint(factor / gain * 255).astype(np.uint8), np.clip(haze, 0, 255).astype(np.uint8)
        whole = (len(rows), self.camera.width, 4)
        factor, haze = (np.pad(each, ((0, 0), (0, 0), (0, 1))) for each in (factor, haze[:, None]))
        return gain, np.broadcast_to(factor, whole).copy(), np.broadcast_to(haze, whole).copy()

    def _veil(self, picture: np.ndarray, shift: int) -> None:
        """Haze, headlights and wetness over the ground."""
        first = max(0, int(np.ceil(self._horizon_row))) + shift
        skip = max(0, -first)
        rows = picture[first + skip :]
        band = slice(skip, skip + len(rows))
        cv2.multiply(rows, self._clearness[band], rows, scale=self._gain / 255)
        cv2.add(rows, self._haze[band], rows)

    def _paint_skyline(self, picture: np.ndarray, view: View) -> None:
        """The sun when it is low, and hills far away, which turn with the camera and never come nearer."""
        light = self.light
        if light.sun_shines and (sun := sun_at(view, light)) is not None:
            if light.hour == "low sun":
                glow = min(1.0, light.exposure) * np.array([255, 220, 160, 0])
                _glow(picture, sun, 0.16 * view.focal, glow.tolist())
            radius = round(_SUN_RAD * view.focal * (1 << SUBPIXEL_BITS))
            cv2.circle(picture, fixed_point(sun).tolist(), radius, (255, 255, 246, 0), -1, cv2.LINE_AA, SUBPIXEL_BITS)
        middle = np.arctan2(view.forward[1], view.forward[0])
        half = np.arctan(self.camera.width / 2 / view.focal) + 0.05
        bearing = np.linspace(middle + half, middle - half, 60)
        heights = np.interp(bearing, np.linspace(0, 2 * np.pi, len(self.skyline)), self.skyline, period=2 * np.pi)
        top = np.stack([np.cos(bearing), np.sin(bearing), heights], axis=1)
        foot = np.stack([np.cos(bearing), np.sin(bearing), np.full(len(bearing), -0.006)], axis=1)
        outline = view.pixels(view.rotate_to_camera(np.concatenate([top, foot[::-1]])))
        clear = 0.28 * min(1.0, light.haze_m / 300)
        colour = (1 - clear) * light.horizon + clear * light.ambient * [70, 90, 80]
        cv2.fillPoly(picture, [fixed_point(outline)], [*colour.tolist(), 0], cv2.LINE_AA, SUBPIXEL_BITS)


def sun_at(view: View, light: Daylight) -> np.ndarray | None:
    """The pixel (2,) of a sun that shines, which may be beside the picture; None behind the camera."""
    towards = view.rotate_to_camera(light.sun)
    return view.pixels(towards) if towards[0] > 0.2 else None


def paint_classes(view: View, ground: Ground, meshes: Sequence[Mesh]) -> np.ndarray:
    """What is seen at each pixel, (height, width) uint8 of `SemanticClass`: painted alike, but without light."""
    picture = np.full((view.camera.height, view.camera.width), SemanticClass.SKY, np.uint8)
    picture[max(0, round(view.horizon_row)) :] = SemanticClass.GRASS
    areas, marks = (classes[:, None].astype(float) for classes in (ground.area_classes, ground.mark_classes))
    _paint_ground(picture, view, ground, areas, marks, cv2.LINE_8)
    mesh = join([view.crop(each) for each in meshes])
    _paint_objects(picture, view, mesh, mesh.classes[:, None].astype(float), cv2.LINE_8)
    return picture


def paint_owners(view: View, mesh: Mesh) -> np.ndarray:
    """Whose part is seen at each pixel, (height, width) uint16: 1 + `owner`, and 0 where no object is."""
    picture = np.zeros((view.camera.height, view.camera.width), np.uint16)
    seen = view.crop(mesh)
    _paint_objects(picture, view, seen, seen.owner[:, None] + 1.0, cv2.LINE_8)
    return picture


def _paint_ground(
    picture: np.ndarray, view: View, ground: Ground, areas: np.ndarray, marks: np.ndarray, line: int
) -> None:
    """Areas, then marks, in their order, in the given colours (n, channels)."""
    polygons = clip_near(view.flat(ground.area_points), ground.area_starts, view.near)
    for polygon, colour in zip(polygons, areas.tolist(), strict=True):
        if len(polygon):
            cv2.fillPoly(picture, [fixed_point(view.pixels(polygon))], colour, line, SUBPIXEL_BITS)
    ahead = view.flat(ground.marks[:, 0])[:, 0]
    close = np.flatnonzero((ahead > -_LONGEST_MARK_M) & (ahead < _MARKS_TO_M / view.fineness))
    quads = view.flat(ground.marks[close])
    near, far = quads[..., 0].min(axis=1), quads[..., 0].max(axis=1)
    seen = (far > view.near) & (np.abs(quads[..., 1]).min(axis=1) < far)
    looks_high = view.position[2] * (1 / np.maximum(near, view.near) - 1 / np.maximum(far, view.near))
    seen &= looks_high > _THINNEST_MARK_RAD * view.fineness
    for outline, colour in zip(_outlines(view, quads[seen]), marks[close[seen]].tolist(), strict=True):
        cv2.fillConvexPoly(picture, outline, colour, line, SUBPIXEL_BITS)


def _paint_objects(picture: np.ndarray, view: View, mesh: Mesh, colours: np.ndarray, line: int) -> None:
    """Every object from far to near, its parts in the order in which they were drawn, in colours (n, channels)."""
    n = len(mesh.quads)
    outlines = _outlines(view, view.to_camera(mesh.quads))
    where = view.to_camera(mesh.centres)
    discs = view.pixels(where)
    centres = fixed_point(discs).tolist()
    bloom = np.where(mesh.shines[n:], _BLOOM_RAD * view.fineness * where[:, 0], 0)
    radii = np.maximum(mesh.radii, bloom) * view.focal / where[:, 0]
    fixed_radii = (radii * (1 << SUBPIXEL_BITS)).astype(int).tolist()
    glows = (mesh.shines[n:] & (line == cv2.LINE_AA)).tolist()
    distance = np.hypot(*(mesh.origins - view.position[:2]).T) + mesh.recess
    paints = colours.tolist()
    for i in np.lexsort((np.arange(len(paints)), -distance[mesh.owner])).tolist():
        if i < n:
            if len(outlines[i]):
                cv2.fillConvexPoly(picture, outlines[i], paints[i], line, SUBPIXEL_BITS)
            continue
        if glows[i - n]:
            _glow(picture, discs[i - n], 3.2 * radii[i - n], paints[i])
        cv2.circle(picture, centres[i - n], fixed_radii[i - n], paints[i], -1, line, SUBPIXEL_BITS)


def _outlines(view: View, quads: np.ndarray) -> list[np.ndarray]:
    """The outlines of camera-frame quadrangles (n, 4, 3) as OpenCV takes them; empty before the near plane."""
    whole = quads[..., 0].min(axis=1) > view.near
    outlines = list(fixed_point(view.pixels(np.where(whole[:, None, None], quads, 1.0))))
    for i in np.flatnonzero(~whole):
        (rest,) = clip_near(quads[i], np.array([0]), view.near)
        outlines[i] = fixed_point(view.pixels(rest))
    return outlines


def _glow(picture: np.ndarray, centre: np.ndarray, radius: float, colour: Sequence[float]) -> None:
    """Light that spills around a lamp at pixel `centre` (2,) (u, v)."""
    reach = max(2, min(round(radius), 120))
    reach -= reach % (1 + reach // 8)  # few sizes, so that sprites are found again
    left, top = (int(c) - reach for c in centre)
    height, width = picture.shape[:2]
    rows = slice(max(top, 0), min(top + 2 * reach + 1, height))
    columns = slice(max(left, 0), min(left + 2 * reach + 1, width))
    if rows.start < rows.stop and columns.start < columns.stop:
        spot = picture[rows, columns]
        sprite = _halo(reach, tuple(round(c / 16) * 16 for c in colour))
        cv2.add(spot, sprite[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left], spot)


@lru_cache(maxsize=128)
def _halo(reach: int, colour: tuple[int, ...]) -> np.ndarray:
    """A soft round spot, (2 reach + 1, 2 reach + 1, channels) uint8."""
    at = np.arange(-reach, reach + 1) / (reach + 0.5)
    fall = np.clip(1 - np.hypot(at[:, None], at), 0, 1) ** 2
    return np.clip(0.75 * fall[..., None] * np.array(colour), 0, 255).astype(np.uint8)
