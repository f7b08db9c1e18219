"""synthdsl: a small language for synthetic data, and the engine behind it.

    import synthdsl

    spec = synthdsl.load("clinic.synth")
    patients = spec.generate(rows=1000, seed=7)["patient"]

Names load on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from synthdsl.api import Generated, Spec, check, load
    from synthdsl.diagnostics import Diagnostic, SynthError

__all__ = ["Diagnostic", "Generated", "Spec", "SynthError", "__version__", "check", "load"]

_HOMES = {
    "Generated": "synthdsl.api",
    "Spec": "synthdsl.api",
    "check": "synthdsl.api",
    "load": "synthdsl.api",
    "Diagnostic": "synthdsl.diagnostics",
    "SynthError": "synthdsl.diagnostics",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'synthdsl' has no attribute {name!r}")
