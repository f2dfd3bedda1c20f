"""What ``airflow-rcs doctor`` sees of a pooler."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.doctor.findings import Level
from airflow_provider_rcs.doctor.store import check_store
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.integration.pooler.conftest import through
from tests.pgbouncer import pgbouncer
from tests.stores import postgres_store


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize(
    ("mode", "size", "text"),
    [
        ("transaction", 3, "shares sessions between transactions (pool_mode transaction)"),
        ("transaction", 1, "shares sessions between transactions (pool_mode transaction)"),
        ("session", 50, "no sharing of sessions was seen (pool_mode session)"),
    ],
)
def test_the_mode_of_a_pooler_is_seen(postgres: str, mode: str, size: int, text: str, driver: str) -> None:
    with pgbouncer(postgres, mode, {"default_pool_size": size}) as pooler, postgres_store(postgres) as url:
        engine = engine_from_url(through(pooler, url).replace("+psycopg", f"+{driver}"))

        found = {each.what: each for each in check_store(lambda: engine)}

        engine.dispose()
    assert text in found["pooler"].text
    assert found["pooler"].level is Level.OK


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_server_without_a_pooler_is_recognised(postgres: str, driver: str) -> None:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url.replace("+psycopg", f"+{driver}"))

        found = {each.what: each for each in check_store(lambda: engine)}

        engine.dispose()
    assert found["pooler"].text == "none: the server is reached directly"


def test_a_server_that_may_lose_what_it_confirmed_is_a_failure(postgres: str) -> None:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)

        found = {each.what: each for each in check_store(lambda: engine)}

        engine.dispose()
    # The tests' server is tuned for speed.
    assert found["store's server"].level is Level.FAILED
    assert "fsync=off and full_page_writes=off" in found["store's server"].text
