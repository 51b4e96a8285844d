"""SPICE (Anderson et al. 2016, arXiv 1607.08822) by its own Java program: what of a picture two captions both tell.

The program is AGPL, and Stanford's parser GPL: they are called, and nothing of them is part of RoadCue. The first is
that of an installed `pycocoevalcap`; the two jars of the parser are in a folder that the user names. The program has
never been run to its end here, for want of the parser's models: the tests have a stand-in for `java`.
"""

import json
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from roadcue.errors import BadInput
from roadcue.metrics.captions.meteor_tables import INSTALL
from roadcue.metrics.captions.ptb_tokenizer import ptb_words

CORENLP = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
"""What the manifest of spice-1.0.jar asks for beside what is in the package."""
_SOURCE = "https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip"
_OPENED = (
    *(f"java.base/java.{name}" for name in ("lang", "math", "util", "util.concurrent", "net", "text")),
    "java.sql/java.sql",
)
"""What the program reaches into, which Java allows from 16 on only where it is told to (JEP 396)."""
_MEMORY = "-Xmx4G"
_LMDB = ("x86_64", "AMD64")
"""Machines for which the package has the library of the program's cache."""
LIMIT_S, LIMIT_S_EACH = 600.0, 5.0
"""Seconds that the program may take, and for each caption: loading its models takes a minute or two."""


def spice(
    said: Sequence[str],
    wanted: Sequence[Sequence[str]],
    corenlp: Path,
    *,
    limit_s: float = LIMIT_S,
    limit_s_each: float = LIMIT_S_EACH,
) -> np.ndarray:
    """SPICE's F of each of n captions against one reference or more, (n,); NaN where neither tells of anything.

    `corenlp` is the folder with the jars of `CORENLP`. The texts are given to the program as `ptb_words` parts them,
    as pycocoevalcap does, so no line break can shift a row. BadInput, in a sentence, for what is missing, and where
    the program fails or takes longer than `limit_s` and `limit_s_each` for each caption.
    """
    program = [_java(), _MEMORY, *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED)]
    program += ["-cp", os.pathsep.join(map(str, _jars(corenlp))), "edu.anu.spice.SpiceScorer"]
    rows = [
        {"image_id": row, "test": _parted(text), "refs": [*map(_parted, each)]}
        for row, (text, each) in enumerate(zip(said, wanted, strict=True))
    ]
    with TemporaryDirectory(prefix="spice-") as folder:
        file, out = Path(folder) / "captions.json", Path(folder) / "scores.json"
        file.write_text(json.dumps(rows), encoding="utf-8")
        words = [str(file), "-out", str(out), "-subset", "-silent"]
        if platform.machine() in _LMDB:
            (Path(folder) / "cache").mkdir()  # not to be shared with another process
            words += ["-cache", str(Path(folder) / "cache")]
        _run([*program, *words], Path(folder), limit_s + limit_s_each * len(rows))
        return _scores(out, len(rows))


def _parted(text: str) -> str:
    return " ".join(ptb_words(text))


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise BadInput("SPICE needs Java, and there is no `java` on the PATH: install a JRE of version 9 or later")
    return java


def _jars(corenlp: Path) -> list[Path]:
    """All that the program is made of."""
    package = find_spec("pycocoevalcap")
    if package is None or not package.submodule_search_locations:
        raise BadInput(f"SPICE needs the program in pycocoevalcap; to have it: {INSTALL}")
    folder = Path(package.submodule_search_locations[0]) / "spice"
    jars = [folder / "spice-1.0.jar", *sorted((folder / "lib").glob("*.jar"))]
    if len(jars) < 2 or not jars[0].is_file():
        raise BadInput(f"{folder}: lacks spice-1.0.jar or the jars in lib/; install it again: {INSTALL}")
    parser = [corenlp / name for name in CORENLP]
    if missing := [jar.name for jar in parser if not jar.is_file()]:
        raise BadInput(f"{corenlp}: SPICE needs {' and '.join(missing)} in this folder; both are in {_SOURCE}")
    return [*jars, *parser]


def _run(command: Sequence[str], folder: Path, limit_s: float) -> None:
    log = folder / "stderr"
    try:
        with open(log, "wb") as errors:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, timeout=limit_s
            )
    except subprocess.TimeoutExpired:
        raise BadInput(f"SPICE did not end within {limit_s:,.0f} s, and was stopped; score fewer rows") from None
    except OSError as error:
        raise BadInput(f"{command[0]}: cannot be run ({error.strerror}); mend Java's installation") from error
    if done.returncode:
        said = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        cause = next((line for line in said if "Exception" in line or "rror" in line), said[-1] if said else "")
        raise BadInput(f"SPICE's program failed with exit code {done.returncode} ({cause.strip()[:200]!r})")


def _scores(out: Path, n: int) -> np.ndarray:
    """F of row 0 to n - 1; BadInput unless the program says something of each."""
    try:
        scored = {one["image_id"]: _number(one["scores"]["All"]["f"]) for one in json.loads(out.read_bytes())}
        return np.array([scored[row] for row in range(n)])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(
            f"SPICE's program ended without a score of each of the {n} captions ({type(error).__name__}); "
            "are its jars whole?"
        ) from error


def _number(f: Any) -> float:
    """NaN as the program writes it: null, or a word."""
    return float(f) if isinstance(f, int | float) else math.nan
