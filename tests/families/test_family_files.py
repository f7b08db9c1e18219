"""Tables whose rows stand in a file: whatever the file is, it is read right or refused in words."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synthdsl

WARDS = b"code,name,beds,share,opened\nicu,Intensive care,12,0.5,2001-02-03\nsur,Surgery,,1,1999-12-31\n"
WARD = """language 1
table ward from "wards.csv" {
  code: text
  name: text
  beds: int?
  share: decimal(3, 1)
  opened: date
  index_: int = index
  noise: float ~ normal(share, 0.1)
  key code
}
table patient [200] {
  id: int = index
  key id
}
table visit per patient p [count ~ poisson(2)] {
  key (p, index)
  ward: ward ~ ref ward weight ward.share
  beds: int? = ward.beds
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wards.csv").write_bytes(WARDS)
    return tmp_path


def codes(text: str) -> list[str]:
    return [d.code for d in synthdsl.check("x.synth", text=text)]


def one(text: str, code: str, *words: str) -> None:
    (found,) = synthdsl.check("x.synth", text=text)
    assert found.code == code
    assert found.help
    for word in words:
        assert word in f"{found.message} {found.help}", found


def test_rows_are_those_of_the_file(folder):
    tables = synthdsl.load("x.synth", text=WARD).generate().tables
    ward = tables["ward"].to_pydict()
    assert ward["code"] == ["icu", "sur"] and ward["name"] == ["Intensive care", "Surgery"]
    assert ward["beds"] == [12, None] and ward["share"] == [Decimal("0.5"), Decimal("1.0")]
    assert ward["opened"] == [date(2001, 2, 3), date(1999, 12, 31)] and ward["index_"] == [0, 1]
    visit = tables["visit"].to_pydict()
    beds = dict(zip(ward["code"], ward["beds"], strict=True))
    assert visit["beds"] == [beds[w] for w in visit["ward"]]
    share = visit["ward"].count("icu") / len(visit["ward"])
    assert abs(share - 1 / 3) < 5 * (2 / 9 / len(visit["ward"])) ** 0.5  # five standard errors


@pytest.mark.parametrize("span", ["patient=0:1", "patient=150:200", "patient=7"])
def test_a_slice_has_all_rows_of_the_file(folder, span):
    whole = synthdsl.load("x.synth", text=WARD).generate().tables
    part = synthdsl.load("x.synth", text=WARD).generate(span).tables
    assert part["ward"].equals(whole["ward"])


def test_what_a_file_says_is_part_of_the_manifest(folder):
    import hashlib
    import json

    synthdsl.load("x.synth", text=WARD).write(folder / "out", format="csv")
    assert hashlib.sha256(WARDS).hexdigest() in json.dumps(
        json.loads((folder / "out" / "manifest.json").read_text())
    )


def test_the_number_of_rows_of_a_file_is_fixed(folder):
    with pytest.raises(synthdsl.SynthError):
        synthdsl.load("x.synth", text=WARD).generate("ward=5")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "lookup-file", ["no rows"]),
        (b"code,name,beds,share,opened\n", "lookup-file", ["no rows"]),
        (WARDS.replace(b"Surgery", b"Chirurgie f\xfcr alle"), "lookup-file", ["UTF-8"]),
        (b"\xff\xfe" + WARDS, "lookup-file", ["UTF-8"]),
        (WARDS.decode().encode("utf-16"), "lookup-file", ["UTF-8"]),
        (b"\x00" * 1000, "lookup-file", []),
        (bytes(range(256)), "lookup-file", ["UTF-8"]),
        (WARDS.replace(b"share,opened", b"share,share"), "lookup-file", ["repeats"]),
        (WARDS.replace(b"icu,", b"icu,,"), "lookup-file", ["6 cells"]),
        (WARDS.replace(b"Surgery", b'"Surgery'), "lookup-file", ["CSV"]),
        (WARDS.replace(b"beds", b"bed"), "lookup-column", ["`bed`"]),
        (WARDS.replace(b"12,", b"12.5,"), "lookup-value", ["`beds`", "12.5", "int"]),
        (WARDS.replace(b"12,", b"99999999999999999999999,"), "lookup-value", ["`beds`"]),
        (WARDS.replace(b"12,", b"9223372036854775808,"), "lookup-value", ["`beds`"]),
        (WARDS.replace(b"12,", b"=1+1,"), "lookup-value", ["`beds`", "=1+1"]),
        (WARDS.replace(b"0.5", b"nan"), "lookup-value", ["`share`", "nan"]),
        (WARDS.replace(b"0.5", b"inf"), "lookup-value", ["`share`", "inf"]),
        (WARDS.replace(b"1999-12-31", b"1999-02-31"), "lookup-value", ["`opened`", "1999-02-31"]),
        (WARDS.replace(b"1999-12-31", b"31.12.1999"), "lookup-value", ["`opened`"]),
        (WARDS.replace(b"1999-12-31", b""), "nullable", ["`opened`", "row 2", "date?"]),
        (WARDS.replace(b"sur,", b"icu,"), "capacity", ["`code`"]),
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder, content, code, words):
    (folder / "wards.csv").write_bytes(content)
    one(WARD, code, *words)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + WARDS,
        WARDS.replace(b"\n", b"\r\n"),
        WARDS + b"\n\n",
        WARDS.rstrip(b"\n"),
        WARDS.replace(b"Surgery", b'"Surgery, ""general""\nand more"'),
        WARDS.replace(b"code,", b" code ,"),
    ],
)
def test_a_file_may_be_written_by_anything(folder, content):
    (folder / "wards.csv").write_bytes(content)
    assert synthdsl.load("x.synth", text=WARD).generate("patient=3").tables["ward"].num_rows == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nix.csv", ["no such file", "relative"]),
        ("folder", ["folder"]),
        ("pipe.csv", ["regular"]),
        ("/dev/zero", ["regular"]),
        ("https://example.org/wards.csv", ["no such file"]),
        ("w\\u0000.csv", ["cannot read"]),
        ("x" * 5_000, ["cannot read"]),
    ],
)
def test_what_is_no_file_is_refused(folder, name, words):
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe.csv")
    one(WARD.replace("wards.csv", name), "unreadable-file", *words)


