"""What a test needs and this machine lacks."""

import os
from typing import NoReturn

import pytest


def lacking(message: str) -> NoReturn:
    """Fail in CI, where all that a test needs is there, and skip elsewhere; `message` says what to install or set."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
