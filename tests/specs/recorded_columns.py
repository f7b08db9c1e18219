"""Columns of two public formats, recorded from their documents, and what the specs do otherwise.

    python tests/specs/recorded_columns.py [FOLDER]

prints the comparison of specs/omop.synth and specs/synthea_csv.synth with the record, and with
the CSV files in FOLDER (`synthea27_csv` and `synthea27_omop` inside it), where it is given.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
from spec_library import SPECS

import synthdsl

INT, FLOAT, TEXT, DATE = pa.int64(), pa.float64(), pa.string(), pa.date32()
MOMENT, UTC = pa.timestamp("us"), pa.timestamp("us", tz="UTC")

LETTERS = {"i": INT, "f": FLOAT, "t": TEXT, "d": DATE, "m": MOMENT, "z": UTC}


@dataclass(frozen=True)
class Column:
    """A column as the format has it; one that is not required may be empty."""

    name: str
    type: pa.DataType
    is_required: bool


def columns(text: str) -> tuple[Column, ...]:
    """Columns written as `name:type`, where a `*` behind says that one is required."""
    found = []
    for word in text.split():
        name, letter = word.rstrip("*").split(":")
        found.append(Column(name, LETTERS[letter], word.endswith("*")))
    return tuple(found)


# The OMOP Common Data Model 5.4: columns in order, with their types. `required` as its data
# dictionary says. Its `integer` is int64 here, its `float` double, its `varchar` text.
OMOP = {
    "person": columns(
        "person_id:i* gender_concept_id:i* year_of_birth:i* month_of_birth:i day_of_birth:i "
        "birth_datetime:m race_concept_id:i* ethnicity_concept_id:i* location_id:i provider_id:i "
        "care_site_id:i person_source_value:t gender_source_value:t gender_source_concept_id:i "
        "race_source_value:t race_source_concept_id:i ethnicity_source_value:t "
        "ethnicity_source_concept_id:i"
    ),
    "observation_period": columns(
        "observation_period_id:i* person_id:i* observation_period_start_date:d* "
        "observation_period_end_date:d* period_type_concept_id:i*"
    ),
    "visit_occurrence": columns(
        "visit_occurrence_id:i* person_id:i* visit_concept_id:i* visit_start_date:d* "
        "visit_start_datetime:m visit_end_date:d* visit_end_datetime:m visit_type_concept_id:i* "
        "provider_id:i care_site_id:i visit_source_value:t visit_source_concept_id:i "
        "admitted_from_concept_id:i admitted_from_source_value:t discharged_to_concept_id:i "
        "discharged_to_source_value:t preceding_visit_occurrence_id:i"
    ),
    "condition_occurrence": columns(
        "condition_occurrence_id:i* person_id:i* condition_concept_id:i* condition_start_date:d* "
        "condition_start_datetime:m condition_end_date:d condition_end_datetime:m "
        "condition_type_concept_id:i* condition_status_concept_id:i stop_reason:t provider_id:i "
        "visit_occurrence_id:i visit_detail_id:i condition_source_value:t "
        "condition_source_concept_id:i condition_status_source_value:t"
    ),
    "drug_exposure": columns(
        "drug_exposure_id:i* person_id:i* drug_concept_id:i* drug_exposure_start_date:d* "
        "drug_exposure_start_datetime:m drug_exposure_end_date:d* drug_exposure_end_datetime:m "
        "verbatim_end_date:d drug_type_concept_id:i* stop_reason:t refills:i quantity:f "
        "days_supply:i sig:t route_concept_id:i lot_number:t provider_id:i visit_occurrence_id:i "
        "visit_detail_id:i drug_source_value:t drug_source_concept_id:i route_source_value:t "
        "dose_unit_source_value:t"
    ),
    "measurement": columns(
        "measurement_id:i* person_id:i* measurement_concept_id:i* measurement_date:d* "
        "measurement_datetime:m measurement_time:t measurement_type_concept_id:i* "
        "operator_concept_id:i value_as_number:f value_as_concept_id:i unit_concept_id:i "
        "range_low:f range_high:f provider_id:i visit_occurrence_id:i visit_detail_id:i "
        "measurement_source_value:t measurement_source_concept_id:i unit_source_value:t "
        "unit_source_concept_id:i value_source_value:t measurement_event_id:i "
        "meas_event_field_concept_id:i"
    ),
    "death": columns(
        "person_id:i* death_date:d* death_datetime:m death_type_concept_id:i cause_concept_id:i "
        "cause_source_value:t cause_source_concept_id:i"
    ),
    "provider": columns(
        "provider_id:i* provider_name:t npi:t dea:t specialty_concept_id:i care_site_id:i "
        "year_of_birth:i gender_concept_id:i provider_source_value:t specialty_source_value:t "
        "specialty_source_concept_id:i gender_source_value:t gender_source_concept_id:i"
    ),
    "care_site": columns(
        "care_site_id:i* care_site_name:t place_of_service_concept_id:i location_id:i "
        "care_site_source_value:t place_of_service_source_value:t"
    ),
}

# Synthea's CSV export as of 2022: names and order of the columns. Its documents name no types but
# UUID, date, ISO moment in UTC, text, and numbers; `*` marks what it always fills.
SYNTHEA = {
    "patients": columns(
        "Id:t* BIRTHDATE:d* DEATHDATE:d SSN:t* DRIVERS:t PASSPORT:t PREFIX:t FIRST:t* LAST:t* "
        "SUFFIX:t MAIDEN:t MARITAL:t RACE:t* ETHNICITY:t* GENDER:t* BIRTHPLACE:t* ADDRESS:t* "
        "CITY:t* STATE:t* COUNTY:t ZIP:t LAT:f* LON:f* HEALTHCARE_EXPENSES:f* "
        "HEALTHCARE_COVERAGE:f*"
    ),
    "organizations": columns(
        "Id:t* NAME:t* ADDRESS:t* CITY:t* STATE:t* ZIP:t LAT:f* LON:f* PHONE:t REVENUE:f* "
        "UTILIZATION:i*"
    ),
    "providers": columns(
        "Id:t* ORGANIZATION:t* NAME:t* GENDER:t* SPECIALITY:t* ADDRESS:t* CITY:t* STATE:t* ZIP:t "
        "LAT:f* LON:f* UTILIZATION:i*"
    ),
    "payers": columns(
        "Id:t* NAME:t* ADDRESS:t CITY:t STATE_HEADQUARTERED:t ZIP:t PHONE:t AMOUNT_COVERED:f* "
        "AMOUNT_UNCOVERED:f* REVENUE:f* COVERED_ENCOUNTERS:i* UNCOVERED_ENCOUNTERS:i* "
        "COVERED_MEDICATIONS:i* UNCOVERED_MEDICATIONS:i* COVERED_PROCEDURES:i* "
        "UNCOVERED_PROCEDURES:i* COVERED_IMMUNIZATIONS:i* UNCOVERED_IMMUNIZATIONS:i* "
        "UNIQUE_CUSTOMERS:i* QOLS_AVG:f* MEMBER_MONTHS:i*"
    ),
    "payer_transitions": columns(
        "PATIENT:t* MEMBERID:t START_YEAR:z* END_YEAR:z* PAYER:t* SECONDARY_PAYER:t OWNERSHIP:t "
        "OWNERNAME:t"
    ),
    "encounters": columns(
        "Id:t* START:z* STOP:z* PATIENT:t* ORGANIZATION:t* PROVIDER:t* PAYER:t* ENCOUNTERCLASS:t* "
        "CODE:t* DESCRIPTION:t* BASE_ENCOUNTER_COST:f* TOTAL_CLAIM_COST:f* PAYER_COVERAGE:f* "
        "REASONCODE:t REASONDESCRIPTION:t"
    ),
    "conditions": columns("START:d* STOP:d PATIENT:t* ENCOUNTER:t* CODE:t* DESCRIPTION:t*"),
    "observations": columns(
        "DATE:z* PATIENT:t* ENCOUNTER:t CATEGORY:t CODE:t* DESCRIPTION:t* VALUE:t* UNITS:t TYPE:t*"
    ),
    "medications": columns(
        "START:z* STOP:z PATIENT:t* PAYER:t* ENCOUNTER:t* CODE:t* DESCRIPTION:t* BASE_COST:f* "
        "PAYER_COVERAGE:f* DISPENSES:i* TOTALCOST:f* REASONCODE:t REASONDESCRIPTION:t"
    ),
    "procedures": columns(
        "START:z* STOP:z PATIENT:t* ENCOUNTER:t* CODE:t* DESCRIPTION:t* BASE_COST:f* REASONCODE:t "
        "REASONDESCRIPTION:t"
    ),
    "immunizations": columns("DATE:z* PATIENT:t* ENCOUNTER:t* CODE:t* DESCRIPTION:t* BASE_COST:f*"),
    "allergies": columns(
        "START:d* STOP:d PATIENT:t* ENCOUNTER:t* CODE:t* SYSTEM:t* DESCRIPTION:t* TYPE:t* "
        "CATEGORY:t* REACTION1:t DESCRIPTION1:t SEVERITY1:t REACTION2:t DESCRIPTION2:t SEVERITY2:t"
    ),
    "careplans": columns(
        "Id:t* START:d* STOP:d PATIENT:t* ENCOUNTER:t* CODE:t* DESCRIPTION:t* REASONCODE:t "
        "REASONDESCRIPTION:t"
    ),
    "claims": columns(
        "Id:t* PATIENTID:t* PROVIDERID:t* PRIMARYPATIENTINSURANCEID:t* "
        "SECONDARYPATIENTINSURANCEID:t* DEPARTMENTID:i* PATIENTDEPARTMENTID:i* DIAGNOSIS1:t "
        "DIAGNOSIS2:t DIAGNOSIS3:t DIAGNOSIS4:t DIAGNOSIS5:t DIAGNOSIS6:t DIAGNOSIS7:t "
        "DIAGNOSIS8:t REFERRINGPROVIDERID:t APPOINTMENTID:t* CURRENTILLNESSDATE:z* SERVICEDATE:z* "
        "SUPERVISINGPROVIDERID:t* STATUS1:t* STATUS2:t STATUSP:t* OUTSTANDING1:f* OUTSTANDING2:f "
        "OUTSTANDINGP:f* LASTBILLEDDATE1:z* LASTBILLEDDATE2:z LASTBILLEDDATEP:z* "
        "HEALTHCARECLAIMTYPEID1:i* HEALTHCARECLAIMTYPEID2:i*"
    ),
}

FORMATS = {"omop": OMOP, "synthea_csv": SYNTHEA}
FOLDERS = {"omop": "synthea27_omop", "synthea_csv": "synthea27_csv"}


@lru_cache(maxsize=4)
def schemas(spec: str) -> dict[str, pa.Schema]:
    """The schemas of the tables that a spec makes, by table."""
    made = synthdsl.load(SPECS / f"{spec}.synth").generate(3, seed=1).tables
    return {name: table.schema for name, table in made.items()}


@lru_cache(maxsize=4)
def words(spec: str) -> dict[tuple[str, str], frozenset[str]]:
    """The words that a column of an enum may have, by table and column."""
    return {
        (table.name, field.exported): frozenset(field.type.enum.exported or field.type.enum.members)
        for table in synthdsl.load(SPECS / f"{spec}.synth").tables.values()
        for field in table.fields.values()
        if field.type.enum is not None and not field.is_let
    }


def plain(kind: pa.DataType) -> pa.DataType:
    """A type without dictionary, as files of text have it."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def differences(spec: str) -> list[str]:
    """Where tables, columns, order, types or required columns of a spec differ from the record."""
    found = []
    made = schemas(spec)
    for table, wanted in FORMATS[spec].items():
        if table not in made:
            found.append(f"{table}: no such table")
            continue
        names = made[table].names
        if names != [column.name for column in wanted]:
            found.append(f"{table}: columns {names}")
            continue
        for column in wanted:
            field = made[table].field(column.name)
            if plain(field.type) != column.type:
                found.append(f"{table}.{column.name}: {field.type}, not {column.type}")
            if column.is_required and field.nullable and spec == "omop":
                found.append(f"{table}.{column.name}: may be null, is required")
    return found


