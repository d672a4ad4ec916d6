"""Registries: one table a kind of component, from names to the places where the members are found.

A member is imported when it is asked for, never before, so that listing names costs nothing. Besides the package's own
members, a registry knows those that installed packages declare as entry points of the group ``speechface.<kind>``::

    [project.entry-points."speechface.feature"]
    loudness = "my_package.loudness:FEATURE"
"""

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import metadata
from typing import Any

from speechface.errors import ConfigError

__all__ = ["Registry", "imported_when_called", "require"]


def require(kind: str, name: Any, known: Iterable[str]) -> None:
    """Refuse a name that is none of the known ones, with one line (ConfigError) that tells the nearest."""
    known = list(known)
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ConfigError(f"unknown {kind} {name!r}; {hint}known are {', '.join(known)}")


def _imported(place: str) -> Any:
    """What stands at "module:attribute", or the module itself."""
    module, _, attribute = place.partition(":")
    member = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        member = getattr(member, part)
    return member


def imported_when_called(place: str) -> Callable[..., Any]:
    """The function at "module:name", whose module is imported when it is called."""
    return lambda *given, **named: _imported(place)(*given, **named)


class Registry(Mapping[str, Any]):
    """The members of one kind.

    Parameters
    ----------
    kind : str
        What the members are, in the singular, as in an error message: "feature". Entry points of other packages stand
        in the group ``speechface.<kind>``.
    members : dict of str to str
        name -> "module:attribute", or "module" where the module itself is the member.
    """

    def __init__(self, kind: str, members: dict[str, str]) -> None:
        self.kind = kind
        self._own = dict(members)
        self._loaded: dict[str, Any] = {}

    @cached_property
    def _places(self) -> dict[str, str]:
        found = dict(self._own)
        for point in metadata.entry_points(group=f"speechface.{self.kind}"):
            found.setdefault(point.name, point.value)
        return found

    def register(self, name: str, member: Any) -> None:
        """Add a member in this process; a name that is taken is refused."""
        if name in self:
            raise ConfigError(f"there is a {self.kind} '{name}' already; choose another name")
        self._places[name] = ""
        self._loaded[name] = member

    def require(self, name: Any) -> None:
        """Refuse a name that no member has; nothing is imported.

        Raises
        ------
        ConfigError
            One line that names the nearest known member.
        """
        require(self.kind, name, self._places)

    def __getitem__(self, name: str) -> Any:
        """Return a member, importing it if need be; ConfigError as of `require`."""
        if not isinstance(name, str) or name not in self._loaded:
            self.require(name)
            place = self._own.get(name) or self._places[name]
            self._loaded[name] = _imported(place)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
