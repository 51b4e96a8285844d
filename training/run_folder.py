"""Names of everything in a run folder, decided here alone but for the checkpoint's (`training.checkpoints`).

config.yaml        the resolved options; `train.py --config` reads it
.lock              there while a process trains in it: who
run.json           what the run was: data, encoder, seed, versions, command
checkpoint/        last.safetensors, to go on from
residual.json      what the waypoint head corrects, where that was chosen (`training.heads.residual_choice`)
model/             the trained heads (safetensors + JSON)
adapter/           what --stage lora has made of their encoder, as PEFT reads it (`models.adapters`)
encoder/           what --stage full has made of it: a checkpoint of the encoder alone
trained_rows.safetensors    hashes of the rows that they saw (`training.trained_rows`)
logs/              TensorBoard and CSV
samples.png        some training pictures as they enter the encoder
metrics.json, frames.parquet, report.html    written by eval.py; worst.csv where it is asked for

A run from the model hub has config.json in the place of config.yaml, and no more of this (`inference.public_run`).

A sweep's folder has its runs' folders in it, each with output.txt, what the run had to say, and
sweep.json, sweep.csv        its results
"""

import atexit
import hashlib
import json
import weakref
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.files import read_bytes, read_text, unreadable, user_path, write_atomic, writing_into
from roadcue.folder_lock import hold
from roadcue.left_over import remove_left_over
from roadcue.options_as_text import flat
from roadcue.training.checkpoints import GO_ON, last_checkpoint
from roadcue.training.learnt_from import ROUNDING, differing
from roadcue.training.ranks import Ranks
from roadcue.training.run_facts import check_facts, versions
from roadcue.training.whole_paths import whole_if_there

