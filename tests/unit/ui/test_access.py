from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from airflow.api_fastapi import app as airflow_app

from tests.unit.ui.given_campaigns import BY_A_PERSON, by_dag, sent_by
from tests.unit.ui.visitors import DagsByTeam, Site

PATHS = ["/", "/campaigns/spring", "/runs/shop/r1", "/status", "/assets/rcs.css"]


@pytest.mark.parametrize("path", PATHS)
def test_who_is_not_logged_in_is_led_to_the_log_in_and_back(site: Site, path: str) -> None:
    response = site.get(f"{path}?a=b", user=None)

    assert response.status_code == 303
    assert response.headers["location"] == (f"/api/v2/auth/login?next=%2Frcs{path.replace('/', '%2F')}%3Fa%3Db")


def test_under_a_path_of_its_own_the_log_in_is_there_too(site: Site) -> None:
    site.mounted_at = "/airflow"

    response = site.get("/status", user=None)

    assert response.headers["location"] == "/airflow/api/v2/auth/login?next=%2Fairflow%2Frcs%2Fstatus"


@pytest.mark.parametrize(
    "name", ["100%25", "50 % & more?#x", "ünï/ç ode", "shop/send/manual__2026-05-01T12:00:00+00:00"]
)
def test_the_log_in_leads_back_to_a_campaign_of_any_name(site: Site, name: str) -> None:
    response = site.get(f"/campaigns/{quote(name)}", user=None)

    [back] = parse_qs(urlsplit(response.headers["location"]).query)["next"]
    assert back == f"/rcs/campaigns/{quote(name)}"


def test_a_cookie_that_cannot_be_decoded_leads_to_the_log_in(site: Site) -> None:
    site.cookies = {"_token": "not.a.token"}

    response = site.get("/", user=None)

    assert response.status_code == 303
    assert response.headers["location"].startswith("/api/v2/auth/login?")


def test_a_parameter_of_the_query_does_not_make_a_visitor_a_user(site: Site) -> None:
    assert site.get("/?user=admin", user=None).status_code == 303


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_see_airflows_website_may_see_no_page(site: Site, may_read: Callable[..., None], path: str) -> None:
    may_read(strangers=["public"])

    assert site.get(path, user="public").status_code == 403


def test_the_list_has_only_campaigns_of_dags_that_the_visitor_may_read(
    site: Site, may_read: Callable[..., None]
) -> None:
    sent_by(site.engine, "of-shop", by_dag("shop"))
    sent_by(site.engine, "of-bank", by_dag("bank"))
    sent_by(site.engine, "of-nobody", BY_A_PERSON)
    may_read(clerk=["shop"])

    page = site.get("/", user="clerk").text

    assert [name for name in ("of-shop", "of-bank", "of-nobody") if name in page] == ["of-shop"]
    assert "of 1<" in page


def test_who_may_read_all_dags_sees_campaigns_that_were_sent_without_one(site: Site) -> None:
    sent_by(site.engine, "of-shop", by_dag("shop"))
    sent_by(site.engine, "of-nobody", BY_A_PERSON)

    page = site.get("/").text

    assert "of-shop" in page
    assert "of-nobody" in page


def test_who_may_read_every_dag_one_by_one_sees_no_campaign_without_one(
    site: Site, may_read: Callable[..., None]
) -> None:
    sent_by(site.engine, "of-nobody", BY_A_PERSON)
    may_read(clerk=["shop", "bank"])

    assert "of-nobody" not in site.get("/", user="clerk").text


