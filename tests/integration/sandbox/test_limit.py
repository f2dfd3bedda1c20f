"""The sandbox refuses sends beyond a limit, seen from a client."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.integration.sandbox.client import send
from tests.sandbox_process import SandboxProcess


@pytest.mark.parametrize("form", ["none", "seconds", "date"])
def test_a_send_beyond_the_limit_is_refused_and_nothing_is_accepted(form: str) -> None:
    with SandboxProcess(requests_per_second=1, retry_after=form) as sandbox:
        first, second = send(sandbox), send(sandbox)
        counted = sandbox.statistics()

    assert (first.status_code, second.status_code) == (200, 429)
    assert (counted["accepted"], counted["too_many_requests"]) == (2, 1)
    match form, second.headers.get("Retry-After"):
        case "none", header:
            assert header is None
        case "seconds", str(header):
            assert header == "1"
        case _, str(header):
            assert 0 <= (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds() <= 2
        case _:
            pytest.fail("no Retry-After")
