"""Our Flamingo against the `open_flamingo` package, on fresh random small models.

`make parity` builds the package's environment and runs this: the package writes folders in the form of the golden
`open_flamingo`, and the golden tests read them; exit code 1 when one of them fails.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import seed_of

OFFICIAL_PYTHON = Path(__file__).parents[2] / ".venv-parity-flamingo" / "bin" / "python"
GOLDEN_TEST = Path(__file__).parents[1] / "golden" / "test_open_flamingo.py"


def main() -> int:
    """Draw the models there, and test ours on each."""
    seed = seed_of(__doc__, "models", OFFICIAL_PYTHON)
    with tempfile.TemporaryDirectory() as name:
        script = Path(__file__).with_name("official_flamingo.py")
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TRANSFORMERS_VERBOSITY": "error"}
        subprocess.run([OFFICIAL_PYTHON, "-W", "ignore", script, name, str(seed)], check=True, env=environment)
        folders = sorted(Path(name).iterdir())
        return max(_tested(folder) for folder in folders)


def _tested(folder: Path) -> int:
    print(f"{folder.name}: {(folder / 'open_flamingo' / 'flamingo.json').read_text()}", flush=True)
    environment = os.environ | {"GOLDEN_DIR": str(folder), "CI": "1"}
    return subprocess.run([sys.executable, "-m", "pytest", GOLDEN_TEST], check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
