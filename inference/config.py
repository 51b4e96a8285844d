"""What predict.py is told: a typed dataclass that is its command line and help, so nothing heavy is imported."""

from dataclasses import dataclass, field
from pathlib import Path

from roadcue.option_values import check_device

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
"""Ends of names that are never those of answers: words in another order would cost a picture."""


@dataclass(frozen=True)
class PredictConfig:
    """Predict with a finished run: pictures, folders and manifests in, one JSON line for each moment out."""

    run: str = ""
    """Run folder that train.py made, or a run on the model hub, org/name; required."""
    what: list[str] = field(default_factory=list)
    """Pictures; folders: all pictures below them, in the order of their paths; and manifests, .jsonl or .parquet,
    whose samples may have past states and an intent, several cameras and earlier frames."""
    states: str | None = None
    """A CSV of time and pose that gives single pictures past states: its columns are t_s, x_m, y_m, heading_rad and
    picture, and speed_m_s if it is known."""
    image_root: str | None = None
    """Folder that the pictures of manifests lie below. Default: the folder of each manifest."""
    recalibrate: str | None = None
    """A folder of 200 or more pictures of your own camera, without labels, of places like those of its use:
    the run then takes no more than one in a hundred of such pictures for unlike those that it has learnt from. Its
    answers stay what they are."""
    out: str | None = None
    """File for the lines. Default: they are printed. Stopped, the same command goes on behind the last of them."""
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
            raise ValueError("name a run and pictures: python predict.py --run RUN PICTURE_FOLDER_OR_MANIFEST ...")
        if self.out is not None and not self.what:
            raise ValueError("--out takes answers; name pictures that are to be answered, too")
        if self.out == "":
            raise ValueError("--out needs a file")
        if self.out is not None and self.out.lower().endswith(_PICTURES):
            raise ValueError(f"--out {self.out}: would replace a picture by lines of text; name another file")
        read = [*self.what, *([self.states] if self.states else [])]
        if self.out is not None and Path(self.out).resolve() in [Path(word).resolve() for word in read]:
            raise ValueError(f"--out {self.out}: is to be read itself, and would be replaced; name another file")
        if self.batch < 1:
            raise ValueError(f"--batch {self.batch}: must be at least 1")
        check_device(self.device)
