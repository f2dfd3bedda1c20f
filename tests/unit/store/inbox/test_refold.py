"""Refolding: other status codes apply to the reports that have landed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api import statuses
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.inbox import refold as refolding
from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes, outdated_campaigns
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.store import given
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    campaign,
    land_and_fold,
    phones,
    report_on,
    row,
    rows,
    sent,
    statements_of,
)

MINUTE = timedelta(minutes=1)


def refold_with(engine: sa.Engine, overrides: dict[str, str], name: str | None = None) -> tuple[int, int]:
    """Refold with other codes, and return how many messages were computed and changed."""
    done = list(refold(engine, AccountCodes("account", overrides), name))
    return sum(each.messages for each in done), sum(each.changed for each in done)


def revision(engine: sa.Engine, name: str = "spring") -> int:
    with engine.connect() as connection:
        found = connection.execute(sa.select(campaigns.c.revision).where(campaigns.c.name == name))
        return int(found.scalar_one())


def outdated(engine: sa.Engine, overrides: dict[str, str] | None = None) -> list[str]:
    codes = None if overrides is None else AccountCodes("account", overrides)
    return [each.name for each in outdated_campaigns(engine, codes)]


def test_new_codes_apply_to_reports_that_have_landed_before(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))

    assert refold_with(engine, {"77": "read"}) == (1, 1)

    assert (row(engine).delivery_status, row(engine).delivery_rank) == ("read", DeliveryStatus.READ.rank)


def test_a_refold_may_lower_a_status(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), code="13"))

    refold_with(engine, {"13": "failed"})

    assert row(engine).delivery_status == "failed"


def test_after_a_refold_the_same_report_as_before_may_no_longer_win(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="13"), report_on(taken, code="50", reported_at=NOON + MINUTE))

    refold_with(engine, {"13": "sent"})

    assert (row(engine).delivery_status, row(engine).delivery_code) == ("failed", "50")
    assert row(engine).delivery_at == NOON + MINUTE


def test_only_messages_that_change_get_a_new_revision(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA, EVA])
    land_and_fold(engine, report_on(taken, ANA, "77"), report_on(taken, BEA, "13"))
    before = rows(engine)

    assert refold_with(engine, {"77": "read"}) == (2, 1)

    changed = [phone for phone, each in rows(engine).items() if each != before[phone]]
    assert (changed, row(engine, ANA).revision) == ([ANA], revision(engine))


def test_a_refold_that_changes_no_message_does_not_move_the_revision(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), code="13"))
    before = revision(engine)

    assert refold_with(engine, {"77": "read"}) == (1, 0)

    assert revision(engine) == before


@pytest.mark.parametrize("has_fallback", [True, False])
def test_a_refold_that_changes_the_code_alone_changes_the_message(engine: sa.Engine, has_fallback: bool) -> None:
    taken = sent(engine)
    given.campaign(engine, overrides={"77": "delivered"})
    fallback = [report_on(taken, code="50", service="SMS")] if has_fallback else []
    land_and_fold(engine, report_on(taken, code="13"), report_on(taken, code="77"), *fallback)
    before = row(engine).delivery_code

    assert refold_with(engine, {"77": "sent"}) == (1, 1)

    assert (before, row(engine).delivery_code, row(engine).delivery_status) == ("77", "13", "delivered")


def test_a_message_whose_other_channel_falls_is_not_changed(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="13"), report_on(taken, code="77", service="SMS"))
    before = row(engine)

    assert refold_with(engine, {"77": "failed"}) == (1, 0)

    assert row(engine) == before


@pytest.mark.parametrize(("services", "table"), [(["RCS"], "rcs_message"), (["RCS", "SMS"], "rcs_message_channel")])
def test_a_refold_asks_for_differences_only_where_messages_have_their_statuses(
    engine: sa.Engine, services: list[str], table: str
) -> None:
    taken = sent(engine)
    land_and_fold(engine, *(report_on(taken, code="77", service=service) for service in services))

    statements = statements_of(engine, lambda: refold_with(engine, {"77": "read"}))

    asked = [each for each in statements if "SELECT DISTINCT" in each]
    assert ["rcs_message_channel" if "rcs_message_channel" in each else "rcs_message" for each in asked] == [table]


def test_after_a_refold_a_campaign_is_outdated_by_other_codes_only(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))

    refold_with(engine, {"77": "read"})

    assert (outdated(engine, {"77": "read"}), outdated(engine, {"77": "clicked"})) == ([], ["spring"])


def test_a_campaign_without_reports_gets_the_codes_of_the_refold_too(engine: sa.Engine) -> None:
    taken = sent(engine)
    refold_with(engine, {"77": "read"})

    land_and_fold(engine, report_on(taken, code="77"))

    assert row(engine).delivery_status == "read"


def test_campaigns_with_codes_of_their_own_are_each_refolded_with_these(engine: sa.Engine) -> None:
    for name in ("spring", "summer"):
        land_and_fold(engine, report_on(sent(engine, name=name), code="77"))
    given.campaign(engine, overrides={"77": "read"})
    given.campaign(engine, "summer", overrides={"77": "failed"})

    list(refold(engine, None))

    assert (row(engine).delivery_status, row(engine, name="summer").delivery_status) == ("read", "failed")


def test_later_reports_are_folded_with_the_codes_of_the_refold(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="13"))
    refold_with(engine, {"77": "read"})

    land_and_fold(engine, report_on(taken, code="77"))

    assert row(engine).delivery_status == "read"


@pytest.mark.parametrize("name", ["spring", None])
def test_only_the_named_campaign_is_refolded_if_one_is_named(engine: sa.Engine, name: str | None) -> None:
    for each in ("spring", "summer"):
        land_and_fold(engine, report_on(sent(engine, name=each), code="77"))

    refold_with(engine, {"77": "read"}, name)

    others = row(engine, name="summer").delivery_status
    assert (row(engine).delivery_status, others) == ("read", "read" if name is None else "unknown")


def test_campaigns_of_another_account_keep_their_own_overrides(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "TERMS", CampaignTerms("1234567", "Welcome", account="another"))
    given.campaign(engine, overrides={"78": "clicked"})
    taken = sent(engine)
    given.campaign(engine, overrides={"78": "clicked"})
    land_and_fold(engine, report_on(taken, ANA, "77"), report_on(taken, ANA, "78"))

    refold_with(engine, {"77": "read", "78": "failed"})

    assert row(engine).delivery_status == "clicked"


def test_channels_are_ranked_anew_with_the_new_codes(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="50"), report_on(taken, code="77", service="SMS"))
    before = (row(engine).delivery_channel, row(engine).delivery_status)

    assert refold_with(engine, {"77": "delivered"}) == (1, 1)

    assert before == ("RCS", "failed")
    assert (row(engine).delivery_channel, row(engine).delivery_status) == ("SMS", "delivered")
    with engine.connect() as connection:
        stored = connection.execute(sa.select(message_channel.c.channel, message_channel.c.status)).all()
    assert set(map(tuple, stored)) == {("RCS", "failed"), ("SMS", "delivered")}


def test_a_channel_that_falls_is_stored_with_a_new_revision(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="13"), report_on(taken, code="50", service="SMS"))

    refold_with(engine, {"13": "failed"})

    with engine.connect() as connection:
        stored = connection.execute(sa.select(message_channel.c.channel, message_channel.c.revision)).all()
    assert {each.channel for each in stored if each.revision == revision(engine)} == {"RCS"}
    assert (row(engine).delivery_status, row(engine).delivery_channel) == ("failed", "SMS")


CODES = {"77": "read", "13": "failed", "50": "sent"}


@pytest.mark.parametrize("order", list(permutations(range(4)))[::4])
@pytest.mark.slow
def test_a_refold_ends_as_a_fold_with_the_same_codes_from_the_start(engine: sa.Engine, order: tuple[int, ...]) -> None:
    first, second = sent(engine, phones(5)), sent(engine, phones(5), "summer")
    campaign(engine, "summer", CODES)
    kinds = [("13", "RCS"), ("77", "rcs"), ("50", "SMS"), ("11", "RCS")]
    for taken in (first, second):
        for place, index in enumerate(order):
            code, service = kinds[index]
            people = phones(5)[: index + 1]
            at = NOON + place * MINUTE
            land_and_fold(engine, *(report_on(taken, each, code, service=service, reported_at=at) for each in people))

    refold_with(engine, CODES)

    def outcome(name: str) -> list[tuple[object, ...]]:
        found = rows(engine, name).values()
        return [(each.delivery_status, each.delivery_code, each.delivery_channel, each.delivery_at) for each in found]

    assert outcome("spring") == outcome("summer")


def test_parked_reports_and_those_set_aside_stay_as_they_are(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken), report_on(taken), Report("77", phone=BEA, campaign_reference="unknown"))
    with engine.begin() as connection:
        connection.execute(report.update().where(report.c.id == 2).values(fold_error="why", status_code="77"))
        before = connection.execute(sa.select(report).order_by(report.c.id)).all()

    refold_with(engine, {"77": "read"})

    with engine.connect() as connection:
        assert connection.execute(sa.select(report).order_by(report.c.id)).all() == before
    assert row(engine).delivery_status == "delivered"


@pytest.mark.parametrize("left", [0, 1])
def test_a_message_keeps_its_status_after_reports_on_it_were_pruned(engine: sa.Engine, left: int) -> None:
    taken = sent(engine, [ANA, BEA])
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    land(engine, [report_on(taken, code="13")], long_ago)
    land(engine, [report_on(taken, code="77")] * left, datetime.now(UTC) + timedelta(days=1))
    fold(engine)
    list(prune(engine, RetentionLimit(datetime.now(UTC) + timedelta(hours=1))))
    before = rows(engine)

    assert refold_with(engine, {"77": "clicked", "13": "failed"}) == (0, 0)

    assert rows(engine) == before


def test_a_message_without_reports_stays_as_it_is(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA, "77"))

    refold_with(engine, {"77": "read"})

    assert row(engine, BEA).delivery_status == ""


def test_a_refold_in_many_batches_ends_as_in_one(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 2)
    for name in ("spring", "summer"):
        taken = sent(engine, phones(7), name)
        land_and_fold(engine, *(report_on(taken, phone, "77") for phone in phones(7)))

    assert refold_with(engine, {"77": "read"}) == (14, 14)

    assert {each.delivery_status for name in ("spring", "summer") for each in rows(engine, name).values()} == {"read"}


def kill_refold_after_one_batch(engine: sa.Engine) -> None:
    killed = refold(engine, AccountCodes("account", {"77": "read"}))
    next(killed)
    killed.close()  # type: ignore[attr-defined]


def test_a_refold_that_was_killed_is_finished_by_the_next_one(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 2)
    taken = sent(engine, phones(6))
    land_and_fold(engine, *(report_on(taken, phone, "77") for phone in phones(6)))
    kill_refold_after_one_batch(engine)

    still_outdated = outdated(engine, {"77": "read"})
    assert refold_with(engine, {"77": "read"}) == (6, 4)

    assert (still_outdated, outdated(engine, {"77": "read"})) == (["spring"], [])


def test_a_killed_refold_is_not_forgotten_when_the_old_codes_come_back(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 1)
    taken = sent(engine, phones(3))
    land_and_fold(engine, *(report_on(taken, phone, "77") for phone in phones(3)))
    kill_refold_after_one_batch(engine)

    assert outdated(engine, {}) == ["spring"]
    assert refold_with(engine, {}) == (3, 1)


def test_reports_that_are_folded_during_a_refold_count(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 1)
    taken = sent(engine, phones(3))
    land_and_fold(engine, *(report_on(taken, phone, "13") for phone in phones(3)))
    running = refold(engine, AccountCodes("account", {"13": "sent", "77": "read"}))
    next(running)

    more = [report_on(taken, phone, "77") for phone in phones(3)[1:]]
    land_and_fold(engine, *more, report_on(taken, phones(3)[2], "50", service="SMS"))
    list(running)

    assert [each.delivery_status for each in rows(engine).values()] == ["sent", "read", "read"]
    assert row(engine, phones(3)[2]).delivery_channel == "RCS"


@pytest.mark.parametrize("before", [NOON, None], ids=["dated", "without a date"])
@pytest.mark.parametrize("minutes", [-1, 1])
def test_of_reports_of_one_rank_that_are_folded_during_a_refold_the_latest_counts(
    minutes: int, before: datetime | None, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 1)
    taken = sent(engine, phones(2))
    land_and_fold(engine, *(report_on(taken, phone, "10", reported_at=before) for phone in phones(2)))
    running = refold(engine, AccountCodes("account", {"10": "sent", "11": "sent", "12": "sent"}))
    next(running)

    land_and_fold(engine, report_on(taken, phones(2)[1], "11", reported_at=NOON + minutes * MINUTE))
    list(running)

    is_later = before is None or minutes > 0
    assert row(engine, phones(2)[1]).delivery_code == ("11" if is_later else "10")


def test_a_second_refold_with_other_codes_wins_over_one_that_is_still_running(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refolding, "_MESSAGES_PER_BATCH", 1)
    taken = sent(engine, phones(3))
    land_and_fold(engine, *(report_on(taken, phone, "77") for phone in phones(3)))
    running = refold(engine, AccountCodes("account", {"77": "read"}))
    next(running)

    refold_with(engine, {"77": "clicked"})
    list(running)

    assert {each.delivery_status for each in rows(engine).values()} == {"clicked"}
    assert outdated(engine, {"77": "clicked"}) == []


def test_a_campaign_is_outdated_when_its_connection_has_other_codes(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine)))

    assert (outdated(engine), outdated(engine, {}), outdated(engine, {"77": "read"})) == ([], [], ["spring"])


def test_a_campaign_without_reports_is_never_outdated(engine: sa.Engine) -> None:
    sent(engine)

    assert outdated(engine, {"77": "read"}) == []


def test_a_campaign_whose_codes_changed_between_two_reports_is_outdated(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    campaign(engine, overrides={"77": "read"})
    land_and_fold(engine, report_on(taken))

    assert outdated(engine) == ["spring"]
    campaign(engine, overrides={})
    land_and_fold(engine, report_on(taken))
    assert outdated(engine) == ["spring"]


def test_a_campaign_is_outdated_after_an_upgrade_that_changes_the_default_codes(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(engine, report_on(sent(engine), code="77"))

    later = {**statuses.DEFAULT_STATUS_CODES, "77": DeliveryStatus.READ}
    monkeypatch.setattr(statuses, "DEFAULT_STATUS_CODES", later)

    [found] = outdated_campaigns(engine, None)
    assert (found.name, found.differences) == ("spring", "77 (unknown, now read)")
    assert [each.changed for each in refold(engine, None)] == [1]
    assert (row(engine).delivery_status, outdated(engine)) == ("read", [])
