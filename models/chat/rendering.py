"""A chat template rendered, as a program of its own: `python rendering.py`, JSON in, JSON out.

A template is a program of whoever made the checkpoint. It runs in Jinja's sandbox, with what transformers gives a
template and nothing else (transformers/utils/chat_template_utils.py), in a process with little memory and little
time, which `models.chat.frame` ends if it does not end itself. It imports nothing of RoadCue, so it starts at once.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, LoopControlExtension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

MOST_MEMORY = 1 << 30
"""Bytes; a rendering takes about 40 MB."""
MOST_SECONDS = 5
"""Of a processor; a rendering takes milliseconds."""
MOST_CHARACTERS = 200_000
"""Of a conversation: far more than 32 demonstrations around their texts."""


class _Generation(Extension):
    """`{% generation %} ... {% endgeneration %}`, with which a template marks what a model says: its text stays."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _PlainNamespace(Namespace):
    """A namespace whose names do not begin with an underscore, which would lead out of the sandbox."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        namespace, *rest = args
        given = dict(*rest, **kwargs)
        for name in given:
            _plain(name)
        Namespace.__init__(namespace, given)

    def __setitem__(self, name: str, value: Any) -> None:
        _plain(name)
        super().__setitem__(name, value)


class _PlainDict:
    """`dict(...)` without the attributes of the class."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)


def render(template: str, given: dict[str, Any]) -> str:
    """The text; ValueError when it is too long, and whatever the template raises."""
    text, length = [], 0
    for piece in _environment().from_string(template).generate(**given):
        length += len(piece)
        if length > MOST_CHARACTERS:
            raise ValueError(f"it writes more than {MOST_CHARACTERS:,} characters")
        text.append(piece)
    return "".join(text)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, LoopControlExtension]
    )
    environment.filters["tojson"] = _to_json
    own: dict[str, Callable[..., Any]] = {
        "raise_exception": _fail,
        "strftime_now": lambda form: datetime.now().strftime(form),
        "dict": _PlainDict(),
        "namespace": _PlainNamespace,
    }
    environment.globals.update(own)
    return environment


def _plain(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"{name!r} begins with an underscore")


def _to_json(value: Any, ensure_ascii: bool = False, **how: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, **how)


def _fail(message: str) -> None:
    raise TemplateError(message)


def _limit(seconds: int) -> None:
    """Little memory and so many seconds, where the system can hold a process to it."""
    try:
        import resource
    except ImportError:  # Windows: the time is limited from outside
        return
    for limit, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CPU, seconds)):
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    _limit(asked["seconds"])
    try:
        answer: dict[str, Any] = {"texts": [render(asked["template"], given) for given in asked["given"]]}
    except MemoryError:
        answer = {"fault": "it takes more memory than a conversation needs"}
    except Exception as error:  # a template raises what it likes
        answer = {"fault": f"{type(error).__name__}: {error}"[:300]}
    json.dump(answer, sys.stdout)
