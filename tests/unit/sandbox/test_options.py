"""Invalid options are refused on construction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_rcs.sandbox.model import SandboxTemplate
from airflow_provider_rcs.sandbox.options import (
    DEFAULT_CODES,
    FallbackFormat,
    ReportOptions,
    ReportShares,
    ReportTarget,
    SandboxAccount,
    SandboxOptions,
)


def test_defaults_are_valid() -> None:
    assert SandboxOptions().account.login == "demo"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: SandboxOptions(port=70_000), "port"),
        (lambda: SandboxAccount(login="a:b"), "login"),
        (lambda: SandboxAccount(agents=()), "agent"),
        (lambda: SandboxAccount(credit=-1), "credit"),
        (lambda: SandboxAccount(templates=(SandboxTemplate("1", "a", {}), SandboxTemplate("1", "b", {}))), "same id"),
        (lambda: SandboxOptions(latency=-1), "latency"),
        (lambda: SandboxOptions(requests_per_second=0), "requests per second"),
        (lambda: ReportShares(read=2), "read share"),
        (lambda: ReportShares(failed=0.6, only_sent=0.6), "add up to more than 1"),
        (lambda: ReportShares(failed=0.6, fallback=0.6), "add up to more than 1"),
        (lambda: ReportShares(fallback=-0.1), "fallback share"),
        (lambda: ReportTarget("ftp://example.org"), "report URL"),
        (lambda: ReportOptions(jitter=-0.1), "jitter"),
        (lambda: ReportOptions(codes={}), "no code for"),
        (lambda: ReportShares(replies=1.5), "replies share"),
        (lambda: ReportOptions(fallback_service=""), "fallback service"),
        (lambda: ReportOptions(fallback_service="A", fallback_format=FallbackFormat.SMS_58), "fallback service"),
    ],
)
def test_error_names_the_invalid_option(make: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()


@pytest.mark.parametrize(
    ("header", "authorized"),
    [
        ("Basic ZGVtbzpkZW1vLXRva2Vu", True),
        ("basic  ZGVtbzpkZW1vLXRva2Vu ", True),
        ("Bearer ZGVtbzpkZW1vLXRva2Vu", False),
        ("Basic ZGVtbzp3cm9uZw==", False),
        ("Basic", False),
        (None, False),
    ],
)
def test_account_authorizes_its_own_credentials_alone(header: str | None, authorized: bool) -> None:
    assert SandboxAccount().authorizes(header) is authorized


def test_default_codes_are_not_the_ones_whose_meaning_is_disputed() -> None:
    assert not {11, 52} & set(DEFAULT_CODES.values())
