"""Landed reports as the latest status of their messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import DEFAULT_STATUS_CODES, DeliveryStatus, MessageState
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import report
from airflow_provider_rcs.store.inbox import folding
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
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
    phones,
    planned,
    land_and_fold,
    report_on,
    request_row,
    row,
    rows,
    sent,
    states,
)

MINUTE = timedelta(minutes=1)


def by_ids_alone(message_id: str, code: str = "13", campaign_id: str = "e-1") -> Report:
    return Report(code, service="RCS", api_campaign_id=campaign_id, api_message_id=message_id, reported_at=NOON)


def status(engine: sa.Engine, phone: str = ANA, name: str = "spring") -> str:
    found: str = row(engine, phone, name).delivery_status
    return found


def test_a_report_becomes_the_status_of_its_message(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, "13", service="RCS", reported_at=NOON))

    ana = row(engine, ANA)
    assert (ana.delivery_status, ana.delivery_code, ana.delivery_channel) == ("delivered", "13", "RCS")
    assert ana.delivery_at == NOON
    assert status(engine, BEA) == ""


def test_each_of_the_vendors_codes_is_folded_to_its_status(engine: sa.Engine) -> None:
    codes = dict(zip(phones(len(DEFAULT_STATUS_CODES)), DEFAULT_STATUS_CODES, strict=True))
    taken = sent(engine, list(codes))

    land_and_fold(engine, *(report_on(taken, phone, code) for phone, code in codes.items()))

    assert {codes[phone]: each.delivery_status for phone, each in rows(engine).items()} == DEFAULT_STATUS_CODES


def test_folding_tells_how_many_reports_it_took_up(engine: sa.Engine) -> None:
    taken = sent(engine)

    assert land_and_fold(engine, report_on(taken), report_on(taken), by_ids_alone("unknown")) == 3
    assert fold(engine) == 0


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ("11", "13", "delivered"),
        ("11", "50", "failed"),
        ("52", "13", "delivered"),
        ("50", "13", "delivered"),
        ("13", "20", "read"),
        ("20", "21", "clicked"),
        ("99", "11", "sent"),
    ],
)
@pytest.mark.parametrize("in_order", [True, False])
def test_of_two_statuses_the_one_that_tells_more_wins_whenever_it_came(
    engine: sa.Engine, first: str, second: str, wins: str, in_order: bool
) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"20": "read", "21": "clicked"})

    for code in (first, second) if in_order else (second, first):
        land_and_fold(engine, report_on(taken, ANA, code))

    assert status(engine) == wins


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("codes", [("11", "52"), ("52", "11")])
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
    dated, undated = report_on(taken, ANA, "10"), report_on(taken, ANA, "11", reported_at=None)

    for each in (dated, undated) if in_order else (undated, dated):
        land_and_fold(engine, each)

    assert row(engine).delivery_code == "10"


@pytest.mark.parametrize("services", [("RCS", "SMS"), ("SMS", "RCS")])
@pytest.mark.parametrize("together", [True, False])
def test_reports_that_differ_in_their_service_alone_end_the_same_in_any_order(
    engine: sa.Engine, services: tuple[str, ...], together: bool
) -> None:
    taken = sent(engine)
    reports = [report_on(taken, service=service) for service in services]

    for some in [reports] if together else [reports[:1], reports[1:]]:
        land_and_fold(engine, *some)

    assert row(engine).delivery_channel == "SMS"


def test_a_report_that_comes_again_changes_nothing(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken))
    before = row(engine)

    land_and_fold(engine, report_on(taken), report_on(taken))

    assert row(engine) == before


def test_a_report_that_comes_again_is_kept(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken), report_on(taken))

    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(report)).scalar_one() == 2


@pytest.mark.parametrize("code", ["99", "0", "-1", "X", "1e1", "013"])
def test_a_code_that_nobody_knows_is_kept_as_it_came_and_never_final(engine: sa.Engine, code: str) -> None:
    land_and_fold(engine, report_on(sent(engine), ANA, code))

    assert (status(engine), row(engine).delivery_code) == ("unknown", code)
    assert (funnel(engine).final, funnel(engine).statuses[DeliveryStatus.UNKNOWN]) == (0, 1)


def test_an_override_of_the_connection_decides_what_a_code_means(engine: sa.Engine) -> None:
    taken = sent(engine)
    campaign(engine, overrides={"13": "read"})

    land_and_fold(engine, report_on(taken))

    assert status(engine) == "read"


def test_an_override_counts_for_its_own_campaign_alone(engine: sa.Engine) -> None:
    spring, summer = sent(engine, name="spring"), sent(engine, name="summer")
    campaign(engine, "spring", overrides={"20": "read"})

    land_and_fold(engine, report_on(spring, ANA, "20"), report_on(summer, ANA, "20"))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("read", "unknown")


def test_the_channel_of_another_service_is_kept(engine: sa.Engine) -> None:
    taken = sent(engine)

    land_and_fold(engine, report_on(taken, ANA, "50"), report_on(taken, ANA, "13", service="SMS"))

    assert (status(engine), row(engine).delivery_channel) == ("delivered", "SMS")


def test_a_report_is_told_by_the_services_ids_where_it_has_no_reference(engine: sa.Engine) -> None:
    sent(engine, [ANA, BEA])

    land_and_fold(engine, by_ids_alone(f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("", "delivered")


def test_a_report_is_told_by_its_reference_and_the_services_message_id_where_it_has_no_phone(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, "", api_message_id=f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("", "delivered")


def test_a_message_id_is_looked_for_within_the_request_that_the_report_names(engine: sa.Engine) -> None:
    sent(engine, [ANA], "spring", ids="same")
    settle(
        engine,
        [Settlement(dispatched(engine, [ANA], "summer"), [Outcome(ANA, MessageState.ACCEPTED, f"same-{ANA}")], "e-2")],
    )

    land_and_fold(engine, by_ids_alone(f"same-{ANA}", campaign_id="e-2"))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("", "delivered")


def test_a_message_id_without_any_request_is_nobodys(engine: sa.Engine) -> None:
    sent(engine)

    land_and_fold(engine, by_ids_alone(f"m-{ANA}", campaign_id=""))

    assert status(engine) == ""


def test_reports_on_what_others_send_are_not_looked_for_among_the_messages(engine: sa.Engine) -> None:
    sent(engine)
    land(engine, [by_ids_alone(f"m-{ANA}", campaign_id="of-others")], NOON)
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, text, *_: asked.append(text))

    fold(engine)

    assert not [text for text in asked if "rcs_message.api_message_id = rcs_report.api_message_id" in text]


def test_reference_and_phone_count_before_the_services_message_id(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, api_message_id=f"m-{BEA}"))

    assert (status(engine, ANA), status(engine, BEA)) == ("delivered", "")


def test_a_phone_of_two_campaigns_is_told_apart_by_the_reference(engine: sa.Engine) -> None:
    sent(engine, [ANA], "spring", "s")
    summer = sent(engine, [ANA], "summer", "t")

    land_and_fold(engine, report_on(summer))

    assert (status(engine, name="spring"), status(engine, name="summer")) == ("", "delivered")


@pytest.mark.parametrize("alien", [{"campaign_reference": "not-ours"}, {"phone": "34699999999"}, {"phone": ""}])
def test_a_report_on_nobody_of_ours_is_parked_and_touches_nothing(engine: sa.Engine, alien: dict[str, str]) -> None:
    taken = sent(engine)

    assert land_and_fold(engine, report_on(taken, **alien)) == 1

    assert status(engine) == ""
    with engine.connect() as connection:
        parked = connection.execute(sa.select(report)).one()
    assert parked.fold is not None
    assert parked.message_id is None


def test_an_empty_message_id_is_nobodys(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    settle(engine, [Settlement(taken, [Outcome(ANA, MessageState.ACCEPTED, api_message_id="")], "e-1")])

    land_and_fold(engine, Report("13", phone=ANA))

    assert status(engine) == ""


def test_a_parked_report_is_folded_when_its_message_appears(engine: sa.Engine) -> None:
    land_and_fold(engine, by_ids_alone(f"m-{ANA}"))
    sent(engine)

    assert fold_parked(engine) == 1

    assert status(engine) == "delivered"


def test_a_report_whose_message_is_still_unknown_stays_parked(engine: sa.Engine) -> None:
    land_and_fold(engine, by_ids_alone("m-unknown"))
    sent(engine)

    assert fold_parked(engine) == 0


def test_folding_the_parked_ones_takes_up_those_that_just_landed_too(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert fold_parked(engine) == 1
    assert status(engine) == "delivered"


@pytest.mark.parametrize("a_fold", [1, 2, 3, 1000])
def test_reports_are_all_folded_however_many_one_fold_takes(
    engine: sa.Engine, a_fold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_REPORTS_PER_FOLD", a_fold)
    taken = sent(engine, phones(3))

    folded = land_and_fold(engine, *(report_on(taken, phone, code) for phone in phones(3) for code in ("11", "13")))

    assert folded == 6
    assert funnel(engine).delivered == 3


def test_reports_on_several_campaigns_are_folded_together(engine: sa.Engine) -> None:
    names = [f"campaign {number}" for number in range(5)]
    claims = [sent(engine, [ANA], name, name) for name in names]

    land_and_fold(engine, *map(report_on, reversed(claims)))

    assert [status(engine, name=name) for name in names] == ["delivered"] * 5


def test_folds_are_numbered_upwards(engine: sa.Engine) -> None:
    taken = sent(engine)

    for _ in range(3):
        land_and_fold(engine, report_on(taken))

    with engine.connect() as connection:
        numbers = list(connection.execute(sa.select(report.c.fold).order_by(report.c.id)).scalars())
    assert numbers == sorted(set(numbers))


def test_a_message_that_a_fold_changes_carries_the_campaigns_new_revision(engine: sa.Engine) -> None:
    taken = sent(engine)
    before = row(engine).revision

    land_and_fold(engine, report_on(taken))

    assert row(engine).revision > before


def test_each_message_of_a_fold_carries_the_revision_of_its_own_campaign(engine: sa.Engine) -> None:
    spring, summer = sent(engine, name="spring"), sent(engine, name="summer")
    land_and_fold(engine, report_on(spring, code="11"))

    land_and_fold(engine, report_on(spring), report_on(summer))

    with engine.connect() as connection:
        told = connection.execute(sa.select(campaigns.c.name, campaigns.c.revision))
        of_campaigns = {each.name: each.revision for each in told}
    assert of_campaigns["spring"] > of_campaigns["summer"]
    assert {name: row(engine, name=name).revision for name in of_campaigns} == of_campaigns


def test_reports_on_more_campaigns_take_one_statement_more_each_to_fold(engine: sa.Engine) -> None:
    few = [sent(engine, name=f"few-{number}") for number in range(2)]
    many = [sent(engine, name=f"many-{number}") for number in range(12)]

    of_few = statements_to_fold(engine, *(report_on(each) for each in few))
    of_many = statements_to_fold(engine, *(report_on(each) for each in many))

    # That of the campaign's lock.
    assert of_many - of_few == len(many) - len(few)


def test_a_report_proves_a_message_in_doubt_accepted_beside_one_that_is_known_to_be(engine: sa.Engine) -> None:
    known, doubted = sent(engine, [ANA]), dispatched(engine, [BEA])
    settle(engine, [Settlement(doubted, [Outcome(BEA, MessageState.IN_DOUBT, reason="no reply")], "")])

    land_and_fold(engine, report_on(known), report_on(doubted, BEA))

    assert {phone: row(engine, phone).state for phone in (ANA, BEA)} == dict.fromkeys((ANA, BEA), "accepted")


def statements_to_fold(engine: sa.Engine, *reports: Report) -> int:
    land(engine, reports, NOON)
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    fold(engine)
    sa.event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def lost(engine: sa.Engine, people: list[str]) -> Claim:
    taken = dispatched(engine, people)
    mark_in_doubt(engine, taken, "the connection broke")
    return taken


def test_a_report_proves_a_message_accepted_whose_reply_is_still_awaited(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])

    land_and_fold(engine, report_on(taken, ANA, "11"))

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


@pytest.mark.parametrize("told", [MessageState.REJECTED, MessageState.IN_DOUBT])
def test_a_report_proves_a_message_accepted_whatever_the_reply_said(engine: sa.Engine, told: MessageState) -> None:
    taken = dispatched(engine)
    settle(engine, [Settlement(taken, [Outcome(ANA, told, reason="so the reply says")], "e-1")])

    land_and_fold(engine, report_on(taken))

    assert (row(engine).state, row(engine).reason) == ("accepted", "")


def test_a_report_proves_a_message_accepted_that_a_refusal_gave_back(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    requeue_refused(engine, taken, "not enough credit")

    land_and_fold(engine, report_on(taken))

    assert states(engine) == {ANA: "accepted"}


def test_a_report_on_a_lost_request_proves_all_of_it_accepted(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA, BEA, EVA])

    land_and_fold(engine, report_on(taken, ANA, "50"))

    assert set(states(engine).values()) == {"accepted"}
    assert [row(engine, phone).reason for phone in (ANA, BEA)] == ["", ACCEPTED_BY_REPORT]
    assert request_row(engine, taken).echoed_at is not None


def test_a_report_on_a_lost_request_proves_nothing_of_another_one(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    first, second = claim_next(engine, holder, 1), claim_next(engine, holder, 1)
    for each in (first, second):
        mark_in_doubt(engine, each, "the connection broke")

    land_and_fold(engine, report_on(first, ANA))

    assert states(engine) == {ANA: "accepted", BEA: "in_doubt"}


def test_a_report_proves_nothing_of_those_whom_a_readable_reply_left_in_doubt(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    silent_on_bea = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.IN_DOUBT, reason="silent")]
    settle(engine, [Settlement(taken, silent_on_bea, "e-1")])

    land_and_fold(engine, report_on(taken, ANA))

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("in_doubt", "silent")


def test_a_reply_that_comes_after_the_echo_tells_more_than_the_echo(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))
    outcomes = [Outcome(ANA, MessageState.ACCEPTED, "m-1"), Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle(engine, [Settlement(taken, outcomes, "e-1")])

    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("rejected", "no RCS")


def test_a_duplicate_of_the_services_ends_the_same_whether_reply_or_report_came_first(engine: sa.Engine) -> None:
    for name, reply_first in (("spring", True), ("summer", False)):
        taken = dispatched(engine, [ANA], name)
        outcomes = [Outcome(ANA, MessageState.DUPLICATE, reason="left out")]
        if reply_first:
            settle(engine, [Settlement(taken, outcomes, "e-1")])
        land_and_fold(engine, report_on(taken))
        if not reply_first:
            settle(engine, [Settlement(taken, outcomes, "e-1")])

    assert states(engine, "spring") == states(engine, "summer")


def test_the_services_message_id_is_learned_from_a_report_where_the_reply_was_lost(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA])

    land_and_fold(engine, report_on(taken, ANA, api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"


def test_the_services_message_id_is_learned_from_any_report_not_only_from_the_one_that_wins(engine: sa.Engine) -> None:
    taken = lost(engine, [ANA])
    land_and_fold(engine, report_on(taken, ANA, "13"))

    land_and_fold(engine, report_on(taken, ANA, "11", api_message_id="m-9"))

    assert row(engine).api_message_id == "m-9"


def test_the_replys_message_id_counts_before_that_of_a_report(engine: sa.Engine) -> None:
    taken = dispatched(engine)
    land_and_fold(engine, report_on(taken, ANA, api_message_id="m-other"))

    settle(engine, [Settlement(taken, accepted(taken), "e-1")])

    assert row(engine).api_message_id == f"m-{ANA}"


def test_a_refusal_against_the_echo_of_the_same_request_plans_nobody_again(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])
    land_and_fold(engine, report_on(taken, ANA))

    requeue_refused(engine, taken, "too many requests")

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
