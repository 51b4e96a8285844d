"""Code of a user's own: run where the user has named it, and never because a file from elsewhere names it."""

import importlib.util
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput, RoadCueError
from roadcue.files import user_path


def load_plugins(files: Iterable[str | Path]) -> None:
    """Run the Python files that a user has named, each once; what they register is there afterwards.

    BadInput when a file is missing or fails. Never to be called with what a run folder says.
    """
    for file in files:
        path = user_path(file).resolve()
        # The same in every process, so that what one hands over to another finds its class there.
        name = f"roadcue_plugin_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
        if name in sys.modules:
            continue
        if not path.is_file():
            raise BadInput(f"--plugin {file}: there is no such file")
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise BadInput(f"--plugin {file}: is not a Python file; its name must end in .py")
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            reason = str(error) if isinstance(error, RoadCueError) else f"fails ({type(error).__name__}: {error})"
            raise BadInput(f"--plugin {file}: {reason}") from error


def check_named(options: Mapping[Any, Any], where: str, named: Sequence[str]) -> None:
    """BadInput when a plugin that the file was written with is not among those that the user has named."""
    written = options.get("plugin") or []
    if not isinstance(written, list) or not all(isinstance(file, str) for file in written):
        raise BadInput(f"{where}: plugin is {written!r:.60}; expected a list of files")
    for file in written:
        if Path(file).name not in {Path(one).name for one in named}:
            raise BadInput(
                f"{where}: was written with the plugin {file}, which is code and is never loaded by itself; if you "
                f"trust it, name it again: --plugin {file}, or load(run, plugins=[{file!r}])"
            )
