"""Kinds of rules: what a condition says, by its shape."""

from synthdsl.rules.kinds.base import kind_of as kind_of
