from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from starlette.middleware.gzip import GZipMiddleware

from airflow_provider_rcs.receiver.app import ReportsApp
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
