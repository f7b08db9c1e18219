"""Diagnostics for machines: JSON, GitHub commands, SARIF."""

from __future__ import annotations

import json

import pytest

from synthdsl.diagnostics import Diagnostic, Label
from synthdsl.render.findings import render_findings
from synthdsl.render.findings_json import findings_schema
from synthdsl.render.models import FindingsReport
from synthdsl.source import Source, Span

SOURCE = Source("dir/a, b:c.synth", "x = 1\nyy = 2\n")
FOUND = [
    Diagnostic("unused-name", Span(SOURCE, 6, 8), "nothing uses `yy`"),
    Diagnostic(
        "missing-type", Span(SOURCE, 2, 3), "100% wrong,\r\nsee: x", "write `x: int = 1`",
        (Label(Span(SOURCE, 6, 13), "not\u2028this"),), ("a note",),
    ),
]  # fmt: skip


def test_json_says_everything_and_fits_its_schema() -> None:
    text = render_findings(FOUND, form="json")
    assert json.loads(text) == {
        "schema": "synthdsl.diagnostics/1",
        "errors": 1,
        "warnings": 1,
        "diagnostics": [
            {
                "file": "dir/a, b:c.synth", "line": 1, "column": 3, "end_line": 1, "end_column": 4,
                "code": "missing-type", "severity": "error", "message": "100% wrong,\r\nsee: x",
                "help": "write `x: int = 1`", "notes": ["a note"],
                "labels": [
                    {"file": "dir/a, b:c.synth", "line": 2, "column": 1, "end_line": 3,
                     "end_column": 1, "text": "not\u2028this"}
                ],
            },
            {
                "file": "dir/a, b:c.synth", "line": 2, "column": 1, "end_line": 2, "end_column": 3,
                "code": "unused-name", "severity": "warning", "message": "nothing uses `yy`",
                "help": None, "notes": [], "labels": [],
            },
        ],
    }  # fmt: skip
    assert FindingsReport.model_validate_json(text).errors == 1
    schema = findings_schema()
    assert schema["properties"]["schema"]["const"] == "synthdsl.diagnostics/1"
    assert set(schema["$defs"]) == {"Finding", "RelatedPlace"}


def test_no_findings() -> None:
    assert json.loads(render_findings([], form="json"))["diagnostics"] == []
    assert render_findings([], form="github") == ""
    assert json.loads(render_findings([], form="sarif"))["runs"][0]["results"] == []


def test_github_commands_are_escaped() -> None:
    assert render_findings(FOUND, form="github") == (
        "::error file=dir/a%2C b%3Ac.synth,line=1,col=3,endLine=1,endColumn=3,title=missing-type::"
        "100%25 wrong,%0D%0Asee: x%0Aa note%0Ahelp: write `x: int = 1`\n"
        "::warning file=dir/a%2C b%3Ac.synth,line=2,col=1,endLine=2,endColumn=2,title=unused-name::"
        "nothing uses `yy`\n"
    )


def test_github_leaves_out_the_end_of_what_spans_lines() -> None:
    found = [
        Diagnostic("syntax", Span(SOURCE, 2, 8), "m"),
        Diagnostic("syntax", Span(SOURCE, 13, 13), "e"),
    ]
    assert render_findings(found, form="github") == (
        "::error file=dir/a%2C b%3Ac.synth,line=1,col=3,title=syntax::m\n"
        "::error file=dir/a%2C b%3Ac.synth,line=3,col=1,title=syntax::e\n"
    )


def test_sarif() -> None:
    document = json.loads(render_findings(FOUND, form="sarif"))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["missing-type", "unused-name"]
    assert run["columnKind"] == "unicodeCodePoints"
    first, second = run["results"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["defaultConfiguration"]["level"] == result["level"]
    assert first["message"]["text"].endswith("see: x\na note\nhelp: write `x: int = 1`")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dir/a%2C%20b%3Ac.synth"
    assert place["region"] == {"startLine": 1, "startColumn": 3, "endLine": 1, "endColumn": 4}
    assert first["relatedLocations"][0]["message"]["text"] == "not\u2028this"
    assert "relatedLocations" not in second


def test_sarif_of_an_absolute_path_is_a_file_address() -> None:
    source = Source("/tmp/ä b.synth", "x")
    text = render_findings([Diagnostic("syntax", Span(source, 0, 1), "m")], form="sarif")
    assert "file:///tmp/%C3%A4%20b.synth" in text


def test_an_unknown_form_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        render_findings([], form="yaml")
