"""The rows of a source are read chunk by chunk, counted, and rejected with their place."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template, TemplateVariable, shards
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.recipients.listing import ListCounts, ListSettings, list_chunks
from airflow_provider_rcs.recipients.phones import IS_FIXED_LINE
from airflow_provider_rcs.recipients.selection import read_selection

WELCOME = Template("1234567", "Welcome", (TemplateVariable("Amount", "TEXTO"),))


def listed(*phones: Any, counts: ListCounts, **settings: Any) -> list[Sequence[ListedRecipient]]:
    arguments = {"constants": {"Amount": 7}, "default_region": "ES"}
    chunks = [{"phone": list(chunk)} for chunk in phones]
    return list(list_chunks(chunks, WELCOME, ListSettings(**(arguments | settings)), counts))


def test_rows_are_numbered_across_chunks() -> None:
    _, second = listed(["600000001"], ["x"], counts=ListCounts())

    assert second[0].detail.startswith("row 2,")


def test_rows_of_a_shard_keep_their_numbers_in_the_source() -> None:
    chunks = [[f"60000000{number}" for number in range(5)], ["x"]]

    parts = [listed(*chunks, counts=ListCounts(), selection=read_selection(shard, 1)) for shard in shards(3)]

    [rejected] = [each for part in parts for chunk in part for each in chunk if each.rejection]
    assert rejected.detail.startswith("row 6,")


def test_an_empty_part_of_a_list_is_not_an_error() -> None:
    counts = ListCounts()

    chunks = listed(["600000001"], counts=counts, selection=read_selection(None, 1e-9))

    counts.require_rows()
    assert [len(chunk) for chunk in chunks] == [0]
    assert (counts.rows_read, counts.rows) == (1, 0)


def test_an_empty_list_is_refused_also_for_a_shard_of_it() -> None:
    counts = ListCounts()
    listed([], counts=counts, selection=read_selection("1/4", 1))

    with pytest.raises(RcsInputError, match="the list is empty"):
        counts.require_rows()


def test_every_recipient_has_the_constants() -> None:
    chunks = listed(["600000001"], ["600000002"], counts=ListCounts())

    assert [each.variables for chunk in chunks for each in chunk] == [{"Amount": "7"}] * 2


def test_fixed_lines_are_counted_in_one_warning_that_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    counts = ListCounts()
    listed(["912345678", "600000001"], ["912345679"], counts=counts, mobile_only=False)

    with caplog.at_level(logging.WARNING):
        counts.warn()

    [record] = caplog.records
    assert record.getMessage().startswith("2 of the 3 listed phones are fixed lines")
    assert record.getMessage().endswith("they are messaged anyway (mobile_only=False).")


def test_rejected_fixed_lines_are_logged_only_as_rejections(caplog: pytest.LogCaptureFixture) -> None:
    counts = ListCounts()
    listed(["912345678", "600000001"], counts=counts)

    with caplog.at_level(logging.WARNING):
        counts.warn()

    assert counts.rejections == {f"phone: {IS_FIXED_LINE}": 1}
    [record] = caplog.records
    assert "row 1, column 'phone', value '******678'" in record.getMessage()


def test_a_list_without_problems_logs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    counts = ListCounts()
    listed(["600000001"], counts=counts)

    with caplog.at_level(logging.WARNING):
        counts.warn()

    assert caplog.records == []
