"""What a plan shows in Markdown to the person who approves it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import QuietHours
from airflow_provider_rcs.sending.preview.markdown import describe_plan
from tests.unit.sending.test_phone_tests import preview as preview_with_test
from tests.unit.sending.test_preview import preview

MADRID = ZoneInfo("Europe/Madrid")
# Of nine digits, in Markdown.
MASK = r"\*" * 9


def described(plan: Any, **arguments: Any) -> str:
    return describe_plan(plan, lambda campaign: f"rcs/campaigns/{campaign}", **arguments)


def departure(plan: Any, **arguments: Any) -> str:
    return described(plan, **arguments).partition("### When it goes out\n\n")[2].partition("\n")[0]


def test_the_question_shows_counts_reasons_phones_departure_sources_and_masked_samples() -> None:
    plan = preview()
    requests = f"1 request, {plan['requests']['total_bytes']:,} bytes in total, at most 1 at once"
    page = "[Its RCS page](rcs/campaigns/spring) fills once it is sent."

    assert described(plan).splitlines() == [
        f"Campaign **spring** with template 1234567 (Welcome). {page}",
        "",
        "|  | recipients |",
        "| --- | --- |",
        "| rows of the list | 4 |",
        "| would be sent to | 3 |",
        "| of them fixed lines | 0 |",
        "| messaged by this campaign before | 0 |",
        "| the same phone again | 0 |",
        "| cannot be sent to | 1 |",
        "| must not be sent to | 0 |",
        "",
        "Suppressed and already messaged recipients are unknown: no store.",
        "",
        "- 1 rejected: phone: it is not a phone number",
        "",
        "### When it goes out",
        "",
        f"{requests}: after the approval, when the task that sends runs.",
        "",
        "### Phones",
        "",
        "Read by `phone_column=phone`, `default_region=ES`, `mobile_only=True`.",
        "",
        "| as they were read | recipients |",
        "| --- | --- |",
        "| national | 1 |",
        "| as written | 1 |",
        "| country code without + | 1 |",
        "",
        "| country | recipients |",
        "| --- | --- |",
        "| ES | 3 |",
        "",
        "### Template",
        "",
        "| variable | comes from |",
        "| --- | --- |",
        "| Who | the service |",
        "| Amount | column total |",
        "| Shop | a constant |",
        "",
        "The API gives no text of a template, only the names of its variables: see the text in the account's panel.",
        "",
        "### Masked samples",
        "",
        f"1. {MASK}001, Xxxxx Xxxxx: {{'Amount': '00.0', 'Shop': 'Xxxxxx'}}",
        f"2. {MASK}002, Xxxxx: {{'Amount': '0', 'Shop': 'Xxxxxx'}}",
        f"3. {MASK}678, Xxx: {{'Amount': '0', 'Shop': 'Xxxxxx'}}",
    ]


def test_the_question_shows_values_that_look_missing() -> None:
    plan = preview([{"phone": ["600000001", "600000002"], "name": ["<NA>", None], "total": [7, 7]}])

    lines = described(plan).splitlines()

    assert "- 1 look missing, but are sent: `<NA>` in column `name`" in lines
    assert "- 1 look missing, but are sent: `empty` in column `name`" in lines


def test_names_values_and_reasons_mean_nothing_in_markdown() -> None:
    evil = "*a* [b](c) <d> | `e`\n# f"
    plain = r"\*a\* \[b\](c) \<d\> \| \`e\` \# f"
    plan = preview()
    plan |= {"campaign": evil, "warnings": [evil], "reasons": {"rejected": {evil: 1}}}
    plan["template"] |= {"name": evil, "sources": {evil: evil}}
    plan["samples"][0] |= {"name": evil, "variables": {}}
    plan["suspicious_values"] = {evil: {"``": 2}}

    lines = described(plan).splitlines()

    assert lines[0].startswith(f"Campaign **{plain}** with template 1234567 ({plain}). [Its RCS page](")
    assert f"**Warning:** {plain}" in lines
    assert f"- 1 rejected: {plain}" in lines
    assert f"| {plain} | {plain} |" in lines
    assert f"1. {MASK}001, {plain}: {{}}" in lines
    assert "- 2 look missing, but are sent: ``` `` ``` in column `` *a* [b](c) <d> | `e` # f ``" in lines


def test_a_date_of_the_service_is_shown_in_utc_and_in_its_own_zone() -> None:
    plan = preview(send_at=datetime(2090, 12, 1, 9, tzinfo=MADRID))

    assert "The service sends the messages at **2090-12-01 08:00 UTC (2090-12-01 09:00+0100)**." in departure(plan)


def test_a_date_in_utc_is_shown_once() -> None:
    assert "at **2090-12-01 08:00 UTC**." in departure(preview(send_at=datetime(2090, 12, 1, 8, tzinfo=UTC)))


def test_a_date_is_shown_in_the_readers_zone() -> None:
    plan = preview(send_at=datetime(2090, 12, 1, 9, tzinfo=MADRID))

    lima = departure(plan, timezone=ZoneInfo("America/Lima"))

    assert "**2090-12-01 08:00 UTC (2090-12-01 03:00 in America/Lima)**" in lima


def test_a_campaign_that_the_store_holds_shows_from_when_it_is_dispatched() -> None:
    plan = preview(send_at=datetime(2090, 12, 1, 9, tzinfo=UTC), scheduled_by="store")

    assert "until the first dispatch after 2090-12-01 08:30 UTC (with the default lead)" in departure(plan)


def test_quiet_hours_are_shown_in_spains_time() -> None:
    quiet_hours = (QuietHours(time(22), time(9)),)

    assert departure(preview(quiet_hours=quiet_hours)).endswith("Quiet hours, in Spain's time: 22:00-09:00.")


def test_the_question_says_to_which_phones_the_test_was_sent_and_links_to_its_reports(engine: sa.Engine) -> None:
    plan = preview_with_test(engine)

    test = described(plan).partition("### Test\n\n")[2].splitlines()

    links = [f"[sample {number}](rcs/campaigns/{name})" for number, name in enumerate(plan["test"]["campaigns"], 1)]
    assert test[2:] == [
        f"| phone | {' | '.join(links)} |",
        "| --- | --- | --- | --- |",
        f"| {MASK}111 | accepted | accepted | accepted |",
        f"| {MASK}222 | accepted | accepted | accepted |",
    ]


def test_the_question_says_that_there_was_nobody_to_test_with(engine: sa.Engine) -> None:
    plan = preview_with_test(engine, excluded=[["+34600000001", "+34600000002", "+34600000678"]])

    assert described(plan).endswith("No test was sent: the list has nobody who would be sent to.")


@pytest.mark.slow
@pytest.mark.parametrize("secret", ["611111111", "Núria", "19.9", "600000001"])
def test_the_question_has_no_personal_data(engine: sa.Engine, secret: str) -> None:
    assert secret not in described(preview_with_test(engine))
