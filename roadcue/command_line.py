"""From typed words to a typed configuration, and from an error to one sentence and exit code 2.

A configuration is a frozen dataclass: a flag per field, the field's docstring as its help. A class with a method
`option_groups` has groups of options beside its own, name -> dataclass (`--waypoint.rank`); those that are in use are
in its field `head_options`.
"""

import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings

from roadcue.config_file import GROUPS, groups_of, plain_options, read_options
from roadcue.errors import BadInput, RoadCueError, error_line, print_in_any_encoding, unread
from roadcue.files import user_path
from roadcue.options_as_text import as_yaml
from roadcue.plugins import load_plugins
from roadcue.preemption import heeding
from roadcue.registry import nearest

Config = TypeVar("Config")
_CONFIG, _PLUGIN = "--config", "--plugin"
_REPEATED = ("--sweep", "--against")
"""Flags that add to a list each time they are given."""
_BOOL = ("true", "false", "yes", "no")
_FURTHER = {"--run": "--against"}
"""Flags that may be given again, where the command has the list that takes all but the first."""

set_parsing_settings(docstring_parse_attribute_docstrings=True)


def parser_for(config: type) -> ArgumentParser:
    """The command line of a configuration; what a positional field `what` holds are words without a flag."""
    about = (config.__doc__ or "").strip()
    parser = ArgumentParser(prog=_typed(), description=about, exit_on_error=False, allow_abbrev=False)
    own = {option.name for option in fields(config)}
    if "what" in own:
        parser.add_argument("what", nargs="*", default=[], help="Pictures, folders of pictures, and manifests.")
    parser.add_argument(_CONFIG, metavar="FILE", help="A YAML file with options; flags override it.")
    parser.add_class_arguments(config, as_group=False, skip={GROUPS, "what"} & own)
    for name, options in groups_of(config).items():
        parser.add_class_arguments(options, name)
        parser._option_string_actions.pop(f"--{name}", None)  # which would take a file or a class
    for action in parser._actions:
        if action.dest in _METAVARS:
            action.metavar = _METAVARS[action.dest]
        if getattr(action, "_typehint", None) is bool:  # the bare flag says yes
            action.nargs, action.const = "?", True
        if action.dest in _ALSO:
            action.option_strings = [*action.option_strings, _ALSO[action.dest]]
            parser._option_string_actions[_ALSO[action.dest]] = action
    return parser


_ALSO = {"encoder_features": "--encoder.features", "from_run": "--from"}
"""Fields whose flag has a second name: one written like the options of a head, and a word that Python keeps."""
_METAVARS = {
    "head": "NAME,NAME",
    "sweep": "OPTION=VALUE,VALUE",
    "encoder": "NAME",
    "data": "NAME",
    "plugin": "FILE.py",
    "against": "RUN",
    "from_run": "RUN",
}


def parse(config: type[Config], argv: Sequence[str] | None = None) -> tuple[Config, str]:
    """Read the flags into `config`; returns it with its YAML, which `--config` reads back.

    Exits with code 2 and a sentence on an unknown flag or a value that does not fit.
    """
    print_in_any_encoding()
    parser = None
    try:
        file, plugins, words = _taken_first(sys.argv[1:] if argv is None else argv)
        load_plugins(plugins)
        parser = parser_for(config)
        words = _said_yes(_further(words, parser), parser)
        _refuse_repeated(words, parser)
        options = read_options(file, config, plugins) if file else {}
        options = {**_of_earlier_run(config, words, options, plugins), **options}
        given = parser.parse_object(options) if options else None  # which a positional word would be missing in
        parsed = _instantiate(config, parser.parse_args(words, given))
        whole: Callable[[], Config] = getattr(parsed, "with_whole_paths", lambda: parsed)
        parsed = whole()
        return parsed, as_yaml(parsed)
    except (ArgumentError, TypeError, ValueError) as error:
        message = _explained(str(error), parser) if parser else str(error)
        sys.exit(_say(f"{message}\nAll options: {_typed()} --help"))
    except KeyboardInterrupt:  # in a plugin's file, say
        sys.exit(_say("stopped", code=130))


