from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.raw_bodies import (
    CUT,
    MAX_BODY_BYTES,
    MAX_CONTENT_BYTES,
    TOO_LARGE,
    RawBody,
    raw_bodies,
    within_limits,
)

MOMENT, LATER = datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC)
FORM = "Resultado=13&Movil=34600000002"
IN_BASE64 = base64.b64encode(FORM.encode()).decode()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children) | st.dictionaries(st.text() | st.sampled_from(["body", "data", "message"]), children)
    ),
)


def only(value: object) -> RawBody:
    (raw,) = raw_bodies(value, "text/plain", LATER)
    return raw


@pytest.mark.parametrize(
    ("envelope", "content_type", "received_at"),
    [
        ({"body": FORM}, "", LATER),
        ({"body": FORM, "body_base64": None, "content_type": None, "received_at": None}, "", LATER),
        ({"body_base64": IN_BASE64, "content_type": "a/b", "received_at": "2026-03-01T10:00:00Z"}, "a/b", MOMENT),
        ({"body": FORM, "received_at": "no date", "request_id": "x"}, "", LATER),
        (
            {
                "headers": {"content-TYPE": "a/b"},
                "requestContext": {"timeEpoch": 1772359200000},
                "body": IN_BASE64,
                "isBase64Encoded": True,
            },
            "a/b",
            MOMENT,
        ),
        (
            {
                "headers": None,
                "requestContext": {"requestTimeEpoch": 1772359200000},
                "body": FORM,
                "isBase64Encoded": False,
            },
            "",
            MOMENT,
        ),
        (
            {
                "MessageId": "1",
                "Body": FORM,
                "Attributes": {"SentTimestamp": "1772359200000"},
                "MessageAttributes": {"Content-Type": {"StringValue": "a/b", "DataType": "String"}},
            },
            "a/b",
            MOMENT,
        ),
        (
            {
                "messageId": "1",
                "body": FORM,
                "attributes": {"SentTimestamp": "1772359200000"},
                "messageAttributes": {"content_type": {"stringValue": "a/b"}},
            },
            "a/b",
            MOMENT,
        ),
        (
            {"Type": "Notification", "TopicArn": "x", "Message": FORM, "Timestamp": "2026-03-01T10:00:00.000Z"},
            "",
            MOMENT,
        ),
        (
            {
                "message": {
                    "data": IN_BASE64,
                    "attributes": {"content-type": "a/b"},
                    "messageId": "1",
                    "publishTime": "2026-03-01T10:00:00Z",
                },
                "subscription": "x",
            },
            "a/b",
            MOMENT,
        ),
        ({"data": IN_BASE64, "message_id": "1", "publish_time": "2026-03-01T10:00:00Z"}, "", MOMENT),
        ({"specversion": "1.0", "time": "2026-03-01T10:00:00Z", "datacontenttype": "a/b", "data": FORM}, "a/b", MOMENT),
        ({"specversion": "1.0", "datacontenttype": "a/b", "data_base64": IN_BASE64}, "a/b", LATER),
        ({"eventType": "x", "eventTime": "2026-03-01T10:00:00Z", "data": FORM}, "", MOMENT),
        ({"Records": [{"messageId": "1", "body": FORM, "attributes": {}}]}, "", LATER),
    ],
)
@pytest.mark.parametrize("written", [lambda value: value, json.dumps, lambda value: json.dumps([value]).encode()])
def test_an_envelope_gives_its_body_with_type_and_time(
    written: Any, envelope: dict[str, Any], content_type: str, received_at: datetime
) -> None:
    assert only(written(envelope)) == RawBody(FORM.encode(), content_type, received_at)


@pytest.mark.parametrize(
    "report",
    [
        '{"Estado": 13, "Destinatario": 34600000001.0, "idMensaje": 123456789012345678901234567890}',
        '{"Estado": "13", "Movil": "34600000001", "Mensaje": "a", "message": "b"}',
        '{"data": "{\\"Estado\\": 13}"}',
        '[{"Estado": 13}, {"Estado": 11}]',
        '{"body": "a", "body_base64": "YQ=="}',
        '{"body": "a", "body": "b"}',
        "a=b",
        "{not JSON",
        "[" * 100_000,
        "",
    ],
    ids=lambda report: report[:40],
)
def test_what_is_no_envelope_stays_byte_for_byte(report: str) -> None:
    assert only(report) == RawBody(report.encode(), "text/plain", LATER)


def test_numbers_in_an_envelope_stay_as_they_are_written() -> None:
    written = '{"body": {"Destinatario": 34600000001.0, "idMensaje": 123456789012345678901234567890, "n": 1e400}}'

    assert json.loads(only(written).body) == {
        "Destinatario": "34600000001.0",
        "idMensaje": "123456789012345678901234567890",
        "n": "1e400",
    }


def test_envelopes_around_each_other_are_all_opened_and_the_innermost_time_counts() -> None:
    inner = json.dumps({"body_base64": IN_BASE64, "received_at": 1772359200})
    notification = json.dumps({"TopicArn": "x", "Message": inner, "Timestamp": "2026-03-01T12:00:00Z"})

    assert only({"message_batch": [{"MessageId": "1", "Body": notification}]}) == RawBody(FORM.encode(), "", MOMENT)


def test_base64_that_cannot_be_read_is_kept_with_the_reason() -> None:
    raw = only('{"body_base64": "%%%"}')

    assert (raw.body, raw.problem) == (b'{"body_base64": "%%%"}', "the Base64 of an envelope cannot be read")


def test_a_list_of_envelopes_and_others_gives_each() -> None:
    values = [{"body": FORM}, {"Estado": "13"}, 5, None]

    assert [raw.body for raw in raw_bodies(json.dumps(values))] == [FORM.encode(), b'{"Estado": "13"}', b"5"]


@given(JSON)
def test_no_json_is_an_error(value: object) -> None:
    list(raw_bodies(json.dumps(value)))


@given(st.binary())
def test_no_bytes_are_an_error_or_lost(value: bytes) -> None:
    assert only(value).body == value


def test_text_that_is_not_unicode_gives_the_bytes_it_came_from() -> None:
    assert only(b"n=\xf1".decode("utf-8", "surrogateescape")).body == b"n=\xf1"
    only("\ud800")


@pytest.mark.parametrize("value", [5, True, object(), [object()]])
def test_a_value_of_another_type_is_an_error(value: object) -> None:
    with pytest.raises(RcsInputError, match="is not a body"):
        list(raw_bodies(value))


def test_a_body_is_never_shown() -> None:
    assert "34600000002" not in repr(only(FORM))


@pytest.mark.parametrize(
    ("size", "kept", "problem", "is_cut"),
    [
        (MAX_BODY_BYTES, MAX_BODY_BYTES, "", False),
        (MAX_BODY_BYTES + 1, MAX_BODY_BYTES + 1, TOO_LARGE, False),
        (MAX_CONTENT_BYTES + 1, MAX_BODY_BYTES, CUT, True),
    ],
)
def test_a_body_that_is_too_large_says_so_and_one_far_too_large_is_cut(
    size: int, kept: int, problem: str, is_cut: bool
) -> None:
    raw = within_limits(RawBody(b"x" * size))

    assert (len(raw.body), raw.problem, raw.is_cut) == (kept, problem, is_cut)
