"""Modules that load on first use, so that light commands never pay for numpy or pyarrow."""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """Stand-in for the module called `name`; imports it the first time an attribute is read.

    Attributes are copied onto the stand-in as they are read, so that later reads cost one
    dictionary look-up.
    """

    def __init__(self, name: str) -> None:
        self.__dict__["_module_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._module_name), attribute)
        self.__dict__[attribute] = value
        return value


def lazy(name: str) -> Any:
    """Return a stand-in for module `name`. Use under `if not TYPE_CHECKING`."""
    return LazyModule(name)
