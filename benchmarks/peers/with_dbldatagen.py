"""dbldatagen on local Spark, one core, in two formulations.

`exploded`: patients by dbldatagen's columns, each with its number of encounters; below them Spark's
own functions, as dbldatagen has none for rows below a row: an array of running times a parent, then
`posexplode`. Each table is written once; Spark makes parents again for the children, the same ones
as every `rand()` has a fixed seed and nothing is shuffled.
`keys at random`: three generators side by side, as its guide to several tables shows: 3 and 15
times as many rows as patients with foreign keys drawn at random. Other job: the totals are fixed,
rows of a parent do not stand together, and times know nothing of parents or siblings.
In both bmi is clipped, counts are text-book inversion in SQL, and lists have weights, as without
them their first and last values come up half as often. Its own distributions are scaled to
the least and largest draw of a batch, so normal and gamma draws are expressions here, too.
Columns are what pandas 2 and Arrow can read; the `arrow` sink is Spark's `noop`.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import sys
from pathlib import Path
from typing import Any

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

import dbldatagen as dg
from pyspark.sql import DataFrame, SparkSession
from serving import TABLES, serve, weighted

FORMULATION = sys.argv[1] if len(sys.argv) > 1 else "exploded"
PARTITIONS = 4
KINDS = ["IMP", "AMB", "EMER"]
CODES = [f"{number}-1" for number in range(50)]


def session() -> SparkSession:
    """One core, three gigabytes."""
    options = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "3g",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(PARTITIONS),
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def poisson(mean: float, uniform: str) -> str:
    """A Poisson count as an expression: how many values of its CDF lie below a uniform column."""
    mass, total, levels = math.exp(-mean), 0.0, []
    for count in range(40):
        total += mass
        mass *= mean / (count + 1)
        levels.append(f"{total!r}D")
    return f"size(filter(array({', '.join(levels)}), bound -> bound < {uniform}))"


def generator(spark: SparkSession, rows: int) -> Any:
    """An empty specification."""
    return dg.DataGenerator(spark, rows=rows, partitions=PARTITIONS, random=True)


def patients(spark: SparkSession, rows: int) -> DataFrame:
    """Twelve columns and the number of encounters, `children`."""
    codes, weights = zip(*weighted("diagnoses.csv"), strict=True)
    general, general_weights = zip(*weighted("diagnoses_not_obstetric.csv"), strict=True)
    of = {"values": list(codes), "weights": [round(w * 1e6) for w in weights]}
    of_general = {"values": list(general), "weights": [round(w * 1e6) for w in general_weights]}
    stay = "floor(-216000 * (ln(1 - rand()) + ln(1 - rand())))"
    bmi = "round(least(greatest(exp(3.27 + 0.2 * randn()), 14), 60), 1)"
    chance = "least(0.02 + 0.004 * age, 0.3) * if(sex = 'F', 1, 1.2)"
    height = "round(if(sex = 'F', 162 + 6.5 * z_height, 176 + 7.2 * z_height), 1)"
    age = "2024 - year(birth_date) - if(dayofyear(birth_date) > 1, 1, 0)"
    dx = "if(sex = 'F' and age between 12 and 55, dx_any, dx_general)"
    spec = (
        generator(spark, rows)
        .withColumn("patient_id", "string", expr="concat('P', lpad(cast(id as string), 8, '0'))")
        .withColumn("uuid", "string", expr="uuid()")
        .withColumn("sex", "string", values=["F", "M"], weights=[51, 49], random=True)
        .withColumn("birth_date", "date", expr="date_add(date'1930-01-01', int(rand() * 33238))")
        .withColumn("age", "int", expr=age, baseColumn="birth_date")
        .withColumn("z_height", "double", expr="randn()", omit=True)
        .withColumn("height_cm", "double", expr=height, baseColumn=["sex", "z_height"])
        .withColumn("bmi", "double", expr=bmi)
        .withColumn(
            "weight_kg",
            "double",
            expr="round(bmi * pow(height_cm / 100, 2), 1)",
            baseColumn=["bmi", "height_cm"],
        )
        .withColumn("smoker", "boolean", expr=f"rand() < {chance}", baseColumn=["age", "sex"])
        .withColumn("dx_any", "string", random=True, omit=True, **of)
        .withColumn("dx_general", "string", random=True, omit=True, **of_general)
        .withColumn("dx", "string", expr=dx, baseColumn=["sex", "age", "dx_any", "dx_general"])
        .withColumn(
            "admission", "timestamp", expr="timestamp_seconds(1672531200 + int(rand() * 31536000))"
        )
        .withColumn("stay", "double", expr=stay, omit=True)
        .withColumn(
            "discharge",
            "timestamp",
            expr="timestamp_seconds(unix_timestamp(admission) + stay)",
            baseColumn=["admission", "stay"],
        )
        .withColumn("level", "double", expr="rand()", omit=True)
        .withColumn("children", "int", expr=poisson(3, "level"), baseColumn="level")
    )
    return spec.build()


def running(count: str, begin: str, mean: int) -> str:
    """An array of `count` times in seconds: `begin` and exponential gaps of whole seconds."""
    last = f"coalesce(get(made, size(made) - 1), {begin})"
    gap = f"cast(round(-{mean} * ln(1 - rand())) as bigint)"
    empty = "cast(array() as array<bigint>)"
    each = f"if({count} > 0, sequence(1, {count}), cast(array() as array<int>))"
    return f"aggregate({each}, {empty}, (made, i) -> array_append(made, {last} + {gap}))"


def exploded(spark: SparkSession, rows: int) -> dict[str, DataFrame]:
    """Children below their parents."""
    above = patients(spark, rows)
    starts = running("children", "cast(1672531200 as bigint)", 5_184_000)
    encounters = above.selectExpr("patient_id", f"posexplode({starts}) as (index, seconds)")
    encounters = encounters.selectExpr(
        "concat(patient_id, '-', index) as encounter_id",
        "patient_id",
        "element_at(array('IMP', 'AMB', 'EMER'), 1 + int(rand() * 3)) as kind",
        "timestamp_seconds(seconds) as start",
        "rand() as level",
        "seconds",
    )
    encounters = encounters.selectExpr("*", f"{poisson(5, 'level')} as children")
    times = running("children", "seconds", 3_600)
    observations = encounters.selectExpr("encounter_id", f"posexplode({times}) as (index, moment)")
    observations = observations.selectExpr(
        "concat(encounter_id, '-', index) as observation_id",
        "encounter_id",
        "concat(int(rand() * 50), '-1') as code",
        "round(100 + 15 * randn(), 1) as value",
        "timestamp_seconds(moment) as time",
    )
    hidden = encounters.drop("level", "seconds", "children")
    return {
        "patient": above.drop("children"),
        "encounter": hidden,
        "observation": observations,
    }


def keys_at_random(spark: SparkSession, rows: int) -> dict[str, DataFrame]:
    """Foreign keys drawn from all parents."""
    begin, end = "2023-01-01 00:00:00", "2024-12-31 23:59:59"
    moment = dg.DateRange(begin, end, "seconds=1")
    number = {"minValue": 0, "random": True, "omit": True}
    encounters = (
        generator(spark, 3 * rows)
        .withColumn("encounter_id", "long", expr="id")
        .withColumn("at", "long", maxValue=rows - 1, **number)
        .withColumn(
            "patient_id",
            "string",
            expr="concat('P', lpad(cast(at as string), 8, '0'))",
            baseColumn="at",
        )
        .withColumn("kind", "string", values=KINDS, weights=[1] * 3, random=True)
        .withColumn("start", "timestamp", data_range=moment, random=True)
    )
    observations = (
        generator(spark, 15 * rows)
        .withColumn("observation_id", "long", expr="id")
        .withColumn("encounter_id", "long", minValue=0, maxValue=3 * rows - 1, random=True)
        .withColumn("code", "string", values=CODES, weights=[1] * 50, random=True)
        .withColumn("value", "double", expr="round(100 + 15 * randn(), 1)")
        .withColumn("time", "timestamp", data_range=moment, random=True)
    )
    return {
        "patient": patients(spark, rows).drop("children"),
        "encounter": encounters.build(),
        "observation": observations.build(),
    }


def make(rows: int, sink: str, folder: Path) -> Any:
    """The job."""
    build = {"exploded": exploded, "keys at random": keys_at_random}[FORMULATION]
    tables = build(SPARK, rows)
    if sink == "table":
        return [tables[name].toArrow() for name in TABLES]
    for name in TABLES:
        if sink == "arrow":
            tables[name].write.format("noop").mode("overwrite").save()
        else:
            tables[name].write.mode("overwrite").parquet(str(folder / f"{name}.parquet"))
    return None


if __name__ == "__main__":
    SPARK = session()
    serve(make, importlib.metadata.version("dbldatagen"))
