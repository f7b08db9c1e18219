"""Schemas and columns: the raw representation becomes Arrow, exactly and without copies."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthdsl.io.base import FORMATS
from synthdsl.io.schema import (
    ColumnInfo,
    Reference,
    TableInfo,
    arrow_schema,
    arrow_type,
    record_batch,
    to_arrow,
)
from synthdsl.values.columns import Column, Vocabulary
from synthdsl.values.types import (
    BOOL,
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    TEXT,
    TIME,
    UUID,
    EnumType,
    Kind,
    Type,
)
from synthdsl.values.units import parse_unit

SEX = Type(Kind.ENUM, enum=EnumType("Sex", ("female", "male")))
PRICE = Type(Kind.DECIMAL, precision=9, scale=2)
ZONED = Type(Kind.DATETIME, zone="Europe/Berlin")
LIST = Type(Kind.LIST, element=INT)
QUICK = settings(max_examples=60, deadline=None, derandomize=True)
SAFE = st.integers(-(2**53), 2**53)
DAY = dt.date(1970, 1, 1)
MOMENT = dt.datetime(1970, 1, 1)
MICRO = dt.timedelta(microseconds=1)

RAW: list[tuple[Type, st.SearchStrategy[object], object]] = [
    (INT, SAFE, lambda v: v),
    (FLOAT, st.floats(allow_nan=False), lambda v: v),
    (BOOL, st.booleans(), lambda v: v),
    (DATE, st.integers(-719_162, 2_932_896), lambda v: DAY + dt.timedelta(days=v)),
    (DATETIME, st.integers(-(10**16), 10**16), lambda v: MOMENT + v * MICRO),
    (TIME, st.integers(0, 86_399_999_999), lambda v: (MOMENT + v * MICRO).time()),
    (DURATION, SAFE, lambda v: v * MICRO),
]


@pytest.mark.parametrize(("kind", "values", "meaning"), RAW, ids=[str(kind) for kind, _, _ in RAW])
@QUICK
@given(data=st.data())
def test_raw_values_keep_their_meaning(
    kind: Type, values: st.SearchStrategy[object], meaning: object, data: st.DataObject
) -> None:
    raw = data.draw(st.lists(values, max_size=40))
    valid = data.draw(st.none() | st.lists(st.booleans(), min_size=len(raw), max_size=len(raw)))
    form = {"float": float, "bool": bool}.get(str(kind), np.int64)
    column = Column(np.array(raw, form), None if valid is None else np.array(valid, bool))
    array = to_arrow(column, kind)
    array.validate(full=True)
    assert array.type == arrow_type(kind)
    expected = [meaning(v) if valid is None or valid[i] else None for i, v in enumerate(raw)]  # type: ignore[operator]
    assert array.to_pylist() == expected


@QUICK
@given(
    scale=st.integers(0, 6),
    digits=st.lists(st.integers(-(10**15) + 1, 10**15 - 1), min_size=1, max_size=30),
)
def test_decimals_of_fifteen_digits_are_exact(scale: int, digits: list[int]) -> None:
    exact = [Decimal(d).scaleb(-scale) for d in digits]
    kind = Type(Kind.DECIMAL, precision=15, scale=scale)
    array = to_arrow(Column(np.array([float(d) for d in exact])), kind)
    array.validate(full=True)
    assert array.to_pylist() == exact


@QUICK
@given(st.lists(st.floats(-1e30, 1e30).map(np.rint), min_size=1, max_size=9))
def test_decimals_beyond_64_bits_are_the_float(values: list[float]) -> None:
    array = to_arrow(Column(np.array(values)), Type(Kind.DECIMAL, precision=38, scale=0))
    assert array.to_pylist() == [Decimal(float(v)) for v in values]


@pytest.mark.parametrize(
    ("size", "index"),
    [
        (2, pa.int8()),
        (128, pa.int8()),
        (129, pa.int16()),
        (32_768, pa.int16()),
        (32_769, pa.int32()),
    ],
)
def test_codes_take_the_smallest_index_that_holds_them(size: int, index: pa.DataType) -> None:
    vocabulary = Vocabulary(tuple(map(str, range(size))))
    codes = np.array([0, size - 1, size // 2], np.int32)
    array = to_arrow(Column(codes, np.array([True, True, False]), vocabulary), TEXT)
    array.validate(full=True)
    assert array.type == pa.dictionary(index, pa.string()) == arrow_type(TEXT, words=size)
    assert array.to_pylist() == ["0", str(size - 1), None]


def test_text_becomes_what_the_schema_says() -> None:
    coded = Column(np.array([1, 0], np.int32), None, Vocabulary(("a", "b")))
    plain = Column(pa.array(["b", "a"]))
    words = pa.dictionary(pa.int8(), pa.string())
    for column in (coded, plain):
        for target in (pa.string(), words):
            array = to_arrow(column, TEXT, target=target)
            assert array.type == target and array.to_pylist() == ["b", "a"]


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("own", [False, True])
def test_nulls_of_text_join(offset: int, own: bool) -> None:
    words = ["é", None if own else "x", "", "b", "c", "d", "e"]
    array = pa.array(words)[offset:]
    valid = np.arange(len(array)) % 2 == 1
    made = to_arrow(Column(array, valid), TEXT)
    made.validate(full=True)
    assert made.to_pylist() == [
        w if v else None for w, v in zip(words[offset:], valid, strict=True)
    ]


def test_lists() -> None:
    made = to_arrow(Column(np.arange(6).reshape(3, 2), np.array([True, False, True])), LIST)
    made.validate(full=True)
    assert made.type == arrow_type(LIST) and made.to_pylist() == [[0, 1], None, [4, 5]]
    dates = Type(Kind.LIST, element=DATE)
    made = to_arrow(Column(pa.array([[0, None], [], None, [1]], pa.list_(pa.int64()))), dates)
    made.validate(full=True)
    assert made.to_pylist() == [[DAY, None], [], None, [dt.date(1970, 1, 2)]]
    sexes = Type(Kind.LIST, element=SEX)
    made = to_arrow(Column(np.array([[1, 0]]), None, Vocabulary(("female", "male"))), sexes)
    assert made.to_pylist() == [["male", "female"]]
    empty = to_arrow(Column(np.empty((2, 0), np.int64)), LIST)
    assert empty.to_pylist() == [[], []]
    texts = to_arrow(Column(pa.array([["a"], None])), Type(Kind.LIST, element=TEXT))
    assert texts.to_pylist() == [["a"], None] and texts.type == arrow_type(
        Type(Kind.LIST, element=TEXT)
    )


def test_numbers_share_memory_and_slices_are_respected() -> None:
    whole = np.arange(100, dtype=np.int64)
    array = to_arrow(Column(whole, np.ones(100, bool)), INT)
    assert array.buffers()[1].address == whole.ctypes.data
    assert to_arrow(Column(whole[10:20:3]), INT).to_pylist() == [10, 13, 16, 19]
    text = pa.array(["a", "b"])
    made = to_arrow(Column(text, np.array([True, False])), TEXT)
    assert made.buffers()[2].address == text.buffers()[2].address


def a_table() -> TableInfo:
    return TableInfo(
        "visit",
        (
            ColumnInfo("id", UUID, roles=("identifier",), is_key=True),
            ColumnInfo(
                "weight",
                FLOAT.with_unit(parse_unit("kg")).nullable(),
                "on the day",
                ("quasi", "sensitive"),
            ),
            ColumnInfo("sex", SEX),
            ColumnInfo("ward", TEXT, vocabulary=("a", "b")),
            ColumnInfo("price", PRICE),
            ColumnInfo("at", ZONED),
            ColumnInfo("scores", LIST),
        ),
        description="one visit",
        references=(Reference(("ward",), "wards", ("name",)),),
    )


def test_the_schema_documents_itself_and_survives_files(tmp_path: Path) -> None:
    table = a_table()
    schema = arrow_schema(table)
    assert [str(f.type) for f in schema] == [
        "string",
        "double",
        "dictionary<values=string, indices=int8, ordered=0>",
        "dictionary<values=string, indices=int8, ordered=0>",
        "decimal128(9, 2)",
        "timestamp[us, tz=Europe/Berlin]",
        "list<element: int64>",
    ]
    assert [f.nullable for f in schema] == [False, True, False, False, False, False, False]
    assert schema.field("weight").metadata == {
        b"synthdsl.type": b"float<kg>?",
        b"unit": b"kg",
        b"description": b"on the day",
        b"roles": b"quasi,sensitive",
    }
    assert schema.metadata[b"key"] == b'["id"]' and schema.metadata[b"synthdsl.table"] == b"visit"
    columns = [
        Column(pa.array(["u1", "u2"])),
        Column(np.array([1.5, 0.0]), np.array([True, False])),
        Column(np.array([0, 1], np.int32), None, Vocabulary(("female", "male"))),
        Column(np.array([1, 1], np.int32), None, Vocabulary(("a", "b"))),
        Column(np.array([0.1, -99999.99])),
        Column(np.array([0, 3_600_000_000])),
        Column(np.array([[1, 2], [3, 4]])),
    ]
    batch = record_batch(columns, table, schema)
    batch.validate(full=True)
    assert batch.to_pylist()[1]["price"] == Decimal("-99999.99")
    for name in ("parquet", "arrow"):
        form = FORMATS.get(name)
        assert form is not None
        with form.open_part(tmp_path / name, schema, compression="none", is_first=True) as part:
            part.write(batch)
            assert part.close() == 2
    read = pq.read_table(tmp_path / "parquet")
    assert read.equals(pa.Table.from_batches([batch]))
    assert read.schema.equals(schema, check_metadata=True)
    with pa.ipc.open_file(tmp_path / "arrow") as file:
        assert file.schema.equals(schema, check_metadata=True)


def test_conversion_is_cheap() -> None:
    """Far from the figure that is aimed at (1 ns a value), but a Python loop would be farther."""
    values, valid = np.arange(16_384), np.arange(16_384) % 3 > 0
    start = time.perf_counter()
    for _ in range(50):
        to_arrow(Column(values, valid), INT)
    assert (time.perf_counter() - start) / 50 / 16_384 < 50e-9
