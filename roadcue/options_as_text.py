"""A configuration as text: the YAML that `--config` reads, the words of a command line, each option by its name."""

from collections.abc import Container, Mapping
from dataclasses import asdict, fields
from typing import Any

import yaml

from roadcue.config_file import GROUPS


def as_yaml(config: Any) -> str:
    """A configuration as the YAML text that `--config` reads: options that have a value, and the groups in use."""
    options = {option.name: getattr(config, option.name) for option in fields(config)}
    groups = {name: _with_values(asdict(group)) for name, group in options.pop(GROUPS, {}).items()}
    return yaml.safe_dump({**_with_values(options), **groups}, sort_keys=False, allow_unicode=True)


def _with_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that are None, so that an option which nobody uses is in no run folder."""
    return {name: value for name, value in options.items() if value is not None}


def flat(config: Any) -> dict[str, Any]:
    """Every option by its name on the command line, those of groups too: {"lr": 0.001, "waypoint.kind": "mlp"}."""
    options = {option.name: getattr(config, option.name) for option in fields(config)}
    for name, group in options.pop(GROUPS, {}).items():
        options |= {f"{name}.{option}": value for option, value in asdict(group).items()}
    return options


def words_of(config: Any, leave_out: Container[str] = (), prefix: str = "--") -> list[str]:
    """The words of the command line that make `config`: those of its options that are not at their default."""
    words, default = [], type(config)()
    for option in fields(config):
        value = getattr(config, option.name)
        if option.name == GROUPS:
            for name, group in value.items():
                words += words_of(group, (), f"{prefix}{name}.")
        elif option.name in leave_out or value == getattr(default, option.name):
            continue
        elif isinstance(value, list):
            words += [word for item in value for word in (f"{prefix}{option.name}", str(item))]
        else:
            words += [f"{prefix}{option.name}", str(value).lower() if isinstance(value, bool) else str(value)]
    return words
