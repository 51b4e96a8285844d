"""From typed words to a typed configuration, and from an error to one sentence and exit code 2."""

import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import SUPPRESS, ArgumentError, ArgumentParser, Namespace, set_parsing_settings

from roadcue.config_file import plain_options, read_options
from roadcue.errors import BadInput, RoadCueError

Config = TypeVar("Config")
_CONFIG = "--config"

set_parsing_settings(docstring_parse_attribute_docstrings=True)


def parser_for(config: type) -> ArgumentParser:
    """The command line of a configuration dataclass: one flag per field, its docstring as help."""
    parser = ArgumentParser(description=(config.__doc__ or "").strip(), exit_on_error=False, allow_abbrev=False)
    parser.add_argument(_CONFIG, metavar="FILE", help="A YAML file with options; flags override it.")
    parser.add_class_arguments(config, as_group=False)
    for action in parser._actions:
        if action.dest == "head":  # else described as the path of a file
            action.metavar, action.help = "NAME,NAME", "Which heads to train; short for --head.name."
        if action.dest in ("field", "cue"):  # only their options are on the command line: a group takes a class_path
            action.help = SUPPRESS
            parser._option_string_actions.pop(f"--{action.dest}")
        if action.dest == "sweep":
            action.metavar = "OPTION=VALUE,VALUE"
        if action.dest == "encoder_features":  # written like the options of a head
            action.option_strings = [*action.option_strings, "--encoder.features"]
            parser._option_string_actions["--encoder.features"] = action
    return parser


def parse(config: type[Config], argv: Sequence[str] | None = None) -> tuple[Config, str]:
    """Read the flags into `config`; returns it with its YAML dump, which `--config` reads back.

    Exits with code 2 and a sentence on an unknown flag or a value that does not fit.
    """
    parser = parser_for(config)
    try:
        file, words = _without_config(sys.argv[1:] if argv is None else argv)
        options = read_options(file, config) if file else {}
        namespace = parser.parse_args([_in_full(word) for word in words], parser.parse_object(options))
        return _instantiate(config, parser, namespace), parser.dump(namespace)
    except (ArgumentError, ValueError) as error:
        sys.exit(_say(f"{_explained(str(error), parser)}\nAll options: {parser.prog} --help"))


def parse_file(config: type[Config], path: Path) -> Config:
    """Read back a configuration that `parse` dumped; BadInput when it does not fit."""
    parser = parser_for(config)
    try:
        return _instantiate(config, parser, parser.parse_object(read_options(path, config)))
    except BadInput:
        raise
    except (ArgumentError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: {_explained(str(error), parser)}") from error


def override(config: type[Config], text: str, settings: Mapping[str, str]) -> tuple[Config, str]:
    """As `parse`, of a dumped configuration with some options set anew: option -> its value on the command line.

    BadInput when there is no such option, with the nearest one, or when its value does not fit.
    """
    parser = parser_for(config)
    flags = [flag for action in parser._actions for flag in action.option_strings]
    for name in settings:  # asked for here, because jsonargparse takes the beginning of a name for the name
        if f"--{name}" not in flags:
            raise BadInput(f"there is no option --{name}{_nearest(f'--{name}', flags)}")
    try:
        words = [f"--{name}={value}" for name, value in settings.items()]
        namespace = parser.parse_args(words, parser.parse_object(plain_options(text, config, "the options")))
        return _instantiate(config, parser, namespace), parser.dump(namespace)
    except (ArgumentError, TypeError, ValueError) as error:
        raise BadInput(_explained(str(error), parser)) from error


def words_of(config: Any, leave_out: Container[str] = (), prefix: str = "--") -> list[str]:
    """The words of the command line that make `config`: those of its options that are not at their default."""
    words, default = [], type(config)()
    for option in fields(config):
        value = getattr(config, option.name)
        if option.name in leave_out or value == getattr(default, option.name):
            continue
        if is_dataclass(value):
            words += words_of(value, (), f"{prefix}{option.name}.")
        else:
            words += [f"{prefix}{option.name}", str(value).lower() if isinstance(value, bool) else str(value)]
    return words


def run(command: Callable[..., None], *arguments: Any) -> int:
    """Call `command`; an error that a person can mend becomes one sentence on stderr and exit code 2.

    ROADCUE_TRACEBACK=1 prints the traceback as well.
    """
    try:
        command(*arguments)
    except RoadCueError as error:
        return _say(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _say(f"{place}{error.strerror or error}")
    except BrokenProcessPool:
        return _say("a worker process has died, perhaps for want of memory; the same command goes on from there")
    except KeyboardInterrupt:
        return _say("stopped; what was computed is kept, the same command goes on from there", code=130)
    return 0


def _instantiate(config: type[Config], parser: ArgumentParser, namespace: Namespace) -> Config:
    namespace.pop("config", None)  # where options came from is not one of them
    return config(**vars(parser.instantiate(namespace)))


def _without_config(argv: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The file of `--config FILE`, the last one if there are several, and the other words."""
    file, words, rest = None, [], iter(argv)
    for word in rest:
        if word == _CONFIG:
            if (file := next(rest, None)) is None:
                raise ValueError(f"{_CONFIG} needs a FILE")
        elif word.startswith(f"{_CONFIG}="):
            file = word.removeprefix(f"{_CONFIG}=")
        else:
            words.append(word)
    return None if file is None else Path(file).expanduser(), words


def _in_full(word: str) -> str:
    """`--head` names the head, its options are `--head.option`; every `--sweep` is added to those before it."""
    if word == "--sweep" or word.startswith("--sweep="):
        return word.replace("--sweep", "--sweep+", 1)
    if word == "--head" or word.startswith("--head="):
        return word.replace("--head", "--head.name", 1)
    return word


def _explained(message: str, parser: ArgumentParser) -> str:
    """jsonargparse's message in the words of the command line, with the nearest known word."""
    wrong_value = re.fullmatch(
        r'Parser key "(.+?)":\s*Expected an? (.+)\. Got value: (.*)', message, re.DOTALL
    ) or re.fullmatch(  # an option that may be left out: of its type or None
        r'Parser key "(.+?)":\s*Does not .*?Subtypes: [\[(](.+), <class \'NoneType\'>[\])].*Given value: (.*)',
        message,
        re.DOTALL,
    )
    if wrong_value:
        key, expected, value = wrong_value.groups()
        choices = re.findall(r"'([^']*)'", expected) if "Literal" in expected else []
        kind = re.sub(r"<class '(\w+)'>", r"\1", expected)
        wanted = f"choose one of {', '.join(choices)}" if choices else f"expected {kind}"
        return f"--{key} {value}: {wanted}{_nearest(value, choices)}"
    unknown = re.fullmatch(r"unrecognized arguments: (--[\w.]+).*", message, re.DOTALL)
    if unknown:
        flags = [flag for action in parser._actions for flag in action.option_strings]
        return f"there is no option {unknown[1]}{_nearest(unknown[1], flags)}"
    return message


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _say(sentence: str, code: int = 2) -> int:
    if os.environ.get("ROADCUE_TRACEBACK"):
        traceback.print_exc()
    print(f"error: {sentence}", file=sys.stderr)
    return code
