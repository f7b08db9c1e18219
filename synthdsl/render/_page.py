"""The frame of every HTML page: self-contained, without scripts, light and dark, printable."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path


@cache
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def page(title: str, body: str) -> str:
    """A whole document. `title` is plain text, `body` is HTML that is already escaped."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{_style()}</style>
</head>
<body>
{body}
</body>
</html>
"""
