"""What predict.py is told: a typed dataclass that is its command line and help, so nothing heavy is imported."""

from dataclasses import dataclass, field

from roadcue.files import user_path
from roadcue.option_values import at_most, check_device

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
"""Ends of names that are never those of answers: words in another order would cost a picture or a film."""
_MOST_FRAMES = 10_000
"""Of a film for one text; a model that reads a million tokens reads fewer."""


@dataclass(frozen=True)
class PredictConfig:
    """Predict with a finished run: pictures, folders, film and manifests in, one JSON line for each moment out."""

    run: str = ""
    """Run folder that train.py made, or a run on the model hub, org/name; required."""
    what: list[str] = field(default_factory=list)
    """Pictures; folders: all pictures below them, in the order of their paths; film, such as .mp4 or .mov; and
    manifests, .jsonl or .parquet, whose samples may have past states and an intent, several cameras and earlier
    frames."""
    every: float = 0.25
    """Seconds of film from one picture that is answered to the next, by the times at which they are shown; 0 answers
    every picture of it. A quarter of a second is the step of the past states."""
    frames: int | None = None
    """Of film, by a caption run: one text of so many of its pictures, evenly spread from the first to the last, in
    place of a text of each. Default: those of --every, each by itself."""
    states: str | None = None
    """A CSV of time and pose that gives single pictures and films past states: its columns are t_s, x_m, y_m,
    heading_rad and picture, and speed_m_s if it is known; the time of a film is that of its first picture."""
    image_root: str | None = None
    """Folder that the pictures of manifests lie below. Default: the folder of each manifest."""
    recalibrate: str | None = None
    """A folder of 200 or more pictures of your own camera, without labels, of places like those of its use:
    the run then takes no more than one in a hundred of such pictures for unlike those that it has learnt from. Its
    answers stay what they are."""
    out: str | None = None
    """File for the lines; one that holds some is not replaced. Default: they are printed. Stopped, the same command
    goes on behind the last of them."""
    overlay: str | None = None
    """Folder for a drawing of each picture with its path, cue and sentences, and whether they are sure: on the ground
    where a manifest says how the camera is calibrated, else from above."""
    video: str | None = None
    """An .mp4 file for the same drawings of a film, each shown at its time. Name one film; with --every 0, all of its
    pictures are drawn."""
    checkpoint: str | None = None
    """Where the checkpoint of the run's training lies now; other weights are refused. Default: as in the run."""
    batch: int = 16
    """Pictures that are predicted together."""
    device: str = "auto"
    """Where the encoder and the heads run: auto, cpu, cuda, or one of several GPUs, such as cuda:1."""
    compile: bool = False
    """Let torch.compile make code of the encoder, as train.py's --compile: for many pictures, as each start takes a
    while, and says how long."""
    plugin: list[str] = field(default_factory=list)
    """A Python file that the run was trained with; it runs with your rights, and is never loaded by itself."""

    def __post_init__(self) -> None:
        if not self.run or not (self.what or self.recalibrate):
            raise ValueError(
                "name a run and pictures: python predict.py --run RUN PICTURE_FOLDER_FILM_OR_MANIFEST ..."
            )
        for option, kind in (("out", "file"), ("overlay", "folder"), ("video", "file")):
            named = getattr(self, option)
            if named is not None and not self.what:
                raise ValueError(f"--{option} takes answers; name pictures that are to be answered, too")
            if named == "":
                raise ValueError(f"--{option} needs a {kind}")
        if self.out is not None and self.out.lower().endswith(_PICTURES):
            raise ValueError(
                f"--out {self.out}: would replace a picture or a film by lines of text; name another file"
            )
        read = [*self.what, *([self.states] if self.states else [])]
        if self.out is not None and user_path(self.out).resolve() in [user_path(word).resolve() for word in read]:
            raise ValueError(f"--out {self.out}: is to be read itself, and would be replaced; name another file")
        if self.overlay is not None and any(_inside(self.overlay, word) for word in self.what):
            raise ValueError(
                f"--overlay {self.overlay}: its drawings would be taken for pictures; name another folder"
            )
        if self.video is not None and not self.video.lower().endswith(".mp4"):
            raise ValueError(f"--video {self.video}: name a file that ends in .mp4")
        if self.video is not None and user_path(self.video).resolve() in [user_path(word).resolve() for word in read]:
            raise ValueError(f"--video {self.video}: is to be read itself, and would be replaced; name another file")
        if not 0 <= self.every < float("inf"):
            raise ValueError(f"--every {self.every:g}: must be seconds, or 0 for every picture of a film")
        if self.frames is not None and self.frames < 1:
            raise ValueError(f"--frames {self.frames}: must be at least 1")
        if self.frames is not None:
            at_most(_MOST_FRAMES, self, "frames", "no model reads so many pictures at once")
        if self.frames is not None and self.video is not None:
            raise ValueError("--video draws each answer of a film, and --frames makes one text of it; leave one out")
        if self.batch < 1:
            raise ValueError(f"--batch {self.batch}: must be at least 1")
        check_device(self.device)


def _inside(folder: str, other: str) -> bool:
    return user_path(folder).resolve().is_relative_to(user_path(other).resolve())
