"""A campaign is sent once to each recipient by a service with any shape and oddity of replies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsAuthError, RcsCreditError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.sandbox.options import ReplyShape
from airflow_provider_rcs.sandbox.quirks import Quirk
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store
from tests.unit.store.given import phones, states

PEOPLE = phones(5)
ODD = [Quirk.BOM, Quirk.WARNING, Quirk.LATIN_1, Quirk.EMPTY_AS_FALSE]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "store.db"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module", params=list(ReplyShape))
def shape(request: pytest.FixtureRequest) -> ReplyShape:
    return ReplyShape(request.param)


@pytest.fixture(scope="module")
def running_sandbox(shape: ReplyShape) -> Iterator[SandboxProcess]:
    with SandboxProcess(reply_shape=shape) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", running_sandbox.connection())
    return running_sandbox


def send(store: sa.Engine) -> None:
    send_campaign(
        store,
        RcsHook(),
        Template("1234569", "Plain greeting"),
        SendSettings("1234569", "spring", batch_size=3, on_in_doubt="hold"),
        [{"phone": PEOPLE}],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )


def sent_since(sandbox: SandboxProcess, before: int) -> list[str]:
    return sorted(f"+{entry['phone']}" for entry in sandbox.accepted()[before:])


@pytest.mark.parametrize("quirks", [[], [*ODD, Quirk.DECIMAL_RESULT], [*ODD, Quirk.PADDED_RESULT]], ids=str)
def test_all_are_accepted_whatever_surrounds_the_reply(
    store: sa.Engine, sandbox: SandboxProcess, quirks: list[Quirk]
) -> None:
    before = len(sandbox.accepted())
    sandbox.quirks(*quirks)

    send(store)

    assert states(store) == dict.fromkeys(PEOPLE, "accepted")
    assert sent_since(sandbox, before) == PEOPLE


def test_a_refusal_that_names_recipients_messages_nobody_twice(
    store: sa.Engine, sandbox: SandboxProcess, shape: ReplyShape
) -> None:
    if shape is ReplyShape.TEXT:
        pytest.skip("a text names nobody: its refusal is that of the whole request")
    before = len(sandbox.accepted())
    sandbox.quirks(Quirk.REFUSAL_NAMES_SENT, *ODD)

    with pytest.raises(RcsCreditError):
        send(store)
    after_refusal = states(store)
    sandbox.quirks()
    send(store)

    sent = sent_since(sandbox, before)
    assert len(sent) == len(set(sent))
    if shape is ReplyShape.COUNTS:
        assert list(after_refusal.values()) == ["in_doubt"] * 3 + ["planned"] * 2
    else:
        assert list(after_refusal.values()) == ["accepted"] * 2 + ["planned"] * 3
        assert states(store) == dict.fromkeys(PEOPLE, "accepted")


def test_wrong_credentials_are_shown_once(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess
) -> None:
    sandbox.quirks(*ODD, Quirk.CREDIT_WITHOUT_RESULT)
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection().replace("demo-token", "wrong-token"))
    before = sandbox.statistics()["refused_credentials"]

    for _ in range(2):
        with pytest.raises(RcsAuthError):
            send(store)
    works, message = RcsHook().test_connection()

    assert states(store) == dict.fromkeys(PEOPLE, "planned")
    assert (works, "Credit left" in message) == (False, False)
    assert sandbox.statistics()["refused_credentials"] == before + 2
