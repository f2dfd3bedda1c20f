"""The codes that reports were folded with, and how they differ from those of now."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes, codes_as_text, outdated_campaigns
from tests.unit.store.given import campaign, land_and_fold, report_on, sent


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