def parse_file(config: type[Config], path: Path, plugins: Sequence[str] = ()) -> Config:
    """Read back a configuration that `parse` dumped; BadInput when it does not fit.

    `plugins` are those that the user has named here: what the file names is never loaded, and missing it is said.
    """
    load_plugins(plugins)
    parser = parser_for(config)
    try:
        options = read_options(path, config, plugins)
        named = {"plugin": [str(file) for file in plugins]} if plugins else {}
        return _instantiate(config, parser.parse_object({**options, **named}))
    except BadInput:
        raise
    except (ArgumentError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: {_explained(str(error), parser)}") from error


def override(config: type[Config], text: str, settings: Mapping[str, str]) -> tuple[Config, str]:
    """As `parse`, of a dumped configuration with some options set anew: option -> its value on the command line.

    BadInput when there is no such option, with the nearest one, or when its value does not fit.
    """
    parser = parser_for(config)
    flags = _flags(parser)
    for name in settings:
        if f"--{name}" not in flags:
            raise BadInput(f"there is no option --{name}{nearest(f'--{name}', flags)}")
    try:
        words = [f"--{name}={value}" for name, value in settings.items()]
        parsed = _instantiate(
            config, parser.parse_args(words, parser.parse_object(plain_options(text, config, "text")))
        )
        return parsed, as_yaml(parsed)
    except (ArgumentError, TypeError, ValueError) as error:
        raise BadInput(_explained(str(error), parser)) from error


def run(command: Callable[..., None], *arguments: Any) -> int:
    """Call `command`; an error that a person can mend becomes one sentence on stderr and exit code 2.

    ROADCUE_TRACEBACK=1 prints the traceback as well.
    """
    try:
        return heeding(command, *arguments)
    except RoadCueError as error:
        return _say(str(error))
    except BrokenPipeError:
        return unread()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{place}{error.strerror or error}")
    except BrokenProcessPool:
        return _say("a worker process has died, perhaps for want of memory; the same command goes on from there")
    except KeyboardInterrupt as stop:
        return _say(str(stop) or "stopped; what was computed is kept, the same command goes on from there", code=130)


def _instantiate(config: type[Config], namespace: Namespace) -> Config:
    """The configuration with the groups that are in use: those of which something is not at its default."""
    given = {name: value for name, value in vars(namespace).items() if name != "config"}
    groups = {name: options(**vars(given.pop(name))) for name, options in groups_of(config).items()}
    used = {name: group for name, group in groups.items() if group != type(group)()}
    return config(**given, **({GROUPS: used} if groups else {}))


def _of_earlier_run(
    config: type, words: Sequence[str], options: Mapping[str, Any], plugins: Sequence[str]
) -> dict[str, Any]:
    """The options that a run takes over from the one that `--from` names; {} where it names none."""
    flags = (_ALSO["from_run"], "--from_run")
    pairs = zip(words, [*words[1:], ""], strict=False)
    named = (
        word.partition("=")[2] if "=" in word else after for word, after in pairs if word.partition("=")[0] in flags
    )
    earlier = next(named, options.get("from_run"))
    taken_over: Callable[..., dict[str, Any]] | None = getattr(config, "options_of_run", None)
    return taken_over(str(earlier), plugins) if taken_over and earlier else {}


def _taken_first(argv: Sequence[str]) -> tuple[Path | None, list[str], list[str]]:
    """The file of `--config`, the files of `--plugin`, and the words for the parser."""
    file, plugins, words, rest = None, [], [], iter(argv)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag not in (_CONFIG, _PLUGIN):
            words.append(_repeated(word))
            continue
        if not equals:
            value = next(rest, "")
        if not value:
            raise ValueError(f"{flag} needs a file")
        if flag == _CONFIG:
            if file is not None:
                raise ValueError(f"{_CONFIG} is given twice, {file} and {value}; name one")
            file = value
        else:
            plugins.append(value)
            words.append(f"{_PLUGIN}+={value}")
    return None if file is None else user_path(file), plugins, words


def _repeated(word: str) -> str:
    """Every `--sweep` is added to those before it."""
    flag = word.partition("=")[0]
    return word.replace(flag, f"{flag}+", 1) if flag in _REPEATED else word


def _further(words: Sequence[str], parser: ArgumentParser) -> list[str]:
    """A second `--run`, and those after it, are the words of `--against` where there is one."""
    flags, given, named = _flags(parser), set[str](), []
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in given and _FURTHER[flag] in flags:
            word = f"{_FURTHER[flag]}+{equals}{value}"
        elif flag in _FURTHER:
            given.add(flag)
        named.append(word)
    return named


def _said_yes(words: Sequence[str], parser: ArgumentParser) -> list[str]:
    """A bare `--compile` is `--compile=true`, or it would take a picture behind it for its value."""
    flags = {flag for flag, action in parser._option_string_actions.items() if action.nargs == "?"}
    following = zip(words, [*words[1:], ""], strict=False)
    return [f"{word}=true" if word in flags and after.lower() not in _BOOL else word for word, after in following]


def _refuse_repeated(words: Sequence[str], parser: ArgumentParser) -> None:
    """ValueError for an option that takes one value and is given two, of which the parser would take the last."""
    given: set[str] = set()
    for word in words:
        flag = word.partition("=")[0]
        if flag == "--":
            return
        action = parser._option_string_actions.get(flag)
        if action is None or flag.endswith("+"):
            continue
        if action.dest in given:
            raise ValueError(f"{flag} is given twice, and takes one value; leave one out")
        given.add(action.dest)


def _typed() -> str:
    """The command as it can be typed again, without options: python train.py, roadcue-train, python -m roadcue.x."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None:
        return f"python -m {spec.name.removesuffix('.__main__')}"
    file = sys.argv[0]
    return f"python {shlex.quote(file)}" if file.endswith(".py") else os.path.basename(file)


def _flags(parser: ArgumentParser) -> list[str]:
    """The options that can be given: of a group, those in it and not its own name."""
    return list(parser._option_string_actions)


def _explained(message: str, parser: ArgumentParser) -> str:
    """jsonargparse's message in the words of the command line, with the nearest known word."""
    wrong_value = re.fullmatch(
        r'Parser key "(.+?)":\s*Expected an? (.+)\. Got value: (.*)', message, re.DOTALL
    ) or re.fullmatch(  # one of several types, of which None says that an option may be left out
        r'Parser key "(.+?)":\s*Does not .*?Subtypes: [\[(](.+?)[\])]\n.*Given value: (.*)',
        message,
        re.DOTALL,
    )
    if wrong_value:
        key, expected, value = wrong_value.groups()
        words = re.sub(r"<class '\w+'>", "", expected)
        choices = re.findall(r"'([^']*)'", words) if "Literal" in words else []
        kinds = dict.fromkeys(kind for kind in re.findall(r"<class '(\w+)'>", expected) if kind != "NoneType")
        kind = " or ".join([*kinds, *choices]) if kinds else expected
        wanted = f"choose one of {', '.join(choices)}" if choices and not kinds else f"expected {kind}"
        return f"--{key} {value}: {wanted}{nearest(value, choices)}"
    unknown = re.fullmatch(r"unrecognized arguments: (--[\w.-]+).*", message, re.DOTALL)
    if unknown:
        return f"there is no option {unknown[1]}{nearest(unknown[1], _flags(parser))}"
    return message


def _say(sentence: str, code: int = 2) -> int:
    if os.environ.get("ROADCUE_TRACEBACK"):
        traceback.print_exc()
    print(error_line(sentence), file=sys.stderr)
    return code
