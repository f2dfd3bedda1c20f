from __future__ import annotations

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.addresses import TrustedProxies


def client_of(trusted: str, connected: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"client": (connected, 1) if connected else None, "headers": headers}
    return TrustedProxies.of(trusted, where="the test").client_of(scope)


@pytest.mark.parametrize(
    ("trusted", "connected", "forwarded", "client"),
    [
        ("", "192.0.2.7", (), "192.0.2.7"),
        ("", "127.0.0.1", ("198.51.100.1",), "127.0.0.1"),
        ("10.0.0.0/8", "192.0.2.7", ("198.51.100.1",), "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9, 198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1, 10.0.0.0/8", "127.0.0.1", ("198.51.100.1, 10.1.2.3",), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("203.0.113.9", "198.51.100.1"), "198.51.100.1"),
        ("127.0.0.1", "127.0.0.1", ("nonsense",), "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", None, ("198.51.100.1",), "198.51.100.1"),
        ("", "2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
    ],
)
def test_the_client_is_who_the_last_trusted_proxy_saw(
    trusted: str, connected: str | None, forwarded: tuple[str, ...], client: str
) -> None:
    assert client_of(trusted, connected, *forwarded) == client


def test_what_is_no_address_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(RcsInputError, match=r"\[rcs\] trusted_proxies: 'proxy'"):
        TrustedProxies.of("127.0.0.1, proxy", where="[rcs] trusted_proxies")
