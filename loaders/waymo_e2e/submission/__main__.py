"""What the challenge would refuse: python -m roadcue.loaders.waymo_e2e.submission check FILE --frames JSON."""

import sys
from pathlib import Path

from roadcue.errors import BadInput, error_line
from roadcue.files import opened, unreadable
from roadcue.loaders.waymo_e2e.submission.archive import MAX_BYTES
from roadcue.loaders.waymo_e2e.submission.check import check_submission
from roadcue.loaders.waymo_e2e.submission.frames import FRAMES_FILE, read_frames
from roadcue.sentence_parser import SentenceParser
from roadcue.sentences import show


def main(argv: list[str] | None = None) -> int:
    """Parse, check; returns the exit code: 0, or 2 with a line on stderr for everything that would be refused."""
    prog = "python -m roadcue.loaders.waymo_e2e.submission"
    parser = SentenceParser(
        usage=f"{prog} check FILE --frames JSON",
        description="Submissions to the Waymo end-to-end driving challenge; eval.py --submission writes them.",
    )
    check = parser.add_subparsers(prog=prog, required=True, metavar="check").add_parser(
        "check", help="say what the server would refuse", description="Nothing is unpacked to the disk."
    )
    check.add_argument("file", type=Path, metavar="FILE", help="the .tar.gz to be submitted")
    says = f"the frames that it needs: {FRAMES_FILE} of the set's bucket"
    check.add_argument("--frames", type=Path, metavar="JSON", required=True, help=says)
    given = parser.parse_args(argv)
    try:
        wanted = read_frames(given.frames)
        verdict = check_submission(_read(given.file), wanted)
    except BadInput as error:
        show(error_line(str(error)), error=True)
        return 2
    for problem in verdict.problems:
        show(error_line(f"{given.file}: {problem}"), error=True)
    if verdict.problems:
        return 2
    show(f"{given.file}: {verdict.summary}")
    return 0


def _read(path: Path) -> bytes:
    try:
        with opened(path) as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > MAX_BYTES:
        raise BadInput(f"{path}: has more than {MAX_BYTES // 2**20} MB, which no submission needs.")
    return content


if __name__ == "__main__":
    sys.exit(main())
