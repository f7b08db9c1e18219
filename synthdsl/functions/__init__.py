"""Named functions of the expression language: one class each, found without another edit."""

from synthdsl.functions.base import FUNCTIONS, Argument, Function, Misuse

__all__ = ["FUNCTIONS", "Argument", "Function", "Misuse"]
