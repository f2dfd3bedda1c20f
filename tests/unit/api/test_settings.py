"""The settings of a connection."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.settings import ApiSettings, check_base_url, read_settings

HOST = "https://api.example.com/v7"


def settings(**extras: Any) -> Any:
    return read_settings(HOST, None, extras)


def test_a_connection_that_sets_nothing_has_the_defaults() -> None:
    assert read_settings(None, None, {}) == ApiSettings()


def test_the_defaults_are_what_is_known_or_assumed_of_the_service() -> None:
    defaults = ApiSettings()

    assert defaults.base_url == "https://api.mensatek.com/v7"
    assert (defaults.batch_size, defaults.agent) == (1000, "")
    assert (defaults.timeout, defaults.connect_timeout) == (60.0, 10.0)
    assert (defaults.body_format, defaults.zero_result) == ("json", "nothing_sent")
    assert defaults.recipient_reference_key == "Referencia"
    assert [defaults.url(call).removeprefix(defaults.base_url) for call in defaults.paths] == [
        "/EnviarRCS",
        "/GetPlantillasRCS",
        "/GetVariablesPlantillaRCS",
        "/GetCreditos",
    ]


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        ("agent", "my-rcs-agent", "my-rcs-agent"),
        ("status_codes", {"20": "read"}, {"20": "read"}),
        ("status_codes", {20: "read"}, {"20": "read"}),
        ("status_codes", '{"20": "read"}', {"20": "read"}),
        ("recipient_reference_key", "RefMensaje", "RefMensaje"),
        ("batch_size", 500, 500),
        ("batch_size", "500", 500),
        ("timeout", 2.5, 2.5),
        ("timeout", "30", 30.0),
        ("connect_timeout", 0.5, 0.5),
        ("connect_timeout", "3", 3.0),
        ("body_format", "form", "form"),
        ("zero_result", "unknown", "unknown"),
    ],
)
def test_a_field_that_is_set_is_read(field: str, given: Any, read: Any) -> None:
    assert getattr(settings(**{field: given}), field) == read


@pytest.mark.parametrize("paths", [{"send": "/other"}, '{"send": "other"}'])
def test_a_path_changes_only_its_own_call(paths: Any) -> None:
    read = settings(paths=paths)

    assert read.url("send") == f"{HOST}/other"
    assert read.url("credits") == f"{HOST}/GetCreditos"


@pytest.mark.parametrize("unset", [None, "", "***", 0], ids=repr)
@pytest.mark.parametrize("field", sorted({each.name for each in fields(ApiSettings)} - {"base_url"}))
def test_what_the_form_saves_for_a_field_left_alone_keeps_the_default(field: str, unset: Any) -> None:
    assert settings(**{field: unset}) == settings()


@pytest.mark.parametrize("unset", [None, "", "***"], ids=repr)
def test_a_host_left_alone_keeps_the_default(unset: Any) -> None:
    assert read_settings(unset, 0, {}) == ApiSettings()


def test_extras_that_are_not_settings_are_ignored() -> None:
    assert settings(verify=False, proxies={}) == settings()


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
    assert read_settings(host, port, {}).base_url == base_url


@pytest.mark.parametrize("host", [HOST, f"{HOST}/"])
def test_a_slash_at_the_end_of_the_host_changes_nothing(host: str) -> None:
    assert read_settings(host, None, {}).url("send") == f"{HOST}/EnviarRCS"


@pytest.mark.parametrize("host", ["http://localhost:8080", "http://127.0.0.1:8080/v7", "http://[::1]:8080"])
def test_loopback_needs_no_https(host: str) -> None:
    assert read_settings(host, None, {}).base_url == host


@pytest.mark.parametrize(
    "host", ["http://api.example.com", "ftp://api.example.com", "http://localhost.example.com", "http://127.0.0.2"]
)
def test_a_host_to_which_credentials_would_be_sent_unencrypted_is_refused(host: str) -> None:
    with pytest.raises(RcsInputError, match="is not https"):
        read_settings(host, None, {})


@pytest.mark.parametrize("host", ["https://", "https:///v7", "/v7"])
def test_a_base_url_without_a_host_is_refused(host: str) -> None:
    with pytest.raises(RcsInputError, match="it is not a URL"):
        read_settings(host, None, {})


@pytest.mark.parametrize("host", ["https://api.example.com:port/v7", "https://[::1/v7"])
@pytest.mark.parametrize("port", [None, 8443])
def test_a_host_that_is_not_a_url_is_refused_by_the_name_of_its_field(host: str, port: Any) -> None:
    with pytest.raises(RcsInputError) as refused:
        read_settings(host, port, {})

    assert refused.value.field == "host of the connection"


@pytest.mark.parametrize("credentials", ["user:secret-token@", "user@", ":secret-token@"])
def test_credentials_in_the_host_are_refused_with_the_remedy_and_not_repeated(credentials: str) -> None:
    with pytest.raises(RcsInputError, match=r"Put them in login \(API User\) and password") as refused:
        read_settings(f"https://{credentials}api.example.com", None, {})

    assert "secret-token" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("paths", "not json"),
        ("paths", "[]"),
        ("paths", 7),
        ("status_codes", '{"20": '),
        ("status_codes", ["read"]),
        ("batch_size", "many"),
        ("batch_size", [1]),
        ("timeout", "soon"),
        ("connect_timeout", [3]),
    ],
)
def test_an_extra_that_cannot_be_read_is_refused_with_what_it_takes(field: str, value: Any) -> None:
    with pytest.raises(RcsInputError, match=r"it cannot be read\. It takes ") as refused:
        settings(**{field: value})

    assert refused.value.field == f"extra '{field}' of the connection"


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("paths", {"recieve": "/x"}, "Use send, list_templates, get_template, credits."),
        ("status_codes", {"20": "seen"}, "Use one of unknown, sent, delayed, failed, delivered, read, clicked."),
        ("batch_size", -1, "Use 1 or more."),
        ("timeout", -1, "Use seconds above 0."),
        ("timeout", "inf", "Use seconds above 0."),
        ("connect_timeout", -1, "Use seconds above 0."),
        ("connect_timeout", "nan", "Use seconds above 0."),
        ("body_format", "xml", "Use json or form."),
        ("zero_result", "done", "Use nothing_sent or unknown."),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_the_remedy(field: str, value: Any, remedy: str) -> None:
    with pytest.raises(RcsInputError) as refused:
        settings(**{field: value})

    assert refused.value.field == field
    assert str(refused.value).endswith(remedy)


def test_a_base_url_is_checked_when_settings_are_built_without_a_connection() -> None:
    with pytest.raises(RcsInputError, match="is not https"):
        ApiSettings(base_url="http://api.example.com")


def test_the_services_own_base_url_passes_the_check() -> None:
    check_base_url(ApiSettings().base_url)
