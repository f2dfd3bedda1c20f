"""A campaign under test, sent by processes, and its ledger compared with the service's own record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import account_of
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.tables import attempt, campaign, message, request
from airflow_provider_rcs.store.maintenance.checking import check
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.chaos.sender import DONE, KILLED, TEMPLATE, Sender, Task
from tests.chaos.steps import Step
from tests.chaos.stores import Store
from tests.sandbox_process import SandboxProcess
from tests.unit.sending.service import Service

IN_DOUBT = "RcsInDoubtError"
_POSSIBLY_MESSAGED = {"sending", "in_doubt", "accepted"}
_DISPATCHED_STATES = ("sending", "accepted")
_ROWS_PER_CHUNK = 70
_MAX_RETRIES = 20
_SECONDS_TO_WAIT = 60


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the store says of a campaign.

    :param token: the first part of the references of its requests; empty until the campaign exists.
    :param listed: number of listed recipients, in any state.
    :param states: phone -> state.
    """

    token: str
    listed: int
    states: Mapping[str, str]

    def phones(self, *states: str) -> set[str]:
        return {phone for phone, state in self.states.items() if state in states}

    def count(self, state: str) -> int:
        return len(self.phones(state))


class CampaignUnderTest:
    """A campaign with a list of recipients, some repeated and some without a usable phone, that processes send.

    :param people: number of recipients that can be sent to.
    :param tally: counts for the summary, to which kills, messages and the like are added.
    :param task: further fields of the :class:`Task` of its processes.
    """

    def __init__(
        self, store: Store, sandbox: SandboxProcess, tally: Counter[str], people: int = 100, **task: Any
    ) -> None:
        self.name = f"campaign-{uuid4().hex[:12]}"
        self.store = store
        self.sandbox = sandbox
        self.tally = tally
        self.phones = {f"+346{number:08d}" for number in range(people)}
        rows = [*sorted(self.phones), "+34600000001", "nobody", "+34600000002", ""]
        self.listed = len(rows)
        chunks = [{"phone": rows[start : start + _ROWS_PER_CHUNK]} for start in range(0, len(rows), _ROWS_PER_CHUNK)]
        self._task = Task(store.url, sandbox.url, sandbox.login, sandbox.password, self.name, chunks, **task)
        tally["messages asked for"] += people
        store.receive_reports_from(sandbox)

    def schedule(self) -> None:
        """List the recipients in the store, for processes that dispatch campaigns that are due."""
        schedule_campaign(
            self.store.engine,
            Service(account=account_of(self._task.service_url, self._task.login)),
            Template(TEMPLATE, "Plain greeting"),
            SendSettings(
                template_id=TEMPLATE,
                campaign=self.name,
                batch_size=self._task.batch_size,
                max_in_flight=self._task.max_in_flight,
                send_at=datetime.now(UTC) + timedelta(minutes=5),
                scheduled_by="store",
            ),
            self._task.chunks,
            DispatchConnections("rcs_default"),
            started_by=StartedBy(started_by="a test"),
            lease=timedelta(seconds=self._task.lease),
        )

    def exclude(self, phones: Sequence[str]) -> None:
        """Exclude phones in the processes that are started from now on."""
        self._task = replace(self._task, excluded=tuple(phones))

    def prepare(self, **changes: Any) -> Sender:
        """Return a process that is ready to send, and waits until it is begun."""
        return Sender(replace(self._task, **changes))

    def start(self, **changes: Any) -> Sender:
        return self.prepare(**changes).begin()

    def send(self, **changes: Any) -> str:
        """Send with a process, and return how it ended."""
        return self.wait_for_end(self.start(**changes))

    def wait_for_end(self, process: Sender) -> str:
        """Wait until a process has ended, and return how it ended."""
        ended = process.end()
        self.tally["kills"] += ended == KILLED
        return ended

    def send_until_killed(self, step: Step, occurrence: int) -> None:
        """Send with a process that is killed at a step, and expire its lease at once, so that no retry waits for it."""
        ended = self.send(killed_at=(step, occurrence))
        assert ended == KILLED, f"{ended}, instead of being killed {step}"
        with self.store.engine.begin() as connection:
            is_its_attempt = (
                attempt.c.campaign_id == sa.select(campaign.c.id).where(self._is_this_campaign).scalar_subquery()
            )
            connection.execute(
                attempt.update().where(is_its_attempt).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
            )

    def inject_fault(self, nth: int, kind: str, **details: Any) -> None:
        """Make the n-th request from now fail."""
        self.sandbox.faults([{"request": self.sandbox.statistics()["send_requests"] + nth, "kind": kind, **details}])
        self.tally["faults"] += 1

    def send_until_none_is_planned(self) -> int:
        """Retry until no message is planned, check the ledger after each retry, and return how many are in doubt."""
        for _ in range(_MAX_RETRIES):
            ended = self.send()
            ledger = self.require_consistent_ledger()
            if ended in (DONE, IN_DOUBT):
                assert not ledger.phones("planned", "sending")
                return ledger.count("in_doubt")
        raise AssertionError(f"after {_MAX_RETRIES} retries: {ended}, {Counter(ledger.states.values())}")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, such as one on the ledger."""
        end = time.monotonic() + _SECONDS_TO_WAIT
        while not condition():
            assert time.monotonic() < end, Counter(self.ledger().states.values())
            time.sleep(0.01)

    def wait_until_claimed(self, requests: int) -> None:
        self.wait_until(lambda: sum(self.requests_by_attempt().values()) == requests)

    def wait_until_dispatched(self, requests: int) -> None:
        self.wait_until(lambda: self._dispatched_requests() == requests)

    def _dispatched_requests(self) -> int:
        with self.store.engine.connect() as connection:
            left = sa.select(sa.func.count()).select_from(request.join(campaign))
            return int(
                connection.execute(
                    left.where(self._is_this_campaign, request.c.state.in_(_DISPATCHED_STATES))
                ).scalar_one()
            )

    def wait_until_leases_have_run_out(self) -> None:
        with self.store.engine.connect() as connection:
            until = connection.execute(
                sa.select(sa.func.max(attempt.c.lease_until)).join(campaign).where(self._is_this_campaign)
            ).scalar_one()
        self.wait_until(lambda: datetime.now(UTC) > until)

    def ledger(self) -> Ledger:
        funnel = read_funnel(self.store.engine, self.name)
        with self.store.engine.connect() as connection:
            token = connection.execute(sa.select(campaign.c.token).where(self._is_this_campaign)).scalar_one_or_none()
            states = connection.execute(
                sa.select(message.c.recipient_key, message.c.state)
                .join(campaign, campaign.c.id == message.c.campaign_id)
                .where(self._is_this_campaign, message.c.phone.is_not(None))
            )
            by_phone = {row.recipient_key: row.state for row in states}
        return Ledger(token or "", funnel.requested if funnel else 0, by_phone)

    def messages(self, token: str) -> Counter[str]:
        """Return phone -> number of messages, from the service's own record of this campaign."""
        return Counter(
            f"+{entry['phone']}"
            for entry in self.sandbox.accepted()
            if token and entry["campaign_reference"].partition("-")[0] == token
        )

    def requests_by_attempt(self) -> dict[int, int]:
        """Return number of the attempt, counted from 1 -> number of requests that it has claimed."""
        with self.store.engine.connect() as connection:
            counts = connection.execute(
                sa.select(attempt.c.id, sa.func.count(request.c.id))
                .select_from(attempt.join(campaign).outerjoin(request, request.c.attempt_id == attempt.c.id))
                .where(self._is_this_campaign)
                .group_by(attempt.c.id)
                .order_by(attempt.c.id)
            ).all()
        return {number: count for number, (_, count) in enumerate(counts, 1)}

    def message_rows(self) -> list[dict[str, Any]]:
        """Return the ledger's rows of the recipients that can be sent to, with all columns."""
        with self.store.engine.connect() as connection:
            rows = connection.execute(
                sa.select(message)
                .join(campaign, campaign.c.id == message.c.campaign_id)
                .where(self._is_this_campaign, message.c.phone.is_not(None))
                .order_by(message.c.id)
            )
            return [dict(row) for row in rows.mappings()]

    def require_consistent_ledger(self) -> Ledger:
        """Compare the ledger with the service's record while no process sends: nothing twice, lost or misstated.

        The counts that the store keeps are compared with its rows as well.
        """
        ledger = self.ledger()
        messages = self.messages(ledger.token)
        twice = {phone: times for phone, times in messages.items() if times > 1}
        # A list is planned chunk by chunk: until the last chunk is committed, no message may have been sent.
        lost = self.listed - ledger.listed if messages or ledger.phones(*_POSSIBLY_MESSAGED) else 0
        unrecorded = messages.keys() - ledger.phones(*_POSSIBLY_MESSAGED)
        self.tally["twice"] += len(twice)
        self.tally["lost"] += abs(lost) + len(unrecorded)
        assert not twice
        assert lost == 0
        assert not unrecorded, f"{len(unrecorded)} were messaged, but the ledger says that they were not"
        assert ledger.phones("accepted") <= messages.keys(), "accepted in the ledger, but not by the service"
        assert [each for each in check(self.store.engine) if each.differences] == []
        return ledger

    def require_settled_by_reports(self) -> Ledger:
        """Release the reports and retry, then check that the ledger has exactly the messages that the service accepted.

        :return: the ledger, in which only messages that the service has never received are in doubt.
        """
        in_doubt = self.send_until_none_is_planned()
        self.tally["in doubt before the reports"] += in_doubt
        self.sandbox.release_reports()
        self.sandbox.wait_until_reports_are_pushed()
        left = self.send_until_none_is_planned()
        ledger = self.require_consistent_ledger()
        messages = self.messages(ledger.token)
        assert ledger.phones("accepted") == messages.keys()
        assert ledger.phones("accepted", "in_doubt") == self.phones
        self.tally["in doubt after the reports"] += left
        self.tally["accepted"] += messages.total()
        return ledger

    @property
    def _is_this_campaign(self) -> sa.ColumnElement[bool]:
        return campaign.c.name == self.name
