"""A campaign under test: its processes, its books, and the check of the one against the service's own record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.sending.scheduled import DispatchConnections, schedule_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.tables import attempt, campaign, message, request
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.chaos.sender import DONE, KILLED, TEMPLATE, Sender, Task
from tests.chaos.steps import Step
from tests.chaos.stores import Store
from tests.sandbox_process import SandboxProcess

IN_DOUBT = "RcsInDoubtError"
_MAY_HAVE_BEEN_SENT_TO = {"sending", "in_doubt", "accepted"}
_THAT_LEFT = ("sending", "accepted")
_ROWS_A_CHUNK = 70
_MOST_RETRIES = 20
_SECONDS_TO_WAIT = 20


@dataclass(frozen=True, slots=True)
class Books:
    """What the store says of a campaign.

    :param token: the first part of its requests' references; empty while there is no such campaign.
    :param listed: how many recipients it knows, in whichever state.
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
    """A list of recipients, some of them twice and some without a usable phone, sent by processes of their own.

    :param people: how many of them can be sent to.
    :param tally: is counted up: kills, messages, and whatever else the summary shows.
    :param task: what its processes are told beyond that.
    """

    def __init__(
        self, store: Store, sandbox: SandboxProcess, tally: Counter[str], people: int = 100, **task: Any
    ) -> None:
        self.name = f"campaign-{uuid4().hex[:12]}"
        self.store = store
        self.sandbox = sandbox
        self.tally = tally
        self.phones = {f"346{number:08d}" for number in range(people)}
        rows = [*sorted(self.phones), "34600000001", "nobody", "34600000002", ""]
        self.listed = len(rows)
        chunks = [{"phone": rows[start : start + _ROWS_A_CHUNK]} for start in range(0, len(rows), _ROWS_A_CHUNK)]
        self._task = Task(store.url, sandbox.url, sandbox.login, sandbox.password, self.name, chunks, **task)
        tally["messages asked for"] += people
        store.take_reports_of(sandbox)

    def keep(self) -> None:
        """List the recipients in the store, for processes that dispatch what is due."""
        schedule_campaign(
            self.store.engine,
            ApiSettings(),
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
            started_by="a test",
            lease=timedelta(seconds=self._task.lease),
        )

    def ready(self, **changes: Any) -> Sender:
        """A process that waits for the word to begin."""
        return Sender(replace(self._task, **changes))

    def start(self, **changes: Any) -> Sender:
        return self.ready(**changes).begin()

    def send(self, **changes: Any) -> str:
        """Send it by a process, wait for its end, and say how it ended."""
        return self.ended(self.start(**changes))

    def ended(self, process: Sender) -> str:
        """Wait for the end of a process, and say how it ended."""
        ended = process.end()
        self.tally["kills"] += ended == KILLED
        return ended

    def send_and_die(self, step: Step, occurrence: int) -> None:
        """Send it by a process that is killed at a step; its lease is over at once, so that no retry waits for it."""
        ended = self.send(dies_at=(step, occurrence))
        assert ended == KILLED, f"{ended}, in place of dying {step}"
        with self.store.engine.begin() as connection:
            of_this_one = attempt.c.campaign_id == sa.select(campaign.c.id).where(self._is_meant).scalar_subquery()
            connection.execute(attempt.update().where(of_this_one).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC)))

    def order_fault(self, nth: int, kind: str, **details: Any) -> None:
        """Say what goes wrong with the n-th request from now on."""
        self.sandbox.faults([{"request": self.sandbox.statistics()["send_requests"] + nth, "kind": kind, **details}])
        self.tally["faults"] += 1

    def send_until_nobody_is_left(self) -> int:
        """Retry until nobody is planned any more, with the books checked after each; say how many are in doubt."""
        for _ in range(_MOST_RETRIES):
            ended = self.send()
            books = self.require_true_books()
            if ended in (DONE, IN_DOUBT):
                assert not books.phones("planned", "sending")
                return books.count("in_doubt")
        raise AssertionError(f"after {_MOST_RETRIES} retries: {ended}, {Counter(books.states.values())}")

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until the books, or whatever is looked at, are as they should become."""
        end = time.monotonic() + _SECONDS_TO_WAIT
        while not holds():
            assert time.monotonic() < end, Counter(self.books().states.values())
            time.sleep(0.01)

    def wait_until_it_has_claimed(self, requests: int) -> None:
        self.wait_until(lambda: sum(self.requests_by_attempt().values()) == requests)

    def wait_until_it_has_let_leave(self, requests: int) -> None:
        self.wait_until(lambda: self._requests_that_left() == requests)

    def _requests_that_left(self) -> int:
        with self.store.engine.connect() as connection:
            left = sa.select(sa.func.count()).select_from(request.join(campaign))
            return int(connection.execute(left.where(self._is_meant, request.c.state.in_(_THAT_LEFT))).scalar_one())

    def wait_until_leases_have_run_out(self) -> None:
        with self.store.engine.connect() as connection:
            until = connection.execute(
                sa.select(sa.func.max(attempt.c.lease_until)).join(campaign).where(self._is_meant)
            ).scalar_one()
        self.wait_until(lambda: datetime.now(UTC) > until)

    def books(self) -> Books:
        funnel = read_funnel(self.store.engine, self.name)
        with self.store.engine.connect() as connection:
            token = connection.execute(sa.select(campaign.c.token).where(self._is_meant)).scalar_one_or_none()
            states = connection.execute(
                sa.select(message.c.recipient_key, message.c.state)
                .join(campaign, campaign.c.id == message.c.campaign_id)
                .where(self._is_meant, message.c.phone.is_not(None))
            )
            by_phone = {row.recipient_key: row.state for row in states}
        return Books(token or "", funnel.requested if funnel else 0, by_phone)

    def messages(self, token: str) -> Counter[str]:
        """Phone -> messages, by the service's own record of this campaign."""
        return Counter(
            entry["phone"]
            for entry in self.sandbox.accepted()
            if token and entry["campaign_reference"].partition("-")[0] == token
        )

    def requests_by_attempt(self) -> dict[int, int]:
        """Number of the attempt, in their order from 1 -> requests that it has claimed."""
        with self.store.engine.connect() as connection:
            counts = connection.execute(
                sa.select(attempt.c.id, sa.func.count(request.c.id))
                .select_from(attempt.join(campaign).outerjoin(request, request.c.attempt_id == attempt.c.id))
                .where(self._is_meant)
                .group_by(attempt.c.id)
                .order_by(attempt.c.id)
            ).all()
        return {number: count for number, (_, count) in enumerate(counts, 1)}

    def message_rows(self) -> list[dict[str, Any]]:
        """The rows of those who can be sent to, with all that they hold."""
        with self.store.engine.connect() as connection:
            rows = connection.execute(
                sa.select(message)
                .join(campaign, campaign.c.id == message.c.campaign_id)
                .where(self._is_meant, message.c.phone.is_not(None))
                .order_by(message.c.id)
            )
            return [dict(row) for row in rows.mappings()]

    def require_true_books(self) -> Books:
        """Hold the books against the service's record, while nobody sends: nobody twice, nobody lost, nobody wrong."""
        books = self.books()
        messages = self.messages(books.token)
        twice = {phone: times for phone, times in messages.items() if times > 1}
        # A list is planned chunk by chunk: until the last of them is committed, nobody may have been sent to.
        lost = self.listed - books.listed if messages or books.phones(*_MAY_HAVE_BEEN_SENT_TO) else 0
        unbooked = messages.keys() - books.phones(*_MAY_HAVE_BEEN_SENT_TO)
        self.tally["twice"] += len(twice)
        self.tally["lost"] += abs(lost) + len(unbooked)
        assert not twice
        assert lost == 0
        assert not unbooked, f"{len(unbooked)} were messaged and count as not sent to"
        assert books.phones("accepted") <= messages.keys(), "accepted without having been"
        return books

    def require_settled_by_reports(self) -> Books:
        """Let the reports through and retry: whoever was in truth accepted is accepted by the books, and nobody else.

        :return: the books, in which only those are in doubt whose messages the service has never seen.
        """
        doubted = self.send_until_nobody_is_left()
        self.tally["in doubt before the reports"] += doubted
        self.sandbox.release_reports()
        self.sandbox.wait_until_reports_are_pushed()
        left = self.send_until_nobody_is_left()
        books = self.require_true_books()
        messages = self.messages(books.token)
        assert books.phones("accepted") == messages.keys()
        assert books.phones("accepted", "in_doubt") == self.phones
        self.tally["in doubt after the reports"] += left
        self.tally["accepted"] += messages.total()
        return books

    @property
    def _is_meant(self) -> sa.ColumnElement[bool]:
        return campaign.c.name == self.name
