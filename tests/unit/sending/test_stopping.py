"""A send that Airflow stops: nothing leaves any more, what is in flight is settled, and the rest is planned again."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsOutcomeUnknown,
    RcsRateLimited,
    RcsStoppedError,
    RcsTaskStoppedError,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.stopping import SECONDS_TO_END, Stop
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.unit.sending.service import Service, accept
from tests.unit.store.given import TERMS, phones, states

PEOPLE = phones(200)
SECONDS_TO_STOP = 0.5
SECONDS_UNTIL_KILLED = 5.0
LIMIT = 60.0


@pytest.fixture(autouse=True)
def send_threads_end() -> Iterator[None]:
    """Wait for the threads of a send that was left behind: they would write into the next test's store."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(LIMIT)
        assert not thread.is_alive(), thread.name


@dataclass
class SlowService(Service):
    """A service that answers after a moment, and keeps the time at which each request came.

    :param seconds: how long it takes.
    """

    seconds: float = 0.05
    came: list[float] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)

    def send(self, request: SendRequest) -> SendResult:
        self.came.append(time.monotonic())
        self.phones += [each.phone for each in request.recipients]
        time.sleep(self.seconds)
        return self.reply(request)


@dataclass
class HangingService(SlowService):
    """A service that answers its first requests, and then hangs.

    :param answered: how many it answers.
    :param unsent: how many of the others have not left when they are withdrawn.
    """

    answered: int = 4
    unsent: int = 0
    _number: int = 0
    _lock: Any = field(default_factory=threading.Lock)
    _withdrawn: threading.Event = field(default_factory=threading.Event)
    _given_up: threading.Event = field(default_factory=threading.Event)

    def send(self, request: SendRequest) -> SendResult:
        with self._lock:
            self._number += 1
            number = self._number
        if number <= self.answered:
            return super().send(request)
        if number <= self.answered + self.unsent:
            assert self._withdrawn.wait(LIMIT)
            raise RcsUnavailable("the task was stopped before the request left")
        self.phones += [each.phone for each in request.recipients]
        assert self._given_up.wait(LIMIT)
        raise RcsOutcomeUnknown("the task was stopped before the reply came")

    def withdraw(self) -> None:
        self._withdrawn.set()

    def give_up(self) -> None:
        self._given_up.set()


@dataclass
class Stopper:
    """Requests a stop from a thread of its own as soon as a condition is met, and keeps the time."""

    stop: Stop
    condition: Callable[[], object]
    act: Callable[[], object] | None = None
    at: float = 0.0

    def watch(self) -> None:
        end = time.monotonic() + LIMIT
        while not self.condition():
            assert time.monotonic() < end
            time.sleep(0.005)
        self.at = time.monotonic()
        (self.act or self.stop.request)()


@contextmanager
def stopping_when(
    condition: Callable[[], object], stop: Stop | None = None, act: Callable[[], object] | None = None
) -> Iterator[Stopper]:
    stopper = Stopper(stop or Stop(), condition, act)
    thread = threading.Thread(target=stopper.watch, daemon=True)
    thread.start()
    yield stopper
    thread.join(LIMIT)


