"""Certificates and proxies of the connection, with a real TLS server and a real proxy."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsError, RcsUnavailable
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.hooks.rcs import RcsHook
from tests.integration.hooks.certificates import Authority
from tests.integration.hooks.https import proxy, service_over_tls

REQUEST = SendRequest("1234569", (Recipient("34600000001", "Ana"),), "spring-1", request_reports=False)
BASIC = "Basic " + b64encode(b"demo:demo-token").decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[str, str]:
    return authority.certify("localhost")


@pytest.fixture(autouse=True)
def _environment_without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def hook(monkeypatch: pytest.MonkeyPatch, url: str, **extra: Any) -> RcsHook:
    fields = {"conn_type": "rcs", "host": url, "login": "demo", "password": "demo-token", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(fields))
    return RcsHook()


def test_a_certificate_of_the_connections_authority_is_trusted(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str]
) -> None:
    with service_over_tls(certificate) as (url, received):
        assert hook(monkeypatch, url, verify=authority.path).get_credits() == 7

    assert received[0]["Authorization"] == BASIC


def test_an_untrusted_service_is_sent_no_credentials_and_no_request(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[str, str]
) -> None:
    refused = pytest.raises(RcsUnavailable, match="could not connect .SSLError.. Nothing was sent. .*verify")

    with service_over_tls(certificate) as (url, received), refused:
        hook(monkeypatch, url).send(REQUEST)

    assert received == []


def test_a_certificate_of_another_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str]
) -> None:
    with service_over_tls(certificate) as (url, received):
        elsewhere = hook(monkeypatch, url.replace("localhost", "127.0.0.1"), verify=authority.path)
        with pytest.raises(RcsUnavailable, match="could not connect"):
            elsewhere.send(REQUEST)

    assert received == []


def test_verify_false_trusts_any_certificate(monkeypatch: pytest.MonkeyPatch, certificate: tuple[str, str]) -> None:
    with service_over_tls(certificate) as (url, _), pytest.warns(match="Unverified HTTPS request"):
        assert hook(monkeypatch, url, verify=False).get_credits() == 7


def test_the_connections_authority_takes_precedence_over_the_environments(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str], tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", Authority(tmp_path).path)

    with service_over_tls(certificate) as (url, _):
        assert hook(monkeypatch, url, verify=authority.path).get_credits() == 7


@pytest.mark.parametrize("trusted", [True, False])
def test_the_environments_authority_is_used_only_with_trust_env(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str], trusted: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.path)

    with service_over_tls(certificate) as (url, _):
        assert hook(monkeypatch, url, trust_env=trusted).test_connection()[0] is trusted


@pytest.mark.parametrize("in_one_file", [True, False])
def test_the_client_certificate_is_sent_to_a_service_that_requires_it(
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    certificate: tuple[str, str],
    tmp_path: Path,
    in_one_file: bool,
) -> None:
    mine: Any = list(authority.certify("client"))
    if in_one_file:
        whole = tmp_path / "client.pem"
        whole.write_text("".join(Path(path).read_text() for path in mine))
        mine = str(whole)

    with service_over_tls(certificate, authority_of_clients=authority.path) as (url, _):
        assert hook(monkeypatch, url, verify=authority.path, cert=mine).get_credits() == 7


def test_a_service_that_requires_a_client_certificate_refuses_others(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str]
) -> None:
    with service_over_tls(certificate, authority_of_clients=authority.path) as (url, received):
        assert not hook(monkeypatch, url, verify=authority.path).test_connection()[0]

    assert received == []


def test_a_proxy_receives_its_own_credentials_only(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str]
) -> None:
    with service_over_tls(certificate) as (url, received_by_service), proxy() as (address, received_by_proxy):
        through_proxy = hook(
            monkeypatch, url, verify=authority.path, proxies={"https": f"http://gate:gate-word@{address}"}
        )
        assert through_proxy.get_credits() == 7

    assert received_by_proxy[0]["Proxy-Authorization"] == "Basic " + b64encode(b"gate:gate-word").decode()
    assert received_by_proxy[0]["Authorization"] is None
    assert received_by_service[0]["Authorization"] == BASIC
    assert received_by_service[0]["Proxy-Authorization"] is None


def test_the_connections_proxy_takes_precedence_over_the_environments(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    with service_over_tls(certificate) as (url, _), proxy() as (address, received_by_proxy):
        through_proxy = hook(
            monkeypatch, url, verify=authority.path, proxies=json.dumps({"https": f"http://{address}"})
        )
        assert through_proxy.get_credits() == 7

    assert len(received_by_proxy) == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_the_environments_proxy_is_used_only_with_trust_env(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, certificate: tuple[str, str], trusted: bool
) -> None:
    with service_over_tls(certificate) as (url, _), proxy() as (address, received_by_proxy):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        assert hook(monkeypatch, url, verify=authority.path, trust_env=trusted).get_credits() == 7

    assert len(received_by_proxy) == trusted


def test_an_unreachable_proxy_proves_that_nothing_was_sent_and_hides_its_password(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[str, str]
) -> None:
    with service_over_tls(certificate) as (url, received):
        through_proxy = hook(monkeypatch, url, proxies={"https": "http://gate:gate-word@127.0.0.1:1"})
        with pytest.raises(RcsError) as raised:
            through_proxy.send(REQUEST)

    assert isinstance(raised.value, RcsUnavailable)
    assert "gate-word" not in str(raised.value)
    assert received == []
