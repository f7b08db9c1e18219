"""Open families: a name, a class, one place. Distributions, functions, providers, formats.

A family is filled by importing the modules of its package; a plug-in adds members through an
entry point in the group `synthdsl.<family>`. Entry points are read only when a name is not
built in, because scanning installed packages costs more than parsing a spec.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Generic, TypeVar

Member = TypeVar("Member")

_NAME = re.compile(r'^    name(?:: ClassVar\[str\])? = "(\w+)"$', re.MULTILINE)


class Family(Generic[Member]):
    """The members of one family, by name.

    `kind` names the family in messages ("distribution"); `package` is the package whose
    modules register the built-in members when imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._members: dict[str, Member] = {}
        self._home_of: dict[str, str] | None = None
        self._is_loaded = False
        self._has_plugins = False

    def register(self, member: type) -> type:
        """Add the class `member` (one shared instance) under its `name`. Use as a decorator."""
        instance = member()
        name: str = instance.name
        if name in self._members:
            raise ValueError(f"{self.kind} `{name}` is registered twice")
        self._members[name] = instance
        return member

    def get(self, name: str) -> Member | None:
        """Return the built-in member called `name`, or one already loaded, or None.

        Imports only the module that holds it.
        """
        if name not in self._members and not self._is_loaded:
            module = self._homes().get(name)
            if module is not None:
                importlib.import_module(f"{self.package}.{module}")
        return self._members.get(name)

    def find(self, name: str) -> Member | None:
        """Return the member called `name`, from a plug-in if need be, or None."""
        found = self.get(name)
        if found is None:
            self._load_plugins()
            found = self._members.get(name)
        return found

    def names(self) -> list[str]:
        """Every built-in or loaded name, sorted."""
        self._load()
        return sorted(self._members)

    def near(self, name: str, *, most: int = 1) -> list[str]:
        """Names that a person who typed `name` may have meant, nearest first."""
        return get_close_matches(name, self.names(), n=most, cutoff=0.6)

    def __iter__(self) -> Iterator[Member]:
        """Every member, by name."""
        self._load()
        return iter([self._members[name] for name in sorted(self._members)])

    def _homes(self) -> dict[str, str]:
        """The module of each built-in member, read off the sources: importing them all to find
        one name would take longer than checking a spec.
        """
        if self._home_of is None:
            self._home_of = {}
            for folder in importlib.import_module(self.package).__path__:
                for path in sorted(Path(folder).glob("[!_]*.py")):
                    for name in _NAME.findall(path.read_text(encoding="utf-8")):
                        self._home_of[name] = path.stem
        return self._home_of

    def _load(self) -> None:
        if self._is_loaded:
            return
        self._is_loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self.package}.{module.name}")

    def _load_plugins(self) -> None:
        if self._has_plugins:
            return
        self._has_plugins = True
        from importlib.metadata import entry_points  # 20 ms that few runs need

        for point in entry_points(group=f"synthdsl.{self.kind}"):
            plugin: Callable[[], object] | type = point.load()
            if isinstance(plugin, type) and point.name not in self._members:
                self.register(plugin)
