"""The settings of a connection."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.settings import ApiSettings, read_settings

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


def test_extras_that_are_not_settings_are_ignored() -> None:
    assert settings(verify=False, proxies={}) == settings()


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
