"""The catalogue of diagnostic codes: each once, with its severity and a one-line meaning."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """Severity (`error` or `warning`) and the one-line meaning of a code."""

    severity: str
    meaning: str


CODES: dict[str, Code] = {}


def _declare(severity: str, **codes: str) -> None:
    for name, meaning in codes.items():
        CODES[name.replace("_", "-")] = Code(severity, meaning)


# syntax
_declare(
    "error",
    syntax="A token stands where it cannot.",
    unknown_statement="A line starts with a word that starts no statement.",
    missing_type="A field is declared without a type.",
    single_equals="`=` where a comparison was meant.",
    no_if="`if` where `when` was meant.",
    unclosed_bracket="A bracket is never closed.",
    unopened_bracket="A bracket closes nothing.",
    unclosed_string="A string has no closing quote on its line.",
    bad_number="A number is malformed or far too long.",
    bad_character="A character or operator of some other language.",
    too_deep="Brackets or operators nest too deep.",
    file_too_large="A spec file, or one statement of it, is too large.",
    bad_encoding="A spec file is not UTF-8.",
    duplicate_clause="A clause is given twice.",
)

# names and declarations
_declare(
    "error",
    unreadable_file="A file that the spec names cannot be read.",
    unknown_name="A name that nothing declares.",
    duplicate_name="A name is declared twice.",
    ambiguous_name="A name could mean two things.",
    reserved_name="A name that the language keeps for itself.",
    wrong_use="A name of one kind stands where another kind belongs.",
    import_cycle="Files import each other in a circle.",
    import_depth="Imports nest too deep or are too many.",
    unknown_import="An imported file does not declare that name.",
    missing_language="The first line does not give the language version.",
    unknown_version="A language version that this program does not know.",
    no_table="A spec declares no table.",
    cycle="Fields depend on each other in a circle.",
    bad_relation="A way between tables that does not exist, or cannot be gone.",
    no_source="A field is neither drawn, derived nor a column of a file.",
    no_siblings="A row is asked for its neighbours, but has no parent.",
    not_yet="A construct that is part of the language but not of this release.",
    python_disallowed="Python functions are used without being allowed.",
    python_function="A Python function cannot be imported or broke its signature.",
)

# types and units
_declare(
    "error",
    unknown_type="A type name that does not exist.",
    bad_type="A type is given wrong arguments.",
    type_mismatch="A value of one type stands where another is needed.",
    unit_mismatch="Values in units that do not convert into each other.",
    unknown_unit="A unit that UCUM does not have.",
    unit_not_allowed="A unit on a type that takes none.",
    point_arithmetic="Arithmetic that points (dates, temperatures) do not have.",
    nullable="A value that may be null stands where null is not allowed.",
    bad_step="A step that is not a positive constant, or on a type that has none.",
    bad_moment="A date, time or datetime that does not exist.",
    not_constant="A value that must be constant depends on a row.",
    constant_overflow="A constant is too large or has no value.",
    not_boolean="A condition is not true or false.",
    misplaced_draw="A draw stands where a value belongs, or the other way round.",
    bad_arguments="A call has wrong arguments.",
    unknown_function="A function, distribution or provider that does not exist.",
    bad_enum="An enum is empty or repeats a member.",
    unknown_member="A name that is not a member of the enum.",
    unknown_part="A record or list has no such part.",
)

# draws
_declare(
    "error",
    parameter_range="A distribution's parameter is out of its range.",
    weights_total="Weights do not total 100 %.",
    weight_range="A weight is negative or above 100 %.",
    duplicate_outcome="An outcome has two weights.",
    empty_interval="An interval ends before it starts.",
    empty_grid="An interval holds no value of the declared grid.",
    outside_support="An interval lies where the distribution never falls.",
    bad_interval="A truncation on a draw that has no order.",
    capacity="More rows than distinct values.",
    row_count="A table's size is not a whole number in range.",
    param_range="A parameter's value breaks its `where`.",
    unknown_param="A parameter that the spec does not declare is set.",
)

# lookups
_declare(
    "error",
    lookup_column="A lookup names a column that its file does not have.",
    lookup_file="A lookup's file is malformed.",
    lookup_value="A cell of a lookup's file does not fit its type.",
    lookup_gap="A lookup has no row for a key that can occur.",
    lookup_total="A lookup's weights do not total 100 % for a key.",
    lookup_duplicate="A lookup has two rows for one key.",
    lookup_keys="A lookup is given the wrong number of keys.",
)

# tables
_declare(
    "error",
    bad_key="A key names a field that cannot be one.",
    empty_choice="A reference has no row to choose from.",
    bad_role="A role that does not exist.",
    correlate_field="A field that cannot be correlated.",
    correlate_rank="Rank correlations that are no correlation matrix.",
    missing_type_nullable="`missing` on a field whose type is not nullable.",
    missing_mechanism="A missingness mechanism that does not exist or is misused.",
    missing_reads="A mechanism reads what it may not read.",
    missing_twice="A field has two `missing` statements.",
    bad_rule="A rule or case that has no meaning here.",
    bad_expect="An expectation that cannot be measured.",
    unsatisfiable="Rules, truncations or capacities that cannot be met.",
    rule_conflict="Rules that cannot hold together.",
    impossible_exception="A soft rule that never holds, or that no row can break.",
    python_value="A Python function returned something else than it declared.",
    null_value="A field that is not nullable came out null.",
    row_value="A parameter came out of its range for a row.",
)

# pathways
_declare(
    "error",
    bad_pathway="A pathway lacks a start, a state or an end, or a state is final and is not.",
    unknown_state="A state follows that the pathway does not have.",
    unreachable_state="A state that no path reaches.",
    inescapable_state="A state from which no path ends.",
    bad_stay="A stay in a state that could be negative.",
)

# warnings
_declare(
    "warning",
    unused_name="A declaration that nothing uses.",
    uniform_on_grid="A continuous uniform on whole values gives its end values half weight.",
    constant_condition="A condition that is always true or always false.",
    unreachable_branch="A branch that no row can reach.",
    shadowed_param="A field hides a parameter of the same name.",
    wide_truncation="A truncation that changes nothing.",
    small_mass="A truncation that keeps almost nothing of its distribution.",
    zero_mass="A declared value that can never occur.",
    vacuous_rule="A rule that no row can break.",
    costly_rules="Rules that hardly any drawn row meets.",
    unlinked_rows="Rows under others that do not say under which.",
    real_identifier="An identifier that may belong to a real person.",
)
