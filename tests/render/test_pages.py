"""HTML pages: the dictionary, the explanation; escaped, complete, self-contained."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from textwrap import dedent

import numpy as np
import pyarrow as pa

from synthdsl.plan.explain import (
    Explanation,
    FieldExplanation,
    ReferenceExplanation,
    StateExplanation,
    TableExplanation,
)
from synthdsl.plan.making import FamilyExplanation, Making
from synthdsl.render.dictionary import (
    DictionaryField,
    DictionaryParameter,
    DictionaryParent,
    DictionaryReference,
    DictionaryRule,
    DictionarySpec,
    DictionaryTable,
    render_dictionary,
)
from synthdsl.render.explanation import explanation_schema, render_explanation
from synthdsl.render.models import ExplanationReport

NASTY = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "br", "rect", "line", "path", "circle"}


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


def test_tables_are_linked_to_their_relatives() -> None:
    tables = (
        DictionaryTable("site", (), key=("id",), shape="file", rows="5"),
        DictionaryTable("patient", (DictionaryField("id", "text"),), rows="10,000", key=("id",)),
        DictionaryTable(
            "visit",
            (DictionaryField("patient_id", "text"), DictionaryField("site_id", "text")),
            rows="0 to 9 per patient",
            key=("patient_id", "index"),
            references=(
                DictionaryReference(("patient_id",), "patient", ("id",)),
                DictionaryReference(("site_id",), "site", ("id",)),
            ),
            parent=DictionaryParent("patient", 0, 9, "0 to 9", "0 to 9 per patient"),
        ),
        DictionaryTable(
            "stay", (), parent=DictionaryParent("visit", 2), shape="pathway", picture="<svg></svg>"
        ),
    )
    text = render_dictionary(DictionarySpec("s", tables), {})
    page = Page(text)
    label = str(page.all("svg")[0]["aria-label"])
    assert label == (
        "Tables: site, patient, visit, stay. visit under patient; stay under visit; "
        "visit refers to site"
    )
    lines = re.findall(r'<p class="note links">(.*?)</p>', text)
    said = [re.sub("<.*?>", "", line) for line in lines]
    assert said == [
        "Referred to by: visit",
        "Above: visit",
        "Under: patient · Above: stay · Refers to: site",
        "Under: visit",
    ]
    ids = {str(a["id"]) for _, a in page.tags if "id" in a}
    assert {str(a["href"])[1:] for a in page.all("a")} <= ids
    assert "refers to patient</a>" in text and '<div class="pathway wide"><svg></svg>' in text
    shown = [t for t in page.texts if t in ("0 to 9 each", "key → patient", "→ site", "5 rows")]
    assert shown == ["5 rows", "0 to 9 each", "key → patient", "→ site", "5 rows"]


EXPLANATION = Explanation(
    (
        TableExplanation(
            "patient",
            10_000,
            (
                FieldExplanation("sex", "Sex", "categorical by table", (), "patient.sex", None),
                FieldExplanation(
                    "height", "float<cm>", "normal, inverted", ("sex", "age"), "patient.height", None
                ),
                FieldExplanation("bmi", "float?", "weight / height^2 < 3", ("height",), None, "<b>"),
            ),
            children=("lab",),
        ),
        TableExplanation(
            "lab",
            0,
            (FieldExplanation("k", "int", "index", (), None, None),),
            parent="patient",
            variable="p",
            count="always 6",
            where="p.sex == <female>",
            until="done",
            references=(ReferenceExplanation(("patient_id",), "patient", "the patient it is under"),),
        ),
        TableExplanation(
            "stay",
            0,
            (FieldExplanation("state", "stay", "the state that is visited", (), None, None),),
            parent="patient",
            variable="p",
            count="one for each visited state",
            starts="p.start",
            states=(
                StateExplanation("ward", "gamma", "{home: 100%}"),
                StateExplanation("home", "", ""),
            ),
        ),
    ),
    (
        FamilyExplanation(
            "patient",
            ("patient", "lab", "stay"),
            (
                Making("fields", "patient", ("sex",)),
                Making(
                    "rules", "patient", (), "", ("seen",), "for each patient, with lab under it",
                    ("height",),
                    (
                        Making("rows", "lab", (), "how many rows each patient has"),
                        Making("siblings", "lab", ("k",), "for all rows under one patient together"),
                    ),
                ),
                Making("conditioned", "patient", ("bmi",), rules=("thin",)),
            ),
        ),
    ),
)  # fmt: skip


def test_explanation_as_text() -> None:
    assert render_explanation(EXPLANATION, form="text") == dedent(
        """\
        table patient · 10,000 rows
          above  lab

          1  sex     Sex        categorical by table
                                draws from patient.sex
          2  height  float<cm>  normal, inverted
                                reads sex, age
                                draws from patient.height
          3  bmi     float?     weight / height^2 < 3
                                reads height
                                note: <b>

        table lab · under patient p
          how many    always 6
          only where  p.sex == <female>
          until       done; rows after the first in which it is true are left out
          refers to   patient by patient_id: the patient it is under

          1  k  int  index

        table stay · under patient p
          how many  one for each visited state
          starts    p.start

          states
          ward  gamma; then {home: 100%}
          home  final

          1  state  stay  the state that is visited

        order of making · patient and what is under it
          1  patient  sex
          2  for each patient, with lab under it, again until `seen` holds; height
             settled first and kept:
            2.1  lab      how many rows each patient has
            2.2  lab      k: for all rows under one patient together
          3  patient  bmi until `thin` holds
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
    read = ExplanationReport.model_validate(document)
    lab, stay = read.tables[1:]
    assert (lab.parent, lab.variable, lab.rows, lab.where) == (
        "patient", "p", "always 6", "p.sex == <female>",
    )  # fmt: skip
    assert lab.references[0].table == "patient" and [s.name for s in stay.states] == [
        "ward",
        "home",
    ]
    (family,) = read.families
    assert [made.kind for made in family.order] == ["fields", "rules", "conditioned"]
    assert family.order[1].kept == ("height",) and len(family.order[1].parts) == 2


def test_explanation_as_html() -> None:
    text = render_explanation(EXPLANATION, form="html", title=NASTY)
    page = Page(text)
    assert "<script" not in text and "<b>" not in text
    assert len(page.all("table")) == 3 + 1  # fields, and states
    assert len(page.all("ol")) == 2 and len(page.all("dl")) == 3
    assert "p.sex == <female>" in page.texts
    assert "weight / height^2 < 3" in page.texts
