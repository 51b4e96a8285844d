"""What predict.py is asked about, moment by moment: single pictures, those of films, and the rows of manifests."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.inference.pictures import Picture, picture_files
from roadcue.loaders import film
from roadcue.loaders.bad_records import Skipped
from roadcue.loaders.dataset import RoadDataset, sample_inputs
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.manifest.manifest_file import SUFFIXES
from roadcue.loaders.state_check import state_warning
from roadcue.schema import PAST_STATES, STATE_NUMBERS, CameraCalibration, Intent
from roadcue.sentences import show
from roadcue.training.config import TrainConfig


@dataclass(frozen=True)
class Asked:
    """One moment, named by its `id`.

    `images`: camera -> picture, which may be read only when it is asked for; `past` (16, 6) as in a `StateTable`, NaN
    where it is not known, and `lacks` why, if a reason is known; `earlier`: so many frames before -> the images of
    then; `calibrations`: those that are known, by camera. `file` is a picture that was named itself, or lies in a
    folder, or the film that shows it at `time_s` seconds, and has shown no other for `still_s` seconds then.
    """

    id: str
    images: Mapping[str, Picture]
    past: np.ndarray = field(default_factory=lambda: np.full((PAST_STATES, STATE_NUMBERS), np.nan, np.float32))
    intent: int = int(Intent.UNKNOWN)
    earlier: Mapping[int, Mapping[str, Picture]] = field(default_factory=dict)
    calibrations: Mapping[str, CameraCalibration] = field(default_factory=dict)
    file: Path | None = None
    time_s: float | None = None
    still_s: float = 0.0
    lacks: str = ""

    @property
    def knows_past(self) -> bool:
        """Whether a path can start from its past states."""
        return not np.isnan(self.past).any()

    def held(self) -> "Asked":
        """The same moment, whose pictures of now are read once, and kept as long as it is."""
        return replace(self, images=_Held(self.images, {}))


@dataclass(frozen=True)
class Questions(Sequence[Asked]):
    """All that is asked, in order; `identity` differs when any picture of it does.

    `left_out` lines of manifests could not be used, and `film_faults` say what films lack, in a sentence each.
    """

    asked: Sequence[Asked]
    identity: str
    left_out: Sequence[Skipped] = ()
    film_faults: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.asked)

    @overload
    def __getitem__(self, place: int) -> Asked: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Asked]: ...
    def __getitem__(self, place: int | slice) -> Asked | Sequence[Asked]:
        return self.asked[place]


def questions(
    what: Sequence[str],
    trained: TrainConfig,
    image_root: Path | None = None,
    every: float = 0.0,
    frames: int | None = None,
) -> Questions:
    """Of pictures, folders, films and manifests, as a run that was `trained` so reads them: its cameras and frames.

    `image_root` is the folder below which the manifests' pictures lie, if that is not their own; of films the first
    picture in each step of `every` seconds is taken, or with `frames` so many of the whole film for one answer.
    BadInput when one is not there, or single pictures or films are named for a run that reads several pictures of a
    moment, or `frames` for a run of heads or without a film.
    """
    if frames is not None and not trained.captions:
        raise BadInput(f"--frames {frames}: makes one text of a film, and this is a run of heads; leave it out")
    if frames is not None and not any(user_path(word).suffix.lower() in film.SUFFIXES for word in what):
        raise BadInput(f"--frames {frames}: makes one text of a film, and none is named; name one, or leave it out")
    asked: list[Asked] = []
    left_out: list[Skipped] = []
    film_faults: list[str] = []
    reader = film.FilmReader()
    digest, cameras = hashlib.sha256(), trained.camera_names
    frames_back = () if trained.encoder == "none" else trained.frames_back
    for word in what:
        path = user_path(word)
        if path.suffix.lower() in SUFFIXES and path.is_file():
            dataset = open_manifest(path, "all", image_root=image_root, on_bad_record="skip")
            if warning := state_warning(dataset):
                show(f"warning: {warning}", error=True)
            left_out += dataset.skipped
            asked += _rows(dataset, cameras, frames_back)
            digest.update(f"{dataset.fingerprint} {dataset.states.id.tolist()}".encode())
            digest.update(dataset.states.past.tobytes() + dataset.states.intent.tobytes())
            continue
        is_film = path.suffix.lower() in film.SUFFIXES and path.is_file()
        if trained.encoder != "none":
            _check_one_picture(word, cameras, () if is_film and frames else frames_back)
        if is_film:
            shown = film.read_film(path)
            film_faults += shown.faults
            if shown.gaps:
                show(f"warning: {shown.gaps}", error=True)
            if frames:
                asked.append(_clip_of(shown, frames, cameras[0], reader))
            else:
                asked += _pictures_of(shown, every, cameras[0], reader)
            about = path.stat()
            digest.update(f"{path} {about.st_size} {about.st_mtime_ns} {frames or every}".encode())
            continue
        for picture in picture_files([word]):
            asked.append(Asked(str(picture), {cameras[0]: picture}, file=picture))
            about = picture.stat()
            digest.update(f"{picture} {about.st_size} {about.st_mtime_ns}".encode())
    return Questions(asked, digest.hexdigest(), left_out, film_faults)


def _pictures_of(shown: film.Film, every: float, camera: str, reader: film.FilmReader) -> Iterator[Asked]:
    for tick in shown.every(every).tolist():
        time_s = shown.time_of(tick)
        # Whose end is as browsers and players understand it (W3C, Media Fragments URI 1.0, 4.2.1).
        name = f"{shown.path}#t={time_s:.3f}"
        yield Asked(name, _OfFilm(camera, shown, tick, reader), file=shown.path, time_s=time_s)


def _clip_of(shown: film.Film, frames: int, camera: str, reader: film.FilmReader) -> Asked:
    """A whole film as one moment: the last of so many pictures, and the others before it."""
    *before, last = (_OfFilm(camera, shown, tick, reader) for tick in shown.spread(frames).tolist())
    return Asked(str(shown.path), last, earlier={frames - 1 - place: each for place, each in enumerate(before)})


def _rows(dataset: RoadDataset, cameras: Sequence[str], frames_back: Sequence[int]) -> Iterator[Asked]:
    states = dataset.states
    before = {back: states.rows_before(back).tolist() for back in frames_back}
    for row in range(len(dataset)):
        earlier = {back: _images(dataset, rows[row], cameras) for back, rows in before.items()}
        images = _images(dataset, row, cameras)
        calibrations = {camera: known for camera in images if (known := dataset.calibration(row, camera))}
        intent = int(states.intent[row])
        yield Asked(str(states.id[row]), images, states.past[row], intent, earlier, calibrations)


def _images(dataset: RoadDataset, row: int, cameras: Sequence[str]) -> Mapping[str, Picture]:
    """Those of the run's cameras that a row has; none of the row -1."""
    if row < 0:
        return {}
    return _OfCameras(sample_inputs(dataset, row).images, [c for c in cameras if c in dataset.cameras_of(row)])


