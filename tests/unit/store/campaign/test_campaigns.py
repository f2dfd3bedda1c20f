"""Campaigns, opened once with terms that later attempts must keep."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCampaignConflictError, RcsStoreError
from airflow_provider_rcs.cli.resolve import add_arguments
from airflow_provider_rcs.store.campaign.campaigns import (
    CampaignTerms,
    find_campaign,
    lock_campaign,
    new_reference,
    open_campaign,
    require_not_restored,
    resolve_command,
)
from airflow_provider_rcs.store.db.engine import transaction
from tests.unit.store.given import ANA, campaign, dispatched, land_and_fold, report_on

NINE = datetime(2099, 5, 1, 7, tzinfo=UTC)
TERMS = CampaignTerms("1234567", "Welcome", agent="shop", send_at=NINE)


def test_campaign_is_found_as_it_was_opened(engine: sa.Engine) -> None:
    opened = open_campaign(engine, "spring", TERMS, {"20": "read"})

    assert find_campaign(engine, "spring") == opened
    assert (opened.name, opened.terms, opened.status_codes) == ("spring", TERMS, {"20": "read"})


def test_campaign_that_was_never_opened_is_not_found(engine: sa.Engine) -> None:
    assert find_campaign(engine, "spring") is None


def test_opening_a_campaign_again_with_the_same_terms_returns_the_same_campaign(engine: sa.Engine) -> None:
    assert open_campaign(engine, "spring", TERMS, {}) == open_campaign(engine, "spring", TERMS, {})


def test_other_names_are_other_campaigns(engine: sa.Engine) -> None:
    spring, summer = campaign(engine, "spring"), campaign(engine, "summer")

    assert spring.id != summer.id
    assert spring.token != summer.token


def test_same_date_in_another_time_zone_is_the_same_term(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", TERMS, {})
    in_spain = replace(TERMS, send_at=NINE.astimezone(ZoneInfo("Europe/Madrid")))

    assert open_campaign(engine, "spring", in_spain, {}).terms == TERMS


def test_name_of_the_template_may_change(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", TERMS, {})

    assert open_campaign(engine, "spring", replace(TERMS, template_name="Hello"), {})


@pytest.mark.parametrize(
    ("change", "before", "now"),
    [
        ({"template_id": "7654321"}, "1234567", "7654321"),
        ({"agent": "bank"}, "shop", "bank"),
        ({"agent": ""}, "shop", "none"),
        ({"send_at": NINE.replace(hour=8)}, "2099-05-01 07:00:00+00:00", "2099-05-01 08:00:00+00:00"),
        ({"send_at": None}, "2099-05-01 07:00:00+00:00", "none"),
    ],
)
def test_other_terms_are_refused_with_both_values(
    engine: sa.Engine, change: dict[str, Any], before: str, now: str
) -> None:
    open_campaign(engine, "spring", TERMS, {})

    with pytest.raises(RcsCampaignConflictError) as refused:
        open_campaign(engine, "spring", replace(TERMS, **change), {})

    assert str(refused.value).startswith(f"{next(iter(change))}: campaign 'spring' was started with {before} and ")
    assert f" cannot continue with {now}. " in str(refused.value)


NIGHT = {"quiet_hours": "22:00-09:00 (action 1)", "request_reports": "True"}


def test_other_conditions_are_refused_with_both_values(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", replace(TERMS, conditions=NIGHT), {})

    with pytest.raises(RcsCampaignConflictError) as refused:
        open_campaign(engine, "spring", replace(TERMS, conditions=NIGHT | {"quiet_hours": "none"}), {})

    assert str(refused.value).startswith(
        "quiet_hours: campaign 'spring' was started with 22:00-09:00 (action 1) and cannot continue with none. "
    )


def test_a_condition_that_an_attempt_does_not_give_is_not_compared(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", replace(TERMS, conditions=NIGHT), {})

    assert open_campaign(engine, "spring", TERMS, {}).terms.conditions == NIGHT


def test_the_first_attempt_that_gives_a_condition_sets_it(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", TERMS, {})
    open_campaign(engine, "spring", replace(TERMS, conditions={"frequency_cap": "none"}), {})

    with pytest.raises(RcsCampaignConflictError, match="frequency_cap"):
        open_campaign(engine, "spring", replace(TERMS, conditions={"frequency_cap": "at most 1 within 7 days"}), {})


def test_refused_opening_changes_nothing(engine: sa.Engine) -> None:
    opened = open_campaign(engine, "spring", TERMS, {"20": "read"})

    with pytest.raises(RcsCampaignConflictError):
        open_campaign(engine, "spring", replace(TERMS, agent="bank"), {"20": "failed"})

    assert find_campaign(engine, "spring") == opened


def test_latest_status_codes_are_used(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", TERMS, {"20": "read"})

    open_campaign(engine, "spring", TERMS, {"21": "clicked"})

    found = find_campaign(engine, "spring")
    assert found is not None
    assert found.status_codes == {"21": "clicked"}


@pytest.mark.parametrize("name", ["etl/send/manual__2026-05-01T07:00:00+00:00", "año 🎉", "x" * 500, "it's; --"])
def test_campaign_may_have_any_name(engine: sa.Engine, name: str) -> None:
    assert campaign(engine, name) == campaign(engine, name)


def test_lock_raises_only_the_revision_of_its_own_campaign(engine: sa.Engine) -> None:
    spring, summer = campaign(engine, "spring"), campaign(engine, "summer")

    with transaction(engine) as connection:
        revisions = [lock_campaign(connection, each.id) for each in (spring, spring, summer)]

    assert revisions == [1, 2, 1]


@pytest.mark.slow
def test_references_of_a_campaign_are_unique() -> None:
    assert len({new_reference("k7m2p9qr") for _ in range(10_000)}) == 10_000


def test_reference_needs_no_escaping_in_a_url_and_fits_its_column(engine: sa.Engine) -> None:
    reference = new_reference(campaign(engine).token)

    assert quote(reference, safe="") == reference
    assert len(reference) <= 40


def test_reference_starts_with_the_token_of_its_campaign() -> None:
    assert new_reference("k7m2p9qr").startswith("k7m2p9qr-")


def test_rest_of_an_overdue_campaign_may_be_sent_immediately(engine: sa.Engine) -> None:
    open_campaign(engine, "spring", replace(TERMS, send_at=NINE.replace(year=2020)), {})

    assert open_campaign(engine, "spring", replace(TERMS, send_at=None), {}).name == "spring"


def test_report_on_an_unknown_request_of_the_campaign_shows_that_the_store_was_restored(engine: sa.Engine) -> None:
    opened = campaign(engine)
    lost = replace(dispatched(engine, [ANA]), reference=f"{opened.token}-lost234567")
    land_and_fold(engine, report_on(lost, ANA))

    with pytest.raises(RcsStoreError, match=f"request {opened.token}-lost234567 .* restored from a backup"):
        require_not_restored(engine, opened)


def test_reports_on_known_requests_or_other_campaigns_show_no_restored_store(engine: sa.Engine) -> None:
    opened = campaign(engine)
    claim = dispatched(engine, [ANA])
    land_and_fold(engine, report_on(claim, ANA), report_on(replace(claim, reference="someone-elses"), "+34600999999"))

    require_not_restored(engine, opened)


@pytest.mark.parametrize("name", ["spring", "it's spring", "-spring"])
def test_the_command_that_resolves_a_campaign_can_be_typed_as_it_is_shown(name: str) -> None:
    parser = ArgumentParser()
    add_arguments(parser)

    _, _, *shown = shlex.split(resolve_command(name, "--as accepted --because seen"))

    parsed = parser.parse_args(shown)
    assert (parsed.campaign, parsed.verdict, parsed.because) == (name, "accepted", "seen")
