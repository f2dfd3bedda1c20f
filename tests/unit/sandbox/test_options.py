"""Options that cannot be are refused when they are put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_rcs.sandbox.options import Account, Reports, ReportTarget, SandboxOptions, Shares, Trouble, Wire
from airflow_provider_rcs.sandbox.templates import Template


def test_defaults_are_all_right() -> None:
    assert SandboxOptions().account.login == "demo"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: SandboxOptions(port=70_000), "port"),
        (lambda: Account(login="a:b"), "login"),
        (lambda: Account(agents=()), "agent"),
        (lambda: Account(credit=-1), "credit"),
        (lambda: Account(batch_limit=0), "batch limit"),
        (lambda: Account(templates=(Template("1", "a", {}), Template("1", "b", {}))), "same id"),
        (lambda: Wire(recipient_reference_key=""), "reference key"),
        (lambda: Trouble(latency=-1), "latency"),
        (lambda: Trouble(error_rate=1.1), "error rate"),
        (lambda: Trouble(drop_rate=-0.1), "drop rate"),
        (lambda: Trouble(max_requests_per_second=0), "requests per second"),
        (lambda: Shares(read=2), "read share"),
        (lambda: Shares(failed=0.6, only_sent=0.6), "together above 1"),
        (lambda: Shares(failed=0.6, fallback=0.6), "together above 1"),
        (lambda: Shares(fallback=-0.1), "fallback share"),
        (lambda: ReportTarget("ftp://example.org"), "report URL"),
        (lambda: Reports(workers=0), "workers"),
        (lambda: Reports(retries=-1), "retries"),
        (lambda: Reports(jitter=-0.1), "jitter"),
        (lambda: Reports(codes={}), "no code for"),
        (lambda: Reports(fallback_service=""), "fallback service"),
        (lambda: Template("abc", "a", {}), "digits"),
        (lambda: Template("1", "", {}), "no name"),
    ],
)
def test_wrong_option_is_named(make: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()
