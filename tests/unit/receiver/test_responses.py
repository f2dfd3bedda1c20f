from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.middleware.gzip import GZipMiddleware

from airflow_provider_rcs.api.wire.report_formats import UNSUPPORTED_TYPE
from airflow_provider_rcs.receiver import responses
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.responses import (
    RequestRefusedError,
    Response,
    Saved,
    not_understood,
    ready,
    wrong_method,
)
from airflow_provider_rcs.store.inbox.backlog import Backlog
from tests.unit.receiver.pushing import (
    push,
    stored,
)


def test_headers_that_middleware_adds_to_one_response_are_not_in_the_next(app: ReportsApp, engine: sa.Engine) -> None:
    compressing = GZipMiddleware(app, minimum_size=0)

    responses = [push(compressing), push(app)]

    assert [response.status_code for response in responses] == [200, 200]
    assert ["vary" in response.headers for response in responses] == [True, False]
    assert len(stored(engine)) == 2


@pytest.mark.parametrize(
    "request_", [{}, {"auth": None}, {"path": "/"}, {"method": "PUT"}, {"content": b""}, {"json": []}]
)
def test_every_response_has_the_common_headers(app: ReportsApp, request_: dict[str, Any]) -> None:
    response = push(app, **request_)

    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert int(response.headers["Content-Length"]) == len(response.content)
    response.json()


def answered(response: Response) -> tuple[int, Any]:
    """Return the status and the content of a response."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(response.send(send))
    start, body = messages
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    return start["status"], json.loads(body["body"])


@pytest.mark.parametrize(
    ("age", "seconds", "folding"),
    [(None, 0, "current"), (-5, 0, "current"), (60, 60, "current"), (61, 61, "behind")],
)
def test_folding_is_behind_once_a_report_waits_for_more_than_a_minute(
    age: float | None, seconds: int, folding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now.astimezone(tz)

    monkeypatch.setattr(responses, "datetime", Now)
    oldest = None if age is None else now - timedelta(seconds=age)

    assert answered(ready(Backlog(unfolded=3, oldest=oldest, set_aside=2))) == (
        200,
        {
            "status": "ready",
            "folding": folding,
            "unfolded": 3,
            "oldest_unfolded_seconds": seconds,
            "set_aside": 2,
        },
    )


def test_the_receiver_is_ready_whatever_folding_has_not_applied() -> None:
    assert answered(ready(None)) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("problem", "status"), [(UNSUPPORTED_TYPE, 415), ("the body is empty", 400)], ids=["type", "content"]
)
def test_a_body_that_is_not_understood_is_answered_with_the_problem_and_what_was_saved(
    problem: str, status: int
) -> None:
    response = not_understood(problem, Saved.SPOOLED, 2)

    assert answered(response) == (status, {"error": problem, "spooled": 2})


def test_a_refusal_is_shown_by_its_status() -> None:
    refusal = RequestRefusedError(responses.BODY_TOO_LARGE)

    assert (str(refusal), refusal.response) == ("413", responses.BODY_TOO_LARGE)


def test_a_wrong_method_is_answered_with_those_that_are_supported() -> None:
    assert answered(wrong_method("GET, HEAD")) == (405, {"error": "use GET, HEAD"})


def test_a_response_without_content_has_no_body() -> None:
    assert Response(200, {})._body == b""