@contextmanager
def handling(handler: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Handle a signal in the main thread, as Airflow's task runner does; yield what sends the signal."""
    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def send(
    engine: sa.Engine, service: Service, stop: Stop | None = None, chunks: Any = None, **settings: Any
) -> dict[str, Any]:
    options = {"batch_size": 1, "max_in_flight": 4, **settings}
    return send_campaign(
        engine,
        service,
        Template(TERMS.template_id, TERMS.template_name),
        SendSettings(template_id=TERMS.template_id, campaign="spring", **options),
        [{"phone": PEOPLE}] if chunks is None else chunks,
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
        stop=stop,
    )


def counts(engine: sa.Engine) -> Counter[str]:
    return Counter(states(engine).values())


def open_attempts(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        open_ = sa.select(sa.func.count()).where(attempts.c.ended_at.is_(None))
        return int(connection.execute(open_).scalar_one())


@dataclass(frozen=True)
class Hanging:
    """A thread whose transactions hang: whether one does, and what lets them go on."""

    entered: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def transactions_hanging(engine: sa.Engine, thread: str, begun: threading.Event) -> Iterator[Hanging]:
    """Let the transactions of a thread hang from an event on, before they lock the store."""
    hanging = Hanging()

    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name == thread and begun.is_set() and statement.startswith("BEGIN"):
            hanging.entered.set()
            hanging.released.wait(LIMIT)

    sa.event.listen(engine, "before_cursor_execute", executing)
    try:
        yield hanging
    finally:
        hanging.released.set()
        sa.event.remove(engine, "before_cursor_execute", executing)


@pytest.mark.slow
def test_nothing_leaves_after_a_stop_and_a_retry_sends_to_the_rest(engine: sa.Engine) -> None:
    service = SlowService()
    with stopping_when(lambda: len(service.came) > 20) as stopper:
        with pytest.raises(RcsTaskStoppedError, match=r"'spring'.* of 200 recipients processed: \d+ accepted\. Retry"):
            send(engine, service, stopper.stop)
        ended = time.monotonic()

    assert max(service.came) < stopper.at + SECONDS_TO_STOP
    assert ended < stopper.at + 2
    assert counts(engine) == {"accepted": len(service.phones), "planned": 200 - len(service.phones)}
    assert open_attempts(engine) == 0
    send(engine, service, batch_size=20)
    assert Counter(service.phones) == dict.fromkeys(PEOPLE, 1)


@pytest.mark.slow
def test_a_stop_while_the_service_asks_to_wait_ends_the_task_at_once(engine: sa.Engine) -> None:
    def refuse(_: SendRequest) -> SendResult:
        raise RcsRateLimited("slow down", retry_after=60)

    service = SlowService(reply=refuse)
    with stopping_when(lambda: "refused" in reasons(engine)) as stopper, pytest.raises(RcsTaskStoppedError):
        send(engine, service, stopper.stop)

    assert time.monotonic() < stopper.at + 2
    assert counts(engine) == {"planned": 200}


@pytest.mark.slow
def test_replies_that_do_not_come_in_time_are_in_doubt_and_requests_that_have_not_left_are_requeued(
    engine: sa.Engine,
) -> None:
    service = HangingService(unsent=1)
    with stopping_when(lambda: len(service.phones) == 4 + 3) as stopper:
        with pytest.raises(RcsTaskStoppedError, match="in_doubt"):
            send(engine, service, stopper.stop)
        ended = time.monotonic()

    assert ended < stopper.at + SECONDS_UNTIL_KILLED
    assert counts(engine) == {"accepted": 4, "in_doubt": 3, "planned": 193}
    assert open_attempts(engine) == 0


@pytest.mark.slow
def test_a_service_that_cannot_be_given_up_does_not_keep_the_task(engine: sa.Engine) -> None:
    released = threading.Event()

    def hang(request: SendRequest) -> SendResult:
        released.wait(LIMIT)
        return accept(request)

    service = SlowService(reply=hang)
    with stopping_when(lambda: service.came) as stopper:
        with pytest.raises(RcsTaskStoppedError, match="once the lease ends"):
            send(engine, service, stopper.stop)
        ended = time.monotonic()

    assert ended < stopper.at + SECONDS_UNTIL_KILLED
    assert open_attempts(engine) == 1
    released.set()
    wait_until(lambda: counts(engine) == {"accepted": 1, "planned": 199})


@pytest.mark.slow
def test_a_claim_that_hangs_does_not_keep_replies_from_being_settled(engine: sa.Engine) -> None:
    begun = threading.Event()

    def reply(request: SendRequest) -> SendResult:
        begun.set()
        time.sleep(0.3)
        return accept(request)

    service = SlowService(reply=reply)
    with transactions_hanging(engine, "rcs-claim", begun) as hanging:
        with stopping_when(hanging.entered.is_set) as stopper:
            with pytest.raises(RcsTaskStoppedError):
                send(engine, service, stopper.stop)
            ended = time.monotonic()

        assert ended < stopper.at + SECONDS_UNTIL_KILLED
        assert counts(engine)["accepted"] == len(service.phones)
        hanging.released.set()
        wait_until(lambda: set(states(engine).values()) == {"accepted", "planned"})


@pytest.mark.slow
def test_a_settlement_that_hangs_does_not_keep_the_task(engine: sa.Engine) -> None:
    begun = threading.Event()
    begun.set()
    service = SlowService()
    with transactions_hanging(engine, "rcs-settle", begun) as hanging:
        with stopping_when(hanging.entered.is_set) as stopper:
            with pytest.raises(RcsTaskStoppedError, match="the store did not answer"):
                send(engine, service, stopper.stop)
            ended = time.monotonic()

        assert ended < stopper.at + SECONDS_UNTIL_KILLED
        assert max(service.came) < stopper.at + SECONDS_TO_STOP
        hanging.released.set()
        wait_until(lambda: counts(engine)["accepted"] == len(service.phones))


def test_refused_credentials_are_the_error_although_the_task_is_stopped_later(engine: sa.Engine) -> None:
    def refuse(_: SendRequest) -> SendResult:
        stop.request()
        raise RcsAuthError("wrong token")

    stop = Stop()

    with pytest.raises(RcsAuthError):
        send(engine, Service(refuse), stop)


def test_a_list_that_takes_minutes_is_left_at_once(engine: sa.Engine) -> None:
    def chunks() -> Iterator[dict[str, list[str]]]:
        yield {"phone": PEOPLE[:10]}
        time.sleep(LIMIT)

    stop, service = Stop(), SlowService()
    with (
        handling(stop.request) as signalled,
        stopping_when(lambda: listed(engine) == 10, stop, signalled) as stopper,
    ):
        with pytest.raises(RcsTaskStoppedError, match="before this run of it had sent anything"):
            send(engine, service, stop, chunks())
        ended = time.monotonic()

    assert ended < stopper.at + 2
    assert service.came == []
    assert open_attempts(engine) == 0


def test_a_query_of_excluded_phones_that_takes_minutes_is_left_at_once(engine: sa.Engine) -> None:
    stop = Stop()

    def excluded() -> Iterator[list[str]]:
        signalled()
        time.sleep(LIMIT)
        yield []

    began = time.monotonic()
    with handling(stop.request) as signalled, pytest.raises(RcsTaskStoppedError):
        send_campaign(
            engine,
            Service(),
            Template(TERMS.template_id, TERMS.template_name),
            SendSettings(template_id=TERMS.template_id, campaign="spring"),
            [{"phone": PEOPLE}],
            started_by=StartedBy(started_by="a test"),
            lease=timedelta(minutes=5),
            stop=stop,
            excluded=excluded(),
        )

    assert time.monotonic() < began + 2


def test_a_stop_from_another_thread_ends_a_list_at_its_next_chunk(engine: sa.Engine) -> None:
    def chunks() -> Iterator[dict[str, list[str]]]:
        for phone in PEOPLE:
            yield {"phone": [phone]}
            time.sleep(0.02)

    service = SlowService()
    with stopping_when(lambda: listed(engine)) as stopper, pytest.raises(RcsTaskStoppedError):
        send(engine, service, stopper.stop, chunks())

    assert time.monotonic() < stopper.at + 2
    assert service.came == []


class TimeOut(BaseException):
    """What Airflow raises in the main thread when the task's time has run out."""


@pytest.mark.parametrize("kind", [TimeOut, KeyboardInterrupt, SystemExit])
@pytest.mark.slow
def test_an_error_raised_in_the_main_thread_while_it_sends_leaves_nobody_in_doubt(
    engine: sa.Engine, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def time_out() -> None:
        raise kind

    service = SlowService()
    with (
        handling(time_out) as signalled,
        stopping_when(lambda: len(service.came) > 20, act=signalled) as stopper,
        pytest.raises(kind),
    ):
        send(engine, service)

    assert max(service.came) < stopper.at + SECONDS_TO_STOP
    assert counts(engine) == {"accepted": len(service.phones), "planned": 200 - len(service.phones)}
    assert open_attempts(engine) == 0
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert line.startswith("campaign 'spring': the task was stopped")
    assert line.endswith(RcsTaskStoppedError.remedy)


def test_an_error_raised_in_the_main_thread_while_it_reads_is_logged_with_how_to_go_on(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def read(_: int) -> dict[str, list[str]]:
        raise TimeOut

    with pytest.raises(TimeOut):
        send(engine, SlowService(), chunks=map(read, [1]))

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        str(RcsTaskStoppedError("spring", "before this run of it had sent anything"))
    ]


def go_on_after(act: Callable[[], object], released: threading.Event) -> None:
    act()
    released.set()


def test_an_error_raised_in_the_main_thread_while_it_plans_is_logged_with_how_to_go_on(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def time_out() -> None:
        raise TimeOut

    begun = threading.Event()
    begun.set()
    with (
        transactions_hanging(engine, "rcs-list", begun) as hanging,
        handling(time_out) as signalled,
        stopping_when(hanging.entered.is_set, act=lambda: go_on_after(signalled, hanging.released)),
        pytest.raises(TimeOut),
    ):
        send(engine, SlowService())

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        str(RcsTaskStoppedError("spring"))
    ]
    assert open_attempts(engine) == 0


@pytest.mark.slow
def test_a_stop_while_it_waits_for_another_attempt_ends_the_wait(engine: sa.Engine) -> None:
    other = HangingService(answered=1)
    attempt = threading.Thread(target=send_and_fail, args=(engine, other))
    attempt.start()
    wait_until(lambda: len(other.phones) > 1)

    with stopping_when(lambda: counts(engine)["planned"] == 0) as stopper:
        with pytest.raises(RcsTaskStoppedError):
            send(engine, Service(), stopper.stop, batch_size=50)
        ended = time.monotonic()

    assert ended < stopper.at + 2
    other.give_up()
    attempt.join(LIMIT)


class StopAfterSending(Stop):
    """A stop that is requested when the task has sent what it could, before it looks at other attempts."""

    def run(self, send: Callable[[], Any], service: Any, campaign: str) -> Any:
        try:
            return super().run(send, service, campaign)
        finally:
            self.request()


@pytest.mark.slow
def test_a_stop_just_before_it_waits_for_another_attempt_is_no_success(engine: sa.Engine) -> None:
    other = HangingService(answered=1)
    attempt = threading.Thread(target=send_and_fail, args=(engine, other))
    attempt.start()
    wait_until(lambda: len(other.phones) > 1)

    with pytest.raises(RcsTaskStoppedError):
        send(engine, Service(), StopAfterSending(), batch_size=50)

    other.give_up()
    attempt.join(LIMIT)


def test_a_stop_after_the_last_reply_is_too_late(engine: sa.Engine) -> None:
    result = send(engine, Service(), StopAfterSending(), batch_size=50)

    assert result["accepted"] == 200


def test_a_stop_that_comes_before_the_task_begins_counts_and_one_after_its_end_does_not() -> None:
    early, late = Stop(), Stop()

    early.request()
    with early.watching():
        assert early.is_requested
    with late.watching():
        pass
    late.request()

    assert not late.is_requested


def test_a_task_that_is_run_again_in_the_same_process_is_not_stopped_by_the_stop_before() -> None:
    stop = Stop()
    with stop.watching():
        stop.request()

    with stop.watching():
        assert not stop.is_requested


def test_a_stop_can_be_copied_with_its_operator() -> None:
    assert not deepcopy(Stop()).is_requested


def test_the_time_for_replies_leaves_time_for_the_store_before_airflow_kills() -> None:
    stop = Stop()
    assert stop.seconds_left is None

    stop.request()

    assert stop.seconds_left == pytest.approx(SECONDS_TO_END, abs=0.1)
    assert SECONDS_TO_END < SECONDS_UNTIL_KILLED


def send_and_fail(engine: sa.Engine, service: Service) -> None:
    with pytest.raises(RcsStoppedError):
        send(engine, service)


def listed(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(message)).scalar_one())


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def reasons(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.text("SELECT state FROM rcs_request")).scalars())
