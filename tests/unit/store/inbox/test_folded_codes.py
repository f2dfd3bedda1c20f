"""The codes that reports were folded with, and how they differ from those of now."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.inbox.folded_codes import (
    AccountCodes,
    codes_as_text,
    outdated_campaigns,
    record_folded_codes,
)
from tests.unit.store import given
from tests.unit.store.given import campaign, campaign_id, land_and_fold, report_on, sent

CODES = {"13": DeliveryStatus.DELIVERED}


def warnings(engine: sa.Engine, overrides: dict[str, str]) -> list[str]:
    return [each.warning for each in outdated_campaigns(engine, AccountCodes("", overrides))]


def test_the_text_of_codes_is_the_same_in_every_version() -> None:
    codes = {"13": DeliveryStatus.DELIVERED, "12": DeliveryStatus.SENT, "10": DeliveryStatus.SENT}

    # It is stored: with another text, every campaign would seem outdated after an upgrade.
    assert codes_as_text(codes) == '{"delivered":["13"],"sent":["10","12"]}'


@pytest.mark.parametrize(("codes", "more"), [(5, ""), (6, ", 1 more"), (8, ", 3 more")])
def test_up_to_five_codes_that_differ_are_named(engine: sa.Engine, codes: int, more: str) -> None:
    land_and_fold(engine, report_on(sent(engine)))

    found = warnings(engine, {f"90{number}": "read" for number in range(codes)})

    named = ", ".join(f"90{number} (unknown, now read)" for number in range(5))
    which = f"folded with other status codes than those of now: {named}{more}."
    advice = "Apply these to all of its reports with: airflow-rcs refold"
    assert found == [f"spring: some of its reports were {which} {advice}"]


def test_a_code_that_has_no_status_any_more_is_named_as_unknown(engine: sa.Engine) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"900": "read"})
    land_and_fold(engine, report_on(taken))

    [found] = warnings(engine, {})

    assert ": 900 (read, now unknown). " in found


def test_a_campaign_folded_with_several_codes_names_none(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    campaign(engine, overrides={"900": "read"})
    land_and_fold(engine, report_on(taken))

    [found] = warnings(engine, {"900": "read"})

    assert found.startswith("spring: some of its reports were folded with other status codes than those of now. ")


def test_a_campaign_of_another_account_has_the_codes_that_it_was_last_sent_with(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "TERMS", CampaignTerms("1234567", "Welcome", account="another"))
    taken = sent(engine)
    campaign(engine, overrides={"900": "read"})
    land_and_fold(engine, report_on(taken))

    assert outdated_campaigns(engine, AccountCodes("account", {"900": "failed"})) == []


def test_the_codes_are_recorded_of_the_given_campaigns_alone(engine: sa.Engine) -> None:
    campaign(engine, "spring")
    campaign(engine, "summer")

    with engine.begin() as connection:
        record_folded_codes(connection, [campaign_id(connection, "spring")], CODES)
        found = connection.execute(sa.select(campaigns.c.name, campaigns.c.folded_codes)).all()

    assert dict(map(tuple, found)) == {"spring": codes_as_text(CODES), "summer": None}


def test_codes_that_are_recorded_again_stay_the_codes_of_all_reports(engine: sa.Engine) -> None:
    campaign(engine, "spring")

    with engine.begin() as connection:
        for _ in range(2):
            record_folded_codes(connection, [campaign_id(connection, "spring")], CODES)
        found = connection.execute(sa.select(campaigns.c.folded_codes)).scalar_one()

    assert found == codes_as_text(CODES)


def test_each_campaign_is_compared_with_the_codes_that_apply_to_it(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(engine, report_on(sent(engine, name="of no known account")))
    for account in ("account", "another"):
        monkeypatch.setattr(given, "TERMS", CampaignTerms("1234567", "Welcome", account=account))
        land_and_fold(engine, report_on(sent(engine, name=f"of {account}")))

    changed = outdated_campaigns(engine, AccountCodes("account", {"900": "read"}))
    unchanged = outdated_campaigns(engine, AccountCodes("account"))

    assert [each.name for each in changed] == ["of no known account", "of account"]
    assert (unchanged, outdated_campaigns(engine, None)) == ([], [])
