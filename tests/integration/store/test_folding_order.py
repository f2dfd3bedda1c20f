"""Folding ends in the same statuses for any order, repetition and division of the reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState, status_codes
from airflow_provider_rcs.store.inbox.folding import fold, fold_parked
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.settlement import Settlement, mark_in_doubt, settle
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, campaign, dispatched, phones, report_on, rows

PEOPLE = (ANA, BEA, EVA)
CODES = ("10", "12", "52", "50", "13", "14", "20", "21", "99")
SERVICES = ("RCS", "SMS", "")
MINUTES = (None, 0, 1, 2)
OVERRIDES = {"20": "read", "21": "clicked"}
WITHIN_A_CHANNEL = ("unknown", "sent delayed", "failed", "delivered", "read", "clicked")
AMONG_CHANNELS = ("unknown", "failed", "sent delayed", "delivered", "read", "clicked")
names = count()
# Without shrinking: a history of a few reports is readable as it is, and each attempt costs a dozen transactions.
thorough = settings(
    max_examples=10,
    deadline=None,
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A report to be pushed: its recipient, its content, and how it identifies its message."""

    phone: str
    code: str
    service: str
    minute: int | None
    by: str

    @property
    def moment(self) -> datetime | None:
        return None if self.minute is None else NOON + timedelta(minutes=self.minute)

    @property
    def status(self) -> str:
        return status_codes(OVERRIDES).get(self.code, DeliveryStatus.UNKNOWN)

    def sort_key(self, order: tuple[str, ...]) -> tuple[object, ...]:
        ranks = [rank for rank, statuses in enumerate(order) if self.status in statuses.split()]
        return ranks[0], -1 if self.minute is None else self.minute, self.code

    def on(self, claim: Claim, name: str) -> Report:
        made = report_on(claim, self.phone, self.code, service=self.service, reported_at=self.moment)
        message_id = f"{name}-{self.phone}"
        named: dict[str, dict[str, Any]] = {
            "reference": {},
            "ids": {"api_campaign_id": "e-1", "api_message_id": message_id, "campaign_reference": "", "phone": ""},
            "both": {"api_message_id": message_id},
        }
        return made._replace(**named[self.by])


def pushed(*by: str) -> st.SearchStrategy[Pushed]:
    return st.builds(
        Pushed,
        phone=st.sampled_from(PEOPLE),
        code=st.sampled_from(CODES),
        service=st.sampled_from(SERVICES),
        minute=st.sampled_from(MINUTES),
        by=st.sampled_from(by),
    )


@st.composite
def histories(draw: st.DrawFn, *by: str, steps: tuple[str, ...]) -> tuple[list[Pushed], list[Pushed | str]]:
    """Draw reports, and a history: all of them, some repeated, with folds and other steps in between."""
    reports = draw(st.lists(pushed(*by), min_size=1, max_size=6))
    repeated = draw(st.lists(st.sampled_from(reports), max_size=3))
    folds = ["fold"] * draw(st.integers(0, 3))
    history: list[Pushed | str] = draw(st.permutations([*reports, *repeated, *folds]))
    places = st.lists(st.integers(0, len(history)), min_size=len(steps), max_size=len(steps))
    for place, step in reversed(list(zip(sorted(draw(places)), steps, strict=True))):
        history.insert(place, step)
    return reports, history


def many_pushed(chance: Random, people: Sequence[str]) -> list[Pushed]:
    """Return several reports on each of many recipients: a fold processes them as it does those on one."""
    return [
        Pushed(
            phone=chance.choice(people),
            code=chance.choice(CODES),
            service=chance.choice(SERVICES),
            minute=chance.choice(MINUTES),
            by=chance.choice(("reference", "both")),
        )
        for _ in range(3 * len(people))
    ]


def final_rows(
    engine: sa.Engine,
    history: list[Any],
    steps: Mapping[str, Callable[[Claim, str], object]],
    people: Sequence[str] = PEOPLE,
) -> list[tuple[object, ...]]:
    name = f"campaign {next(names)}"
    claim = dispatched(engine, people, name)
    campaign(engine, name, OVERRIDES)
    for step in history:
        if isinstance(step, Pushed):
            land(engine, [step.on(claim, name)], NOON)
        elif isinstance(step, list):
            land(engine, [each.on(claim, name) for each in step], NOON)
        elif step == "fold":
            fold(engine)
        else:
            steps[step](claim, name)
    fold_parked(engine)
    return [
        (
            each.state,
            each.delivery_status,
            each.delivery_rank,
            each.delivery_code,
            each.delivery_channel,
            each.delivery_at,
        )
        for each in rows(engine, name).values()
    ]


