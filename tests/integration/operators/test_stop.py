"""A task that Airflow stops by a signal, with a real service and a store on each database."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, BaseOperator, Context

from airflow_provider_rcs.api.settings import ApiSettings
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.running_airflow import database_connection
from tests.sandbox_process import SandboxProcess
from tests.stores import postgres_store, sqlite_store

PHONES = [f"+346{number:08d}" for number in range(3_000)]
TEMPLATE = "1234569"
SECONDS_TO_STOP, SECONDS_UNTIL_KILLED = 0.5, 5.0
LIMIT = 30.0


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def any_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        yield from connected_store(sqlite_store(tmp_path / "store.db"), monkeypatch)
    else:
        with postgres_store(request.getfixturevalue("postgres")) as url:
            yield from connected_store(url, monkeypatch)


def connected_store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    engine = engine_from_url(url)
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", database_connection(engine.url))
    yield engine
    engine.dispose()


@pytest.fixture
def slow_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxProcess]:
    with SandboxProcess(latency=0.2) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection())
        yield sandbox


@dataclass
class Killer:
    """Sends SIGTERM to this process as soon as a condition is met, as Airflow's supervisor does, and keeps the time."""

    condition: Callable[[], object]
    sent_at: float = 0.0
    ended_at: float = 0.0
    errors: list[BaseException] = field(default_factory=list)

    def watch(self) -> None:
        end = time.time() + LIMIT
        while not self.condition():
            assert time.time() < end
            time.sleep(0.01)
        self.sent_at = time.time()
        os.kill(os.getpid(), signal.SIGTERM)

    @property
    def seconds(self) -> float:
        return self.ended_at - self.sent_at


@contextmanager
def killed_when(task: BaseOperator, condition: Callable[[], object]) -> Iterator[Killer]:
    """Call ``on_kill`` in the main thread's signal handler, as Airflow's task runner does."""
    killer = Killer(condition)
    before = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    thread = threading.Thread(target=killer.watch, daemon=True)
    thread.start()
    try:
        yield killer
    finally:
        killer.ended_at = time.time()
        thread.join(LIMIT)
        signal.signal(signal.SIGTERM, before)


def send(**changes: Any) -> RcsSendOperator:
    arguments = {
        "task_id": "send",
        "recipients": [{"phone": phone} for phone in PHONES],
        "template_id": TEMPLATE,
        "campaign": "spring",
        "batch_size": 10,
        **changes,
    }
    return RcsSendOperator(**arguments)


def left_at(sandbox: SandboxProcess) -> list[float]:
    return [datetime.fromisoformat(entry["accepted_at"]).timestamp() for entry in sandbox.accepted()]


def states(store: sa.Engine, campaign: str = "spring") -> dict[str, int]:
    funnel = read_funnel(store, campaign)
    assert funnel is not None
    return {str(state): count for state, count in funnel.states.items() if count}


def open_attempts(store: sa.Engine) -> int:
    with store.connect() as connection:
        count = sa.select(sa.func.count()).where(attempts.c.ended_at.is_(None))
        return int(connection.execute(count).scalar_one())


def listed(store: sa.Engine) -> int:
    with store.connect() as connection:
        return int(connection.execute(sa.text("SELECT COUNT(*) FROM rcs_message")).scalar_one())


def test_nothing_leaves_after_the_signal_nobody_is_in_doubt_and_the_next_run_sends_the_rest(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context
) -> None:
    task = send()
    with (
        killed_when(task, lambda: len(slow_sandbox.accepted()) > 200) as killer,
        pytest.raises(AirflowException, match=r"^RcsTaskStoppedError: campaign 'spring': .* Retry or clear") as stopped,
    ):
        task.execute(context)

    accepted = len(slow_sandbox.accepted())
    assert not isinstance(stopped.value, AirflowFailException)
    assert max(left_at(slow_sandbox)) < killer.sent_at + SECONDS_TO_STOP
    assert killer.seconds < SECONDS_UNTIL_KILLED
    assert states(any_store) == {"accepted": accepted, "planned": len(PHONES) - accepted}
    assert open_attempts(any_store) == 0
    send(batch_size=500).execute(context)
    assert slow_sandbox.messages_per_phone() == {phone[1:]: 1 for phone in PHONES}


def test_replies_that_do_not_come_in_time_are_in_doubt_before_airflow_kills(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context
) -> None:
    slow_sandbox.faults([{"request": 3, "kind": "timeout_after", "seconds": 60}])
    task = send(max_in_flight=2)
    with (
        killed_when(task, lambda: len(slow_sandbox.accepted()) >= 100) as killer,
        pytest.raises(AirflowException, match="RcsTaskStoppedError.* 10 in_doubt"),
    ):
        task.execute(context)

    assert killer.seconds < SECONDS_UNTIL_KILLED
    assert max(left_at(slow_sandbox)) < killer.sent_at + SECONDS_TO_STOP
    accepted = len(slow_sandbox.accepted())
    assert states(any_store) == {"accepted": accepted - 10, "in_doubt": 10, "planned": len(PHONES) - accepted}
    assert open_attempts(any_store) == 0


