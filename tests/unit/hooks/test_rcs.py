from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from requests.auth import HTTPBasicAuth

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.rcs import RcsHook


def define_connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    values = {"conn_type": "rcs", "host": "https://rcs.example", "login": "user", "password": "secret-token"} | fields
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(values))


def test_no_extra_of_the_connection_becomes_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(monkeypatch, extra={"agent": "shop", "my_secret": "hush", "status_codes": {"20": "read"}})

    headers = RcsHook().get_conn().headers

    assert not {"agent", "my_secret", "status_codes"} & {name.lower() for name in headers}
    assert "hush" not in str(headers)


def test_the_session_uses_proxies_certificates_and_trust_env_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authorities, mine = tmp_path / "ca.pem", tmp_path / "me.pem"
    for path in (authorities, mine):
        path.touch()
    proxies = {"https": "http://proxy:3128"}
    extra = {"proxies": proxies, "verify": str(authorities), "cert": str(mine), "trust_env": False}
    define_connection(monkeypatch, extra=extra)

    session = RcsHook().get_conn()

    assert (session.proxies, session.verify, session.cert, session.trust_env) == (
        proxies,
        str(authorities),
        str(mine),
        False,
    )


@pytest.mark.parametrize("unset", ["", "***"])
@pytest.mark.parametrize("field", ["login", "password"])
def test_a_connection_without_credentials_is_refused_with_the_missing_field(
    monkeypatch: pytest.MonkeyPatch, field: str, unset: str
) -> None:
    define_connection(monkeypatch, **{field: unset})

    with pytest.raises(RcsInputError, match=f"^{field} of the connection 'rcs_default': it is missing"):
        RcsHook().get_conn()


def test_a_base_url_that_is_not_https_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(monkeypatch, host="http://rcs.example")

    with pytest.raises(RcsInputError, match="^host of the connection 'rcs_default': http://rcs.example is not https"):
        RcsHook().list_templates()


def test_credentials_with_accents_are_sent_as_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    define_connection(monkeypatch, login="niño", password="contraseña-€")

    session = RcsHook().get_conn()

    assert session.auth is not None
    assert (session.auth.username, session.auth.password) == ("niño".encode(), "contraseña-€".encode())  # type: ignore[union-attr]


def test_a_hook_sends_as_the_account_that_it_names_if_its_connection_changes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define_connection(monkeypatch)
    hook = RcsHook()
    account = hook.account

    define_connection(monkeypatch, host="https://other.example", login="another")

    session = hook.get_conn()
    assert isinstance(session.auth, HTTPBasicAuth)
    assert (session.auth.username, hook.settings.base_url) == (b"user", "https://rcs.example")
    assert RcsHook().account != account
