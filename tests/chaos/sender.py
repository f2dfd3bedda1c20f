"""A process that sends a campaign as a task does, and that can be killed."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, Self

import sqlalchemy as sa

from airflow_provider_rcs.api.models import SendRequest, SendResult
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending import sender as campaign_sender
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.scheduled import dispatch_campaign
from airflow_provider_rcs.sending.sender import RcsService
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings
from airflow_provider_rcs.store.campaign.schedules import due_campaigns
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.outbox.refused_credentials import looking_up
from tests.chaos.steps import Step, arm, kill, suspend

TEMPLATE = "1234569"
DONE = "done"
KILLED = "killed"
# The lease of attempts that are killed, so that their retries need not wait long. Other attempts have a lease that they
# cannot lose because the machine is busy.
SHORT_LEASE = 0.5

_SECONDS_TO_START = 60
_SECONDS_TO_END = 120

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Task:
    """What a sending process does.

    :param chunks: the rows of the list, as columns.
    :param shard: the shard that it sends, such as ``"2/4"``; ``None`` for the whole list.
    :param lease: seconds.
    :param timeout: seconds to wait for a reply.
    :param killed_at: the step at which it kills itself, and at which occurrence of the step.
    :param suspended_at: the same for suspending itself, until it is woken.
    :param refused_connection: number of the request, from 1, whose connection is refused.
    :param rotated_password: the account's token after it was changed between the look-up of the template and the send.
    :param max_pages: maximum size of its database, in pages of SQLite.
    :param dispatches: whether it dispatches the campaigns that are due, instead of sending its own list.
    :param excluded: the phones that its ``exclude_sql`` returns.
    """

    store_url: str
    service_url: str
    login: str
    password: str
    campaign: str
    chunks: list[dict[str, list[str]]] = field(repr=False)
    batch_size: int = 20
    max_in_flight: int = 3
    lease: float = 30.0
    timeout: float = 20.0
    on_in_doubt: str = "fail"
    shard: str | None = None
    killed_at: tuple[Step, int] | None = None
    suspended_at: tuple[Step, int] | None = None
    refused_connection: int | None = None
    rotated_password: str | None = None
    max_pages: int | None = None
    dispatches: bool = False
    excluded: tuple[str, ...] = field(default=(), repr=False)


class Sender:
    """A process that is ready to send, and begins on command.

    It is forked from a process that has imported everything, so that it starts fast.
    """

    def __init__(self, task: Task) -> None:
        self._line, child_line = _processes.Pipe()
        self._process = _processes.Process(target=_run, args=(task, child_line), daemon=True)
        self._process.start()
        child_line.close()
        assert self._line.poll(_SECONDS_TO_START), "the sending process does not start"
        self._line.recv()

    def begin(self) -> Self:
        self._line.send("begin")
        return self

    def ends_within(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for its end, and return whether it has ended."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> str:
        """Wait for its end, and return ``DONE``, ``KILLED``, or the name of the error that it failed with."""
        if not self.ends_within(_SECONDS_TO_END):
            self.kill()
            raise TimeoutError(f"a sending process does not end within {_SECONDS_TO_END} s")
        try:
            return str(self._line.recv()) if self._line.poll() else KILLED
        except (EOFError, ConnectionResetError):
            return KILLED
        finally:
            self._line.close()
            self._process.close()

    def _signal(self, number: int) -> None:
        if self._process.pid is not None and self._process.exitcode is None:
            os.kill(self._process.pid, number)


def _run(task: Task, line: Connection) -> None:
    logging.disable(logging.CRITICAL)
    # Short, so that campaigns with many faults do not mostly pause. A pause that the service asks for is not shortened.
    campaign_sender._SECONDS_AFTER_A_FAILURE = 0.05
    line.send("ready")
    line.recv()
    try:
        _send(task)
    except Exception as error:  # noqa: BLE001 - the test asks how it failed
        line.send(type(error).__name__)
    else:
        line.send(DONE)


def _send(task: Task) -> None:
    settings = SendSettings(
        template_id=TEMPLATE,
        campaign=task.campaign,
        batch_size=task.batch_size,
        max_in_flight=task.max_in_flight,
        on_in_doubt=task.on_in_doubt,
        selection=read_selection(task.shard, 1),
    )
    hook = _hook("RCS_DEFAULT", task.service_url, task.login, task.password, task.timeout)
    engine = _engine(task)
    with looking_up(engine, task.campaign, hook.credentials_fingerprint):
        template = hook.get_template(TEMPLATE)
    if task.rotated_password is not None:
        hook = _hook("RCS_ROTATED", task.service_url, task.login, task.rotated_password, task.timeout)
    if task.killed_at is not None:
        arm(engine, *task.killed_at, kill)
    if task.suspended_at is not None:
        arm(engine, *task.suspended_at, suspend)
    if task.refused_connection is not None:
        _refuse_one_connection(hook, task)
    if task.dispatches:
        _dispatch(task, engine, hook)
        return
    send_campaign(
        engine,
        hook,
        template,
        settings,
        task.chunks,
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(seconds=task.lease),
        excluded=[task.excluded],
    )


def _dispatch(task: Task, engine: sa.Engine, service: RcsService) -> None:
    for scheduled in due_campaigns(engine, datetime.now(UTC) + DEFAULT_LEAD):
        if scheduled.campaign.name == task.campaign:
            dispatch_campaign(
                engine,
                service,
                scheduled,
                started_by=StartedBy(started_by="a test"),
                lease=timedelta(seconds=task.lease),
                excluded=[task.excluded],
            )


def _refuse_one_connection(hook: RcsHook, task: Task) -> None:
    """Make a hook send one request to a port that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    refusing = _hook("RCS_REFUSING", url, task.login, task.password, task.timeout)
    send, numbers = hook.send, count(1)

    def send_or_refuse(request: SendRequest) -> SendResult:
        return (refusing.send if next(numbers) == task.refused_connection else send)(request)

    hook.send = send_or_refuse  # type: ignore[method-assign]


def _hook(name: str, url: str, login: str, password: str, timeout: float) -> RcsHook:
    fields: dict[str, Any] = {"conn_type": "rcs", "host": url, "login": login, "password": password}
    os.environ[f"AIRFLOW_CONN_{name}"] = json.dumps({**fields, "extra": {"timeout": timeout}})
    return RcsHook(name.lower())


def _engine(task: Task) -> sa.Engine:
    engine = engine_from_url(task.store_url)
    if task.max_pages is not None:
        pages = int(task.max_pages)

        @sa.event.listens_for(engine, "connect")
        def limit(dbapi_connection: Any, _record: object) -> None:
            dbapi_connection.execute(f"PRAGMA max_page_count = {pages}")

    return engine
