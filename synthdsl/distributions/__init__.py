"""Distributions: one class each, registered by name, found without another edit."""

from synthdsl.distributions.base import (
    DISTRIBUTIONS,
    Distribution,
    Form,
    Parameter,
    Requirement,
    Role,
)

__all__ = ["DISTRIBUTIONS", "Distribution", "Form", "Parameter", "Requirement", "Role"]
