"""Pushed bodies, of which whatever can be understood is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import ParsedBody
from airflow_provider_rcs.api.wire import reports
from airflow_provider_rcs.api.wire.reports import read_body
from tests.pushed_report import PUSHED
from tests.unit.api.wire.bodies import FORM, JSON, MULTIPART, SMS_RECEIVED, content_types, multipart

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from(sorted({*PUSHED, *SMS_RECEIVED, "data"})) | st.text(max_size=10)


@given(content_type=content_types, body=st.binary() | st.binary().map(lambda body: b"--x1\r\n" + body))
def test_any_bytes_are_read_or_refused(content_type: str, body: bytes) -> None:
    result = read_body(content_type, body)

    assert result.reports or result.inbound or result.problem


@given(content_type=content_types, fields=st.dictionaries(field_names, values))
def test_any_json_object_is_read_or_refused(content_type: str, fields: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(fields)
    except TypeError:
        return  # numbers and text that JSON cannot represent

    result = read_body(content_type, body)

    assert result.reports or result.inbound or result.problem


def test_readable_reports_of_a_list_are_read_and_the_first_unreadable_one_is_named() -> None:
    bad = {**PUSHED, "Estado": ""}

    result = read_body(JSON, orjson.dumps([PUSHED, bad, PUSHED, bad]))

    assert len(result.reports) == 2
    assert result.problem == "report 2 of 4: a report has no status (Estado)"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, orjson.dumps(SMS_RECEIVED)),
        (FORM, urlencode(SMS_RECEIVED).encode()),
        (MULTIPART, multipart({name: value.encode() for name, value in SMS_RECEIVED.items()})),
        ("", orjson.dumps({"data": SMS_RECEIVED})),
        (FORM, urlencode({"data": orjson.dumps(SMS_RECEIVED).decode()}).encode()),
    ],
)
def test_a_message_of_a_person_is_no_report_in_any_format(content_type: str, body: bytes) -> None:
    result = read_body(content_type, body)

    (message,) = result.inbound
    assert (list(result.reports), result.problem) == ([], "")
    assert (message.phone, message.text, message.api_inbound_id) == ("+34600000001", "BAJA", "881")


def test_a_list_of_reports_and_messages_is_split() -> None:
    result = read_body(JSON, orjson.dumps([PUSHED, SMS_RECEIVED, PUSHED, {"Servicio": "SMSRECIBIDO"}]))

    assert (len(result.reports), len(result.inbound)) == (2, 1)
    assert result.problem == "report 4 of 4: a message of a person names no phone (Movil)"


def test_a_message_of_a_person_with_a_status_is_no_report() -> None:
    result = read_body(JSON, orjson.dumps({**PUSHED, **SMS_RECEIVED, "Estado": "13"}))

    assert (len(result.reports), len(result.inbound)) == (0, 1)


def test_a_date_without_an_offset_is_of_the_time_zone_that_is_set() -> None:
    result = read_body(JSON, orjson.dumps([PUSHED, SMS_RECEIVED]), timezone=UTC)

    assert result.reports[0].reported_at == datetime(2020, 12, 3, 11, 14, 24, tzinfo=UTC)
    assert result.inbound[0].sent_at == datetime(2020, 12, 3, 12, 0, tzinfo=UTC)


def test_what_a_parser_fails_on_is_a_problem_that_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("34600000001")

    monkeypatch.setattr(reports, "read_entries", fail)

    assert read_body(JSON, b"{}") == ParsedBody(problem="it cannot be read")
