"""People are erased and old messages pruned while two tasks send the campaign; the service counts the messages."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInFlightError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from airflow_provider_rcs.store.read.funnel import read_funnel
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

PEOPLE = [f"+346{number:08d}" for number in range(200)]
SETTINGS = SendSettings("1234569", "spring", batch_size=7, max_in_flight=2)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxProcess]:
    with SandboxProcess(latency=0.01) as sandbox:
        connect(monkeypatch, sandbox)
        yield sandbox


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    is_sqlite = request.param == "sqlite"
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db" if is_sqlite else request.getfixturevalue("postgres_url"))
    migrate(engine)
    yield engine
    engine.dispose()


def send(store: sa.Engine, people: Sequence[str]) -> None:
    hook = RcsHook()
    send_campaign(
        store,
        hook,
        hook.get_template(SETTINGS.template_id),
        SETTINGS,
        [{"phone": people[start : start + 20]} for start in range(0, len(people), 20)],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )


def erase_and_prune(store: sa.Engine, chance: random.Random, ended: Event) -> int:
    """Erase people and prune the campaign, as if all of it were old, until it is sent and somebody is erased.

    Nothing is pruned before somebody is erased: once everything is pruned, no message is left to erase.
    """
    erased = 0
    while not (ended.is_set() and erased):
        opened = find_campaign(store, SETTINGS.campaign)
        if opened is not None and erased and chance.random() < 0.3:
            deque(prune(store, RetentionLimit(datetime.now(UTC) + timedelta(days=1), opened.id)), maxlen=0)
        with suppress(RcsInFlightError):
            erased += len(erase(store, chance.choice(PEOPLE), "a test").messages)
    return erased


def test_recipients_are_messaged_at_most_once_and_none_is_lost_from_the_ledger(
    store: sa.Engine, sandbox: SandboxProcess
) -> None:
    ended = Event()
    with ThreadPoolExecutor(3) as pool:
        erasing = pool.submit(erase_and_prune, store, random.Random(7), ended)
        sending = [pool.submit(send, store, people) for people in (PEOPLE[:150], PEOPLE[:49:-1])]
        try:
            for each in sending:
                each.result(60)
        finally:
            ended.set()
        erased = erasing.result(60)
    send(store, PEOPLE)

    messaged = sandbox.messages_per_phone()
    funnel = read_funnel(store, "spring")
    assert funnel is not None
    assert erased > 0
    assert set(messaged.values()) == {1}
    assert funnel.requested == len(PEOPLE)
    assert funnel.states[MessageState.ACCEPTED] == len(messaged)
    assert funnel.states[MessageState.ACCEPTED] + funnel.states[MessageState.SUPPRESSED] == len(PEOPLE)
