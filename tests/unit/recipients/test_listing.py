""""""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template, TemplateVariable, shards
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, ListSettings, excluded_phones, list_chunks
from airflow_provider_rcs.recipients.selection import read_selection

WELCOME = Template("1234567", "Welcome", (TemplateVariable("Amount", "TEXTO"),))


def listed(*phones: Any, tally: ListCounts, **settings: Any) -> list[Sequence[ListedRecipient]]:
    arguments = {"constants": {"Amount": 7}, "default_region": "ES"}
    chunks = [{"phone": list(chunk)} for chunk in phones]
    return list(list_chunks(chunks, WELCOME, ListSettings(**(arguments | settings)), tally))


def test_rows_are_numbered_over_all_chunks() -> None:
    _, second = listed(["600000001"], ["x"], tally=ListCounts())

    assert second[0].detail.startswith("row 2,")


def test_rows_are_numbered_as_they_are_in_the_source_where_a_part_of_them_is_listed() -> None:
    chunks = [[f"60000000{number}" for number in range(5)], ["x"]]

    parts = [listed(*chunks, tally=ListCounts(), selection=read_selection(shard, 1)) for shard in shards(3)]

    [rejected] = [each for part in parts for chunk in part for each in chunk if each.rejection]
    assert rejected.detail.startswith("row 6,")


def test_a_part_of_a_list_that_nobody_is_in_is_no_mistake() -> None:
    tally = ListCounts()

    chunks = listed(["600000001"], tally=tally, selection=read_selection(None, 1e-9))

    tally.require_rows()
    assert [len(chunk) for chunk in chunks] == [0]
    assert (tally.rows_read, tally.rows) == (1, 0)


def test_a_list_without_rows_is_refused_also_where_a_part_of_it_is_sent_to() -> None:
    tally = ListCounts()
    listed([], tally=tally, selection=read_selection("1/4", 1))

    with pytest.raises(RcsInputError, match="the list is empty"):
        tally.require_rows()


def test_a_constant_is_read_once_and_reaches_every_recipient() -> None:
    chunks = listed(["600000001"], ["600000002"], tally=ListCounts())

    assert [each.variables for chunk in chunks for each in chunk] == [{"Amount": "7"}] * 2


def test_fixed_lines_are_counted_in_one_line_that_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    tally = ListCounts()
    listed(["912345678", "600000001"], ["912345679"], tally=tally)

    with caplog.at_level(logging.WARNING):
        tally.warn()

    [record] = caplog.records
    assert record.getMessage().startswith("2 of the 3 listed phones are fixed lines")
    assert record.getMessage().endswith("Leave them out with mobile_only=True.")


def test_fixed_lines_that_are_rejected_are_told_as_rejections_alone(caplog: pytest.LogCaptureFixture) -> None:
    tally = ListCounts()
    listed(["912345678", "600000001"], tally=tally, mobile_only=True)

    with caplog.at_level(logging.WARNING):
        tally.warn()

    assert tally.rejections == {"phone: it is a fixed line, and mobile_only is set": 1}
    [record] = caplog.records
    assert "row 1, column 'phone', value '******678'" in record.getMessage()


def test_a_list_without_fixed_lines_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    tally = ListCounts()
    listed(["600000001"], tally=tally)

    tally.warn()

    assert caplog.records == []


def test_excluded_phones_are_read_as_they_are_written_and_the_others_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chunks: list[list[object]] = [["+34 600 000 001", "nobody"], [600000002, None]]

    assert list(excluded_phones(chunks, "ES")) == [{"34600000001"}, {"34600000002"}]

    assert [record.getMessage() for record in caplog.records] == [
        "2 rows of exclude_sql hold no phone that can be read; they exclude nobody."
    ]
