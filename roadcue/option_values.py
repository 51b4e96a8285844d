"""What an option may be: bounds and known names, each refused with the name of the option and what it may be instead.

Imported by `--help`, so nothing heavy is imported here.
"""

import re
from collections.abc import Iterable
from typing import get_args

from roadcue.registry import nearest

_LARGEST_SEED = 2**32 - 1
"""NumPy's, and so Lightning's."""


def at_least(least: int, options: object, *names: str) -> None:
    """ValueError that names the first of the options that is smaller."""
    for name in names:
        if getattr(options, name) < least:
            raise ValueError(f"--{name} {getattr(options, name)}: must be at least {least}")


def at_most(most: int, options: object, name: str, why: str) -> None:
    """ValueError with the bound and its reason when the option is larger: said before memory is asked for."""
    if getattr(options, name) > most:
        raise ValueError(f"--{name} {getattr(options, name)}: must be at most {most}; {why}")


def check_seed(seed: int) -> None:
    """ValueError for a `--seed` that NumPy and Lightning do not take."""
    if not 0 <= seed <= _LARGEST_SEED:
        raise ValueError(f"--seed {seed}: a whole number from 0 to {_LARGEST_SEED}")


def check_device(device: str) -> None:
    """ValueError for a `--device` that cannot be; whether it is there is known when torch is asked."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", device):
        raise ValueError(f"--device {device}: choose auto, cpu, cuda, or a GPU by its number, such as cuda:1")


def known_name(option: str, name: str, known: Iterable[str]) -> None:
    """ValueError, with the nearest, for a name that is not among the known ones."""
    names = list(known)
    if name not in names:
        raise ValueError(f"--{option} {name}: choose one of {', '.join(names)}{nearest(name, names)}")


def may_be_left_out(hint: object) -> bool:
    """Whether None is a value of the option's type, as of `int | None`."""
    return type(None) in get_args(hint)


def part_of_whole(name: str, text: str) -> tuple[int, int]:
    """ "2/8" -> (2, 8); ValueError when it is not a part of a whole."""
    index, _, parts = text.partition("/")
    if not (index.isdecimal() and parts.isdecimal() and 1 <= int(index) <= int(parts)):
        raise ValueError(f"--{name} {text}: expected I/N with 1 <= I <= N, for example 2/8")
    return int(index), int(parts)
