"""Weights that were saved with torch.save, read without running what a pickle may ask for."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from roadcue.errors import BadCheckpoint
from roadcue.files import check_file


def read_pickled(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file of torch.save, on the CPU in the dtype they are stored in; those under `key` if there.

    Loaded with weights_only, so that nothing but tensors and plain containers comes out; a file in today's format is
    mapped and not copied, so that what is not asked for costs no memory. BadCheckpoint for anything else.
    """
    try:
        check_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except FileNotFoundError:
        raise BadCheckpoint(f"{path}: missing; download it again") from None
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise BadCheckpoint(
            f"{path}: is damaged, or holds more than tensors, which is refused because loading it could run code "
            f"({reason}); download it again, or save its state_dict alone"
        ) from error
    except Exception as error:  # the reader raises what it likes of damaged bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadCheckpoint(f"{path}: not a whole file of torch.save ({reason}); download it again") from error
    if isinstance(held, dict) and key in held:
        held = held[key]
    return _checked(held, path)


def _checked(held: Any, path: Path) -> dict[str, Tensor]:
    """What was loaded, if it is tensors by name; BadCheckpoint for anything else."""
    if not isinstance(held, dict):
        raise BadCheckpoint(f"{path}: holds a {type(held).__name__} and no dict of tensors; save a state_dict")
    strange = [str(name) for name, value in held.items() if not (isinstance(name, str) and torch.is_tensor(value))]
    if strange:
        shown = ", ".join(strange[:4])
        raise BadCheckpoint(f"{path}: holds things that are no tensors ({shown}); save a state_dict alone")
    return dict(held)
