"""A process that sends a campaign, as a task does, and that can be killed; forked from one that has imported all."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, Self

import sqlalchemy as sa

from airflow_provider_rcs.api.models import SendRequest, SendResult, Template
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.recipients.selection import read_selection
from airflow_provider_rcs.sending import sender as campaign_sender
from airflow_provider_rcs.sending.campaign import look_up_template, send_campaign
from airflow_provider_rcs.sending.scheduled import dispatch_campaign
from airflow_provider_rcs.sending.sender import ServiceConnection
from airflow_provider_rcs.sending.settings import DEFAULT_LEAD, SendSettings
from airflow_provider_rcs.store.campaign.schedules import due_campaigns
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.chaos.steps import Step, arm, die, fall_asleep

TEMPLATE = "1234569"
DONE = "done"
KILLED = "killed"
# Of attempts that are killed, so that their retries need not wait for long. All others have one that they cannot lose
# for the machine being busy.
SHORT_LEASE = 0.5

_SECONDS_TO_START = 60
_SECONDS_TO_END = 120

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Task:
    """What a sending process is told.

    :param chunks: the list, as columns of some rows at a time.
    :param shard: the part of the list that it sends to, such as ``"2/4"``; ``None`` for all of it.
    :param lease: in seconds.
    :param timeout: seconds that it waits for a reply.
    :param dies_at: the step at which it kills itself, and at which time that it comes there.
    :param sleeps_at: the same for falling asleep, until something wakes it.
    :param unconnected: which of its requests finds nobody who listens.
    :param rotated_password: what the account's token has become between the look-up of the template and the send.
    :param most_pages: how large its database may grow, in pages of SQLite.
    :param dispatches: whether the list is in the store already, and the process dispatches what is due.
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
    dies_at: tuple[Step, int] | None = None
    sleeps_at: tuple[Step, int] | None = None
    unconnected: int | None = None
    rotated_password: str | None = None
    most_pages: int | None = None
    dispatches: bool = False


class Sender:
    """A process of its own that is ready to send, and begins when it is told to."""

    def __init__(self, task: Task) -> None:
        self._line, line_of_process = _processes.Pipe()
        self._process = _processes.Process(target=_run, args=(task, line_of_process), daemon=True)
        self._process.start()
        line_of_process.close()
        assert self._line.poll(_SECONDS_TO_START), "the sending process does not start"
        self._line.recv()

    def begin(self) -> Self:
        self._line.send("begin")
        return self

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end for so long, and say whether it has ended."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> str:
        """Wait for its end: ``DONE``, ``KILLED``, or the name of the error with which it failed."""
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
    # So that a campaign of faults is not mostly pauses; where the service names the pause, it is the service's.
    campaign_sender._SECONDS_AFTER_A_FAILURE = 0.05
    line.send("ready")
    line.recv()
    try:
        _send(task)
    except Exception as error:  # noqa: BLE001 - how it failed is what the test asks for
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
    template = look_up_template(engine, settings, hook.get_template, hook.credentials_fingerprint)
    if task.rotated_password is not None:
        hook = _hook("RCS_ROTATED", task.service_url, task.login, task.rotated_password, task.timeout)
    if task.dies_at is not None:
        arm(engine, *task.dies_at, die)
    if task.sleeps_at is not None:
        arm(engine, *task.sleeps_at, fall_asleep)
    send = hook.send if task.unconnected is None else _Unconnected(hook, task).send
    if task.dispatches:
        _dispatch(task, engine, ServiceConnection(send, hook.settings, hook.credentials_fingerprint), template)
        return
    send_campaign(
        engine,
        ServiceConnection(send, hook.settings, hook.credentials_fingerprint),
        template,
        settings,
        task.chunks,
        started_by="a test",
        lease=timedelta(seconds=task.lease),
    )


def _dispatch(task: Task, engine: sa.Engine, service: ServiceConnection, template: Template) -> None:
    for scheduled in due_campaigns(engine, datetime.now(UTC) + DEFAULT_LEAD):
        if scheduled.campaign.name == task.campaign:
            dispatch_campaign(
                engine,
                service,
                lambda: template,
                scheduled,
                started_by="a test",
                lease=timedelta(seconds=task.lease),
            )


class _Unconnected:
    """Sends as a hook does, but for one request, which goes to a port where nobody listens."""

    def __init__(self, hook: RcsHook, task: Task) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self._nobody = _hook("RCS_NOBODY", url, task.login, task.password, task.timeout)
        self._hook = hook
        self._left = task.unconnected

    def send(self, request: SendRequest) -> SendResult:
        assert self._left is not None
        self._left -= 1
        return (self._hook if self._left else self._nobody).send(request)


def _hook(name: str, url: str, login: str, password: str, timeout: float) -> RcsHook:
    fields: dict[str, Any] = {"conn_type": "rcs", "host": url, "login": login, "password": password}
    os.environ[f"AIRFLOW_CONN_{name}"] = json.dumps({**fields, "extra": {"timeout": timeout}})
    return RcsHook(name.lower())


def _engine(task: Task) -> sa.Engine:
    engine = engine_from_url(task.store_url)
    if task.most_pages is not None:
        pages = int(task.most_pages)

        @sa.event.listens_for(engine, "connect")
        def limit(dbapi_connection: Any, _record: object) -> None:
            dbapi_connection.execute(f"PRAGMA max_page_count = {pages}")

    return engine
