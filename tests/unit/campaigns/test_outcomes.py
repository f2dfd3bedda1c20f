from __future__ import annotations

import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.campaigns.outcomes import read_funnel_as, read_outcomes
from airflow_provider_rcs.store.read import changed_ranges
from tests.unit.store.given import ANA, BEA, NOON, campaign, land_and_fold, phones, planned, report_on, sent

COLUMNS = [
    "phone",
    "phone_as_listed",
    "reference",
    "state",
    "reason",
    "detail",
    "delivery_status",
    "delivery_code",
    "delivery_channel",
    "account",
    "requested_at",
    "delivery_at",
    "updated_at",
]


@pytest.mark.slow
@pytest.mark.parametrize("rows_per_page", [1, 2, 3, 5_000])
def test_every_message_is_a_row_whatever_the_size_of_a_page(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, rows_per_page: int
) -> None:
    monkeypatch.setattr(changed_ranges, "IDS_PER_PAGE", rows_per_page)
    planned(engine, phones(5))

    outcomes = read_outcomes(engine, "spring", "plain")

    assert list(outcomes["phone"]) == phones(5)
    assert list(outcomes.index) == list(range(5))


def test_a_campaign_without_messages_has_the_same_columns_and_types(engine: sa.Engine) -> None:
    campaign(engine, "empty")
    planned(engine, phones(1))

    empty, one = read_outcomes(engine, "empty", "plain"), read_outcomes(engine, "spring", "plain")

    assert list(empty.columns) == list(one.columns) == COLUMNS
    assert empty.dtypes.to_dict() == one.dtypes.to_dict()


def test_the_messages_of_other_campaigns_are_left_out(engine: sa.Engine) -> None:
    planned(engine, phones(2))
    campaign(engine, "summer")

    assert len(read_outcomes(engine, "summer", "plain")) == 0


def test_what_reports_say_is_in_the_columns_of_delivery(engine: sa.Engine) -> None:
    request = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(request, ANA, "13", service="SMS"))

    outcomes = read_outcomes(engine, "spring", "plain").set_index("phone")

    assert list(outcomes["state"]) == ["accepted", "accepted"]
    assert list(outcomes.loc[ANA, ["delivery_status", "delivery_code", "delivery_channel", "delivery_at"]]) == [
        "delivered",
        "13",
        "SMS",
        pd.Timestamp(NOON),
    ]
    assert outcomes.loc[BEA, "delivery_status"] is None
    assert outcomes.loc[BEA, "delivery_at"] is pd.NaT


def test_another_form_of_phones_is_refused(engine: sa.Engine) -> None:
    campaign(engine)

    with pytest.raises(RcsInputError, match="phones: 'hashed' is not a choice. Use 'plain' or 'masked'."):
        read_outcomes(engine, "spring", "hashed")


@pytest.mark.parametrize(("form", "begins"), [("text", "Campaign sp"), ("markdown", "Campaign **sp"), ("svg", "<svg")])
def test_the_funnel_is_returned_in_the_form_that_is_asked_for(engine: sa.Engine, form: str, begins: str) -> None:
    planned(engine, phones(1_234))

    shown = read_funnel_as(form, engine, "spring")

    assert shown.startswith(begins)
    assert "1,234" in shown


def test_a_form_or_a_campaign_that_does_not_exist_is_an_error(engine: sa.Engine) -> None:
    with pytest.raises(RcsInputError, match="form: 'html' is not a choice. Use 'table', 'text', 'markdown' or 'svg'."):
        read_funnel_as("html", engine, "spring")
    with pytest.raises(RcsInputError, match="campaign: the store has no campaign 'spring'"):
        read_funnel_as("text", engine, "spring")
