"""Folding of landed reports into the status of their messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import DEFAULT_STATUS_CODES, DeliveryStatus, MessageState
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.statistics import refresh_outgrown_statistics
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.inbox import folding
from airflow_provider_rcs.store.inbox.folding import fold, fold_if_possible, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.settlement import (
    ACCEPTED_BY_REPORT,
    Settlement,
    mark_in_doubt,
    requeue_refused,
    settle,
)
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    accepted,
    campaign,
    claim_next,
    dispatched,
    funnel,
    land_and_fold,
    phones,
    planned,
    report_on,
    request_row,
    row,
    rows,
    sent,
    statements_of,
    states,
)

MINUTE = timedelta(minutes=1)


def report_by_ids(message_id: str, code: str = "13", campaign_id: str = "e-1") -> Report:
    return Report(code, service="RCS", api_campaign_id=campaign_id, api_message_id=message_id, reported_at=NOON)


def status(engine: sa.Engine, phone: str = ANA, name: str = "spring") -> str:
    found: str = row(engine, phone, name).delivery_status
    return found


def statements_to_fold(engine: sa.Engine, *reports: Report) -> int:
    land(engine, reports, NOON)
    # A fold would do so only sometimes.
    refresh_outgrown_statistics(engine)
    return len(statements_of(engine, lambda: fold(engine)))


def changes_of_fold(engine: sa.Engine, *reports: Report) -> list[str]:
    """Fold reports, and return what the fold does more than for reports of one channel whose ids are known."""
    land(engine, reports, NOON)
    changes: list[str] = []
    for statement in statements_of(engine, lambda: fold(engine)):
        if statement.startswith("UPDATE rcs_message SET api_message_id"):
            changes.append("ids")
        elif statement.startswith("INSERT INTO rcs_message_channel") or "HAVING min(" in statement:
            changes.append("channels")
    return changes


def dispatched_in_doubt(engine: sa.Engine, people: list[str]) -> Claim:
    taken = dispatched(engine, people)
    mark_in_doubt(engine, taken, "the connection broke")
    return taken


def test_a_fold_looks_at_channels_only_where_several_have_reported(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    first = changes_of_fold(engine, report_on(taken, ANA, "12"), report_on(taken, BEA, "12"))
    again = changes_of_fold(engine, report_on(taken, ANA, "13"))
    by_another = changes_of_fold(engine, report_on(taken, BEA, "13", service="SMS"))

    assert (first, again, {*by_another}) == ([], [], {"channels"})


@pytest.mark.parametrize("knows_ids", [True, False])
@pytest.mark.parametrize("has_id", [True, False])
def test_a_fold_sets_ids_only_where_a_report_has_one_that_is_not_known(
    engine: sa.Engine, knows_ids: bool, has_id: bool
) -> None:
    taken = sent(engine) if knows_ids else dispatched(engine)

    changes = changes_of_fold(engine, report_on(taken, api_message_id=f"m-{ANA}" if has_id else ""))

    assert changes == (["ids"] if has_id and not knows_ids else [])


def test_a_report_sets_the_status_of_its_message(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, "13", service="RCS", reported_at=NOON))

    ana = row(engine, ANA)
    assert (ana.delivery_status, ana.delivery_code, ana.delivery_channel) == ("delivered", "13", "RCS")
    assert ana.delivery_at == NOON
    assert status(engine, BEA) == ""


def test_each_default_code_is_folded_to_its_status(engine: sa.Engine) -> None:
    codes = dict(zip(phones(len(DEFAULT_STATUS_CODES)), DEFAULT_STATUS_CODES, strict=True))
    taken = sent(engine, list(codes))

    land_and_fold(engine, *(report_on(taken, phone, code) for phone, code in codes.items()))

    assert {codes[phone]: each.delivery_status for phone, each in rows(engine).items()} == DEFAULT_STATUS_CODES


def test_fold_returns_the_number_of_folded_reports(engine: sa.Engine) -> None:
    taken = sent(engine)

    assert land_and_fold(engine, report_on(taken), report_on(taken), report_by_ids("unknown")) == 3
    assert fold(engine) == 0


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ("12", "13", "delivered"),
        ("12", "50", "failed"),
        ("52", "13", "delivered"),
        ("50", "13", "delivered"),
        ("13", "20", "read"),
        ("20", "21", "clicked"),
        ("99", "12", "sent"),
    ],
)
@pytest.mark.parametrize("in_order", [True, False])
def test_the_higher_of_two_statuses_wins_in_either_order(
    engine: sa.Engine, first: str, second: str, wins: str, in_order: bool
) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"20": "read", "21": "clicked"})

    for code in (first, second) if in_order else (second, first):
        land_and_fold(engine, report_on(taken, ANA, code))

    assert status(engine) == wins


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("codes", [("12", "52"), ("52", "12")])
def test_between_sent_and_delayed_the_later_one_wins(engine: sa.Engine, codes: list[str], in_order: bool) -> None:
    taken = sent(engine)
    earlier, later = (
        report_on(taken, ANA, code, reported_at=NOON + minute * MINUTE) for minute, code in enumerate(codes)
    )

    for each in (earlier, later) if in_order else (later, earlier):
        land_and_fold(engine, each)

    assert row(engine).delivery_code == codes[1]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_report_whose_date_cannot_be_read_counts_as_the_earliest(engine: sa.Engine, in_order: bool) -> None:
    taken = sent(engine)
    dated, undated = report_on(taken, ANA, "10"), report_on(taken, ANA, "12", reported_at=None)

    for each in (dated, undated) if in_order else (undated, dated):
        land_and_fold(engine, each)

    assert row(engine).delivery_code == "10"


@pytest.mark.parametrize("services", [("RCS", "SMS"), ("SMS", "RCS")])
@pytest.mark.parametrize("together", [True, False])
def test_reports_that_differ_only_in_their_service_give_the_same_status_in_any_order(
    engine: sa.Engine, services: tuple[str, ...], together: bool
) -> None:
    taken = sent(engine)
    reports = [report_on(taken, service=service) for service in services]

    for batch in [reports] if together else [reports[:1], reports[1:]]:
        land_and_fold(engine, *batch)

    assert row(engine).delivery_channel == "SMS"


def test_a_repeated_report_changes_nothing(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    before = row(engine)

    land_and_fold(engine, report_on(taken), report_on(taken))

    assert row(engine) == before


def test_a_repeated_report_is_stored(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken), report_on(taken))

    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(report)).scalar_one() == 2


@pytest.mark.parametrize("code", ["99", "00", "-1", "X", "1e1", "013"])
def test_an_unknown_code_is_stored_unchanged_and_is_not_final(engine: sa.Engine, code: str) -> None:
    land_and_fold(engine, report_on(sent(engine), ANA, code))

    assert (status(engine), row(engine).delivery_code) == ("unknown", code)
    assert (funnel(engine).final, funnel(engine).statuses[DeliveryStatus.UNKNOWN]) == (0, 1)


def test_an_override_decides_the_status_of_a_code(engine: sa.Engine) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"13": "read"})

    land_and_fold(engine, report_on(taken))

    assert status(engine) == "read"


def test_an_override_applies_to_its_own_campaign_only(engine: sa.Engine) -> None:
    spring, summer = sent(engine, name="spring"), sent(engine, name="summer")
    campaign(engine, "spring", overrides={"20": "read"})

    land_and_fold(engine, report_on(spring, ANA, "20"), report_on(summer, ANA, "20"))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("read", "unknown")


def test_the_service_of_the_winning_report_is_the_channel(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken, ANA, "50"), report_on(taken, ANA, "13", service="SMS"))

    assert (status(engine), row(engine).delivery_channel) == ("delivered", "SMS")


def test_a_report_without_a_reference_finds_its_message_by_the_services_ids(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])

    land_and_fold(engine, report_by_ids(f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("", "delivered")


def test_a_report_without_a_phone_finds_its_message_by_reference_and_message_id(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, "", api_message_id=f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("", "delivered")


def test_a_message_id_is_looked_up_in_the_request_that_the_report_names(engine: sa.Engine) -> None:
    sent(engine, [ANA], "spring", ids="same")
    settle(
        engine,
        [Settlement(dispatched(engine, [ANA], "summer"), [Outcome(ANA, MessageState.ACCEPTED, f"same-{ANA}")], "e-2")],
    )

    land_and_fold(engine, report_by_ids(f"same-{ANA}", campaign_id="e-2"))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("", "delivered")


def test_a_message_id_without_a_request_matches_no_message(engine: sa.Engine) -> None:
    sent(engine)

    land_and_fold(engine, report_by_ids(f"m-{ANA}", campaign_id=""))

    assert status(engine) == ""


def test_reports_on_messages_of_others_are_not_looked_up_among_the_messages(engine: sa.Engine) -> None:
    sent(engine)
    land(engine, [report_by_ids(f"m-{ANA}", campaign_id="of-others")], NOON)

    statements = statements_of(engine, lambda: fold(engine))

    assert not [text for text in statements if "rcs_message.api_message_id = rcs_report.api_message_id" in text]


def test_reference_and_phone_take_precedence_over_the_services_message_id(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, api_message_id=f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("delivered", "")


def test_the_reference_decides_between_two_campaigns_with_the_same_phone(engine: sa.Engine) -> None:
    sent(engine, [ANA], "spring", "s")
    summer = sent(engine, [ANA], "summer", "t")

    land_and_fold(engine, report_on(summer))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("", "delivered")


@pytest.mark.parametrize("unknown", [{"campaign_reference": "not-ours"}, {"phone": "+34699999999"}, {"phone": ""}])
def test_a_report_on_an_unknown_message_is_parked_and_changes_nothing(
    engine: sa.Engine, unknown: dict[str, str]
) -> None:
    taken = sent(engine)

    assert land_and_fold(engine, report_on(taken, **unknown)) == 1

    assert status(engine) == ""
    with engine.connect() as connection:
        parked = connection.execute(sa.select(report)).one()
    assert parked.fold is not None
    assert parked.message_id is None


def test_an_empty_message_id_matches_no_message(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.ACCEPTED, api_message_id="")], "e-1")])

    land_and_fold(engine, Report("13", phone=ANA))

    assert status(engine) == ""


def test_a_parked_report_is_folded_when_its_message_appears(engine: sa.Engine) -> None:
    land_and_fold(engine, report_by_ids(f"m-{ANA}"))
    sent(engine)

    assert fold_parked(engine) == 1

    assert status(engine) == "delivered"


def test_a_report_whose_message_is_still_unknown_stays_parked(engine: sa.Engine) -> None:
    land_and_fold(engine, report_by_ids("m-unknown"))
    sent(engine)

    assert fold_parked(engine) == 0


def test_fold_parked_also_folds_reports_that_have_just_landed(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert fold_parked(engine) == 1
    assert status(engine) == "delivered"


def test_what_does_not_depend_on_a_fold_goes_on_when_it_fails(
    sqlite_engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    land(sqlite_engine, [report_on(sent(sqlite_engine))], NOON)

    def refused(_engine: sa.Engine) -> int:
        raise RcsStoreUnavailable("store: it is full")

    def failed(_engine: sa.Engine) -> int:
        raise ValueError(ANA)

    assert [fold_if_possible(sqlite_engine, how) for how in (refused, failed)] == [0, 0]

    assert [each.message.partition("later: ")[2] for each in caplog.records] == ["store: it is full", "ValueError"]
    assert fold_if_possible(sqlite_engine) == 1


@pytest.mark.parametrize("fold_size", [1, 2, 3, 1000])
def test_all_reports_are_folded_whatever_the_size_of_a_fold(
    engine: sa.Engine, fold_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_REPORTS_PER_FOLD", fold_size)
    taken = sent(engine, phones(3))

    folded = land_and_fold(engine, *(report_on(taken, phone, code) for phone in phones(3) for code in ("12", "13")))

    assert folded == 6
    assert funnel(engine).delivered == 3
    with engine.connect() as connection:
        of_each_fold = connection.execute(sa.select(sa.func.count(report.c.id)).group_by(report.c.fold)).scalars().all()
    assert max(of_each_fold) == min(fold_size, 6)


def test_reports_on_several_campaigns_are_folded_together(engine: sa.Engine) -> None:
    names = [f"campaign {number}" for number in range(5)]
    claims = [sent(engine, [ANA], name, name) for name in names]

    land_and_fold(engine, *map(report_on, reversed(claims)))

    assert [status(engine, name=name) for name in names] == ["delivered"] * 5


@pytest.mark.postgresql
def test_a_fold_waits_for_a_lock_for_a_minute_at_most(postgres_engine: sa.Engine) -> None:
    with postgres_engine.begin() as connection:
        folding.lock_folding(connection)

        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "1min"


def test_fold_numbers_rise(engine: sa.Engine) -> None:
    taken = sent(engine)

    for _ in range(3):
        land_and_fold(engine, report_on(taken))

    with engine.connect() as connection:
        numbers = list(connection.execute(sa.select(report.c.fold).order_by(report.c.id)).scalars())
    assert numbers == sorted(set(numbers))


def test_a_message_that_a_fold_changes_gets_a_new_revision(engine: sa.Engine) -> None:
    taken = sent(engine)
    before = row(engine).revision

    land_and_fold(engine, report_on(taken))

    assert row(engine).revision > before


def test_each_message_of_a_fold_gets_the_revision_of_its_own_campaign(engine: sa.Engine) -> None:
    spring, summer = sent(engine, name="spring"), sent(engine, name="summer")
    land_and_fold(engine, report_on(spring, code="12"))

    land_and_fold(engine, report_on(spring), report_on(summer))

    with engine.connect() as connection:
        found = connection.execute(sa.select(campaigns.c.name, campaigns.c.revision))
        of_campaigns = {each.name: each.revision for each in found}
    assert of_campaigns["spring"] > of_campaigns["summer"]
    assert {name: row(engine, name=name).revision for name in of_campaigns} == of_campaigns


@pytest.mark.slow
def test_each_further_campaign_costs_a_fold_one_statement(engine: sa.Engine) -> None:
    few = [sent(engine, name=f"few-{number}") for number in range(2)]
    many = [sent(engine, name=f"many-{number}") for number in range(12)]

    of_few = statements_to_fold(engine, *(report_on(each) for each in few))
    of_many = statements_to_fold(engine, *(report_on(each) for each in many))

    # The lock of the campaign.
    assert of_many - of_few == len(many) - len(few)


def test_a_report_accepts_a_message_in_doubt_beside_one_already_accepted(engine: sa.Engine) -> None:
    known, doubted = sent(engine, [ANA]), dispatched(engine, [BEA])
    settle(engine, [Settlement(doubted, [Outcome(BEA, MessageState.IN_DOUBT, reason="no reply")], "")])

    land_and_fold(engine, report_on(known), report_on(doubted, BEA))

    assert {phone: row(engine, phone).state for phone in (ANA, BEA)} == dict.fromkeys((ANA, BEA), "accepted")


def test_a_repeated_report_changes_nothing_beside_one_that_proves_another_message(engine: sa.Engine) -> None:
    known, doubted = sent(engine, [ANA]), dispatched_in_doubt(engine, [BEA])
    land_and_fold(engine, report_on(known))
    before = row(engine)

    land_and_fold(engine, report_on(known), report_on(doubted, BEA))

    assert row(engine) == before


def test_a_report_accepts_a_message_whose_reply_is_still_awaited(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, "12"))

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


@pytest.mark.parametrize("replied", [MessageState.REJECTED, MessageState.IN_DOUBT])
def test_a_report_accepts_a_message_whatever_the_reply_said(engine: sa.Engine, replied: MessageState) -> None:
    taken = dispatched(engine)
    settle(engine, [Settlement(taken, [Outcome(ANA, replied, reason="so the reply says")], "e-1")])

    land_and_fold(engine, report_on(taken))

    assert (row(engine).state, row(engine).reason) == ("accepted", "")


def test_a_report_accepts_a_message_that_was_requeued_after_a_refusal(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    requeue_refused(engine, taken, "not enough credit")

    land_and_fold(engine, report_on(taken))

    assert states(engine) == {ANA: "accepted"}


def test_a_report_accepts_all_messages_of_a_request_whose_reply_was_lost(engine: sa.Engine) -> None:
    taken = dispatched_in_doubt(engine, [ANA, BEA, EVA])
    before = row(engine, BEA).revision

    land_and_fold(engine, report_on(taken, ANA, "50"))

    assert set(states(engine).values()) == {"accepted"}
    assert [row(engine, phone).reason for phone in (ANA, BEA)] == ["", ACCEPTED_BY_REPORT]
    assert row(engine, BEA).revision > before
    assert request_row(engine, taken).echoed_at is not None


def test_a_report_on_a_request_in_doubt_does_not_accept_those_of_another(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    first, second = claim_next(engine, holder, 1), claim_next(engine, holder, 1)
    for each in (first, second):
        mark_in_doubt(engine, each, "the connection broke")

    land_and_fold(engine, report_on(first, ANA))

    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}


def test_a_report_does_not_accept_others_that_a_readable_reply_left_in_doubt(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    silent_on_bea = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.IN_DOUBT, reason="silent")]
    settle(engine, [Settlement(taken, silent_on_bea, "e-1")])

    land_and_fold(engine, report_on(taken, ANA))

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("in_doubt", "silent")


def test_a_late_reply_takes_precedence_over_a_report_on_the_same_request(engine: sa.Engine) -> None:
    taken = dispatched_in_doubt(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))
    outcomes = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, [Settlement(taken, outcomes, "e-1")])

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("rejected", "no RCS")


def test_a_duplicate_at_the_service_ends_the_same_if_report_or_reply_comes_first(engine: sa.Engine) -> None:
    for name, reply_first in (("spring", True), ("summer", False)):
        taken = dispatched(engine, [ANA], name)
        outcomes = [Outcome(ANA, MessageState.DUPLICATE, reason="left out")]
        if reply_first:
            settle(engine, [Settlement(taken, outcomes, "e-1")])
        land_and_fold(engine, report_on(taken))
        if not reply_first:
            settle(engine, [Settlement(taken, outcomes, "e-1")])

    assert states(engine, "spring") == states(engine, "summer")


def test_a_report_sets_the_services_message_id_if_the_reply_was_lost(engine: sa.Engine) -> None:
    taken = dispatched_in_doubt(engine, [ANA])

    land_and_fold(engine, report_on(taken, ANA, api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"


def test_a_report_that_does_not_win_sets_the_services_message_id_too(engine: sa.Engine) -> None:
    taken = dispatched_in_doubt(engine, [ANA])
    land_and_fold(engine, report_on(taken, ANA, "13"))

    before = row(engine).revision
    land_and_fold(engine, report_on(taken, ANA, "12", api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"
    assert row(engine).revision > before


def test_of_several_reports_the_one_that_has_it_sets_the_services_message_id(engine: sa.Engine) -> None:
    taken = dispatched_in_doubt(engine, [ANA])

    land_and_fold(engine, report_on(taken), report_on(taken, api_message_id="m-9"), report_on(taken))

    assert row(engine).api_message_id == "m-9"


def test_reports_set_the_message_ids_of_their_own_messages_where_the_reply_gave_none(engine: sa.Engine) -> None:
    known, doubted = sent(engine, [ANA]), dispatched_in_doubt(engine, [BEA, EVA])

    land_and_fold(
        engine, report_on(known, ANA, api_message_id="m-other"), report_on(doubted, BEA, api_message_id="m-9")
    )

    assert {phone: each.api_message_id for phone, each in rows(engine).items()} == {
        ANA: f"m-{ANA}",
        BEA: "m-9",
        EVA: None,
    }


def test_the_message_id_of_the_reply_takes_precedence_over_that_of_a_report(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken, ANA, api_message_id="m-other"))

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    assert row(engine).api_message_id == f"m-{ANA}"


def test_a_refusal_after_a_report_on_the_same_request_requeues_nothing(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))

    requeue_refused(engine, taken, "too many requests")

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
