"""Puts the stand-in where the commands look for the façade."""

from __future__ import annotations

import sys

import pytest
from facade_fake import Facade

import synthdsl


@pytest.fixture
def facade(monkeypatch: pytest.MonkeyPatch) -> Facade:
    fake = Facade()
    monkeypatch.setitem(sys.modules, "synthdsl.api", fake)
    monkeypatch.setattr(synthdsl, "api", fake, raising=False)
    return fake