def unread(spec: str, table: str, path: Path) -> list[str]:
    """Columns of a file that the schema of the spec does not read as they are, words of enums too."""
    schema = schemas(spec)[table]
    whole = pa_csv.read_csv(
        path,
        convert_options=pa_csv.ConvertOptions(
            column_types={name: TEXT for name in header(path)},
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )
    if whole.column_names != schema.names:
        return [f"{table}: columns {whole.column_names}"]
    found = []
    for field in schema:
        text = whole[field.name]
        if text.null_count and not field.nullable:
            found.append(f"{table}.{field.name}: empty in {text.null_count} of {len(text)} rows")
        known = words(spec).get((table, field.name))
        if known is not None and (others := set(text.drop_null().to_pylist()) - known):
            found.append(f"{table}.{field.name}: {', '.join(sorted(others)[:5])}")
        try:
            pa_csv.read_csv(
                path,
                convert_options=pa_csv.ConvertOptions(
                    include_columns=[field.name],
                    column_types={field.name: plain(field.type)},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            found.append(f"{table}.{field.name}: {str(error).split(': ')[-1]}")
    return found


def header(path: Path) -> list[str]:
    """The names in the first line of a file."""
    with path.open(encoding="utf-8") as lines:
        return lines.readline().strip().split(",")


def report(folder: Path | None) -> list[str]:
    """All comparisons as lines of text."""
    lines = []
    for spec, tables in FORMATS.items():
        found = differences(spec)
        count = sum(len(columns) for columns in tables.values())
        lines.append(f"{spec}: {len(tables)} tables, {count} columns, {len(found)} differ")
        lines += [f"  {line}" for line in found]
        for table in tables if folder else ():
            path = folder / FOLDERS[spec] / f"{table}.csv"
            if path.exists():
                lines += [f"  {path.parent.name}/{line}" for line in unread(spec, table, path)]
    return lines


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