@pytest.mark.parametrize("retry_after", ["seconds", "none"])
def test_a_task_that_the_service_asks_to_wait_stops_at_once(
    monkeypatch: pytest.MonkeyPatch, any_store: sa.Engine, context: Context, retry_after: str
) -> None:
    with SandboxProcess(requests_per_second=1, retry_after=retry_after) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection())
        task = send()
        with (
            killed_when(task, lambda: sandbox.statistics()["too_many_requests"]) as killer,
            pytest.raises(AirflowException, match="RcsTaskStoppedError"),
        ):
            task.execute(context)
        accepted = len(sandbox.accepted())

    assert killer.seconds < 2
    assert states(any_store) == {"accepted": accepted, "planned": len(PHONES) - accepted}


def test_a_request_that_cannot_connect_is_withdrawn(
    monkeypatch: pytest.MonkeyPatch, any_store: sa.Engine, context: Context
) -> None:
    url_of = ApiSettings.url
    with SandboxProcess() as sandbox, unreachable() as url:
        monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection())
        # Looked up at the sandbox, and sent to an address that does not answer.
        monkeypatch.setattr(ApiSettings, "url", lambda api, call: url if call == "send" else url_of(api, call))
        task = send()
        with (
            killed_when(task, lambda: "sending" in request_states(any_store)) as killer,
            pytest.raises(AirflowException, match="RcsTaskStoppedError"),
        ):
            task.execute(context)

    assert killer.seconds < 2
    assert states(any_store) == {"planned": len(PHONES)}
    assert open_attempts(any_store) == 0


@contextmanager
def unreachable() -> Iterator[str]:
    """A port whose queue of connections is full, so that nobody can connect."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
        for each in waiting:
            each.close()


def request_states(store: sa.Engine) -> set[str]:
    with store.connect() as connection:
        return set(connection.execute(sa.text("SELECT state FROM rcs_request")).scalars())


def test_a_query_that_takes_minutes_is_left_at_once_and_cancelled(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context, warehouse: sa.Engine
) -> None:
    fetching = sa.text("SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND state = 'active'")

    def fetches() -> int:
        with warehouse.connect() as connection:
            return int(connection.execute(fetching).scalar_one())

    task = send_query("SELECT '+34600000001' AS phone FROM pg_sleep(60)")
    with (
        killed_when(task, fetches) as killer,
        pytest.raises(AirflowException, match="RcsTaskStoppedError.*before this run of it had sent anything"),
    ):
        task.execute(context)

    assert killer.seconds < 2
    assert slow_sandbox.accepted() == []
    assert fetches() == 0


def test_a_list_that_is_being_planned_is_left_at_once_and_sent_by_the_next_run(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context, warehouse: sa.Engine
) -> None:
    query = "SELECT '+346' || lpad(i::text, 8, '0') AS phone FROM generate_series(1, 30000) i"
    task = send_query(f"{query} WHERE pg_sleep(i / 10000 * 0.001) IS NOT NULL")
    with (
        killed_when(task, lambda: listed(any_store) > 0) as killer,
        pytest.raises(AirflowException, match="RcsTaskStoppedError"),
    ):
        task.execute(context)

    assert killer.seconds < 2
    assert slow_sandbox.accepted() == []
    assert open_attempts(any_store) == 0
    send_query(query).execute(context)
    assert set(slow_sandbox.messages_per_phone().values()) == {1}
    assert len(slow_sandbox.accepted()) == 30_000


@pytest.fixture
def warehouse(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", database_connection(engine.url))
    yield engine
    engine.dispose()


def send_query(sql: str) -> SqlToRcsOperator:
    return SqlToRcsOperator(
        task_id="send",
        sql=sql,
        sql_conn_id="warehouse",
        template_id=TEMPLATE,
        campaign="spring",
        batch_size=1_000,
    )


def test_a_dispatch_does_not_go_on_to_the_next_campaign(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=20)
    for campaign in ("first", "second", "third"):
        send(campaign=campaign, scheduled_by="store", send_at=soon).execute(context)
    task = RcsDispatchScheduledOperator(task_id="dispatch")
    with (
        killed_when(task, lambda: len(slow_sandbox.accepted()) > 100) as killer,
        pytest.raises(AirflowException, match="RcsTaskStoppedError: campaign 'first'"),
    ):
        task.execute(context)

    assert max(left_at(slow_sandbox)) < killer.sent_at + SECONDS_TO_STOP
    assert killer.seconds < SECONDS_UNTIL_KILLED
    assert states(any_store, "first").keys() == {"accepted", "planned"}
    assert states(any_store, "second") == states(any_store, "third") == {"planned": len(PHONES)}


def test_a_signal_before_the_task_begins_counts(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context
) -> None:
    task = send()
    task.on_kill()

    with pytest.raises(AirflowException, match="RcsTaskStoppedError"):
        task.execute(context)

    assert slow_sandbox.accepted() == []


def test_the_log_ends_with_one_line_that_says_what_was_stopped_and_how_to_go_on(
    slow_sandbox: SandboxProcess, any_store: sa.Engine, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    task = send()
    with killed_when(task, lambda: len(slow_sandbox.accepted()) > 50), pytest.raises(AirflowException):
        task.execute(context)

    line = caplog.records[-1].getMessage()
    assert line.startswith("RcsTaskStoppedError: campaign 'spring': the task was stopped")
    assert "\n" not in line
    assert json.dumps(line).count("Retry or clear the task") == 1
