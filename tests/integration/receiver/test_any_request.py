"""Thousands of arbitrary requests to a running receiver: none fails it, and none is stored without credentials."""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.receiver.looking import stored_ids
from tests.integration.receiver.pushing import report_fields
from tests.receiver_process import ReceiverProcess
from tests.stores import sqlite_store

UNAUTHORIZED_NUMBER = 666
content_types = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml", ""]
) | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(list(report_fields(1)))
reports = st.dictionaries(names | st.text(max_size=8), json_values, max_size=9)
bodies = st.binary(max_size=200) | (reports | st.lists(reports, max_size=3)).map(orjson.dumps)
methods = st.sampled_from(["POST"] * 8 + ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
paths = st.sampled_from(["/rcs/reports"] * 8 + ["/rcs/health", "/", "/rcs/reports/", "/rcs/../rcs/reports", "/docs"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sqlite_store(tmp_path_factory.mktemp("any") / "store.db")


@pytest.fixture(scope="module")
def receiver(store: str) -> Iterator[ReceiverProcess]:
    with ReceiverProcess(store) as receiver:
        yield receiver


def request(
    receiver: ReceiverProcess, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def authorization(login: str, password: str) -> str:
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


@settings(max_examples=1_200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(method=methods, path=paths, body=bodies, content_type=content_types)
def test_no_request_with_the_right_credentials_fails_the_receiver(
    receiver: ReceiverProcess, method: str, path: str, body: bytes, content_type: str
) -> None:
    headers = {"Authorization": authorization(receiver.login, receiver.password), "Content-Type": content_type}

    status, content = request(receiver, method, path, body, headers)

    assert status in (200, 400, 404, 405, 413, 415)
    assert (not content and method in ("GET", "HEAD")) or isinstance(orjson.loads(content), dict)


@settings(max_examples=900, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    secret=st.none()
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
    | st.tuples(st.text(max_size=10), st.text(max_size=10)).map(lambda pair: authorization(*pair)),
)
def test_every_request_without_the_credentials_is_refused(receiver: ReceiverProcess, secret: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers["Authorization"] = secret

    status, _ = request(receiver, "POST", "/rcs/reports", orjson.dumps(report_fields(UNAUTHORIZED_NUMBER)), headers)

    assert status == 401


def test_no_report_without_the_credentials_is_stored(receiver: ReceiverProcess, store: str) -> None:
    known = {"Authorization": authorization(receiver.login, receiver.password), "Content-Type": "application/json"}
    assert request(receiver, "POST", "/rcs/reports", orjson.dumps(report_fields(1)), known)[0] == 200

    ids = stored_ids(store)

    assert "1" in ids
    assert str(UNAUTHORIZED_NUMBER) not in ids
