"""Named functions of the expression language: one class each, found without another edit."""

from synthdsl.functions.base import (
    EVERYTHING,
    FUNCTIONS,
    NO_VALUE,
    Argument,
    Function,
    Misuse,
    Range,
)

__all__ = ["EVERYTHING", "FUNCTIONS", "NO_VALUE", "Argument", "Function", "Misuse", "Range"]
