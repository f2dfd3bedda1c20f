from __future__ import annotations

from base64 import b64encode

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.credentials import Credentials

CREDENTIALS = Credentials.of("reports", "pass:wörd", where="the test")


def header(text: str, scheme: str = "Basic ") -> bytes:
    return scheme.encode() + b64encode(text.encode())


@pytest.mark.parametrize("scheme", ["Basic ", "basic ", "BASIC  "])
def test_right_login_and_password_match(scheme: str) -> None:
    assert CREDENTIALS.match(header("reports:pass:wörd", scheme))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Basic",
        b"Basic not-base64!",
        b"Basic " + b64encode(b"reports"),
        header(":"),
        header("reports:"),
        header(":pass:wörd"),
        header("reports:pass"),
        header("reports:pass:wörd", "Bearer "),
        header("reports:pass:wörd ", "Basic "),
        "Basic ñ".encode(),
    ],
)
def test_anything_else_does_not(authorization: bytes | None) -> None:
    assert not CREDENTIALS.match(authorization)


@pytest.mark.parametrize(
    ("login", "password", "missing"),
    [
        (None, "x", "login"),
        ("", "x", "login"),
        ("x", None, "password"),
        ("x", "", "password"),
        ("x", "***", "password"),
    ],
)
def test_without_login_or_password_there_are_none(login: str | None, password: str | None, missing: str) -> None:
    with pytest.raises(RcsInputError, match=f"the connection: its {missing} is missing"):
        Credentials.of(login, password, where="the connection")


def test_they_are_not_shown() -> None:
    assert "reports" not in repr(CREDENTIALS)
    assert "pass" not in repr(CREDENTIALS)
