"""A file of options as plain data: what a run folder from elsewhere says is checked before anything acts on it.

jsonargparse imports the class that a `class_path` names before it says that there is no such option, so it never gets
to see a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from roadcue.errors import BadInput
from roadcue.files import read_text
from roadcue.option_values import may_be_left_out
from roadcue.plugins import check_named

GROUPS = "head_options"
"""The field of a configuration that holds its groups of options, name -> dataclass."""
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


def groups_of(config: type) -> dict[str, type]:
    """The groups of options that a configuration has beside its own: name -> dataclass."""
    groups: dict[str, type] = getattr(config, "option_groups", dict)()
    return groups


def read_options(path: Path, config: type, plugins: Sequence[str] = ()) -> dict[str, Any]:
    """The options in a YAML file, by the fields and groups of `config`; BadInput when it holds anything else.

    `plugins` are the files that the user has named: one that the file names and the user has not is missing.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    options = plain_options(text, config, str(path), plugins)
    options.pop("plugin", None)  # only what the user has named himself is ever loaded, whatever its path is here
    return options


def plain_options(text: str, config: type, where: str, plugins: Sequence[str] | None = None) -> dict[str, Any]:
    """As `read_options`, of the text of a file; `where` is how a message names it.

    With `plugins` None no plugin is asked for: the text is this process's own.
    """
    try:
        content = _PlainLoader(text).get_single_data()
    # A tag that its value does not fit, such as !!bool x, ends in whatever error its constructor meets.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadInput(
            f"{where}: {place}not a file of options ({reason}); write `option: value`, line by line"
        ) from error
    if content is None or content == {}:
        raise BadInput(f"{where}: the file is empty; write `option: value`, line by line, or put the whole file back")
    if not isinstance(content, Mapping):
        raise BadInput(f"{where}: is {content!r:.60}, not options of the form `name: value`")
    options = dict(content)
    if plugins is not None:
        check_named(options, where, plugins)
    _check(options, config, where, groups_of(config))
    return options


def _check(
    options: Mapping[Any, Any], config: type, where: str, groups: Mapping[str, type], prefix: str = ""
) -> None:
    """BadInput unless every key is a field of `config` or a group, and every value a scalar or a list of them."""
    types = get_type_hints(config)
    known = {option.name for option in fields(config)} - {GROUPS}
    for name, value in options.items():
        if name in _CODE:
            raise BadInput(
                f"{where}: {prefix}{name} asks for code to be run, which no file of options may; take it out"
            )
        if name in groups:
            if not isinstance(value, Mapping):
                raise BadInput(f"{where}: {prefix}{name} is {value!r:.60}, not options of the form `name: value`")
            _check(value, groups[name], where, {}, f"{prefix}{name}.")
        elif name not in known:
            raise BadInput(
                f"{where}: there is no option --{prefix}{name}; the file is of another version, or misspelt"
            )
        elif isinstance(value, Mapping) and name == "head":
            raise BadInput(
                f"{where}: head holds options, as before they were named after their head; this run is of an older "
                "RoadCue: train it again (`head: waypoint`, and its options below `waypoint:`)"
            )
        elif value is None:
            if not may_be_left_out(types[name]):
                raise BadInput(f"{where}: {prefix}{name} has no value (null); write one, or take the line out")
        elif not all(_scalar(item) for item in (value if isinstance(value, list) else [value])):
            raise BadInput(f"{where}: {prefix}{name} is {value!r:.60}; expected a number, a word or a list of words")


def _scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)