@pytest.mark.parametrize(
    ("has_teams", "role", "seen"),
    [
        ("True", "VIEWER", ["of-shop", "of-all"]),
        ("True", "OP", ["of-shop", "of-all"]),
        ("True", "ADMIN", ["of-shop", "of-bank", "of-all", "of-nobody"]),
        ("False", "VIEWER", ["of-shop", "of-bank", "of-all", "of-nobody"]),
    ],
)
def test_where_dags_have_teams_their_campaigns_are_for_the_team(
    site: Site, monkeypatch: pytest.MonkeyPatch, has_teams: str, role: str, seen: list[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", has_teams)
    auth_manager = DagsByTeam({"shop": "sales", "bank": "money", "all": None})
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", auth_manager)
    names = {f"of-{dag_id}": by_dag(dag_id) for dag_id in ("shop", "bank", "all")} | {"of-nobody": BY_A_PERSON}
    for name, started_by in names.items():
        sent_by(site.engine, name, started_by)
    site.teams = ["sales"]

    page = site.get("/", role=role).text

    assert [name for name in names if f">{name}</a>" in page] == seen


@pytest.mark.parametrize("name", ["of-bank", "of-nobody"])
def test_a_campaign_that_the_visitor_may_not_see_is_not_found_by_its_address(
    site: Site, may_read: Callable[..., None], name: str
) -> None:
    sent_by(site.engine, "of-bank", by_dag("bank"))
    sent_by(site.engine, "of-nobody", BY_A_PERSON)
    may_read(clerk=["shop"])

    hidden, missing = (site.get(f"/campaigns/{each}", user="clerk") for each in (name, "none-such"))

    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text.replace(name, "none-such") == missing.text


def test_a_search_does_not_find_what_the_visitor_may_not_see(site: Site, may_read: Callable[..., None]) -> None:
    sent_by(site.engine, "of-bank", by_dag("bank"))
    may_read(clerk=["shop"])

    assert "No campaign was found" in site.get("/?search=of-bank", user="clerk").text


def test_attempts_of_other_dags_are_counted_but_not_shown(site: Site, may_read: Callable[..., None]) -> None:
    sent_by(site.engine, "spring", by_dag("shop", "r1"), ["+34600000001"])
    sent_by(site.engine, "spring", by_dag("bank", "r2"), ["+34600000002"])
    may_read(clerk=["shop"])

    page = site.get("/campaigns/spring", user="clerk").text

    assert "shop / send" in page
    assert "bank" not in page
    assert "And 1 more: older ones, or by DAGs that you may not read." in page


def test_campaigns_of_the_same_run_are_shown_side_by_side_only_if_they_may_be_seen(
    site: Site, may_read: Callable[..., None]
) -> None:
    sent_by(site.engine, "a", by_dag("shop", task_id="send_a"))
    sent_by(site.engine, "b-of-the-test", by_dag("shop", task_id="send_b"))
    sent_by(site.engine, "a", by_dag("bank", task_id="send_a"), ["+34600000002"])
    sent_by(site.engine, "of-bank", by_dag("bank", task_id="send_b"))
    may_read(clerk=["shop"])

    page = site.get("/campaigns/a", user="clerk").text

    assert "b-of-the-test" in page
    assert "of-bank" not in page


def test_a_run_of_a_dag_that_the_visitor_may_not_read_is_refused(site: Site, may_read: Callable[..., None]) -> None:
    sent_by(site.engine, "of-bank", by_dag("bank"))
    may_read(clerk=["shop"])

    refused = site.get("/runs/bank/r1?dag_id=shop", user="clerk")

    assert refused.status_code == 403
    assert "of-bank" not in refused.text
    assert "of-bank" in site.get("/runs/bank/r1").text


@pytest.mark.parametrize("role", ["VIEWER", "USER"])
def test_who_may_not_read_connections_cannot_check_the_setup(site: Site, role: str) -> None:
    refused = site.request("POST", "/status", role=role)

    assert refused.status_code == 403
    assert site.checks == []
    assert "<form method" not in site.get("/status", role=role).text


@pytest.mark.parametrize("role", ["OP", "ADMIN"])
def test_who_may_read_connections_can_check_the_setup(site: Site, role: str) -> None:
    assert site.request("POST", "/status", role=role).status_code == 200
    assert len(site.checks) == 1
    assert "<form method" in site.get("/status", role=role).text


def test_looking_at_the_health_checks_no_setup(site: Site) -> None:
    site.get("/status", role="ADMIN")

    assert site.checks == []
