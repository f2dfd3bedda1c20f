from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from tests.unit.ui.given_campaigns import by_dag, sent_by
from tests.unit.ui.visitors import Checked, Site, Waiting

PATHS = ["/", "/campaigns/spring", "/campaigns/none-such", "/runs/shop/r1", "/status", "/assets/rcs.css", "/none-such"]


@pytest.mark.parametrize("path", PATHS)
def test_every_response_allows_only_what_this_server_sends(site: Site, path: str) -> None:
    sent_by(site.engine, "spring", by_dag("shop"))

    headers = site.get(path).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy.pop("default-src") == policy.pop("base-uri") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert {"script-src", "style-src", "frame-ancestors", "form-action"} <= policy.keys()
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS[:5])
def test_no_page_has_script_or_style_of_its_own_or_an_address_outside(site: Site, path: str) -> None:
    sent_by(site.engine, "spring", by_dag("shop"))

    page = site.get(path).text

    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " onclick=" not in page
    assert "//" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize("path", PATHS[:5])
def test_browsers_keep_no_copy_of_a_page(site: Site, path: str) -> None:
    assert "no-store" in site.get(path).headers["cache-control"]


def test_a_redirect_to_the_log_in_is_not_kept_either(site: Site) -> None:
    assert "no-store" in site.get("/", user=None).headers["cache-control"]


def test_a_page_that_does_not_exist_says_so(site: Site) -> None:
    response = site.get("/none-such")

    assert response.status_code == 404
    assert "There is no such page." in response.text


def test_no_description_of_the_interface_is_served(site: Site) -> None:
    assert [site.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", f"page={10**30}", f"search={'x' * 501}"])
def test_a_query_that_cannot_be_understood_is_refused(site: Site, query: str) -> None:
    response = site.get(f"/?{query}")

    assert response.status_code == 422
    assert "does not know" in response.text


@pytest.mark.postgresql
@pytest.mark.parametrize("path", ["/?search=%00", "/campaigns/a%00b", "/runs/shop/%00"])
def test_a_nul_in_an_address_is_no_fault_of_the_store(
    postgres_engine: sa.Engine, may_read: Callable[..., None], path: str
) -> None:
    assert Site(postgres_engine).get(path).status_code == 422


class StoreAway(Site):
    @property
    def engine(self) -> NoReturn:
        raise RcsStoreUnavailable("the database failed. Retry <soon>.")

    @engine.setter
    def engine(self, _engine: sa.Engine) -> None: ...


@pytest.fixture
def store_away(sqlite_engine: sa.Engine, may_read: Callable[..., None]) -> Site:
    return StoreAway(sqlite_engine)


@pytest.mark.parametrize("path", ["/", "/campaigns/spring", "/runs/shop/r1", "/status"])
def test_a_store_that_cannot_be_read_is_named_with_what_to_do(store_away: Site, path: str) -> None:
    response = store_away.get(path)

    assert response.status_code == 503
    assert "the database failed. Retry &lt;soon&gt;." in response.text


def test_the_health_shows_the_spool_and_the_checks_while_the_store_is_away(store_away: Site) -> None:
    store_away.spool = Waiting(3, datetime.now(UTC) - timedelta(minutes=5), has_room=True)
    store_away.findings = [Checked("failed", "store", "its password is wrong")]

    page = store_away.request("POST", "/status", role="OP").text

    assert "waiting since 5 min ago" in page
    assert "its password is wrong" in page
    assert "Check the setup</button>" in page
