"""The terms of a campaign, which each of its lists must have; and sends without a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Context

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator, RcsSendOperator
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from tests.sandbox_process import SandboxProcess

PLAIN = "1234569"
ANA, BEA = {"phone": "+34600000001"}, {"phone": "+34600000002"}
NIGHT = {"quiet_hours": [{"start": "22:00", "end": "09:00"}]}
NO_REPORTS = {"request_reports": False}
CAP = {"frequency_cap": FrequencyCap(1, timedelta(days=7))}
EXCLUSIONS = {"exclude_sql": "SELECT phone FROM opt_out", "exclude_conn_id": "warehouse"}
OTHER_EXCLUSIONS = {**EXCLUSIONS, "exclude_sql": "SELECT phone FROM opt_out WHERE is_final"}


@pytest.fixture(autouse=True)
def warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fields = {"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE opt_out (phone TEXT, is_final INTEGER)"))


@pytest.fixture
def campaign() -> str:
    return f"campaign-{uuid4().hex[:8]}"


def operator(campaign: str, recipients: list[dict[str, str]], **changes: Any) -> RcsSendOperator:
    arguments: dict[str, Any] = {"task_id": "send", "template_id": PLAIN, "campaign": campaign}
    return RcsSendOperator(**(arguments | {"recipients": recipients, "name_column": None} | changes))


def conditions(store: sa.Engine, campaign: str) -> dict[str, str]:
    with store.connect() as connection:
        stored: dict[str, str] = connection.execute(
            sa.select(campaigns.c.conditions).where(campaigns.c.name == campaign)
        ).scalar_one()
    return stored


@pytest.mark.parametrize("dry_run", [False, True], ids=["send", "dry run"])
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({}, NIGHT, r"quiet_hours: .*started with none and cannot continue with 22:00-09:00 \(action 1\)"),
        (NIGHT, {}, r"quiet_hours: .*started with 22:00-09:00 \(action 1\) and cannot continue with none"),
        ({}, NO_REPORTS, "request_reports: .*started with True and cannot continue with False"),
        ({}, CAP, "frequency_cap: .*started with none and cannot continue with at most 1 within 7 days"),
        ({}, EXCLUSIONS, "exclude_sql: .*started with none and cannot continue with query [0-9a-f]{8} on warehouse"),
        (EXCLUSIONS, {}, "exclude_sql: .*started with query [0-9a-f]{8} on warehouse and cannot continue with none"),
        (EXCLUSIONS, OTHER_EXCLUSIONS, "exclude_sql: .*started with query .* and cannot continue with query"),
    ],
)
def test_a_second_list_with_other_terms_is_refused_with_both_values(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    first: dict[str, Any],
    second: dict[str, Any],
    message: str,
    dry_run: bool,
) -> None:
    operator(campaign, [ANA], **first).execute(context)
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowFailException, match=message):
        operator(campaign, [BEA], dry_run=dry_run, **second).execute(context)

    assert sandbox.statistics()["send_requests"] == before


@pytest.mark.usefixtures("sandbox")
def test_a_second_list_with_the_same_terms_is_sent(store: sa.Engine, context: Context, campaign: str) -> None:
    terms = NIGHT | NO_REPORTS | CAP | EXCLUSIONS

    operator(campaign, [ANA], **terms).execute(context)
    again = operator(campaign, [BEA], **terms, batch_size=1, on_in_doubt="hold", mobile_only=False).execute(context)

    assert again["accepted"] == 2


@pytest.mark.usefixtures("sandbox")
def test_a_query_that_is_rendered_by_date_is_the_same_in_each_run(
    store: sa.Engine, context: Context, campaign: str
) -> None:
    query = EXCLUSIONS | {"exclude_sql": "SELECT phone FROM opt_out WHERE phone <> '{{ day }}'"}
    accepted = []
    for number, person in enumerate((ANA, BEA)):
        with DAG("daily", schedule=None):
            task = operator(campaign, [person], **query)
        task.render_template_fields(cast("Context", {"day": f"2026-11-0{number}"}))
        accepted.append(task.execute(context)["accepted"])

    assert accepted == [1, 2]


@pytest.mark.usefixtures("sandbox")
def test_the_stored_terms_can_be_read_and_quote_no_query(store: sa.Engine, context: Context, campaign: str) -> None:
    query = {"exclude_sql": "SELECT '+34600000009' AS phone", "exclude_conn_id": "warehouse"}

    operator(campaign, [ANA], **NIGHT, **query).execute(context)

    stored = conditions(store, campaign)
    assert stored.pop("exclude_sql").startswith("query ")
    assert stored == {
        "quiet_hours": "22:00-09:00 (action 1)",
        "request_reports": "True",
        "frequency_cap": "none",
    }


@pytest.mark.usefixtures("sandbox")
def test_a_campaign_of_a_version_that_stored_no_terms_takes_those_of_its_next_attempt(
    store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(campaign, [ANA]).execute(context)
    with store.begin() as connection:
        connection.execute(campaigns.update().values(conditions={}))

    operator(campaign, [BEA], **NIGHT).execute(context)

    assert conditions(store, campaign)["quiet_hours"] == "22:00-09:00 (action 1)"


@pytest.mark.parametrize("agent", ["my-rcs-agent", 7])
def test_a_retry_continues_a_campaign_whatever_its_agent_is_made_of(
    store: sa.Engine, context: Context, campaign: str, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SandboxProcess(agent=["my-rcs-agent", "7"]) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", sandbox.connection())

        for recipients in ([ANA], [ANA, BEA]):
            last = operator(campaign, recipients, agent=agent, template_id=int(PLAIN)).execute(context)

        assert last["accepted"] == 2
        assert {entry["agent"] for entry in sandbox.accepted()} == {str(agent)}


def test_a_list_that_is_no_text_where_a_text_is_needed_is_refused(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    with pytest.raises(AirflowFailException, match="agent: a list is not a text. Give a text"):
        operator(campaign, [ANA], agent=["a"]).execute(context)


def test_everything_works_without_a_context(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=20)

    sent = operator(campaign, [ANA]).execute(context={})
    planned = operator(f"{campaign}-2", [ANA], dry_run=True).execute(context={})
    scheduled = operator(f"{campaign}-3", [ANA], send_at=soon, scheduled_by="store").execute(context={})
    (dispatched,) = RcsDispatchScheduledOperator(task_id="dispatch").execute(context={})
    templates = RcsListTemplatesOperator(task_id="list").execute(context={})
    template = RcsGetTemplateOperator(task_id="get", template_id=PLAIN).execute(context={})

    assert (sent["accepted"], planned["planned"], scheduled["planned"], dispatched["accepted"]) == (1, 1, 1, 1)
    assert (len(templates), template["id"]) == (3, PLAIN)


def test_without_a_run_the_default_campaign_messages_nobody_twice(sandbox: SandboxProcess, store: sa.Engine) -> None:
    send = RcsSendOperator(task_id="send", template_id=PLAIN, recipients=[ANA], name_column=None)
    before = len(sandbox.accepted())

    names = {send.execute(context={})["campaign"] for _ in range(2)}

    assert len(names) == 1
    assert names.pop().endswith("/send")
    assert len(sandbox.accepted()) == before + 1


def test_the_default_campaign_of_a_task_inside_a_task_is_that_of_the_run(
    sandbox: SandboxProcess, store: sa.Engine, context: Context
) -> None:
    send = RcsSendOperator(task_id="send", template_id=PLAIN, recipients=[ANA], name_column=None)

    assert send.execute(context)["campaign"] == "dag/send/run"