@dataclass(frozen=True)
class _OfCameras(Mapping[str, Picture]):
    """Some of a row's pictures, each read when it is asked for."""

    images: Mapping[str, bytes]
    cameras: Sequence[str]

    def __getitem__(self, camera: str) -> Picture:
        if camera not in self.cameras:
            raise KeyError(camera)
        return self.images[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cameras)

    def __len__(self) -> int:
        return len(self.cameras)


@dataclass(frozen=True)
class _OfFilm(Mapping[str, Picture]):
    """One picture of a film, decoded when it is asked for."""

    camera: str
    shown: film.Film
    tick: int
    reader: film.FilmReader

    def __getitem__(self, camera: str) -> Picture:
        if camera != self.camera:
            raise KeyError(camera)
        return self.reader.picture(self.shown, self.tick)

    def __iter__(self) -> Iterator[str]:
        return iter((self.camera,))

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class _Held(Mapping[str, Picture]):
    """Pictures of which each is read when it is asked for the first time."""

    images: Mapping[str, Picture]
    read: dict[str, Picture]

    def __getitem__(self, camera: str) -> Picture:
        if camera not in self.read:
            self.read[camera] = self.images[camera]
        return self.read[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)


def _check_one_picture(word: str, cameras: Sequence[str], frames_back: Sequence[int]) -> None:
    """BadInput for a run that reads more of a moment than one picture."""
    if len(cameras) > 1:
        raise BadInput(f"{word}: this run reads the cameras {', '.join(cameras)}; name a manifest that has them")
    if frames_back:
        raise BadInput(
            f"{word}: this run also reads the pictures {' and '.join(map(str, frames_back))} frames before, which no "
            "single file names; name a manifest that has them, or of film, for a caption run, take --frames"
        )
