"""Commands that write: what each is given and leaves, and what must hold of it after it was disturbed.

After a kill the same command goes on, and after a failing disk it is given again: it leaves what it leaves where
nothing disturbs it, bit by bit, and nothing else.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disturbed import LONGEST_S, Commands, Disturbance, Ended

from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.write import write_sidewalk

_WALKS, _OUT, _CACHE = "walks", "out", "cache"
_LEFT_OVER = ("*.partial", "*.lock", "*.part", "*.unfinished", "DONE.*")
_MOST_GIB = 3.0
_EACH_TIME = ("seconds", "memory", "date", "scored")
"""What of a result is another each time: what it took, measured, and the minute in which it was made."""


@dataclass(frozen=True)
class WholeCommand:
    """`python -m MODULE WORDS`, whose words have {place} in them; `first`: the command whose result it reads.

    `written`: the files of its result below out/, as patterns.
    """

    module: str
    words: str
    written: Sequence[str]
    first: str = ""
    again: str = ""
    """What it may say where it was whole already."""

    def words_in(self, place: Path, out: str = _OUT) -> list[str]:
        """Its words, to write into a folder of `place`."""
        return [word.format(place=place, out=place / out) for word in self.words.split()]


_DATA = "--data sensation --data_dir {place}/walks --device cpu --workers 0"
_SMALL = f"{_DATA} --batch_size 8 --checkpoint_every 1 --resume auto"
_MODEL = ("run/model/**/*.safetensors", "run/model/**/*.json")
_SWEEP = f"{_SMALL} --encoder none --head cue --epochs 2 --sweep lr=1e-3,1e-2 --run_dir {{out}}/sweep"
_SWEPT = ("sweep/*/model/**/*.safetensors", "sweep/sweep.json")
COMMANDS: Mapping[str, WholeCommand] = {
    "drawing": WholeCommand(
        "roadcue.roadworld.sidewalk",
        "--out {out}/world --train 4 --val 2 --workers 1",
        ("world/**/*",),
        again="exists already",
    ),
    "extraction": WholeCommand(
        "roadcue.training.extraction",
        f"{_DATA} --encoder smol --encode_batch 4 --split train --store_dir {{out}}",
        ("**/*.npy", "**/index.json", "**/skipped.jsonl"),
    ),
    "training": WholeCommand(
        "roadcue.train", f"{_SMALL} --encoder none --head cue,field --epochs 2 --run_dir {{out}}/run", _MODEL
    ),
    "training on pictures": WholeCommand(
        "roadcue.train",
        f"{_SMALL} --encoder smol --head cue --epochs 2 --run_dir {{out}}/run --store_dir {{out}}/features",
        (*_MODEL, "**/features.npy"),
    ),
    "sweep": WholeCommand("roadcue.train", _SWEEP, _SWEPT),
    "sweep in processes": WholeCommand("roadcue.train", _SWEEP.replace("--workers 0", "--workers 2"), _SWEPT),
    "eval": WholeCommand(
        "roadcue.eval", "--run {place}/training/run --resamples 20 --out {out}", ("metrics.json",), first="training"
    ),
    "captions": WholeCommand(
        "roadcue.train", f"{_SMALL} --encoder smol --head caption --epochs 1 --run_dir {{out}}/run", _MODEL
    ),
    "texts": WholeCommand(
        "roadcue.eval",
        "--run {place}/captions/run --resamples 20 --out {out}",
        ("**/predictions.jsonl", "metrics.json"),
        first="captions",
    ),
}


def prepare(place: Path) -> None:
    """What all of them read: a few small drawn walks."""
    write_sidewalk(SidewalkSpec(train=12, val=6, width=128, height=96), place / _WALKS, workers=1)


@dataclass(frozen=True)
class Trial:
    """A command in a `place` that was prepared, and how it ends and what it leaves where nothing disturbs it."""

    name: str
    command: WholeCommand
    commands: Commands
    place: Path
    alone: Ended
    result: Mapping[str, str]

    @classmethod
    def of(cls, name: str, commands: Commands, place: Path) -> "Trial":
        """Runs it undisturbed, after the one that it reads from; AssertionError where these fail."""
        command = COMMANDS[name]
        if command.first and not (place / command.first).exists():
            first = COMMANDS[command.first]
            ended = commands.run(first.module, first.words_in(place, command.first))
            assert ended.code == 0, ended.said
        shutil.rmtree(place / _OUT, ignore_errors=True)
        ended = commands.run(command.module, command.words_in(place))
        assert ended.code == 0, ended.said
        result = _result(command, place)
        assert result, f"{name} leaves none of {command.written}"
        return cls(name, command, commands, place, ended, result)

    def faults(self, by: Disturbance) -> tuple[list[str], bool]:
        """What does not hold of it when it is disturbed, and whether it was."""
        shutil.rmtree(self.place / _OUT, ignore_errors=True)
        ended = self._run(by)
        met, found = ended.met, [*_wrong(ended)]
        if by.error and ended.code not in (0, 2):
            found.append(f"exit code {ended.code}: {ended.said[-300:]}")
        if by.error and ended.code == 2 and str(self.place) not in ended.said.rpartition("error: ")[2]:
            found.append(f"no place in: {ended.said[-300:]}")
        if ended.code:
            ended = self._run(None)
            found += [f"again: {fault}" for fault in _wrong(ended)]
            if ended.code and not (self.command.again and self.command.again in ended.said):
                found.append(f"again: exit code {ended.code}: {ended.said[-300:]}")
        if (result := _result(self.command, self.place)) != self.result:
            other = sorted(name for name, one in {**self.result, **result}.items() if self.result.get(name) != one)
            found.append(f"another result: {', '.join(other)}")
        if left := _left_over(self.place):
            found.append(f"left {', '.join(left)}")
        return [f"{self.name}, {by}: {fault}" for fault in found], met

    def _run(self, by: Disturbance | None) -> Ended:
        words, limit_s = self.command.words_in(self.place), self.alone.seconds + LONGEST_S
        return self.commands.run(self.command.module, words, by, limit_s)


def _wrong(ended: Ended) -> list[str]:
    """What no command may do, whatever disturbs it."""
    found = [f"Traceback: {ended.said[-600:]}"] if "Traceback" in ended.said else []
    found += [f"hangs for {ended.seconds:.0f} s"] if ended.hung else []
    found += [f"{ended.peak_gib:.1f} GiB"] if ended.peak_gib > _MOST_GIB else []
    return found + ([f"{ended.orphans} processes are left"] if ended.orphans else [])


def _result(command: WholeCommand, place: Path) -> dict[str, str]:
    """A hash of each file that a command leaves."""
    out = place / _OUT
    files = {file for pattern in command.written for file in out.glob(pattern) if file.is_file()}
    return {str(file.relative_to(out)): hashlib.sha256(content_of(file)).hexdigest() for file in files}


def content_of(file: Path) -> bytes:
    """Of JSON only what is the same each time."""
    if file.name not in ("sweep.json", "metrics.json"):
        return file.read_bytes()
    return json.dumps(_comparable(json.loads(file.read_text()))).encode()


def _comparable(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _comparable(value) for name, value in content.items() if name not in _EACH_TIME}
    return [_comparable(value) for value in content] if isinstance(content, list) else content


def _left_over(place: Path) -> list[str]:
    """Names of what stopped commands have not removed, and nobody will."""
    folders = (place / _OUT, place / _CACHE)
    found = {path for folder in folders for pattern in _LEFT_OVER for path in folder.rglob(pattern)}
    return sorted(str(path.relative_to(place)) for path in found)
