"""What a command would replace or mix with its own: answers, drawings and films that another one has left."""

import re
from datetime import datetime
from pathlib import Path

from roadcue.errors import BadInput
from roadcue.files import opened, stopped_lines, user_path
from roadcue.inference.config import PredictConfig
from roadcue.inference.drawings import DRAWING
from roadcue.json_lines import from_json


def check_nothing_replaced(config: PredictConfig, key: str) -> None:
    """BadInput where a file or folder for answers holds some; not what a stopped command of this `key` left."""
    out = user_path(config.out) if config.out else None
    if out is not None and _holds(out):
        raise BadInput(
            f"{out}: holds {_answers_said(out)}, which no command replaces, not even the same one; name another file "
            "with --out, or move this one away"
        )
    if config.video and _holds(video := user_path(config.video)):
        raise BadInput(
            f"{video}: is there already, of {_written(video)}, and is not replaced; name another file with --video, "
            "or move this one away"
        )
    stopped = out is not None and stopped_lines(out, key).exists()
    if config.overlay and not stopped and (drawn := _drawings(user_path(config.overlay))):
        raise BadInput(
            f"{config.overlay}: holds {drawn:,} drawings of another command, which would be taken for those of this "
            "one; name another folder with --overlay, or move it away"
        )


def _holds(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _written(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime).isoformat(" ", "minutes")


def _drawings(folder: Path) -> int:
    return sum(bool(re.fullmatch(DRAWING, file.name)) for file in folder.iterdir()) if folder.is_dir() else 0


def _answers_said(file: Path) -> str:
    """Such as "24 lines of 2026-11-02 09:30 with answers of field, cue, the first about walks/0001.jpg"."""
    with opened(file) as lines:
        first, others = lines.readline(), sum(1 for _ in lines)
    count = f"{1 + others:,} line{'s' if others else ''} of {_written(file)}"
    try:
        answer = from_json(first, str(file))
    except BadInput:
        answer = None
    if not isinstance(answer, dict) or "id" not in answer:
        return f"{count} that are no answers"
    heads = [name for name, said in answer.items() if isinstance(said, dict)]
    of = f" with answers of {', '.join(heads)}" if heads else ""
    return f"{count}{of}, the first about {answer['id']}"
