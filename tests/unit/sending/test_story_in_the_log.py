"""The log of a send tells its story in ten lines, whatever its size."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsOutcomeUnknown
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.sending import progress
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.unit.sending.service import Service, accept
from tests.unit.store.given import ANA, NOON, phones, report_on, sent

SIZES = (200, 10_000)
PAGE = Path(__file__).parents[3] / "docs" / "how-a-campaign-is-sent.md"

EXCLUDED = r"exclude_sql names \d+ phones that are not messaged\."
FOLDED = r"Folded \d+ delivery reports that had not been applied yet\."
LISTING = r"Campaign \S+: [\d,]+ rows of the list read so far; still reading\."
START = r"Campaign \S+ starts: ([\d,]+) recipients are listed\. To be sent: ([\d,]+)\. Phones: .*\."
PROGRESS = (
    r"Campaign \S+: [\d,]+ of [\d,]+ recipients processed: [\d,]+ accepted(?:, [\d,]+ \w+)*; [\d,.]+ a second, "
    r"about \d+ (?:s|min) left\."
)
END = (
    r"Campaign \S+: [\d,]+ requested(?:, [\d,]+ \w+)+; [\d,]+ recipients processed in \d+ (?:s|min), [\d,.]+ a second\."
)
NEXT = r"Campaign \S+, next: wait for the reports with RcsCampaignSensor\(campaign='[\w-]+'\)(?:; .*)?\."
REQUESTS = 50
CHUNK = 20


def story(
    engine: sa.Engine,
    caplog: pytest.LogCaptureFixture,
    listed: list[str],
    reply: Callable[[SendRequest], SendResult] = accept,
    excluded: list[str] | None = None,
) -> list[str]:
    """Send a campaign, and return the lines of its log."""
    settings = SendSettings("1", "spring", batch_size=max(len(listed) // REQUESTS, 1), on_in_doubt="hold")
    caplog.clear()
    with caplog.at_level(logging.INFO, "airflow_provider_rcs"):
        send_campaign(
            engine,
            Service(reply),
            Template("1", "Welcome"),
            settings,
            [{"phone": listed[start : start + CHUNK]} for start in range(0, len(listed), CHUNK)],
            started_by=StartedBy(started_by="a test"),
            lease=timedelta(minutes=5),
            excluded=[excluded] if excluded else [],
        )
    return caplog.messages


@pytest.fixture
def everything_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("everything_takes_long")
@pytest.mark.slow
def test_a_send_of_any_size_that_takes_long_has_ten_lines(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    land(engine, [report_on(sent(engine, [ANA], "summer"))], NOON)
    people = phones(size)

    lines = story(engine, caplog, people, excluded=people[:2])

    patterns = [EXCLUDED, FOLDED, LISTING, START, *[PROGRESS] * 4, END, NEXT]
    assert len(lines) == len(patterns) == 10
    assert [line for line, pattern in zip(lines, patterns, strict=True) if not re.fullmatch(pattern, line)] == []
    assert re.findall(START, lines[3]) == [(f"{size:,}", f"{size - 2:,}")]


def test_the_page_shows_the_lines_as_they_are_logged() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Log\n")[2].partition("\n## ")[0]
    shown = section.partition("```text\n")[2].partition("```")[0].splitlines()

    patterns = [EXCLUDED, LISTING, START, *[PROGRESS] * 4, END, NEXT]
    assert [line for line, pattern in zip(shown, patterns, strict=True) if not re.fullmatch(pattern, line)] == []


def test_a_send_that_is_over_at_once_has_its_start_its_end_and_the_next_step(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    lines = story(engine, caplog, phones(3))

    assert [line.partition(":")[0] for line in lines] == [
        "Campaign spring starts",
        "Campaign spring",
        "Campaign spring, next",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("everything_takes_long")
def test_no_line_has_a_phone(engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    people = phones(60)

    text = "\n".join(story(engine, caplog, [*people, "+3460000"], excluded=people[:1]))

    assert [phone for phone in [*people, "3460000"] if phone.removeprefix("+34") in text] == []


def test_a_retry_says_what_is_known_and_that_nothing_was_left_to_send(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    story(engine, caplog, phones(3))

    first, end, _ = story(engine, caplog, phones(3))

    assert first.startswith(
        "Campaign spring continues: 3 recipients are listed; of 3 that it knew before, 3 are accepted already and not "
        "sent again. To be sent: 0."
    )
    assert end == "Campaign spring: 3 requested, 3 accepted; nothing was left to send."


@pytest.mark.slow
def test_the_next_step_names_the_reason_of_rejections_and_the_command_for_what_is_in_doubt(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def lose_the_first_reply(request: SendRequest) -> SendResult:
        if lost:
            raise lost.pop()
        return accept(request)

    lost = [RcsOutcomeUnknown("the reply was lost")]

    step = story(engine, caplog, [*phones(200), ""], lose_the_first_reply)[-1]

    assert "see the reasons of what was rejected in the result, most often: phone: it is missing (1)" in step
    assert step.endswith("list what is in doubt with airflow-rcs resolve spring.")