def expected_status(reports: list[Pushed]) -> tuple[object, ...]:
    """Return status, code, channel and date of a message, found by comparing all of its reports."""
    if not reports:
        return "", "", "", None
    latest_of_channels = [
        max((each for each in reports if each.service == service), key=lambda each: each.sort_key(WITHIN_A_CHANNEL))
        for service in {report.service for report in reports}
    ]
    winner = max(latest_of_channels, key=lambda each: (*each.sort_key(AMONG_CHANNELS), each.service))
    return winner.status, winner.code, winner.service, winner.moment


def reply(engine: sa.Engine, *outcome_states: MessageState) -> Callable[[Claim, str], object]:
    def settle_claim(claim: Claim, name: str) -> None:
        outcomes = [
            Outcome(phone, state, f"{name}-{phone}" if state is MessageState.ACCEPTED else "")
            for phone, state in zip(PEOPLE, outcome_states, strict=True)
        ]
        settle(engine, [Settlement(claim, outcomes, "e-1")])

    return settle_claim


@thorough
@given(histories("reference", "ids", "both", steps=("reply",)))
def test_order_does_not_matter_if_the_reply_accepts_every_recipient(
    engine: sa.Engine, drawn: tuple[list[Pushed], list[Any]]
) -> None:
    reports, history = drawn
    steps = {"reply": reply(engine, *[MessageState.ACCEPTED] * 3)}

    assert final_rows(engine, history, steps) == final_rows(engine, ["reply", *reports], steps)


@thorough
@given(histories("reference", "both", steps=("doubt",)))
def test_order_does_not_matter_if_the_reply_is_lost(engine: sa.Engine, drawn: tuple[list[Pushed], list[Any]]) -> None:
    reports, history = drawn
    steps = {"doubt": lambda claim, _name: mark_in_doubt(engine, claim, "lost")}

    assert final_rows(engine, history, steps) == final_rows(engine, ["doubt", *reports], steps)


@settings(thorough, max_examples=5)
@given(st.randoms(use_true_random=True))
def test_statuses_follow_the_ranking_of_channels(engine: sa.Engine, chance: Random) -> None:
    people = phones(100)
    reports = many_pushed(chance, people)
    history: list[Any] = [step for start in range(4) for step in (reports[start::4], "fold")]
    history.insert(chance.randint(0, len(history)), "reply")
    steps = {"reply": lambda claim, name: settle(engine, [Settlement(claim, accepted(claim, name), "e-1")])}

    ends = final_rows(engine, history, steps, people)

    found = [(status, code, channel, at) for _, status, _, code, channel, at in ends]
    assert found == [expected_status([report for report in reports if report.phone == phone]) for phone in people]


outcome_states = st.tuples(
    *[st.sampled_from([MessageState.ACCEPTED, MessageState.REJECTED, MessageState.IN_DOUBT])] * 3
)


@thorough
@given(histories("reference", "both", steps=("reply",)), outcome_states)
def test_order_does_not_matter_if_the_reply_has_different_outcomes(
    engine: sa.Engine, drawn: tuple[list[Pushed], list[Any]], states: tuple[MessageState, ...]
) -> None:
    reports, history = drawn
    steps = {"reply": reply(engine, *states)}

    assert final_rows(engine, history, steps) == final_rows(engine, ["reply", *reports], steps)


@thorough
@given(histories("reference", "both", steps=("doubt", "reply")), outcome_states)
def test_order_does_not_matter_if_the_reply_arrives_after_the_doubt(
    engine: sa.Engine, drawn: tuple[list[Pushed], list[Any]], states: tuple[MessageState, ...]
) -> None:
    reports, history = drawn
    steps = {"doubt": lambda claim, _name: mark_in_doubt(engine, claim, "lost"), "reply": reply(engine, *states)}

    assert final_rows(engine, history, steps) == final_rows(engine, ["doubt", "reply", *reports], steps)
