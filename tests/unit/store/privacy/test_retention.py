"""Retention of old data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import require_not_restored
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report, report_refused
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import capped_phone, message
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport, land, land_all
from airflow_provider_rcs.store.inbox.silence import read_report_health
from airflow_provider_rcs.store.outbox.attempts import Attempt, count_shard_states, end_attempt
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import EXCLUDED, prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.privacy import retention
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import (
    PrunedRows,
    count_prunable,
    count_unfinished,
    prune,
)
from airflow_provider_rcs.store.read.exports import Place, report_pages
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    campaign,
    claim_and_dispatch,
    claim_next,
    count,
    dispatched,
    dump_store,
    expire_lease,
    funnel,
    land_and_fold,
    listed,
    new_attempt,
    phones,
    planned,
    report_on,
    row,
    rows,
    sent,
    states,
)
from tests.unit.store.read.test_exports import reports_since

NOW = datetime.now(UTC)

LONG_AGO = NOW - timedelta(days=400)

HALF_A_YEAR = RetentionLimit(NOW - timedelta(days=180))


def make_old(engine: sa.Engine, name: str = "spring", moment: datetime = LONG_AGO) -> None:
    """Set the dates of everything in a campaign to a time long ago."""
    with engine.begin() as connection:
        ours = sa.select(campaigns.c.id).where(campaigns.c.name == name).scalar_subquery()
        of_messages = sa.select(message.c.id).where(message.c.campaign_id == ours)
        connection.execute(campaigns.update().where(campaigns.c.name == name).values(created_at=moment))
        connection.execute(message.update().where(message.c.campaign_id == ours).values(updated_at=moment))
        connection.execute(attempts.update().where(attempts.c.campaign_id == ours).values(started_at=moment))
        connection.execute(report.update().where(report.c.message_id.in_(of_messages)).values(received_at=moment))


def prune_all(engine: sa.Engine, limit: RetentionLimit = HALF_A_YEAR) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in prune(engine, limit):
        counts[each.table] += each.rows
    return {table: rows for table, rows in counts.items() if rows}


def sum_of(batches: list[PrunedRows]) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for each in batches:
        counts[each.table] += each.rows
    return counts


def ended(engine: sa.Engine, people: list[str], name: str = "spring") -> Attempt:
    holder = planned(engine, people, name)
    end_attempt(engine, holder)
    return holder


def claim_listed(
    engine: sa.Engine, people: list[str], name: str = "spring", cap: FrequencyCap | None = None
) -> list[str]:
    """List phones, and return the claimed ones."""
    taken = claim_and_dispatch(engine, planned(engine, people, name), 100, cap)
    return [] if taken is None else [recipient.phone for recipient in taken.recipients]


@pytest.mark.slow
def test_old_messages_lose_personal_data_and_old_reports_are_deleted(engine: sa.Engine) -> None:
    land_and_fold(
        engine, report_on(sent(engine, [ANA, BEA], ids="of")), report_on(sent(engine, [ANA], "summer"), code="12")
    )
    make_old(engine)

    assert prune_all(engine) == {"rcs_message": 2, "rcs_report": 1}

    assert [(each.phone, each.phone_as_listed, each.name) for each in rows(engine).values()] == [(None, "", "")] * 2
    assert count(engine, report) == 1
    assert list(rows(engine, "summer")) == [ANA]


@pytest.mark.slow
def test_pruning_keeps_the_counts_of_a_campaign(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken), report_on(taken, BEA, "50"), report_on(taken, BEA, "12", service="SMS"))
    record_list(
        engine, new_attempt(engine), prepare_list_part(engine, [listed(EVA, "phone: it is missing"), listed(EVA)])
    )
    make_old(engine)
    before, channels = funnel(engine), count(engine, message_channel)

    prune_all(engine)

    assert funnel(engine) == before
    assert count(engine, message_channel) == channels
    assert {each.updated_at for each in rows(engine).values()} == {LONG_AGO}


def test_a_pruned_campaign_messages_nobody_twice(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])
    make_old(engine)
    prune_all(engine)

    assert claim_listed(engine, [ANA, BEA, EVA]) == [EVA]
    assert claim_listed(engine, [ANA], "summer") == [ANA]
    assert funnel(engine).requested == 3


def test_shards_of_a_pruned_campaign_skip_and_count_those_it_messaged(
    engine: sa.Engine,
) -> None:
    sent(engine, [ANA, BEA])
    make_old(engine)
    prune_all(engine)
    shards = {"1/2": planned(engine, [ANA, EVA], shard="1/2"), "2/2": planned(engine, [BEA], shard="2/2")}

    taken = {name: claim_and_dispatch(engine, holder, 10) for name, holder in shards.items()}

    assert [None if each is None else [to.phone for to in each.recipients] for each in taken.values()] == [[EVA], None]
    assert count_shard_states(engine, shards["2/2"]) == {MessageState.ACCEPTED: 1}


def test_a_pruned_campaign_keeps_the_reason_of_its_cancellation(engine: sa.Engine) -> None:
    ended(engine, [ANA, BEA])
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOW))
    make_old(engine)

    prune_all(engine)

    assert funnel(engine).reasons == {MessageState.SUPPRESSED: {"cancelled: the price is wrong": 2}}


def test_recent_messages_of_an_old_campaign_are_not_pruned(engine: sa.Engine) -> None:
    sent(engine, [ANA], ids="of")
    make_old(engine)
    land_and_fold(engine, report_on(sent(engine, [BEA], ids="to"), BEA))

    assert prune_all(engine) == {"rcs_message": 1}

    assert row(engine, BEA).phone == BEA
    assert count(engine, report) == 1


def test_a_campaign_with_a_recent_or_future_date_is_not_pruned(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    make_old(engine)
    with engine.begin() as connection:
        connection.execute(campaigns.update().values(send_at=NOW))

    assert prune_all(engine) == {}


@pytest.mark.slow
@pytest.mark.parametrize("one_campaign", [True, False])
def test_count_prunable_returns_what_prune_then_prunes(engine: sa.Engine, one_campaign: bool) -> None:
    limit = replace(HALF_A_YEAR, campaign_id=campaign(engine).id if one_campaign else None)
    land_and_fold(engine, report_on(sent(engine, [ANA, BEA])), report_on(sent(engine, [ANA], "summer")))
    land_all(engine, [ReceivedReports(LONG_AGO, refused=[RefusedReport("why", "text/plain", b"?")])])
    land_and_fold(engine, report_on(replace(dispatched(engine, [ANA], "autumn"), reference="of nobody")))
    with engine.begin() as connection:
        connection.execute(report.update().values(received_at=LONG_AGO))
        connection.execute(attempts.update().values(ended_at=LONG_AGO))
    make_old(engine, "spring")
    make_old(engine, "summer")
    before = dump_store(engine)

    expected = {table: rows for table, rows in count_prunable(engine, limit).items() if rows}

    assert dump_store(engine) == before
    assert prune_all(engine, limit) == expected
    assert {"rcs_message", "rcs_report"} <= set(expected)


def test_messages_in_doubt_or_being_sent_are_not_pruned_but_counted(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "the connection broke")
    dispatched(engine, [BEA])
    make_old(engine)

    assert prune_all(engine) == {}

    assert states(engine) == {ANA: "in_doubt", BEA: "sending"}
    assert count_unfinished(engine, HALF_A_YEAR) == 2


def test_messages_planned_by_a_live_attempt_are_not_pruned(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    make_old(engine)

    assert prune_all(engine) == {}

    assert claim_next(engine, holder).recipients[0].phone == ANA


def test_messages_planned_by_a_dead_attempt_are_suppressed(engine: sa.Engine) -> None:
    expire_lease(engine, planned(engine, [ANA]))
    make_old(engine)

    assert prune_all(engine) == {"rcs_message": 1}

    assert funnel(engine).reasons[MessageState.SUPPRESSED] == {"pruned before it was sent": 1}
    assert claim_listed(engine, [ANA]) == []


def test_pruned_recipients_stay_excluded(engine: sa.Engine) -> None:
    suppress_excluded(engine, planned(engine, phones(3)).campaign, set(phones(3)))
    make_old(engine)

    prune_all(engine)

    assert claim_listed(engine, [*phones(3), EVA]) == [EVA]
    assert funnel(engine).reasons[MessageState.SUPPRESSED] == {EXCLUDED: 3}


def test_pruned_messages_count_towards_the_frequency_cap(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    make_old(engine)
    prune_all(engine)

    assert claim_listed(engine, [ANA, BEA], "summer", FrequencyCap(1, timedelta(days=1))) == [BEA]


@pytest.mark.slow
def test_phones_that_only_a_frequency_cap_has_are_deleted(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS_PER_BATCH", 1)
    sent(engine, [ANA, BEA])
    sent(engine, [BEA, EVA], "summer")
    with engine.begin() as connection:
        connection.execute(capped_phone.insert(), [{"phone": phone} for phone in (ANA, BEA, EVA)])
    make_old(engine)

    prune_all(engine)

    with engine.connect() as connection:
        assert set(connection.execute(sa.select(capped_phone.c.phone)).scalars()) == {BEA, EVA}


def test_a_late_report_finds_its_pruned_message_and_loses_the_phone(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA], ids="of")
    make_old(engine)
    prune_all(engine)

    land_and_fold(engine, report_on(taken))

    (pruned,) = rows(engine).values()
    assert pruned.delivery_status == "delivered"
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.phone)).scalars().all() == [""]


def test_a_recent_report_on_an_old_message_loses_personal_data_and_is_exported_again(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    make_old(engine)
    with engine.begin() as connection:
        connection.execute(report.update().values(received_at=NOW))
        before = connection.execute(sa.select(report.c.fold)).scalar_one()

    prune_all(engine)

    with engine.connect() as connection:
        kept = connection.execute(sa.select(report)).one()
    (pruned,) = rows(engine).values()
    assert (kept.phone, kept.message_id, kept.fold > before) == ("", pruned.id, True)


@pytest.mark.slow
def test_deleted_reports_do_not_disturb_readers_that_continue_from_a_fold(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    land_and_fold(engine, report_on(sent(engine, [ANA], "summer"), code="12"))
    [page] = report_pages(engine, "a store", Place(0, 0))
    make_old(engine, "spring")
    make_old(engine, "summer")
    prune_all(engine)
    assert reports_since(engine, page.last) == []
    assert read_new_reports(engine, page.last.fold) is None

    land_and_fold(engine, report_on(sent(engine, [ANA], "autumn")))

    assert [each["campaign"] for rows in reports_since(engine, page.last) for each in rows] == ["autumn"]


def test_a_campaign_whose_reports_were_pruned_is_not_overdue(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    make_old(engine)
    prune_all(engine)

    reporting = read_report_health(engine, NOW + timedelta(days=1))["spring"]

    assert (reporting.last_report_at, reporting.is_overdue) == (datetime(2026, 5, 1, 12, tzinfo=UTC), False)


@pytest.mark.slow
def test_old_parked_reports_are_deleted_unless_they_prove_a_restored_backup(engine: sa.Engine) -> None:
    opened = campaign(engine)
    taken = sent(engine, [ANA])
    land_and_fold(
        engine,
        report_on(replace(taken, reference=f"{opened.token}-lost234567"), BEA, message_reference="ref-1"),
        report_on(replace(taken, reference="someone-elses"), EVA),
    )
    with engine.begin() as connection:
        connection.execute(report.update().values(received_at=LONG_AGO))

    assert prune_all(engine) == {"rcs_report": 1}

    assert [each in dump_store(engine) for each in (BEA, EVA, "ref-1")] == [False] * 3
    with pytest.raises(RcsStoreError, match="restored from a backup"):
        require_not_restored(engine, opened)


def test_old_refused_bodies_are_deleted(engine: sa.Engine) -> None:
    for moment, body in ((LONG_AGO, b"old"), (NOW, b"new"), (LONG_AGO, b"repeated"), (NOW, b"repeated")):
        land_all(engine, [ReceivedReports(moment, refused=[RefusedReport("why", "text/plain", body)])])

    assert prune_all(engine) == {"rcs_report_refused": 1}
    with engine.connect() as connection:
        assert set(connection.execute(sa.select(report_refused.c.body)).scalars()) == {b"new", b"repeated"}


@pytest.mark.slow
def test_a_single_campaign_can_be_pruned(engine: sa.Engine) -> None:
    for name in ("spring", "summer"):
        land_and_fold(engine, report_on(sent(engine, [ANA], name)))
        make_old(engine, name)
    land_all(engine, [ReceivedReports(LONG_AGO, refused=[RefusedReport("why", "text/plain", b"?")])])

    assert prune_all(engine, replace(HALF_A_YEAR, campaign_id=campaign(engine).id)) == {
        "rcs_message": 1,
        "rcs_report": 1,
    }

    assert list(rows(engine, "summer")) == [ANA]


@pytest.mark.slow
def test_a_second_run_prunes_nothing(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine, [ANA])))
    make_old(engine)
    prune_all(engine)
    revisions = [each.revision for each in rows(engine).values()]

    assert prune_all(engine) == {}
    assert [each.revision for each in rows(engine).values()] == revisions


@pytest.mark.parametrize("batches_before_the_stop", range(8))
@pytest.mark.slow
def test_pruning_can_be_stopped_after_any_batch_and_completed_by_another_run(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, batches_before_the_stop: int
) -> None:
    monkeypatch.setattr(retention, "_ROWS_PER_BATCH", 3)
    monkeypatch.setattr(retention, "_ROWS_PER_SEARCH", 4)
    people = phones(10)
    taken = sent(engine, people)
    land_and_fold(engine, *(report_on(taken, phone) for phone in people))
    make_old(engine)
    with engine.begin() as connection:
        connection.execute(attempts.update().values(ended_at=LONG_AGO))
    before = funnel(engine)

    stopped = prune(engine, HALF_A_YEAR)
    first = [next(stopped) for _ in range(batches_before_the_stop)]
    stopped.close()  # type: ignore[attr-defined]
    messaged_in_between = claim_listed(engine, people)
    with engine.begin() as connection:
        connection.execute(attempts.update().values(ended_at=LONG_AGO, started_at=LONG_AGO))
    rest = prune_all(engine)

    assert messaged_in_between == []
    assert funnel(engine) == before
    assert all(phone not in str(list(rows(engine))) for phone in people)
    assert count(engine, report) == 0
    assert sum_of(first)["rcs_message"] + rest.get("rcs_message", 0) == 10


@pytest.mark.slow
def test_reports_land_and_fold_between_any_two_batches(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_ROWS_PER_BATCH", 2)
    people = phones(5)
    taken = sent(engine, people)
    land_and_fold(engine, *(report_on(taken, phone) for phone in people))
    make_old(engine)

    again = [report_on(taken, phone, "20") for phone in people]
    folded = []
    for _ in prune(engine, HALF_A_YEAR):
        land(engine, again, NOW)
        folded.append(fold(engine))

    assert set(folded) == {5}
    assert [phone for phone in people if repr(phone) in dump_store(engine)] == []


def test_a_pruned_message_without_a_request_keeps_its_date(engine: sa.Engine) -> None:
    record_list(
        engine, new_attempt(engine), prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value")])
    )
    make_old(engine)

    prune_all(engine)

    (pruned,) = rows(engine).values()
    assert (pruned.updated_at, pruned.state, pruned.detail) == (LONG_AGO, "rejected", "")
