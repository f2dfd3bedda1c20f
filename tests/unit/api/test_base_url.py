"""The base URL that the fields of a connection make; tests/unit/hooks/test_connection_uris.py has whole URIs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.base_url import check_base_url, read_base_url
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.settings import ApiSettings, read_settings

HOST = "https://api.example.com/v7"


@pytest.mark.parametrize("unset", [None, "", "***"], ids=repr)
def test_a_host_left_alone_keeps_the_default(unset: Any) -> None:
    assert read_base_url(unset, unset, 0) == ApiSettings().base_url


@pytest.mark.parametrize(
    ("host", "port", "base_url"),
    [
        ("api.example.com/v7", None, "https://api.example.com/v7"),
        (HOST, 0, HOST),
        (HOST, 8443, "https://api.example.com:8443/v7"),
        ("https://api.example.com:9443/v7", 8443, "https://api.example.com:9443/v7"),
        ("http://localhost", 8080, "http://localhost:8080"),
    ],
)
def test_host_and_port_make_the_base_url(host: str, port: Any, base_url: str) -> None:
    assert read_base_url(host, None, port) == base_url


@pytest.mark.parametrize("host", [HOST, f"{HOST}/"])
def test_a_slash_at_the_end_of_the_host_changes_nothing(host: str) -> None:
    assert read_settings(host, None, {}).url("send") == f"{HOST}/EnviarRCS"


@pytest.mark.parametrize("host", ["http://localhost:8080", "http://127.0.0.1:8080/v7", "http://[::1]:8080"])
def test_loopback_needs_no_https(host: str) -> None:
    assert read_base_url(host, None, None) == host


@pytest.mark.parametrize(
    "host", ["http://api.example.com", "ftp://api.example.com", "http://localhost.example.com", "http://127.0.0.2"]
)
def test_a_host_to_which_credentials_would_be_sent_unencrypted_is_refused(host: str) -> None:
    with pytest.raises(RcsInputError, match="is not https"):
        check_base_url(read_base_url(host, None, None))


@pytest.mark.parametrize("host", ["https://", "https:///v7", "/v7"])
def test_a_base_url_without_a_host_is_refused(host: str) -> None:
    with pytest.raises(RcsInputError, match="it is not a URL"):
        check_base_url(read_base_url(host, None, None))


@pytest.mark.parametrize("host", ["https://api.example.com:port/v7", "https://[::1/v7"])
@pytest.mark.parametrize("port", [None, 8443])
def test_a_host_that_is_not_a_url_is_refused_by_the_name_of_its_field(host: str, port: Any) -> None:
    with pytest.raises(RcsInputError) as refused:
        check_base_url(read_base_url(host, None, port))

    assert refused.value.field == "host of the connection"


@pytest.mark.parametrize("credentials", ["user:secret-token@", "user@", ":secret-token@"])
def test_credentials_in_the_host_are_refused_with_the_remedy_and_not_repeated(credentials: str) -> None:
    with pytest.raises(RcsInputError, match=r"Put them in login \(API User\) and password") as refused:
        check_base_url(read_base_url(f"https://{credentials}api.example.com", None, None))

    assert "secret-token" not in str(refused.value)


def test_the_services_own_base_url_passes_the_check() -> None:
    check_base_url(ApiSettings().base_url)


@pytest.mark.parametrize(
    ("host", "schema", "port", "base_url"),
    [
        ("api.example.com", "v7", None, HOST),
        ("api.example.com", "/v7/", None, HOST),
        ("https://api.example.com", "v7", None, HOST),
        ("https://api.example.com/", "v7", None, HOST),
        ("api.example.com", "https", None, "https://api.example.com"),
        ("api.example.com/v7", "https", None, HOST),
        (HOST, "HTTPS", None, HOST),
        (HOST, "https://", None, HOST),
        (HOST, "v7", None, HOST),
        (f"{HOST}/", "/v7", 443, HOST),
        ("api.example.com", "rcs/v7", 8443, "https://api.example.com:8443/rcs/v7"),
        ("api.example.com", "httpsomething", None, "https://api.example.com/httpsomething"),
        ("localhost", "http", 8080, "http://localhost:8080"),
        ("127.0.0.1/v7", "http", 8080, "http://127.0.0.1:8080/v7"),
        ("::1", "http", 8080, "http://[::1]:8080"),
        ("http://::1", "v7", 8080, "http://[::1]:8080/v7"),
        ("", "v7", None, "https://api.mensatek.com/v7"),
        ("", "v8", 8443, "https://api.mensatek.com:8443/v8"),
        ("", "https", 443, "https://api.mensatek.com/v7"),
    ],
)
def test_a_schema_is_the_scheme_if_it_names_one_and_the_path_otherwise(
    host: str, schema: str, port: Any, base_url: str
) -> None:
    assert read_base_url(host, schema, port) == base_url


@pytest.mark.parametrize("url", ["https://api.example.com:443/v7", "HTTPS://api.example.com/v7/", HOST])
@pytest.mark.parametrize("port", [None, 443])
def test_a_port_that_the_scheme_has_anyway_makes_no_other_base_url(url: str, port: Any) -> None:
    assert read_base_url(url, None, port) == HOST


@pytest.mark.parametrize(
    ("host", "schema", "problem"),
    [
        (HOST, "v8", "it is the path 'v8', but the host has the path 'v7'"),
        (HOST, "v7/v7", "it is the path 'v7/v7', but the host has the path 'v7'"),
        (HOST, "http", "it is 'http', but the host begins with https://"),
        ("api.example.com", "https/v7", "https can be read as a scheme or as a part of the path"),
        ("api.example.com", HOST, "https: can be read as a scheme or as a part of the path"),
    ],
)
def test_a_schema_that_can_be_read_in_two_ways_is_refused(host: str, schema: str, problem: str) -> None:
    with pytest.raises(RcsInputError) as refused:
        read_base_url(host, schema, None)

    assert str(refused.value).startswith(f"schema of the connection: {problem}. Put the whole base URL into host")


@pytest.mark.parametrize(
    ("host", "schema"), [(f"{HOST}?key=1", None), (f"{HOST}#top", None), ("a.example", "v7?key=1")]
)
def test_a_query_or_fragment_is_refused_because_paths_of_calls_follow(host: str, schema: str | None) -> None:
    with pytest.raises(RcsInputError, match=r"it has a part after \? or #"):
        check_base_url(read_base_url(host, schema, None))


def test_a_path_in_the_schema_is_used_by_calls() -> None:
    assert read_settings("api.example.com", 443, {}, "v7").url("send") == f"{HOST}/EnviarRCS"
