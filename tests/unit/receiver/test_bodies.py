from __future__ import annotations

import asyncio
from encodings import aliases
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive

from airflow_provider_rcs.receiver import bodies
from airflow_provider_rcs.receiver.bodies import ParsedBody, read_body, read_reports
from airflow_provider_rcs.receiver.responses import RequestRefusedError
from tests.pushed_report import PUSHED

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
) | st.tuples(
    st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", MULTIPART]),
    st.sampled_from(
        [b"charset=", b"charset*=", b"charset*0*=", b"charset*=utf-8''", b"boundary*=utf-8''", b"boundary="]
    ),
    st.sampled_from(sorted(name.encode() for name in aliases.aliases.values())) | st.binary(max_size=12),
).map(lambda parts: b"%b; %b%b" % parts)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
field_names = st.sampled_from(list(PUSHED)) | st.text(max_size=10)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return one event loop for all bodies: creating one takes longer than reading a body."""
    return asyncio.new_event_loop()


def read(content_type: bytes, body: bytes) -> ParsedBody:
    return loop().run_until_complete(read_reports(content_type.decode("latin-1"), body))


def receiving(*bodies: bytes) -> Receive:
    """Return an ASGI ``receive`` that gives a body in pieces, after which the client sends nothing more."""
    pieces = list(bodies)

    async def receive() -> Any:
        if not pieces:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    return receive


def multipart(fields: dict[str, bytes]) -> bytes:
    parts = (
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (BOUNDARY, name.encode(), value)
        for name, value in fields.items()
    )
    return b"".join(parts) + b"--%b--\r\n" % BOUNDARY


@given(content_type=content_types, body=st.binary() | st.binary().map(lambda body: b"--x1\r\n" + body))
def test_any_bytes_are_read_or_refused(content_type: bytes, body: bytes) -> None:
    result = read(content_type, body)

    assert result.reports or result.problem


@given(fields=st.dictionaries(field_names, values))
def test_any_json_object_is_read_as_what_postgresql_can_store_or_refused(fields: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(fields)
    except TypeError:
        return  # numbers and text that JSON cannot represent

    _assert_storable(read(b"application/json", body))


@given(value=st.binary(max_size=50), charset=st.sampled_from([b"utf-8", b"utf-7", b"utf-16", b"latin-1"]))
def test_any_multipart_field_is_read_as_what_postgresql_can_store_or_refused(value: Any, charset: bytes) -> None:
    body = multipart({"Estado": value, "idMensaje": b"7"})

    _assert_storable(read(MULTIPART + b"; charset=" + charset, body))


def test_half_of_a_surrogate_pair_is_refused() -> None:
    result = read(MULTIPART + b"; charset=utf-7", multipart({"Estado": b"13", "idMensaje": b"+2AA-"}))

    assert (list(result.reports), result.problem) == ([], "a report holds text that is not Unicode")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (
            b"application/json; charset=ISO-8859-1",
            '{"Estado": "13", "idMensaje": "7", "Agente": "Año"}'.encode("latin-1"),
        ),
        (b"application/json", '{"Estado": "13", "idMensaje": "7", "Agente": "Año"}'.encode("latin-1")),
        (b"application/json", b'\xef\xbb\xbf{"Estado": "13", "idMensaje": "7", "Agente": "A\xc3\xb1o"}'),
        (b"application/x-www-form-urlencoded", b"Estado=13&idMensaje=7&Agente=A%F1o"),
        (b"application/x-www-form-urlencoded", b"Estado=13&idMensaje=7&Agente=A\xf1o"),
        (b"application/x-www-form-urlencoded; charset=latin1", b"Estado=13&idMensaje=7&Agente=A%F1o"),
        (b"application/x-www-form-urlencoded", b"Estado=13&idMensaje=7&Agente=A%C3%B1o"),
        (MULTIPART, multipart({"Estado": b"13", "idMensaje": b"7", "Agente": b"A\xf1o"})),
        (MULTIPART + b"; charset=latin-1", multipart({"Estado": b"13", "idMensaje": b"7", "Agente": b"A\xf1o"})),
    ],
)
def test_latin_1_is_read_if_the_header_names_it_or_utf_8_fails(content_type: bytes, body: bytes) -> None:
    (report,) = read(content_type, body).reports

    assert (report.api_message_id, report.agent) == ("7", "Año")


@pytest.mark.parametrize("charset", ["charset*=utf-8''utf%00", "charset=undefined", "charset=punycode", "charset=idna"])
@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_charset_that_no_text_has_is_read_as_utf_8(media_type: str, charset: str) -> None:
    body = orjson.dumps(PUSHED) if "json" in media_type else urlencode(PUSHED).encode()

    (report,) = read(f"{media_type}; {charset}".encode(), body).reports

    assert report.api_message_id == PUSHED["idMensaje"]


@pytest.mark.parametrize("cut_off", [1, 2, 3, 10, 59])
def test_a_multipart_body_that_is_cut_off_is_refused(cut_off: int) -> None:
    body = multipart({name: value.encode() for name, value in PUSHED.items()}).removesuffix(b"\r\n")

    result = read(MULTIPART, body[:-cut_off])

    assert (list(result.reports), "multipart form" in result.problem) == ([], True)


def test_readable_reports_of_a_list_are_read_and_the_first_unreadable_one_is_named() -> None:
    bad = {**PUSHED, "Estado": ""}

    result = read(b"application/json", orjson.dumps([PUSHED, bad, PUSHED, bad]))

    assert len(result.reports) == 2
    assert result.problem == "report 2 of 4: a report has no status (Estado)"


def test_a_body_whose_content_length_exceeds_the_limit_is_refused_unread() -> None:
    async def receive() -> Any:
        pytest.fail("the body was read")

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({b"content-length": b"65537"}, receive))

    assert refusal.value.response.status == 413


def test_a_body_as_large_as_the_limit_is_read() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b" " * 64 * 1024}

    assert len(asyncio.run(read_body({}, receive))) == 64 * 1024


def test_a_body_that_is_not_received_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.05)

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({}, receiving(b"{", b'"')))

    assert refusal.value.response.status == 408


def _assert_storable(result: ParsedBody) -> None:
    assert result.reports or result.problem
    for report in result.reports:
        assert len(report.status_code) <= 32
        for text in (report.status_code, report.phone, report.agent, report.api_message_id, *report.extra.values()):
            assert "\0" not in text
            text.encode()
