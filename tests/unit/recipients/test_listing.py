"""The rows of a source are read chunk by chunk, counted, and rejected with their place."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError, RcsInvalidRecipientsError
from airflow_provider_rcs.api.models import Template, TemplateVariable, shards
from airflow_provider_rcs.recipients.chunks import Chunk, LazyChunk
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
    *_, third = listed(["600000001"], ["600000002", "600000003"], ["x"], counts=ListCounts())

    assert third[0].detail.startswith("row 4,")


def test_every_field_is_read_from_the_column_that_the_settings_name() -> None:
    row = {"tel": "612345678", "who": "Ana", "id": 7, "total": 19, "country": "FR"}
    settings = ListSettings(
        phone_column="tel",
        name_column="who",
        reference_column="id",
        variables={"Amount": "total"},
        region_column="country",
        phone_format="national",
    )

    [[recipient]] = list_chunks([{column: [cell] for column, cell in row.items()}], WELCOME, settings, ListCounts())

    assert (recipient.phone, recipient.name, recipient.reference) == ("+33612345678", "Ana", "7")
    assert recipient.variables == {"Amount": "19"}


def test_a_row_without_the_value_of_a_required_variable_is_rejected() -> None:
    counts = ListCounts()

    list(list_chunks([{"phone": ["+34600000001"], "Amount": [None]}], WELCOME, ListSettings(), counts))

    assert counts.rejections == {"variable Amount: it has no value": 1}


@pytest.mark.parametrize(
    ("chunk", "hint"),
    [
        ({"mobile": ["600000001"]}, ""),
        (LazyChunk(["mobile"], lambda _: ["600000001"]), ""),
        (LazyChunk(["mobile"], lambda _: ["600000001"], "The index is no column."), " The index is no column."),
    ],
    ids=["dict", "lazy", "lazy with a hint"],
)
def test_the_hint_of_a_chunk_is_added_to_the_error_about_a_missing_column(chunk: Chunk, hint: str) -> None:
    with pytest.raises(RcsInputError) as refused:
        list(list_chunks([chunk], Template("7", "Plain"), ListSettings(), ListCounts()))

    assert str(refused.value) == f"phone_column: there is no column 'phone'. The columns are 'mobile'.{hint}"


def test_the_caller_sees_all_recipients_of_each_chunk_also_those_outside_the_selection() -> None:
    chunks = [{"phone": ["+34600000001", "+34600000002"]}, {"phone": ["+34600000003"]}]
    settings = ListSettings(selection=read_selection(None, 1e-9))
    seen: list[list[str]] = []

    def see(recipients: Sequence[ListedRecipient]) -> None:
        seen.append([each.key for each in recipients])

    selected = list(list_chunks(chunks, Template("7", "Plain"), settings, ListCounts(), see))

    assert seen == [["+34600000001", "+34600000002"], ["+34600000003"]]
    assert selected == [[], []]


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


def test_a_list_without_rejections_passes_where_all_or_none_are_sent_to() -> None:
    counts = ListCounts()
    listed(["600000001"], counts=counts)

    counts.require_no_rejections()


def test_rejections_are_refused_with_their_reasons_and_the_first_three_of_the_list() -> None:
    counts = ListCounts()
    listed(["600000001", "x", None], ["y", None, "z", "w"], counts=counts)

    with pytest.raises(RcsInvalidRecipientsError) as refused:
        counts.require_no_rejections()

    assert str(refused.value) == (
        "recipients: 6 of 7 cannot be sent to, and on_invalid='fail' sends to all or none. Nothing was sent. Reasons: "
        "phone: it is not a phone number (4); phone: it is missing (2). The first rejections: phone: it is not a phone "
        "number (row 2, column 'phone', value '*'); phone: it is missing (row 3, column 'phone', value ''); phone: it "
        "is not a phone number (row 4, column 'phone', value '*'). Correct the list, or use on_invalid='reject'."
    )
