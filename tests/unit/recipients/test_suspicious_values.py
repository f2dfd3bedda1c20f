"""Values that look missing are counted by column, and warned of once without other values."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_rcs.recipients.columns import ListedRecipient, RecipientColumns
from airflow_provider_rcs.recipients.suspicious_values import SuspiciousValues

COLUMNS = RecipientColumns("phone", "NAME", None, {"Amount": "total"}, needs_name=True)


def person(name: str = "Ana", rejection: str = "", **variables: str) -> ListedRecipient:
    return ListedRecipient("34600000001", "34600000001", "", name, "", variables, rejection)


def found(*people: ListedRecipient, columns: Any = COLUMNS) -> dict[str, dict[str, int]]:
    values = SuspiciousValues()
    for each in people:
        values.count([each], columns)
    return values.as_dict()


@pytest.mark.parametrize(
    "text",
    [
        *("nan", "NaN", "None", "none", "NULL", "Null", "null", "<NA>", "NaT", "#N/A", "#n/a"),
        *("#N/D", "#NV", r"\N", "(null)"),
    ],
)
def test_texts_of_missing_values_are_counted_in_any_case_as_they_are_written(text: str) -> None:
    assert found(person(text, Amount=text), person(text)) == {"NAME": {text: 2}, "total": {text: 1}}


@pytest.mark.parametrize("text", ["Nancy", "Nonette", "N/A Corp", "nullable", "0"])
def test_other_texts_are_not_counted(text: str) -> None:
    assert found(person(text, Amount=text)) == {}


def test_empty_names_are_counted_if_the_template_takes_something_from_the_recipient() -> None:
    needless = RecipientColumns("phone", "NAME", None, {})

    assert found(person(""), person(""), person()) == {"NAME": {"empty": 2}}
    assert found(person(""), columns=needless) == {}


def test_recipients_who_are_rejected_are_not_counted() -> None:
    assert found(person("NULL", "phone: it is missing")) == {}


def test_a_column_of_two_uses_is_counted_once() -> None:
    columns = RecipientColumns("phone", "name", None, {"Who": "name", "Greeting": "name"})

    assert found(person("NULL", Who="NULL", Greeting="NULL"), columns=columns) == {"name": {"NULL": 1}}


def test_one_warning_has_all_counts_and_no_other_value(caplog: pytest.LogCaptureFixture) -> None:
    values = SuspiciousValues()
    values.count([person("NULL", Amount="nan"), person(""), person("Íñigo", Amount="19.90")], COLUMNS)

    with caplog.at_level(logging.WARNING):
        values.warn()

    [record] = caplog.records
    assert "(column 'NAME': 1 NULL, 1 empty; column 'total': 1 nan)" in record.getMessage()
    assert "Íñigo" not in record.getMessage()


def test_nothing_is_logged_of_a_list_without_such_values(caplog: pytest.LogCaptureFixture) -> None:
    values = SuspiciousValues()
    values.count([person(Amount="7")], COLUMNS)

    values.warn()

    assert caplog.records == []
