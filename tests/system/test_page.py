"""The RCS page on a real Airflow that is reached under a path: who gets in, and how it behaves in a browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from playwright.sync_api import Frame, Page, expect

from tests import needs
from tests.system.page_airflow import ROLES, RUN_ID, PageSystem, page_system
from tests.system.page_browser import choose_theme, frame_of, visiting

AXE = (Path(__file__).parents[1] / "axe" / "axe.min.js").read_text(encoding="utf-8")
VIEWS = ["/", "/campaigns/spring/a", "/campaigns/flash-sale", f"/runs/shop_spring/{RUN_ID}", "/runs/other/r", "/status"]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageSystem]:
    with page_system(tmp_path_factory.mktemp("page"), "/airflow") as system:
        yield system


@pytest.fixture(scope="module")
def page(system: PageSystem) -> Iterator[Page]:
    with visiting(system, needs.program("chromium", package="chromium"), "/") as page:
        yield page


def violations(frame: Frame | Page) -> list[str]:
    """Return the rules of axe that a page breaks, with the elements."""
    # Evaluated: a script tag would be blocked by the page's policy.
    frame.evaluate(AXE)
    found: dict[str, Any] = frame.evaluate("() => axe.run()")
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found["violations"]]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_the_campaigns(system: PageSystem, role: str) -> None:
    response = system.request("GET", "/rcs/", role)

    assert response.status_code == 200
    assert "spring/a" in response.text
    assert "newsletter" in response.text


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("user", 403), ("op", 200), ("admin", 200)])
def test_only_who_may_read_connections_can_check_the_setup(system: PageSystem, role: str, status: int) -> None:
    assert system.request("POST", "/rcs/status", role).status_code == status


def expired(system: PageSystem) -> str:
    """Return a token that the server has signed, as it is a day later."""
    secret = system.airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    token = system.token("viewer")
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": int(time.time()) - 60}, secret, jwt.get_unverified_header(token)["alg"])


@pytest.mark.parametrize("cookie", ["", "expired", "not.a.token"])
def test_without_a_cookie_that_counts_the_log_in_is_next(system: PageSystem, cookie: str) -> None:
    cookies = {"_token": expired(system) if cookie == "expired" else cookie} if cookie else {}

    response = system.request("GET", "/rcs/status?a=b", cookies=cookies)

    assert response.status_code == 303
    assert response.headers["location"] == "/airflow/api/v2/auth/login?next=%2Fairflow%2Frcs%2Fstatus%3Fa%3Db"


def test_reports_are_still_pushed_to_the_receiver(system: PageSystem) -> None:
    assert system.request("POST", "/rcs/reports").status_code == 401
    assert system.request("GET", "/rcs/health").json()["status"] == "ready"


def test_airflow_shows_the_link_of_a_task_while_it_runs(system: PageSystem) -> None:
    task = f"/api/v2/dags/shop_spring/dagRuns/{quote(RUN_ID)}/taskInstances/send_a"
    pushed = {"key": "rcs_campaign_link", "value": "rcs/campaigns/spring/a", "map_index": -1}
    system.request("POST", f"{task}/xcomEntries", "admin", json=pushed).raise_for_status()

    links = system.request("GET", f"{task}/links", "viewer").json()

    assert links["extra_links"] == {"RCS campaign": "rcs/campaigns/spring/a"}


def test_the_log_in_leads_back_to_the_page(system: PageSystem) -> None:
    with visiting(system, needs.program("chromium", package="chromium"), "/rcs/status", "viewer") as page:
        page.wait_for_url(f"{system.url}/rcs/status")

        expect(page.get_by_role("heading", level=1)).to_have_text("Health")


def test_the_navigation_opens_the_page_and_a_run_its_campaigns(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/")
    page.get_by_role("link", name="RCS").click()
    expect(frame_of(page).get_by_role("link", name="spring/b", exact=True)).to_be_visible()
    page.goto(f"{system.url}/dags/shop_spring/runs/{quote(RUN_ID)}")
    page.get_by_role("link", name="RCS").last.click()
    funnels = frame_of(page).get_by_role("img", name="Funnel of").count()

    assert funnels == 2


def test_a_link_to_a_task_leaves_the_frame(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/plugin/rcs")
    frame_of(page).get_by_role("link", name="spring/a", exact=True).click()

    page.frame_locator("iframe").get_by_role("link", name=RUN_ID).click()

    page.wait_for_url("**/dags/shop_spring/runs/*/tasks/send_a")
    expect(page.get_by_text("send_a").first).to_be_visible()


def test_the_theme_follows_airflows_while_the_page_is_open(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/plugin/rcs")
    seen = []
    for theme in ("dark", "light"):
        choose_theme(page, theme)
        frame = frame_of(page)
        frame.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        seen.append(frame.evaluate("() => getComputedStyle(document.body).color"))

    assert seen == ["oklch(0.985 0.004 253)", "rgb(24, 24, 27)"]


def test_what_is_in_doubt_leads_out_of_the_frame_to_the_dag_that_settles_it(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/plugin/rcs")
    frame_of(page).get_by_role("link", name="flash-sale", exact=True).click()

    page.frame_locator("iframe").get_by_role("link", name="rcs_maintenance").click()

    page.wait_for_url("**/dags/rcs_maintenance")
    expect(page.get_by_test_id("trigger-dag-button").first).to_be_visible()


def test_a_campaign_that_waits_for_approval_leads_to_the_question(system: PageSystem) -> None:
    page = system.request("GET", "/rcs/", "viewer").text

    run = quote(RUN_ID, safe="")
    question = f"/airflow/dags/shop_spring/runs/{run}/tasks/wait/required_actions"
    assert f'<a href="{question}" data-airflow>autumn &amp; co</a>' in page


def test_who_may_not_trigger_the_dag_gets_the_command_alone(system: PageSystem) -> None:
    shown = {role: system.request("GET", "/rcs/campaigns/flash-sale", role).text for role in ("viewer", "user")}

    assert [role for role, page in shown.items() if "airflow-rcs resolve flash-sale" in page] == ["viewer", "user"]
    assert [role for role, page in shown.items() if "/dags/rcs_maintenance" in page] == ["user"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_the_browser_blocks_nothing(
    system: PageSystem, page: Page, view: str, theme: str
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    choose_theme(page, theme)

    page.goto(f"{system.url}/rcs{view.replace('+', '%2B')}")

    assert violations(page) == []
    assert complaints == []


def test_axe_finds_nothing_inside_airflows_frame(system: PageSystem, page: Page) -> None:
    # Of a frame that is transparent, axe takes the background for white.
    choose_theme(page, "light")
    page.goto(f"{system.url}/plugin/rcs")

    assert violations(frame_of(page)) == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_has_to_be_scrolled_sideways_on_a_phone(system: PageSystem, page: Page, view: str) -> None:
    page.set_viewport_size({"width": 318, "height": 800})  # the frame on a phone of 390
    page.goto(f"{system.url}/rcs{view.replace('+', '%2B')}")

    too_wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")

    page.set_viewport_size({"width": 1440, "height": 900})
    assert too_wide == 0


def test_a_keyboard_alone_opens_a_campaign_and_its_numbers(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/rcs/?search=spring/a")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent") == "spring/a":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/rcs/campaigns/spring/a")

    page.get_by_text("The numbers, by hour").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("table", name="Messages by hour")).to_be_visible()


def test_the_course_is_drawn_and_its_numbers_are_in_a_table(system: PageSystem, page: Page) -> None:
    page.goto(f"{system.url}/rcs/campaigns/spring/a")

    expect(page.locator("#chart canvas")).to_be_visible()
    assert "hour" in str(page.get_by_role("img", name="Messages sent").get_attribute("aria-label"))
    assert page.locator("#hours tbody tr").count() > 3
