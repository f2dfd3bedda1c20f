"""Pushed bodies as what lands of them."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.store.inbox.bodies import received
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport
from tests.pushed_report import PUSHED
from tests.unit.api.wire.bodies import FORM, JSON, MULTIPART, SMS_RECEIVED, content_types, multipart
from tests.unit.store.given import NOON

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from(sorted({*PUSHED, *SMS_RECEIVED})) | st.text(max_size=10)


def land_of(content_type: str, body: bytes) -> ReceivedReports:
    return received(content_type, body, NOON)


def assert_storable_and_nothing_lost(content_type: str, body: bytes) -> None:
    landing = land_of(content_type, body)

    assert landing.reports or landing.inbound or landing.refused
    assert all(refused == RefusedReport(refused.reason, content_type, body) for refused in landing.refused)
    assert all(len(report.status_code) <= 32 for report in landing.reports)
    kept: list[Report | InboundMessage] = [*landing.reports, *landing.inbound]
    for each in kept:
        for text in [part for part in (*each, *each.extra, *each.extra.values()) if isinstance(part, str)]:
            assert "\0" not in text
            text.encode()


def test_a_body_that_is_understood_lands_without_a_refusal() -> None:
    landing = land_of(JSON, orjson.dumps([PUSHED, SMS_RECEIVED]))

    assert (landing.received_at, len(landing.reports), len(landing.inbound)) == (NOON, 1, 1)
    assert not landing.refused


def test_a_body_lands_as_let_in_by_its_connection() -> None:
    panel = ReportsConnection("panel", "spain")

    assert received(JSON, orjson.dumps(PUSHED), NOON, let_in_by=panel).let_in_by == panel
    assert land_of(JSON, orjson.dumps(PUSHED)).let_in_by == ANOTHER_WAY


def test_a_date_without_an_offset_is_one_of_the_given_time_zone() -> None:
    body = orjson.dumps({**PUSHED, "Fecha": "2026-05-01 12:00:00"})

    [report] = received(JSON, body, NOON, UTC).reports

    assert report.reported_at == NOON


def test_a_body_that_is_not_understood_is_kept_whole_with_the_reason() -> None:
    landing = land_of("text/xml", b"\xff<report/>")

    (refused,) = landing.refused
    assert (refused.content_type, refused.body) == ("text/xml", b"\xff<report/>")
    assert refused.reason.startswith("send application/json")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Estado": "1" * 33}, "a status code is longer than 32 characters"),
        ({"Agente": "a\0"}, "a report holds a NUL character"),
        ({"a\0": "1"}, "a report holds a NUL character"),
    ],
)
def test_what_no_database_can_store_is_refused_and_the_rest_lands(fields: dict[str, str], reason: str) -> None:
    body = orjson.dumps([PUSHED, {**PUSHED, **fields}, SMS_RECEIVED])

    landing = land_of(JSON, body)

    assert (len(landing.reports), len(landing.inbound)) == (1, 1)
    assert landing.refused == (RefusedReport(reason, JSON, body),)


def test_a_status_code_of_the_greatest_length_lands() -> None:
    landing = land_of(JSON, orjson.dumps({**PUSHED, "Estado": "1" * 32}))

    assert [each.status_code for each in landing.reports] == ["1" * 32]
    assert not landing.refused


def test_half_of_a_surrogate_pair_is_refused() -> None:
    landing = land_of(JSON, b'{"Estado": "13", "idMensaje": "\\ud800"}')

    assert [each.reason for each in landing.refused] == ["a report holds text that is not Unicode"]
    assert not landing.reports


@given(content_type=content_types, body=st.binary())
def test_of_any_bytes_something_lands(content_type: str, body: bytes) -> None:
    assert_storable_and_nothing_lost(content_type, body)


@given(content_type=content_types, fields=st.dictionaries(field_names, values))
def test_of_any_json_what_can_be_stored_lands(content_type: str, fields: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(fields)
    except TypeError:
        return  # numbers and text that JSON cannot represent

    assert_storable_and_nothing_lost(content_type, body)


@given(fields=st.dictionaries(field_names, st.text()), content_type=content_types)
def test_of_any_form_what_can_be_stored_lands(content_type: str, fields: dict[str, str]) -> None:
    body = urlencode(fields, encoding="latin-1", errors="replace")

    assert_storable_and_nothing_lost(content_type or FORM, body.encode())


@given(value=st.binary(max_size=50), content_type=content_types)
def test_of_any_multipart_field_what_can_be_stored_lands(value: bytes, content_type: str) -> None:
    assert_storable_and_nothing_lost(content_type, multipart({"Estado": value, "idMensaje": b"7"}))
    assert_storable_and_nothing_lost(MULTIPART, multipart({"Estado": b"13", "idMensaje": b"7", "x": value}))