PUBLIC_CONFIG = "config.json"
"""The options of a run from the model hub."""
FREE_TO_CHANGE = (
    *("run_dir", "resume", "workers", "checkpoint_every", "logger", "plugin", "devices", "nodes", "device"),
    *("data_dir", "image_root", "store_dir", "encode_batch", "on_bad_record", "caption.val_texts"),
)
"""Options that a resumed run of any kind may set anew, as they change no weight; data are known by what they hold."""
_WEIGHTS = ("checkpoint", "from_run", "caption.clip_filter")
"""Options that name weights, which are known by what they hold."""
DATA_FINGERPRINT = "data_fingerprint"
"""In run.json, what the training rows are, part by part as `training.learnt_from` has it: pictures, states, labels or
texts.
"""


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        """The folder need not exist yet."""
        self.path = path
        self.config, self.facts = path / "config.yaml", path / "run.json"
        self.last, self.model, self.logs = last_checkpoint(path), path / "model", path / "logs"
        self.output, self.samples = path / "output.txt", path / "samples.png"
        self.residual, self.adapter, self.encoder = path / "residual.json", path / "adapter", path / "encoder"

    @classmethod
    def for_training(cls, path: str | Path, resume: str) -> "RunFolder":
        """The folder of a run that begins or goes on; BadInput when one is there and `resume` is "no"."""
        folder = cls(user_path(path))
        if resume == "no" and (folder.last.exists() or folder.facts.exists()):
            raise BadInput(
                f"{folder.path}: there is a run here already; --resume auto goes on with it, or choose another"
            )
        return folder

    @classmethod
    def of(cls, path: str | Path) -> "RunFolder":
        """An existing run; BadInput when the folder holds none."""
        folder = cls(user_path(path))
        public = folder.path / PUBLIC_CONFIG
        if not folder.config.exists() and public.exists() and folder.facts.exists():  # any model has the former
            folder.config = public
        if not folder.config.exists():
            near = sorted(str(config.parent) for config in folder.path.parent.glob("*/config.yaml"))
            hint = f"; runs beside it: {', '.join(near[:5])}" if near else ""
            raise BadInput(f"{path}: no run here (config.yaml is missing){hint}")
        return folder

    def take(self) -> None:
        """Keep other processes out until this object is gone, and remove what killed ones were writing.

        Busy when another process trains in it.
        """
        if not self.path.exists():
            weakref.finalize(self, _remove_if_empty, self.path.absolute())
        with writing_into(self.path, GO_ON):
            what, remedy = f"training in {self.path}", "wait until it has ended, or choose another --run_dir"
            hold(self, self.path / ".lock", what, remedy)
        remove_left_over(self.path, self.last.parent, *(place for place in self.model.rglob("*") if place.is_dir()))

    @property
    def identity(self) -> str:
        """Another one when its options or any file of its weights is changed: whatever decides its answers."""
        digest = hashlib.sha256(read_bytes(self.config))
        for file in sorted(file for part in (self.model, self.adapter, self.encoder) for file in part.rglob("*")):
            state = file.stat()
            digest.update(f"{file.relative_to(self.path)} {state.st_size} {state.st_mtime_ns}".encode())
        return digest.hexdigest()

    def begin(self, config_text: str) -> None:
        """Write config.yaml of a run that begins or goes on: whatever was finished before is not any more."""
        self.facts.unlink(missing_ok=True)
        write_atomic(self.config, config_text)

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Write run.json."""
        write_atomic(self.facts, json.dumps(facts, indent=1) + "\n")

    def read_facts(self) -> dict[str, Any]:
        """Read run.json; BadInput when it is missing or damaged."""
        try:
            facts: dict[str, Any] = json.loads(read_text(self.facts))
            check_facts(facts)
        except OSError as error:
            raise unreadable(self.facts, error, "let train.py finish first") from error
        except (ValueError, TypeError, RecursionError) as error:
            remedy = "put it back as train.py has written it, or train again"
            raise BadInput(f"{self.facts}: is not what a run was ({error}); {remedy}") from error
        return facts


def named_folder(run_dir: str | None, name: str) -> Path:
    """The folder that `--run_dir` names, or a new one after `name` and the clock; BadInput where none can be made.

    A new one is there at once, or another run that starts in the same second would take it too; it is gone at the end
    of the process where nothing was written into it.
    """
    if run_dir:
        return user_path(run_dir)
    named = folder = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    others = 1
    with writing_into(named.parent, "free space there, or name another place with --run_dir"):
        while True:
            try:
                folder.mkdir()
                break
            except FileExistsError:
                others += 1
                folder = named.with_name(f"{named.name}-{others}")
    atexit.register(_remove_if_empty, folder.absolute())
    return folder


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _all_there(folder: RunFolder, config: Any) -> bool:
    """Whether all that a finished run has learnt is there; BadInput where some is gone that no checkpoint has."""
    stage, captions = getattr(config, "stage", "heads"), getattr(config, "captions", False)
    learnt = [folder.adapter] if stage == "lora" else [folder.encoder] if stage == "full" else []
    learnt += [] if learnt and captions else [folder.model]
    gone = [place for place in learnt if not place.is_dir()]
    if gone and not folder.last.exists():
        raise BadInput(
            f"{folder.path}: run.json says that it is finished, and {gone[0].name}/ is gone, as is the checkpoint "
            "that it could be made of again; put it back, or train anew in another --run_dir"
        )
    return not gone


def named_elsewhere(folder: RunFolder, config: Any) -> bool:
    """Whether `config` names another checkpoint than the run was begun with, be it the same weights."""
    before = parse_file(type(config), folder.config, config.plugin).checkpoint
    return bool(whole_if_there(before) != whole_if_there(config.checkpoint))


def is_finished(folder: RunFolder, config: Any, free_to_change: Container[str] = FREE_TO_CHANGE) -> bool:
    """Whether the run is there already; BadInput when it was begun with other options than `config`.

    Those of `free_to_change` may differ: they change no weight. Weights may lie elsewhere: a checkpoint knows what it
    has learnt from, and whether those of a finished run are the same is for the caller (`named_elsewhere`). A run
    that is given more epochs than it had goes on from its checkpoint.
    """
    finished = folder.facts.exists()
    may_differ = {*_WEIGHTS[:1]} if finished else {*_WEIGHTS}
    if finished or folder.last.exists():
        before = flat(parse_file(type(config), folder.config, getattr(config, "plugin", ())))
        now = flat(config)
        if folder.last.exists() and now["epochs"] > before["epochs"]:
            finished, may_differ = False, {*_WEIGHTS, "epochs"}
        changed = [
            f"--{name} {_word(now[name])}, and the run has {_word(before[name])}"
            for name in now.keys() & before.keys()  # options of another head go with --head
            if name not in free_to_change
            and name not in may_differ
            and whole_if_there(now[name]) != whole_if_there(before[name])
        ]
        if changed:
            raise BadInput(
                f"{folder.path}: cannot go on with other options: {'; '.join(sorted(changed))}; use another --run_dir"
            )
    return finished and _all_there(folder, config)


def begun(config: Any) -> tuple[RunFolder, bool]:
    """The folder of the run that `config` names, one for all ranks, and whether the run is finished.

    BadInput as from `named_folder`, `RunFolder.for_training` and `is_finished`.
    """
    ranks = Ranks.of_environment()
    named = ranks.agree(named_folder(config.run_dir, config.run_name) if ranks.first else Path())
    folder = RunFolder.for_training(named, config.resume)
    if busy := ranks.agree(_taken(folder) if ranks.first else ""):
        raise BadInput(busy)
    # All have looked before the first may write.
    return folder, all(ranks.each(is_finished(folder, config)))


def _taken(folder: RunFolder) -> str:
    """Take it for this process; otherwise who has it."""
    try:
        folder.take()
    except BadInput as error:
        return str(error)
    return ""


def check_same_data(folder: RunFolder, now: Callable[[], Mapping[str, str]]) -> None:
    """BadInput that names the parts in which the training data of a finished run are not what they were.

    It is asked for only of a run that keeps its own: those of before do not.
    """
    if (kept := data_parts(folder)) and (others := differing(kept, now())):
        raise BadInput(
            f"{folder.path}: is finished, and the training data have changed since: {others} are others; put them "
            "back, or train on them in another --run_dir"
        )


def data_parts(folder: RunFolder) -> Mapping[str, str]:
    """What run.json says of the training data, part by part; {} in one of before it did."""
    kept = folder.read_facts().get(DATA_FINGERPRINT)
    return kept if isinstance(kept, dict) else {}


def _word(value: Any) -> str:
    """An option's value as it is typed."""
    return "left out" if value is None else str(value)


