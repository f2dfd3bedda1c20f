"""Columns of a source, read as recipients."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.recipients import columns as columns_module
from airflow_provider_rcs.recipients.cells import UnreadableCell
from airflow_provider_rcs.recipients.columns import (
    RecipientColumns,
    choose_columns,
    read_recipients,
)
from airflow_provider_rcs.recipients.phones import PhoneRules

WELCOME = Template(
    "1234567",
    "Welcome",
    (TemplateVariable("Who", "DESTINATARIO", filled_by_service=True), TemplateVariable("Amount", "TEXTO")),
)


SPAIN = PhoneRules("ES")
PLAIN = Template("7", "Plain")


def choose(
    template: Any = WELCOME,
    available: Any = ("phone", "Amount"),
    phone_column: str = "phone",
    name_column: Any = None,
    reference_column: Any = None,
    variables: Any = None,
    constants: Any = None,
    region_column: Any = None,
    hint: str = "",
) -> Any:
    return choose_columns(
        template,
        available,
        phone_column=phone_column,
        name_column=name_column,
        reference_column=reference_column,
        variables=variables,
        constants=constants,
        region_column=region_column,
        hint=hint,
    )


def read(
    phone: Any = "34600000001",
    *,
    required: Any = ("Amount",),
    rules: PhoneRules = SPAIN,
    first_row: int = 1,
    constants: Any = None,
    **cells: Any,
) -> Any:
    row = {"phone": phone, "Amount": "7", **cells}
    columns = RecipientColumns(
        "phone", "name" if "name" in row else None, "id" if "id" in row else None, {"Amount": "Amount"}, constants or {}
    )
    chunk = {column: [cell] for column, cell in row.items()}
    [recipient] = read_recipients(chunk, columns, required, phone_rules=rules, first_row=first_row)
    return recipient


def test_a_variable_is_read_from_the_column_of_its_own_name() -> None:
    assert choose().variables == {"Amount": "Amount"}


def test_a_variable_can_be_read_from_a_column_of_another_name() -> None:
    columns = choose(available=("phone", "total"), variables={"Amount": "total"})

    assert columns.variables == {"Amount": "total"}


def test_a_variable_that_the_service_fills_needs_no_column() -> None:
    assert "Who" not in choose().variables


def test_a_variable_that_the_service_fills_can_still_be_mapped() -> None:
    columns = choose(available=("phone", "Amount", "first_name"), variables={"Who": "first_name"})

    assert columns.variables["Who"] == "first_name"


def test_the_default_name_column_is_read_if_it_exists() -> None:
    columns = choose(available=("phone", "Amount", "name"), name_column="name")

    assert (columns.name, columns.needs_name) == ("name", True)


def test_the_default_name_column_may_be_missing_if_the_template_takes_nothing_from_the_recipient() -> None:
    assert choose(PLAIN, available=("phone",), name_column="name").name is None


@pytest.mark.parametrize("given", [{"variables": {"Who": "Amount"}}, {"constants": {"Who": "neighbour"}}], ids=str)
def test_the_default_name_column_may_be_missing_if_the_sender_fills_what_the_template_takes(given: Any) -> None:
    columns = choose(name_column="name", **given)

    assert (columns.name, columns.needs_name) == (None, False)


def test_a_missing_name_column_is_refused_if_the_template_takes_something_from_the_recipient() -> None:
    with pytest.raises(RcsInputError) as refused:
        choose(name_column="name")

    assert str(refused.value) == (
        "name_column: there is no column 'name', and template 1234567 takes 'Who' from the recipient. Give the column "
        "of the names, or name_column=None to send without names. The columns are 'phone', 'Amount'."
    )


def test_names_can_be_left_out_of_a_template_that_takes_something_from_the_recipient() -> None:
    columns = choose(name_column=None, available=("phone", "Amount", "name"))

    assert (columns.name, columns.needs_name) == (None, False)


def test_columns_are_found_in_any_case() -> None:
    columns = choose(
        available=("PHONE", "NAME", "AMOUNT", "Customer_Id", "first_name", "Country"),
        name_column="name",
        reference_column="CUSTOMER_ID",
        region_column="country",
        variables={"Who": "FIRST_NAME"},
    )

    assert (columns.phone, columns.name, columns.reference) == ("PHONE", "NAME", "Customer_Id")
    assert columns.region == "Country"
    assert columns.variables == {"Who": "first_name", "Amount": "AMOUNT"}


@pytest.mark.parametrize(
    ("argument", "extra", "given"),
    [
        ("phone_column", ("PHONE",), {}),
        ("name_column", ("name", "Name"), {"name_column": "name"}),
        ("reference_column", ("Id", "iD"), {"reference_column": "ID"}),
        ("variables['Amount']", ("amount",), {}),
        ("variables['Who']", ("Who", "WHO"), {"variables": {"Who": "Who"}}),
    ],
)
def test_two_columns_that_differ_only_in_case_are_refused_by_name(argument: str, extra: Any, given: Any) -> None:
    with pytest.raises(RcsInputError, match="differ only in upper and lower case") as refused:
        choose(available=("phone", "Amount", *extra), **given)

    assert refused.value.field == argument
    assert all(repr(column) in str(refused.value) for column in extra)


def test_columns_that_are_not_used_may_differ_only_in_case() -> None:
    assert choose(available=("phone", "Amount", "note", "NOTE")).phone == "phone"


def test_a_header_that_is_a_row_of_recipients_is_not_shown() -> None:
    with pytest.raises(RcsInputError, match="is the header missing") as refused:
        choose(available=("+34 600-000-001", "Ana"))

    assert "600" not in str(refused.value)
    assert "Ana" not in str(refused.value)


def test_the_callers_mapping_is_not_changed() -> None:
    variables: dict[str, str] = {}

    choose(variables=variables)

    assert variables == {}


@pytest.mark.parametrize(
    ("argument", "given_columns"),
    [
        ("phone_column", {"phone_column": "other"}),
        ("name_column", {"name_column": "other", "constants": {"Who": "neighbour"}}),
        ("reference_column", {"reference_column": "other"}),
        ("region_column", {"region_column": "other"}),
        ("variables['Who']", {"variables": {"Who": "other"}}),
    ],
)
def test_a_missing_column_is_refused_by_its_argument_with_the_existing_columns(
    argument: str, given_columns: Any
) -> None:
    with pytest.raises(RcsInputError) as refused:
        choose(**given_columns)

    assert refused.value.field == argument
    assert str(refused.value) == f"{argument}: there is no column 'other'. The columns are 'phone', 'Amount'."


def test_a_variable_that_is_not_in_the_template_is_refused_with_those_that_are() -> None:
    with pytest.raises(RcsInputError) as refused:
        choose(variables={"Price": "Amount"})

    assert str(refused.value) == "variables: template 1234567 has no variable 'Price'. It has 'Amount', 'Who'."


def test_a_variable_for_a_template_without_any_is_refused() -> None:
    with pytest.raises(RcsInputError, match=r"template 7 has no variable 'Price'\. It has none\."):
        choose(PLAIN, variables={"Price": "phone"})


def test_a_variable_without_a_column_is_refused_with_the_mapping_to_add() -> None:
    with pytest.raises(RcsInputError) as refused:
        choose(available=("phone", "total"))

    assert str(refused.value) == (
        "variables: variable 'Amount' of template 1234567 has no column 'Amount'. "
        "Map it with variables={\"Amount\": \"<column>\"}; the columns are 'phone', 'total'. "
        'Or send the same value to all recipients with constants={"Amount": "<value>"}.'
    )


def test_a_variable_without_a_column_is_refused_with_the_hint_of_its_source() -> None:
    with pytest.raises(RcsInputError, match=r'constants=\{"Amount": "<value>"\}\. The index is no column\.$'):
        choose(available=("phone", "total"), hint="The index is no column.")


def test_each_variable_is_read_from_a_column_or_a_constant() -> None:
    names = ("Shop", "Amount", "Day")
    template = Template("7", "Offer", tuple(TemplateVariable(name, "TEXTO") for name in names))

    columns = choose(template, ("phone", "Amount", "Day"), constants={"Shop": "Madrid"}, variables={"Amount": "Amount"})

    assert columns.variables == {"Amount": "Amount", "Day": "Day"}
    assert columns.constants == {"Shop": "Madrid"}


def test_a_constant_replaces_a_column() -> None:
    columns = choose(available=("phone",), constants={"Amount": 7.0})

    assert (columns.variables, columns.constants) == ({}, {"Amount": "7"})


def test_a_constant_has_precedence_over_the_column_of_the_variables_name() -> None:
    assert choose(constants={"Amount": "7"}).variables == {}


@pytest.mark.parametrize(
    ("constants", "refused"),
    [
        ({"Price": "7"}, "constants: template 1234567 has no variable 'Price'. It has 'Amount', 'Who'."),
        ({"Amount": None}, "constants['Amount']: it has no value. Set one, or read the variable from a column."),
        ({"Amount": " "}, "constants['Amount']: it has no value. Set one, or read the variable from a column."),
        ({"Amount": "a\0"}, "constants['Amount']: it has a control character. Use text, a number or a date."),
    ],
)
def test_a_constant_that_cannot_be_sent_is_refused_by_name(constants: Any, refused: str) -> None:
    with pytest.raises(RcsInputError) as error:
        choose(constants=constants)

    assert str(error.value) == refused


def test_a_constant_that_is_a_container_is_refused() -> None:
    with pytest.raises(RcsInputError, match=r"^constants\['Amount'\]: it is of type list"):
        choose(constants={"Amount": ["7"]})


def test_a_variable_that_is_both_a_column_and_a_constant_is_refused() -> None:
    with pytest.raises(RcsInputError) as refused:
        choose(variables={"Amount": "Amount"}, constants={"Amount": "7"})

    assert str(refused.value) == "constants: 'Amount' is in variables as well. Remove it from one of the two."


def test_a_constant_is_a_variable_of_every_recipient() -> None:
    assert read(constants={"Shop": "Madrid"}).variables == {"Amount": "7", "Shop": "Madrid"}


def test_the_key_of_a_recipient_without_a_phone_does_not_depend_on_constants() -> None:
    assert read(None, constants={"Day": "2026-05-01"}).key == read(None, constants={"Day": "2026-05-02"}).key


def test_every_field_of_a_row_is_read() -> None:
    recipient = read("+34 600 000 001", name=" Ana ", id=42.0, Amount="19.90")

    assert (recipient.key, recipient.phone, recipient.phone_as_listed) == (
        "+34600000001",
        "+34600000001",
        "+34 600 000 001",
    )
    assert (recipient.name, recipient.reference, recipient.variables) == ("Ana", "42", {"Amount": "19.90"})
    assert (recipient.rejection, recipient.detail) == ("", "")


def test_a_recipient_without_columns_of_names_and_references_has_neither() -> None:
    recipient = read("600 000 001")

    assert (recipient.name, recipient.reference, recipient.is_fixed_line) == ("", "", False)


def test_national_phones_are_read_in_the_default_region() -> None:
    assert read("600 000 001", rules=PhoneRules("ES")).phone == "+34600000001"


def test_a_variable_that_is_not_required_may_be_empty_and_is_left_out() -> None:
    recipient = read(required=(), Amount=None)

    assert (recipient.variables, recipient.rejection) == ({}, "")


def test_a_phone_that_cannot_be_used_is_rejected_with_the_rule_it_breaks() -> None:
    recipient = read("+34600")

    assert recipient.rejection == "phone: it is not a valid international number"
    assert recipient.phone is None


def test_the_detail_of_a_rejected_phone_is_its_row_column_and_masked_value() -> None:
    recipient = read("+34600", first_row=2001)

    assert recipient.detail == "row 2001, column 'phone', value '***600'"


def test_the_rejection_of_a_missing_variable_gives_its_name_row_and_column() -> None:
    recipient = read(Amount=None, first_row=3)

    assert recipient.rejection == "variable Amount: it has no value"
    assert recipient.detail == "row 3, column 'Amount'"


@pytest.mark.parametrize("column", ["name", "id", "Amount"])
def test_the_rejection_of_a_control_character_gives_its_column_and_row(column: str) -> None:
    cells: dict[str, Any] = {"name": "Ana", "id": "42", "Amount": "7", column: "a\x00b"}

    recipient = read(first_row=3, **cells)

    assert recipient.rejection == f"column {column}: it has a control character"
    assert recipient.detail == "row 3"


@pytest.mark.parametrize("column", ["name", "id", "Amount"])
def test_the_rejection_of_a_container_gives_its_column_and_type(column: str) -> None:
    cells: dict[str, Any] = {"name": "Ana", "id": "42", "Amount": "7", column: {"es": "Ana"}}

    recipient = read(first_row=3, **cells)

    assert recipient.rejection.startswith(f"column {column}: it is of type dict, which is not text")
    assert recipient.detail == "row 3"


def test_a_fixed_line_is_marked_and_not_rejected_where_not_only_mobiles_are_accepted() -> None:
    recipient = read("912 345 678", rules=PhoneRules("ES", mobile_only=False))

    assert (recipient.is_fixed_line, recipient.rejection) == (True, "")


def test_a_rejected_fixed_line_keeps_its_phone_as_key() -> None:
    recipient = read("912 345 678", first_row=3)

    assert recipient.rejection.startswith("phone: it is a fixed line, not a mobile")
    assert recipient.detail == "row 3, column 'phone', value '********678'"
    assert recipient.key == "+34912345678"


@pytest.mark.slow
@pytest.mark.parametrize("phone", ["+34600000001", "+12125550123"])
def test_phones_that_may_be_mobiles_are_accepted(phone: str) -> None:
    assert read(phone).rejection == ""


def test_the_detail_of_a_phone_with_two_readings_has_both_masked() -> None:
    recipient = read("15123456789", rules=PhoneRules("DE", "e164"))

    assert recipient.detail.endswith("value '********789', read as *********789 or ***********789")


def test_how_a_phone_was_read_is_kept() -> None:
    assert [read(phone).reading for phone in ("600000001", "+34600000001", "x")] == ["national", "as written", ""]


def test_a_phone_is_read_in_the_region_of_its_row() -> None:
    columns = RecipientColumns("phone", None, None, {}, region="country")
    chunk: dict[str, list[object]] = {
        "phone": ["600000001", "0612345678", "+447400123456"],
        "country": ["ES", "fr", None],
    }

    recipients = read_recipients(chunk, columns, (), phone_rules=PhoneRules(), first_row=1)

    assert [recipient.phone for recipient in recipients] == ["+34600000001", "+33612345678", "+447400123456"]


def test_a_recipient_rejected_for_another_reason_keeps_its_phone_as_key() -> None:
    assert read(Amount=None).key == "+34600000001"


def test_the_phone_is_the_reason_for_a_row_with_two_problems() -> None:
    recipient = read("+34600", Amount=None)

    assert recipient.rejection.startswith("phone: ")


@pytest.mark.parametrize("phone", [None, math.nan, pd.NaT, ""], ids=repr)
def test_a_missing_phone_is_listed_as_empty_text(phone: str) -> None:
    recipient = read(phone)

    assert (recipient.rejection, recipient.phone_as_listed) == ("phone: it is missing", "")


def test_a_recipient_without_a_phone_has_the_same_key_every_time() -> None:
    assert read(None, name="Ana", first_row=1).key == read(None, name="Ana", first_row=9).key


@pytest.mark.parametrize("difference", [{"phone": "n/a"}, {"name": "Eva"}, {"id": "2"}, {"Amount": "8"}], ids=repr)
def test_recipients_without_a_phone_differ_by_every_other_value_of_their_rows(difference: Any) -> None:
    row: dict[str, Any] = {"phone": None, "name": "Ana", "id": "1", "Amount": "7"}

    assert read(**row).key != read(**{**row, **difference}).key


def test_the_key_of_a_recipient_without_a_phone_shows_nothing_of_the_row() -> None:
    key = read("600", name="Ana", id="42").key

    assert re.fullmatch("no-phone:[0-9a-f]{24}", key)
    assert not {"600", "Ana"} & {key.removeprefix("no-phone:")[start : start + 3] for start in range(24)}


@pytest.mark.parametrize(
    ("phone", "as_listed"),
    [
        (" 600 000 001 ", "600 000 001"),
        (600000001.5, "600000001.5"),
        (True, "True"),
        ("6\x00 00\n1", "6\ufffd 00\ufffd1"),
    ],
    ids=repr,
)
def test_the_phone_as_listed_is_trimmed_text_that_every_database_can_store(phone: Any, as_listed: str) -> None:
    assert read(phone).phone_as_listed == as_listed


def test_the_phone_as_listed_is_cut_to_64_characters() -> None:
    assert len(read("x" * 1000).phone_as_listed) == 64


def test_phones_as_listed_of_up_to_64_plain_characters_are_kept_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(columns_module, "_as_listed")

    assert [read("x" * 64).phone_as_listed, read(600000001).phone_as_listed] == ["x" * 64, "600000001"]


def test_rows_are_numbered_from_the_first_row_of_the_chunk() -> None:
    columns = RecipientColumns("phone", None, None, {})

    recipients = read_recipients({"phone": ["", "", ""]}, columns, (), phone_rules=PhoneRules("ES"), first_row=1001)

    assert [recipient.detail.split(",")[0] for recipient in recipients] == ["row 1001", "row 1002", "row 1003"]


def test_a_chunk_without_rows_has_no_recipients() -> None:
    columns = RecipientColumns("phone", "name", None, {"Amount": "Amount"})
    chunk: dict[str, list[object]] = {"phone": [], "name": [], "Amount": []}

    assert list(read_recipients(chunk, columns, ("Amount",), phone_rules=PhoneRules("ES"), first_row=1)) == []


def test_a_column_of_missing_values_reads_as_empty_texts() -> None:
    columns = RecipientColumns("phone", "name", None, {})
    chunk: dict[str, list[object]] = {"phone": ["34600000001", "34600000002"], "name": [None, None]}

    assert [each.name for each in read_recipients(chunk, columns, (), phone_rules=PhoneRules("ES"), first_row=1)] == [
        "",
        "",
    ]


def test_each_row_of_a_chunk_keeps_its_own_cells() -> None:
    columns = RecipientColumns("phone", "name", "id", {"Amount": "Amount"})
    chunk: dict[str, list[Any]] = {
        "phone": ["34600000001", "x", "34600000003"],
        "name": ["Ana", None, "Eva"],
        "id": [1, 2, 3],
        "Amount": [None, 2.5, 3],
    }

    recipients = read_recipients(chunk, columns, (), phone_rules=PhoneRules("ES"), first_row=1)

    assert [each.phone for each in recipients] == ["+34600000001", None, "+34600000003"]
    assert [each.name for each in recipients] == ["Ana", "", "Eva"]
    assert [each.reference for each in recipients] == ["1", "2", "3"]
    assert [each.variables for each in recipients] == [{}, {"Amount": "2.5"}, {"Amount": "3"}]
    assert [bool(each.rejection) for each in recipients] == [False, True, False]


cells = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes())


@given(phone=cells, name=cells, id=cells, Amount=cells)
def test_every_row_is_a_recipient_or_a_rejection_with_its_detail(**row: Any) -> None:
    recipient = read(**row)

    assert recipient.key
    assert bool(recipient.rejection) == bool(recipient.detail)
    assert recipient.rejection or (recipient.phone and recipient.variables)


@given(st.from_regex(r"[0-9+ ]{5,15}", fullmatch=True))
def test_no_rejection_shows_more_of_a_phone_than_its_last_three_digits(phone: str) -> None:
    recipient = read(phone, required=())

    shown = recipient.rejection + recipient.detail.removeprefix("row 1, ")
    assert sum(character.isdigit() for character in shown) <= 3


def test_a_phone_that_python_cannot_represent_is_listed_as_empty_text() -> None:
    recipient = read(UnreadableCell())

    assert (recipient.phone, recipient.phone_as_listed) == (None, "")
