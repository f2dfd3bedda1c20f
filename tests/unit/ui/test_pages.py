from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.models.dag import DagModel

from airflow_provider_rcs.operators import links
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.campaign.schedules import begin_schedule
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land_all
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.ui import approvals
from airflow_provider_rcs.ui.approvals import WaitingCampaign
from airflow_provider_rcs.ui.pages import MAINTENANCE_DAG
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    campaign,
    claim_next,
    expire_lease,
    land_and_fold,
    new_attempt,
    planned,
    report_on,
)
from tests.unit.ui.given_campaigns import BY_A_PERSON, by_dag, sent_by
from tests.unit.ui.visitors import Checked, Site, Waiting

EVIL = "<script>alert('x')</script>\"&'"


def text_of(page: str) -> str:
    """Return what a person reads of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_list_shows_the_newest_campaign_first_with_its_counts(site: Site) -> None:
    claim = sent_by(site.engine, "older", people=[ANA, BEA])
    sent_by(site.engine, "newer")
    land_and_fold(site.engine, report_on(claim, ANA))

    page = text_of(site.get("/").text)

    assert page.index("newer") < page.index("older")
    assert re.search(r"older .* Welcome 1234567 - 2 2 1 50\.0% 0 0 0 \d+ days ago", page)


def test_names_of_campaigns_and_searches_are_shown_as_text(site: Site) -> None:
    sent_by(site.engine, EVIL)

    pages = [
        site.get("/"),
        site.get("/", params={"search": EVIL}),
        site.get(f"/campaigns/{EVIL}"),
        site.get(f"/campaigns/x{EVIL}"),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200, 404]
    assert all(EVIL not in page.text and "&lt;script&gt;" in page.text for page in pages)


@pytest.mark.parametrize("name", ["shop/send/manual__2026-05-01T12:00:00+00:00", "50 % & more?#x", "ünï/ç ode"])
def test_a_campaign_of_any_name_is_found_by_the_link_of_the_list(site: Site, name: str) -> None:
    sent_by(site.engine, name)

    [link] = re.findall(r'href="/rcs(/campaigns/[^"]+)"', site.get("/").text)

    assert f"<h1>{name.replace('&', '&amp;')} " in site.get(link).text


def test_a_search_finds_parts_of_names_in_any_case_and_templates_by_their_id(site: Site) -> None:
    for name in ("Spring sale", "autumn_sale", "autumn-sale"):
        sent_by(site.engine, name)

    found = {
        search: re.findall(r">([\w -]+)</a>\s*<span", site.get("/", params={"search": search}).text)
        for search in ("SPRING", "autumn_", "1234567", "%")
    }

    assert found == {
        "SPRING": ["Spring sale"],
        "autumn_": ["autumn_sale"],
        "1234567": ["autumn-sale", "autumn_sale", "Spring sale"],
        "%": [],
    }


def test_the_second_page_of_the_list_goes_on_where_the_first_ends(site: Site) -> None:
    for number in range(51):
        campaign(site.engine, f"campaign-{number:02}")

    first, second = site.get("/").text, site.get("/?page=2").text

    assert "campaign-50" in first
    assert "campaign-00" not in first
    assert re.findall(r"campaign-\d\d(?=</a>)", second) == ["campaign-00"]
    assert 'href="/rcs/?page=2"' in first
    assert "Newer" in second
    assert "Older" not in second


def test_a_campaign_has_a_picture_of_its_funnel_that_is_described_in_words(site: Site) -> None:
    claim = sent_by(site.engine, "spring", people=[ANA, BEA])
    land_and_fold(site.engine, report_on(claim, ANA))

    page = site.get("/campaigns/spring").text

    [described] = re.findall(r"<desc[^>]*>(.*?)</desc>", page, re.DOTALL)
    assert "Requested: 2 (100.0% of those requested)" in described
    assert "Delivered: 1 (50.0% of those requested); 1 without a report." in described
    assert 'role="img" aria-labelledby="funnel-picture-title funnel-picture-desc"' in page


def test_each_loss_of_the_funnel_has_a_line_for_itself_because_the_picture_wraps_none(site: Site) -> None:
    claim = sent_by(site.engine, "spring", people=[ANA, BEA, EVA])
    land_and_fold(site.engine, report_on(claim, ANA), report_on(claim, BEA, code="101"))

    page = site.get("/campaigns/spring").text

    lines = re.findall(r'<text class="lost" x="0" y="(\d+)">(.*?)</text>', page)
    assert lines == [("52", "1 failed"), ("68", "1 without a report")]
    heights = [int(height) for height in re.findall(r'<svg[^>]* height="(\d+)"', page)]
    assert heights == [sum(heights[1:]), 50, 50, 82, 50]


def test_a_campaign_shows_its_hours_channels_and_failures(site: Site) -> None:
    claim = sent_by(site.engine, "spring", people=[ANA, BEA])
    land_and_fold(site.engine, report_on(claim, ANA), report_on(claim, BEA, code="101"))

    page = text_of(site.get("/campaigns/spring").text)

    assert "2026-05-01 12:00 0 1 0 1" in page
    assert "RCS 1 100.0%" in page
    assert "Status code Messages 101 1" in page


def test_messages_in_doubt_are_shown_with_the_command_that_settles_them(site: Site) -> None:
    attempt = planned(site.engine, [ANA], "it's spring")
    claim = claim_next(site.engine, attempt)
    expire_lease(site.engine, attempt)
    recover_dead_attempts(site.engine, attempt.campaign)

    page = site.get("/campaigns/it's spring").text

    assert "1 in doubt" in page
    assert claim.reference in page
    assert "airflow-rcs resolve &#39;it&#39;&#34;&#39;&#34;&#39;s spring&#39; --as not-sent --because" in page


MAINTENANCE_FORM = '<a href="/dags/rcs_maintenance" data-airflow>'


def in_doubt(site: Site) -> None:
    attempt = planned(site.engine, [ANA])
    claim_next(site.engine, attempt)
    expire_lease(site.engine, attempt)
    recover_dead_attempts(site.engine, attempt.campaign)


@pytest.mark.parametrize(("role", "has_form"), [("VIEWER", False), ("USER", True)])
def test_who_may_trigger_the_maintenance_dag_is_led_to_its_form(
    site: Site, monkeypatch: pytest.MonkeyPatch, role: str, has_form: bool
) -> None:
    monkeypatch.setattr(DagModel, "get_dagmodel", lambda dag_id: DagModel(dag_id=dag_id, is_stale=False))
    in_doubt(site)

    assert (MAINTENANCE_FORM in site.get("/campaigns/spring", role=role).text) is has_form


@pytest.mark.parametrize(("team", "has_form"), [("money", False), ("sales", True)])
def test_the_maintenance_dag_of_another_team_is_not_offered(
    site: Site, monkeypatch: pytest.MonkeyPatch, team: str, has_form: bool
) -> None:
    monkeypatch.setattr(DagModel, "get_dagmodel", lambda dag_id: DagModel(dag_id=dag_id, is_stale=False))
    monkeypatch.setattr(DagModel, "get_team_name", lambda _dag_id: team)
    site.teams = ["sales"]
    in_doubt(site)

    assert (MAINTENANCE_FORM in site.get("/campaigns/spring", role="USER").text) is has_form


@pytest.mark.parametrize("found", [None, DagModel(dag_id="rcs_maintenance", is_stale=True)])
def test_a_dag_that_airflow_does_not_have_is_not_offered(
    site: Site, monkeypatch: pytest.MonkeyPatch, found: DagModel | None
) -> None:
    monkeypatch.setattr(DagModel, "get_dagmodel", lambda _dag_id: found)
    in_doubt(site)

    assert "rcs_maintenance" not in site.get("/campaigns/spring", role="ADMIN").text


def test_airflow_is_not_asked_for_the_dag_if_nothing_is_in_doubt(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(DagModel, "get_dagmodel", asked.append)
    sent_by(site.engine, "spring")

    site.get("/campaigns/spring", role="ADMIN")

    assert asked == []


def test_the_dag_that_is_offered_is_the_example_and_has_the_action() -> None:
    example = (Path(__file__).parents[3] / "dags" / f"{MAINTENANCE_DAG}.py").read_text(encoding="utf-8")

    assert f'dag_id="{MAINTENANCE_DAG}"' in example
    assert '"resolve": {"campaign", "outcome", "reason", "confirm"}' in example


def test_an_attempt_leads_to_its_task_in_airflow(site: Site) -> None:
    sent_by(site.engine, "spring", by_dag("shop", "manual__2026-05-01T12:00:00+00:00", map_index=3), shard="2/4")

    page = site.get("/campaigns/spring").text

    link = "/dags/shop/runs/manual__2026-05-01T12%3A00%3A00%2B00%3A00/tasks/send/mapped/3"
    assert f'<a href="{link}" data-airflow>' in page
    assert "2/4" in page


def test_marks_say_what_is_cancelled_scheduled_silent_or_in_doubt(site: Site) -> None:
    cancel(
        site.engine,
        campaign(site.engine, "stopped"),
        Cancellation("ana", "wrong text for +34600000001", datetime.now(UTC)),
    )
    begin_schedule(site.engine, new_attempt(site.engine, "later"), datetime(2030, 1, 1, tzinfo=UTC), {})
    sent_by(site.engine, "quiet")
    with site.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_request SET claimed_at = '2026-01-01 00:00:00'")
        connection.exec_driver_sql("UPDATE rcs_campaign SET reports_since = '2026-01-01 00:00:00'")

    page = site.get("/").text

    rows = re.findall(r"<th role=.rowheader.*?</th>", page, re.DOTALL)
    marks = {text_of(row).split()[0]: text_of(row).split()[-1] for row in rows}
    assert marks == {"stopped": "cancelled", "later": "scheduled", "quiet": "silent"}


def waiting(name: str, dag_id: str = "shop") -> WaitingCampaign:
    asked_by = StartedBy(dag_id, "approve", "r+1", -1)
    return WaitingCampaign(name, asked_by, datetime.now(UTC) - timedelta(hours=3))


def test_what_waits_for_approval_is_above_the_list_and_leads_to_the_question(site: Site) -> None:
    site.waiting = [waiting(EVIL)]

    page = site.get("/").text

    assert '<a href="/dags/shop/runs/r%2B1/tasks/approve/required_actions" data-airflow>&lt;script&gt;' in page
    assert "waiting for approval shop / approve" in text_of(page)
    assert "3 h ago" in page


def test_what_waits_for_approval_is_shown_to_those_who_may_read_its_dag(
    site: Site, may_read: Callable[..., None]
) -> None:
    site.waiting = [waiting("of-shop"), waiting("of-bank", "bank")]
    may_read(clerk=["shop"])

    page = site.get("/", user="clerk").text

    assert "of-shop" in page
    assert "of-bank" not in page


def test_what_waits_for_approval_is_searched_and_only_on_the_first_page(site: Site) -> None:
    site.waiting = [waiting("spring")]

    shown = {path: "waiting for approval" in site.get(path).text for path in ("/?search=PRI", "/?search=x", "/?page=2")}

    assert shown == {"/?search=PRI": True, "/?search=x": False, "/?page=2": False}


def test_what_waits_beyond_what_is_shown_is_counted_and_found_by_a_search(site: Site) -> None:
    site.waiting = [waiting(f"wave-{number:02}") for number in range(25)]

    everything, searched = text_of(site.get("/").text), text_of(site.get("/?search=wave-24").text)

    assert "wave-19" in everything
    assert "wave-20" not in everything
    assert "And 5 more" in everything
    assert "wave-24 waiting for approval" in searched


def test_the_link_of_a_waiting_task_is_the_one_that_the_approval_pushes() -> None:
    link = links.RcsCampaignLink().get_link(SimpleNamespace(linked_campaign="a/b c"), ti_key=None)

    assert approvals.LINK_KEY == links.LINK_KEY
    assert link.removeprefix(approvals.LINK_PREFIX) == "a/b%20c"


def test_no_page_shows_a_phone_beyond_its_mask(site: Site) -> None:
    sent_by(site.engine, "spring", BY_A_PERSON, [ANA, BEA])
    reason = f"wrong text for {ANA}"
    cancel(site.engine, campaign(site.engine, "spring"), Cancellation("ana", reason, datetime.now(UTC)))
    cancel(site.engine, planned(site.engine, [BEA], "other").campaign, Cancellation("ana", reason, datetime.now(UTC)))
    site.findings = [Checked("failed", "spool", f"a line about {ANA}")]

    pages = [site.get(path).text for path in ("/", "/campaigns/spring", "/campaigns/other", "/status")]
    pages.append(site.request("POST", "/status", role="ADMIN").text)

    assert [phone for phone in (ANA, BEA) if any(phone[1:] in page for page in pages)] == []
    assert sum("********001" in page for page in pages) == 3


def test_a_phone_in_a_reason_is_masked_however_a_person_wrote_it(site: Site) -> None:
    sent_by(site.engine, "spring", BY_A_PERSON, [ANA])
    cancellation = Cancellation("ana", "wrong for 600-000-001", datetime.now(UTC))
    cancel(site.engine, campaign(site.engine, "spring"), cancellation)

    page = text_of(site.get("/campaigns/spring").text)

    assert "wrong for ********001" in page


def test_a_run_without_a_campaign_says_what_would_appear_here(site: Site) -> None:
    page = text_of(site.get("/runs/shop/r1").text)

    assert "No task of this run has sent an RCS campaign." in page
    assert "RcsSendOperator" in page


def test_a_run_shows_its_campaigns_side_by_side(site: Site) -> None:
    sent_by(site.engine, "spring-a", by_dag("shop", "r/1+x", task_id="a"))
    sent_by(site.engine, "spring-b", by_dag("shop", "r/1+x", task_id="b"))
    sent_by(site.engine, "other-run", by_dag("shop", "r/2"))

    page = site.get("/runs/shop/r/1+x").text

    assert page.count('<svg class="funnel"') == 2
    assert "other-run" not in page


@pytest.mark.slow
def test_a_run_says_that_it_has_more_campaigns_than_are_shown(site: Site) -> None:
    for number in range(25):
        sent_by(site.engine, f"wave-{number:02}", by_dag("shop", map_index=number))

    run, campaign_page = text_of(site.get("/runs/shop/r1").text), text_of(site.get("/campaigns/wave-24").text)

    assert "The newest 24 are shown." in run
    assert "wave-00" not in run
    assert "wave-01" in run
    assert "The newest 12 others are shown." in campaign_page
    assert "wave-12" in campaign_page
    assert "wave-11" not in campaign_page


def test_a_run_whose_campaigns_are_all_shown_does_not_speak_of_more(site: Site) -> None:
    for number in range(2):
        sent_by(site.engine, f"wave-{number:02}", by_dag("shop", map_index=number))

    assert [each for each in ("/runs/shop/r1", "/campaigns/wave-01") if "The newest" in site.get(each).text] == []


def test_campaigns_that_one_task_dispatched_together_are_no_siblings(site: Site) -> None:
    sent_by(site.engine, "spring", by_dag("dispatch"))
    sent_by(site.engine, "autumn", by_dag("dispatch"))

    assert "autumn" not in site.get("/campaigns/spring").text


def test_the_health_shows_what_waits_and_what_was_refused(site: Site) -> None:
    claim = sent_by(site.engine, "spring")
    land_and_fold(site.engine, report_on(claim))
    refused = RefusedReport("the body is not JSON", "application/json", b"{")
    land_all(site.engine, [ReceivedReports(datetime.now(UTC), refused=[refused])])
    site.spool = Waiting(3, datetime.now(UTC) - timedelta(minutes=5), has_room=True)

    page = text_of(site.get("/status").text)

    assert "Reports not folded yet 0 all are applied" in page
    assert "Spool of this server 3 waiting since 5 min ago" in page
    assert "the body is not JSON 1 1" in page
    assert "Store 0001 SQLite; this provider needs 0001" in page


def test_the_findings_of_the_checks_are_shown_with_their_levels(site: Site) -> None:
    site.findings = [Checked("ok", "store", "reached"), Checked("warning", "spool", "none is set here")]

    page = text_of(site.request("POST", "/status", role="OP").text)

    assert "ok store reached" in page
    assert "warning spool none is set here" in page
