"""Reads and evaluates constant calls such as `year(2024-02-29)` for the tests of functions."""

from __future__ import annotations

import re

from synthdsl.functions import FUNCTIONS, Argument, Misuse
from synthdsl.functions._writing import Writer
from synthdsl.values import iso
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    FREE_FLOAT,
    FREE_INT,
    NULL,
    TEXT,
    TIME,
    Kind,
    Type,
)

TOKEN = re.compile(
    r"\s*(?:(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+)|(?P<date>\d{4}-\d\d-\d\d)|(?P<time>\d\d:\d\d:\d\d)"
    r"|(?P<float>-?\d+\.\d+)|(?P<int>-?\d+)|\"(?P<text>[^\"]*)\"|(?P<name>[a-z_]\w*)|(?P<mark>[\[\](),]))"
)
WORDS = {"null": (NULL, None), "true": (BOOL, True), "false": (BOOL, False)}


def evaluate(source: str) -> str:
    """The text of the value of a constant call."""
    tokens = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in TOKEN.finditer(source)]
    argument = _value(tokens)
    assert not tokens
    if argument.value is None:
        return "null"
    if argument.type.kind is Kind.FLOAT:
        return repr(argument.value)
    return Writer(argument.type).one(argument.value)


def _value(tokens: list[tuple[str, str]]) -> Argument:
    kind, text = tokens.pop(0)
    if kind == "name" and text not in WORDS:
        return _call(text, _items(tokens, ")"))
    if text == "[":
        tokens.insert(0, ("mark", "["))
        items = _items(tokens, "]")
        element = items[0].type
        return Argument(Type(Kind.LIST, element=element), True, [item.value for item in items])
    readers = {
        "datetime": (DATETIME, iso.parse_datetime),
        "date": (DATE, iso.parse_date),
        "time": (TIME, iso.parse_time),
        "float": (FREE_FLOAT, float),
        "int": (FREE_INT, int),
        "text": (TEXT, str),
    }
    if kind == "name":
        return Argument(WORDS[text][0], True, WORDS[text][1])
    type_, read = readers[kind]
    return Argument(type_, True, read(text))


def _items(tokens: list[tuple[str, str]], closing: str) -> list[Argument]:
    tokens.pop(0)
    items = []
    while tokens[0][1] != closing or tokens[0][0] != "mark":
        if tokens[0] == ("mark", ","):
            tokens.pop(0)
        items.append(_value(tokens))
    tokens.pop(0)
    return items


def _call(name: str, arguments: list[Argument]) -> Argument:
    function = FUNCTIONS.get(name)
    assert function is not None, name
    type_ = function.infer(*arguments)
    assert not isinstance(type_, Misuse), type_
    bound = function.bind(*arguments)
    return Argument(type_, True, bound.constant(*(argument.value for argument in arguments)))