def test_a_file_that_may_not_be_read(folder):
    if os.geteuid() == 0:
        (folder / "wards.csv").unlink()
        (folder / "wards.csv").symlink_to(folder / "wards.csv")  # a link to itself
    else:
        (folder / "wards.csv").chmod(0)
    one(WARD, "unreadable-file")


def test_a_file_that_is_too_large(folder):
    with (folder / "wards.csv").open("r+b") as file:
        file.truncate(300 * 2**20)
    one(WARD, "unreadable-file", "larger")


def test_a_large_file(folder):
    lines = b"".join(b"w%d,ward %d,%d,1,2020-01-01\n" % (i, i, i % 40) for i in range(100_000))
    (folder / "wards.csv").write_bytes(b"code,name,beds,share,opened\n" + lines)
    tables = synthdsl.load("x.synth", text=WARD).generate("patient=50").tables
    assert tables["ward"].num_rows == 100_000
    assert tables["ward"]["code"].to_pylist()[99_999] == "w99999"
    by_code = {f"w{i}": i % 40 for i in range(100_000)}
    visit = tables["visit"].to_pydict()
    assert visit["beds"] == [by_code[w] for w in visit["ward"]]


PARQUET = 'language 1\ntable ward from "w.parquet" {\n  code: text\n  beds: int?\n}\n'


def test_parquet(folder):
    pq.write_table(pa.table({"code": ["a", "b"], "beds": pa.array([1, None])}), "w.parquet")
    table = synthdsl.load("x.synth", text=PARQUET).generate().tables["ward"]
    assert table.to_pydict() == {"code": ["a", "b"], "beds": [1, None]}


@pytest.mark.parametrize(
    "table",
    [
        b"PAR1 is not enough",
        pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["code", "code"]),
        pa.table({"code": [["a"]], "beds": [1]}),
        pa.table({"code": [{"a": 1}], "beds": [1]}),
        pa.table({"code": pa.array([b"\xff"]), "beds": [1]}),
        pa.table({"code": pa.array([], pa.string()), "beds": pa.array([], pa.int64())}),
    ],
    ids=["no parquet", "a name twice", "lists", "records", "bytes", "no rows"],
)
def test_parquet_that_does_not_fit_is_refused(folder, table):
    if isinstance(table, bytes):
        (folder / "w.parquet").write_bytes(table)
    else:
        pq.write_table(table, "w.parquet")
    one(PARQUET, "lookup-file")


def test_what_stands_beside_a_file_is_refused(folder):
    one(WARD.replace('"wards.csv" {', '"wards.csv" [2] {'), "row-count", "remove")
    one(WARD.replace('"wards.csv" {', '"wards.csv" where beds > 3 {'), "bad-relation")
    under = WARD.replace("table visit per patient p [count ~ poisson(2)] {",
                         'table visit per patient p from "wards.csv" {')  # fmt: skip
    one(under, "bad-relation", "`ref`", "lookup")
    assert codes("language 1\ntable t [3] {\n  x: int\n}\n") == ["no-source"]
