from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver.answers import RefusedError
from airflow_provider_rcs.receiver.bodies import read_reports
from tests.unit.receiver.pushing import FIELDS

BOUNDARY = b"x1"
MULTIPART = b"multipart/form-data; boundary=" + BOUNDARY

content_types = st.sampled_from(
    [
        b"application/json",
        b"application/x-www-form-urlencoded",
        MULTIPART,
        MULTIPART + b"; charset=utf-7",
        MULTIPART + b"; charset=no-such",
    ]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from(list(FIELDS)) | st.text(max_size=10)


def read(content_type: bytes, body: bytes) -> list[Report] | int:
    """Return the reports, or the status of the refusal."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    try:
        return asyncio.run(read_reports({b"content-type": content_type}, receive))
    except RefusedError as refusal:
        return refusal.answer.status


def multipart(fields: dict[str, bytes]) -> bytes:
    parts = (
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (BOUNDARY, name.encode(), value)
        for name, value in fields.items()
    )
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


@settings(max_examples=300, deadline=None)
@given(content_type=content_types, body=st.binary() | st.binary().map(lambda body: b"--x1\r\n" + body))
def test_any_bytes_are_read_or_refused(content_type: bytes, body: bytes) -> None:
    assert isinstance(read(content_type, body), list) or read(content_type, body) == 400


@settings(max_examples=300, deadline=None)
@given(fields=st.dictionaries(field_names, values))
def test_any_json_object_is_read_into_what_postgresql_can_keep_or_refused(fields: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(fields)
    except TypeError:
        return  # numbers and text that JSON has no way to write

    _assert_a_database_takes(read(b"application/json", body))


@settings(max_examples=300, deadline=None)
@given(value=st.binary(max_size=50), charset=st.sampled_from([b"utf-8", b"utf-7", b"utf-16", b"latin-1"]))
def test_any_multipart_field_is_read_into_what_postgresql_can_keep_or_refused(value: Any, charset: bytes) -> None:
    body = multipart({"Estado": value, "idMensaje": b"7"})

    _assert_a_database_takes(read(MULTIPART + b"; charset=" + charset, body))


def test_half_of_a_surrogate_pair_is_refused() -> None:
    assert read(MULTIPART + b"; charset=utf-7", multipart({"Estado": b"13", "idMensaje": b"+2AA-"})) == 400


def test_body_that_announces_more_than_the_limit_is_refused_unread() -> None:
    async def receive() -> Any:
        pytest.fail("the body was read")

    headers = {b"content-type": b"application/json", b"content-length": b"65537"}

    with pytest.raises(RefusedError) as refusal:
        asyncio.run(read_reports(headers, receive))

    assert refusal.value.answer.status == 413


def test_body_of_just_the_limit_is_read() -> None:
    body = orjson.dumps(FIELDS)

    reports = read(b"application/json", body + b" " * (64 * 1024 - len(body)))

    assert isinstance(reports, list)


def _assert_a_database_takes(reports: list[Report] | int) -> None:
    if isinstance(reports, int):
        assert reports == 400
        return
    for report in reports:
        assert len(report.status_code) <= 32
        for text in (report.status_code, report.phone, report.agent, report.api_message_id, *report.extra.values()):
            assert "\0" not in text
            text.encode()
