"""HTML pages: the dictionary, the explanation; escaped, complete, self-contained."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from textwrap import dedent

import numpy as np
import pyarrow as pa

from synthdsl.plan.account import ComponentAccount, RuleAccount
from synthdsl.render.dictionary import (
    DictionaryField,
    DictionaryParameter,
    DictionaryReference,
    DictionaryRule,
    DictionarySpec,
    DictionaryTable,
    render_dictionary,
)
from synthdsl.render.explanation import explanation_schema, render_explanation

NASTY = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "br", "rect", "line", "path"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers tags, texts and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def sample() -> pa.Table:
    rng = np.random.default_rng(3)
    return pa.table(
        {
            "id": [f"P-{i}" for i in range(300)],
            "age": pa.array(rng.integers(0, 90, 300), mask=rng.random(300) < 0.1),
            "sex": rng.choice([NASTY, "m"], 300),
            "born": pa.array(rng.integers(0, 9000, 300).astype("int32"), pa.int32()).cast(
                pa.date32()
            ),
        }
    )


def spec() -> DictionarySpec:
    patient = DictionaryTable(
        "patient",
        (
            DictionaryField("id", "text", roles=("identifier",), how='unique("P-#")'),
            DictionaryField("age", "int<a>", "a", NASTY, ("quasi",), "normal(1, 2) < 3", "0 to 90",
                            True, "mcar(10%)", "a note"),
            DictionaryField("sex", "Sex", roles=(NASTY,)),
            DictionaryField("born", "date"),
            DictionaryField("unsampled", "float"),
        ),
        NASTY, "300 rows", ("id",),
        rules=(DictionaryRule("old", "age < 100", "98 %"),),
    )  # fmt: skip
    visit = DictionaryTable(
        NASTY,
        (DictionaryField("patient_id", "text"),),
        key=("patient_id", "index"),
        references=(DictionaryReference(("patient_id",), "patient"),),
    )
    return DictionarySpec(
        "clinic " + NASTY, (patient, visit), NASTY, "7",
        (DictionaryParameter("n", "int", "300", NASTY),),
    )  # fmt: skip


def test_the_dictionary_nests_and_holds_nothing_from_elsewhere() -> None:
    text = render_dictionary(spec(), {"patient": sample()})
    page = Page(text)
    assert not page.all("script") and not page.all("link") and not page.all("img")
    assert "http:" not in text and "https:" not in text and "url(" not in text
    assert "<script" not in text
    (root,) = page.all("html")
    assert root["lang"] == "en"


def test_the_dictionary_says_what_is_known() -> None:
    page = Page(render_dictionary(spec(), {"patient": sample()}))
    text = " ".join(page.texts)
    for wanted in ('unique("P-#")', "0 to 90", "mcar(10%)", "a note", "300 rows", "98 %",
                   "unit a", "may be null", "refers to patient", NASTY):  # fmt: skip
        assert wanted in text
    assert next(a["href"] for a in page.all("a")) == "#table-patient"
    ids = {str(a["id"]) for _, a in page.tags if "id" in a}
    assert {str(a["href"])[1:] for a in page.all("a")} <= ids


def test_parameters_show_no_empty_columns() -> None:
    bare = DictionarySpec("s", (), parameters=(DictionaryParameter("n", "", "5"),))
    heads = [text for text in Page(render_dictionary(bare, {})).texts if text.strip()]
    assert "Value" in heads and "Type" not in heads and "Description" not in heads


def test_every_picture_is_described() -> None:
    page = Page(render_dictionary(spec(), {"patient": sample()}))
    pictures = page.all("svg")
    assert len(pictures) == 1 + 3  # the tables; age, sex, born
    assert all(p["role"] == "img" and p["aria-label"] for p in pictures)
    assert pictures[0]["aria-label"] == (f"Tables: patient, {NASTY}. {NASTY} refers to patient")
    assert str(pictures[1]["aria-label"]).startswith("age: histogram from 0 to 87, median ")
    assert str(pictures[1]["aria-label"]).endswith(" % null")
    assert len(page.all("title")) == 1 + len(pictures)


def test_a_histogram_is_drawn_to_scale() -> None:
    column = pa.array([0] * 4 + [1] * 2 + [2] * 1)
    table = DictionaryTable("t", (DictionaryField("x", "int"),))
    page = Page(render_dictionary(DictionarySpec("s", (table,)), {"t": pa.table({"x": column})}))
    heights = [float(str(a["height"])) for a in page.all("rect") if a.get("class") == "bar"]
    assert len(heights) == 3
    assert np.allclose(np.array(heights) / heights[0], [1, 0.5, 0.25], atol=0.01)


def test_one_table_without_sample_or_words() -> None:
    page = Page(render_dictionary(DictionarySpec("s", (DictionaryTable("t", ()),)), {}))
    assert not page.all("svg") and not page.all("nav")


def test_circles_and_self_references_are_drawn() -> None:
    tables = tuple(
        DictionaryTable(name, (), key=("k",), references=(DictionaryReference(("r",), to),))
        for name, to in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "d"), ("e", "nowhere"))
    )
    page = Page(render_dictionary(DictionarySpec("s", tables), {}))
    label = str(page.all("svg")[0]["aria-label"])
    assert "d refers to d" in label and "nowhere" not in label
    boxes = [a for a in page.all("rect") if a.get("class") == "box"]
    assert len(boxes) == 5
    corners = {(a["x"], a["y"]) for a in boxes}
    assert len(corners) == 5


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    how: str
    depends_on: tuple[str, ...] = ()
    slot: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    name: str
    rows: int | str | None
    fields: tuple[Field, ...]
    rules: tuple[RuleAccount, ...] = ()
    components: tuple[ComponentAccount, ...] = ()


@dataclass(frozen=True)
class Explanation:
    tables: tuple[Table, ...]


EXPLANATION = Explanation(
    (
        Table(
            "patient",
            10_000,
            (
                Field("sex", "Sex", "categorical by table", slot="patient.sex"),
                Field("height", "float<cm>", "normal, inverted", ("sex", "age"), "patient.height"),
                Field("bmi", "float?", "weight / height^2 < 3", ("height",), note="<b>"),
            ),
        ),
        Table("lab", "6 per patient", (Field("k", "int", "index"),)),
    )
)


def test_explanation_as_text() -> None:
    assert render_explanation(EXPLANATION, form="text") == dedent(
        """\
        table patient · 10,000 rows
          1  sex     Sex        categorical by table
                                draws from patient.sex
          2  height  float<cm>  normal, inverted
                                reads sex, age
                                draws from patient.height
          3  bmi     float?     weight / height^2 < 3
                                reads height
                                note: <b>

        table lab · 6 per patient
          1  k  int  index
        """
    )
    coloured = render_explanation(EXPLANATION, form="text", colour=True)
    plain = render_explanation(EXPLANATION, form="text")
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain != coloured


def test_explanation_as_json() -> None:
    document = json.loads(render_explanation(EXPLANATION, form="json"))
    assert document["schema"] == "synthdsl.explanation/1"
    assert document["tables"][0]["rows"] == "10000"
    assert document["tables"][0]["fields"][1] == {
        "name": "height", "type": "float<cm>", "how": "normal, inverted",
        "depends_on": ["sex", "age"], "slot": "patient.height", "note": "",
    }  # fmt: skip
    assert "ExplainedField" in explanation_schema()["$defs"]


def test_explanation_as_html() -> None:
    text = render_explanation(EXPLANATION, form="html", title=NASTY)
    page = Page(text)
    assert "<script" not in text and "<b>" not in text
    assert len(page.all("table")) == 2
    assert "weight / height^2 < 3" in page.texts
