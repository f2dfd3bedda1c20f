"""A send that accepts only the approved plan."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Context

from airflow_provider_rcs.api.models import shards
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.read.funnel import read_funnel
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

Person = dict[str, str]


def people(*numbers: int) -> list[Person]:
    return [{"phone": f"+346{number:08d}", "name": f"Person {number}"} for number in numbers]


def operator(recipients: list[Person], **changes: Any) -> RcsSendOperator:
    arguments: dict[str, Any] = {"task_id": "send", "template_id": "1234569", "campaign": "spring"}
    return RcsSendOperator(**(arguments | {"recipients": recipients} | changes))


def plan(recipients: list[Person], context: Context, **changes: Any) -> str:
    return str(operator(recipients, dry_run=True, **changes).execute(context)["plan_hash"])


def test_the_approved_plan_is_sent(sandbox: SandboxProcess, store: sa.Engine, context: Context) -> None:
    approved = plan(people(1, 2, 3), context)

    sent = operator(people(3, 1, 2), approved_plan=approved).execute(context)

    assert (sent["requested"], sent["accepted"]) == (3, 3)


@pytest.mark.parametrize(
    ("recipients", "changes"),
    [
        (people(1, 2, 3), {}),
        (people(1), {}),
        ([people(1)[0], people(2)[0] | {"name": "Somebody else"}], {}),
        (people(1, 2), {"agent": "another"}),
        (people(1, 2), {"campaign": "summer"}),
    ],
    ids=["one more", "one less", "another name", "another agent", "another campaign"],
)
def test_nothing_of_a_changed_plan_is_sent_or_recorded(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, recipients: list[Person], changes: dict[str, Any]
) -> None:
    approved = plan(people(1, 2), context)
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowFailException, match="RcsPlanChangedError: .*nothing is sent.* Start a new run"):
        operator(recipients, approved_plan=approved, **changes).execute(context)

    assert sandbox.statistics()["send_requests"] == before
    assert read_funnel(store, "spring") is None
    assert read_funnel(store, "summer") is None


def test_a_retry_after_a_part_was_sent_continues_the_approved_plan(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxProcess() as sandbox:
        connect(monkeypatch, sandbox)
        approved = plan(people(1, 2, 3, 4), context)
        sandbox.faults([{"request": 2, "kind": "status", "status": 404}])
        with pytest.raises(AirflowFailException, match="2 accepted; 2 are left for a retry"):
            operator(people(1, 2, 3, 4), approved_plan=approved, batch_size=2).execute(context)

        sent = operator(people(1, 2, 3, 4), approved_plan=approved).execute(context)

        assert sent["accepted"] == 4
        assert set(sandbox.messages_per_phone().values()) == {1}


def test_recipients_of_a_refused_list_are_not_sent_to_by_the_next_plan(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxProcess() as sandbox:
        connect(monkeypatch, sandbox)
        first = plan(people(1, 2), context)
        with pytest.raises(AirflowFailException, match="RcsPlanChangedError"):
            operator(people(1, 2, 3), approved_plan=first).execute(context)

        sent = operator(people(1, 2, 4), approved_plan=plan(people(1, 2, 4), context)).execute(context)

        assert (sent["requested"], sent["accepted"], sent["planned"]) == (3, 3, 0)
        assert sorted(sandbox.messages_per_phone()) == [each["phone"][1:] for each in people(1, 2, 4)]


def test_one_approval_covers_a_sample_of_the_list_and_then_each_of_its_shards(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = people(*range(200))
    with SandboxProcess() as sandbox:
        connect(monkeypatch, sandbox)
        approved = plan(everybody, context)

        canary = operator(everybody, approved_plan=approved, sample=0.1).execute(context)
        for shard in shards(3):
            operator(everybody, approved_plan=approved, shard=shard).execute(context)

        assert 0 < canary["requested"] < 60
        assert sandbox.messages_per_phone() == {each["phone"][1:]: 1 for each in everybody}


def test_a_sample_is_not_sent_if_the_list_has_changed_outside_of_it(
    sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    approved = plan(people(1, 2), context, sample=1e-9)

    with pytest.raises(AirflowFailException, match="RcsPlanChangedError"):
        operator(people(1, 3), approved_plan=approved, sample=1e-9).execute(context)


def test_an_approved_list_that_is_buffered_on_disk_is_sent(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as warehouse:
        warehouse.execute("CREATE TABLE customer (phone TEXT, name TEXT)")
        rows = [(each["phone"], each["name"]) for each in people(*range(2_500))]
        warehouse.executemany("INSERT INTO customer VALUES (?, ?)", rows)
        warehouse.commit()
    connection = {"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    monkeypatch.setattr("airflow_provider_rcs.sending.approval._BYTES_IN_MEMORY", 1_000)
    query: dict[str, Any] = {
        "task_id": "send",
        "sql_conn_id": "warehouse",
        "sql": "SELECT * FROM customer ORDER BY RANDOM()",
        "template_id": "1234569",
        "campaign": "summer",
    }
    approved = SqlToRcsOperator(dry_run=True, **query).execute(context)["plan_hash"]

    sent = SqlToRcsOperator(approved_plan=approved, **query).execute(context)

    assert sent["accepted"] == 2_500


def test_an_approved_plan_that_rendered_to_an_empty_text_is_refused(sandbox: SandboxProcess, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="approved_plan: '' is not the plan_hash of a plan"):
        operator(people(1), approved_plan="").execute(context)


def test_an_approved_plan_that_rendered_to_none_is_refused(
    sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    with DAG("native", schedule=None, render_template_as_native_obj=True):
        send = operator(people(1), approved_plan="{{ none }}")
    send.render_template_fields(context)

    with pytest.raises(AirflowFailException, match="approved_plan: 'None' is not the plan_hash of a plan"):
        send.execute(context)


def test_the_error_contains_no_personal_data(sandbox: SandboxProcess, store: sa.Engine, context: Context) -> None:
    approved = plan(people(1), context)

    with pytest.raises(AirflowFailException) as refused:
        operator(people(2), approved_plan=approved).execute(context)

    assert not any(text in str(refused.value) for text in ("34600000002", "0000002", "Person"))
