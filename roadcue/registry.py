"""Names and where their things are: looked up when one is asked for, so that naming a thing costs no import.

A registry holds RoadCue's own things, those that installed packages offer as entry points, and those that a file
named by `--plugin` has registered. Nothing that a run folder says ever adds to it.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any, Generic, TypeVar

from roadcue.errors import BadInput, RoadCueError

Thing = TypeVar("Thing")


class Registry(Generic[Thing]):
    """Name -> thing, by "module:attribute" for what is imported when it is asked for."""

    def __init__(
        self,
        kind: str,
        own: Mapping[str, Thing | str],
        *,
        group: str = "",
        error: type[RoadCueError] = BadInput,
        unfit: Callable[[str, Any], str] = lambda name, thing: "",
    ) -> None:
        """`kind` of thing in words ("head"), `group` of entry points, `error` for a name that there is not.

        `unfit(name, thing)` says why a plugin's thing is none of this kind; "" when it is one.
        """
        self.kind, self.group, self.error, self._unfit = kind, group, error, unfit
        self._own = dict(own)
        self._entry_points: dict[str, str] | None = None

    def _all(self) -> Mapping[str, Thing | str]:
        if self._entry_points is None:
            named = {entry.name: entry.value for entry in entry_points(group=self.group)} if self.group else {}
            if taken := sorted(named.keys() & self._own.keys()):
                raise BadInput(f"an installed package has a {self.kind} {taken[0]!r} like RoadCue's own; remove it")
            self._entry_points = named
        return {**self._own, **self._entry_points}

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __len__(self) -> int:
        return len(self._all())

    def register(self, name: str, thing: Thing) -> None:
        """Add a thing of a plugin; BadInput when there is one of that name, or the name cannot be an option's.

        The registry's own error when it is no such thing.
        """
        if not name.isidentifier():
            raise BadInput(f"{self.kind} {name!r}: a name has letters, digits and underscores")
        if name in self._all():
            raise BadInput(f"{self.kind} {name!r} is there already; give yours another name")
        self._refuse_unfit(name, thing)
        self._own[name] = thing

    def check(self, name: str) -> None:
        """An error that says which there are, with the nearest, when there is none of that name."""
        if name not in self._all():
            near = nearest(name, self)
            listed = f"{near} There are" if near else "; there are"
            raise self.error(f"there is no {self.kind} {name!r}{listed} {', '.join(self)}")

    def find(self, name: str) -> Thing:
        """The thing, imported now if it was not yet."""
        self.check(name)
        thing = self._all()[name]
        if not isinstance(thing, str):
            return thing
        return resolve(thing) if name in self._own else self._of_package(name, thing)

    def _of_package(self, name: str, where: str) -> Thing:
        """What an installed package offers; the registry's error when it cannot be imported or does not fit."""
        try:
            thing: Thing = resolve(where)
        except (Exception, SystemExit) as error:
            raise self.error(
                f"{self.kind} {name!r} of an installed package: {where} cannot be imported "
                f"({type(error).__name__}: {error}); mend the package or remove it"
            ) from error
        self._refuse_unfit(name, thing)
        return thing

    def _refuse_unfit(self, name: str, thing: Any) -> None:
        if reason := self._unfit(name, thing):
            raise self.error(f"{self.kind} {name!r}: {reason}")


def resolve(where: str) -> Any:
    """What "module:attribute" names."""
    module, _, attribute = where.partition(":")
    return attrgetter(attribute)(import_module(module))


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is not known: "; did you mean ...?", or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
