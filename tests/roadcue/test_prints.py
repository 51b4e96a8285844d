"""One place escapes what is printed: a name, a path or a file's content is never given to `print` itself."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("models", "heads", "prompts", "loaders", "roadworld", "metrics", "training", "evaluation", "inference"),
    *("reports", "roadcue"),
)
ESCAPING = {"roadcue/sentences.py", "roadcue/errors.py", "roadcue/command_line.py", "roadcue/sentence_parser.py"}
"""Where what is printed has been through `printable`."""


def prints(path: Path) -> list[int]:
    """The lines on which a file calls `print`."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]


def test_only_the_place_that_escapes_prints():
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    files += [ROOT / f"{command}.py" for command in ("train", "eval", "predict")]
    assert len(files) > 200
    found = {str(file.relative_to(ROOT)): lines for file in files if (lines := prints(file))}
    assert found.keys() <= ESCAPING, "use say or show of roadcue.sentences"
    assert found["roadcue/sentences.py"], "the test sees calls of print"
