"""HTTP settings in the extras of a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.transport import Transport, read_transport


@pytest.fixture
def pem(tmp_path: Path) -> str:
    path = tmp_path / "some.pem"
    path.write_text("certificate")
    return str(path)


def test_extras_that_set_nothing_keep_the_defaults() -> None:
    assert read_transport({"agent": "shop", "timeout": 3}) == Transport()


@pytest.mark.parametrize("unset", [None, "", "***"], ids=repr)
@pytest.mark.parametrize("field", ["proxies", "verify", "cert", "trust_env"])
def test_values_that_the_form_saves_for_untouched_fields_keep_the_default(field: str, unset: Any) -> None:
    assert read_transport({field: unset}) == Transport()


@pytest.mark.parametrize("proxies", [{"https": "http://proxy:3128"}, '{"https": "http://proxy:3128"}'])
def test_proxies_can_be_an_object_or_json(proxies: Any) -> None:
    assert read_transport({"proxies": proxies}).proxies == {"https": "http://proxy:3128"}


@pytest.mark.parametrize(("value", "read"), [(True, True), (False, False), ("false", False), ("True", True)])
@pytest.mark.parametrize("field", ["verify", "trust_env"])
def test_booleans_can_be_text(field: str, value: Any, read: bool) -> None:
    assert getattr(read_transport({field: value}), field) is read


def test_verify_can_be_a_file_or_a_folder(pem: str) -> None:
    folder = str(Path(pem).parent)

    assert [read_transport({"verify": path}).verify for path in (pem, folder)] == [pem, folder]


def test_cert_can_be_one_file_or_two(pem: str) -> None:
    pair = f'["{pem}", "{pem}"]'

    assert [read_transport({"cert": cert}).cert for cert in (pem, [pem, pem], pair)] == [pem, (pem, pem), (pem, pem)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("proxies", "proxy:3128"),
        ("proxies", "[]"),
        ("proxies", 7),
        ("verify", 7),
        ("verify", 0),
        ("cert", 7),
        ("cert", ["a", "b", "c"]),
        ("cert", [1, 2]),
        ("cert", '["a'),
        ("trust_env", "perhaps"),
        ("trust_env", 1),
    ],
)
def test_an_unreadable_extra_is_refused_with_the_expected_form(field: str, value: Any) -> None:
    with pytest.raises(RcsInputError, match=r"it cannot be read\. It takes ") as refused:
        read_transport({field: value})

    assert refused.value.field == f"extra '{field}' of the connection"


@pytest.mark.parametrize("extras", [{"verify": "/no/ca.pem"}, {"cert": "/no/me.pem"}, {"cert": ["/no/me", "/no/key"]}])
def test_a_missing_file_is_refused(extras: Any) -> None:
    with pytest.raises(RcsInputError, match=r"^extra '\w+' of the connection: /no/.* does not exist on this machine"):
        read_transport(extras)
