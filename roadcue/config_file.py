"""A file of options as plain data: what a run folder from elsewhere says is checked before anything acts on it.

jsonargparse imports the class that a `class_path` names before it says that there is no such option, so it never gets
to see a file.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from roadcue.errors import BadInput

_CODE = ("class_path", "init_args")
"""Keys with which jsonargparse is told to import a class and to call it."""


class _PlainLoader(yaml.SafeLoader):
    """Mappings, lists and scalars; no alias, which can make a small file large, and no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(problem=f"*{event.anchor} is an alias", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen or key.tag == "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem=f"{key.value} stands here again", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_options(path: Path, config: type) -> dict[str, Any]:
    """The options in a YAML file, by the fields of the dataclass `config`; BadInput when it holds anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return plain_options(text, config, str(path))


def plain_options(text: str, config: type, where: str) -> dict[str, Any]:
    """As `read_options`, of the text of a file; `where` is how a message names it."""
    try:
        found = _PlainLoader(text).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadInput(
            f"{where}: {place}not a file of options ({reason}); write `option: value`, line by line"
        ) from error
    options = {} if found is None else found
    _check(options, config, where, "")
    return dict(options)


def _check(options: Any, config: type, where: str, prefix: str) -> None:
    """BadInput unless every key is a field of `config`, and every value a scalar or a list of them."""
    if not isinstance(options, Mapping):
        raise BadInput(
            f"{where}: {prefix.rstrip('.') or 'the file'} is {options!r:.60}, not options of the form `name: value`"
        )
    types, known = get_type_hints(config), {option.name for option in fields(config)}
    for name, value in options.items():
        if name in _CODE:
            raise BadInput(
                f"{where}: {prefix}{name} asks for code to be run, which no file of options may; take it out"
            )
        if name not in known:
            raise BadInput(
                f"{where}: there is no option --{prefix}{name}; the file is of another version, or misspelt"
            )
        if is_dataclass(types[name]):
            _check(value, types[name], where, f"{prefix}{name}.")
        elif not all(_scalar(item) for item in (value if isinstance(value, list) else [value])):
            raise BadInput(f"{where}: {prefix}{name} is {value!r:.60}; expected a number, a word or a list of words")


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
