"""Who sees what on the RCS page with the FAB auth manager, whose roles may read single DAGs; needs its provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest

from tests.running_airflow import RunningAirflow
from tests.system.page_airflow import ROLES, RUN_ID, PageSystem, page_system

pytest.importorskip("airflow.providers.fab", reason="FAB has an environment of its own: .ci/matrix.py fab")

FAB = {"AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"}
CLERK, STRANGER = "shop_clerk", "public"
OF_SHOP, OF_NO_DAG, OF_ANOTHER_DAG = "spring/a", "newsletter", "summer-launch"


def fab_passwords(airflow: RunningAirflow) -> Mapping[str, str]:
    """Create a user of each role, one that may read the campaigns of one DAG, and one of the role Public."""
    airflow.command("roles", "create", "Clerk")
    for resource in ("Website", "DAG:shop_spring", "DAG Run:shop_spring"):
        airflow.command("roles", "add-perms", "Clerk", "-r", resource, "-a", "can_read")
    roles = {**{role: role.capitalize() for role in ROLES}, CLERK: "Clerk", STRANGER: "Public"}
    for user, role in roles.items():
        who = ["--firstname", "A", "--lastname", "B", "--email", f"{user}@shop.example"]
        airflow.command("users", "create", "--username", user, "--role", role, "--password", user, *who)
    return {user: user for user in roles}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSystem]:
    with page_system(tmp_path_factory.mktemp("fab"), "/airflow", FAB, fab_passwords) as system:
        yield system


def seen_by(system: PageSystem, user: str) -> list[str]:
    """Return which campaigns a user sees in the list."""
    page = system.request("GET", "/rcs/", user)
    assert page.status_code == 200
    return [name for name in (OF_SHOP, OF_ANOTHER_DAG, OF_NO_DAG) if f">{name}</a>" in page.text]


@pytest.mark.parametrize("role", ROLES)
def test_who_may_read_all_dags_sees_all_campaigns(system: PageSystem, role: str) -> None:
    assert seen_by(system, role) == [OF_SHOP, OF_ANOTHER_DAG, OF_NO_DAG]


def test_who_may_read_one_dag_sees_its_campaigns_alone(system: PageSystem) -> None:
    assert seen_by(system, CLERK) == [OF_SHOP]
    assert system.request("GET", f"/rcs/campaigns/{OF_SHOP}", CLERK).status_code == 200
    assert system.request("GET", f"/rcs/campaigns/{OF_NO_DAG}", CLERK).status_code == 404
    assert system.request("GET", f"/rcs/campaigns/{OF_ANOTHER_DAG}", CLERK).status_code == 404


def test_who_may_read_one_dag_may_open_its_runs_alone(system: PageSystem) -> None:
    run = RUN_ID.replace("+", "%2B")

    assert system.request("GET", f"/rcs/runs/shop_spring/{run}", CLERK).status_code == 200
    assert system.request("GET", f"/rcs/runs/shop_launch/{run}?dag_id=shop_spring", CLERK).status_code == 403


@pytest.mark.parametrize("path", ["/rcs/", "/rcs/status", "/rcs/campaigns/spring/a", "/rcs/runs/shop_spring/r"])
def test_the_role_public_may_open_no_page(system: PageSystem, path: str) -> None:
    assert system.request("GET", path, STRANGER).status_code == 403


@pytest.mark.parametrize(
    ("user", "status"), [("viewer", 403), ("user", 403), (CLERK, 403), (STRANGER, 403), ("op", 200), ("admin", 200)]
)
def test_only_who_may_read_connections_can_check_the_setup(system: PageSystem, user: str, status: int) -> None:
    assert system.request("POST", "/rcs/status", user).status_code == status


def test_a_campaign_that_waits_for_approval_leads_to_the_question(system: PageSystem) -> None:
    page = system.request("GET", "/rcs/", CLERK).text

    run = quote(RUN_ID, safe="")
    question = f"/airflow/dags/shop_spring/runs/{run}/tasks/wait/required_actions"
    assert f'<a href="{question}" data-airflow>autumn &amp; co</a>' in page


@pytest.mark.parametrize(("role", "is_led"), [("viewer", False), ("user", True), ("op", True), ("admin", True)])
def test_who_may_trigger_dags_is_led_to_the_one_that_settles_doubts(
    system: PageSystem, role: str, is_led: bool
) -> None:
    page = system.request("GET", "/rcs/campaigns/flash-sale", role).text

    assert "airflow-rcs resolve flash-sale" in page
    assert ("/airflow/dags/rcs_maintenance" in page) is is_led


@pytest.mark.parametrize("cookies", [{}, {"_token": "not.a.token"}])
def test_without_a_cookie_that_counts_the_log_in_is_next(system: PageSystem, cookies: dict[str, str]) -> None:
    response = system.request("GET", "/rcs/status", cookies=cookies)

    assert response.status_code == 303
    assert response.headers["location"] == "/airflow/api/v2/auth/login?next=%2Fairflow%2Frcs%2Fstatus"