@dataclass(frozen=True)
class Spent:
    """What a training took: `seconds` for so many optimizer `steps`, those before a stop included, of so many
    parameters that learn, without those of twins that see nothing; `peak_memory` in bytes is the most that its
    process or GPU held, None if not known; it `went_on` from these steps with a learning rate that was laid out anew,
    for more epochs."""

    seconds: float = 0.0
    steps: int = 0
    trainable: int = 0
    peak_memory: int | None = None
    went_on: tuple[int, ...] = ()


def run_facts(device: str, command: str, spent: Spent, **facts: Any) -> dict[str, Any]:
    """What run.json holds of every run: when, on what, by which code; `facts` are the run's own."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **facts,
        "versions": versions(),
        "device": device,
        "command": command,
        **asdict(spent),
        "seconds": round(spent.seconds, 3),
    }


def check_same_encoder(folder: RunFolder, now: Mapping[str, str]) -> None:
    """BadInput that names the part in which the encoder at hand differs from the one the heads were trained on."""
    trained = folder.read_facts()["encoder_parts"]
    for name in sorted({*trained, *now} - ROUNDING):
        if trained.get(name) != now.get(name):
            raise BadInput(
                f"{folder.path}: its heads were trained on features with {name} = {trained.get(name)!r}; the encoder "
                f"at hand gives {now.get(name)!r}; put the checkpoint of the run back, name it with --checkpoint, or "
                "train again"
            )
