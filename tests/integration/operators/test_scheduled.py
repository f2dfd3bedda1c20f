"""Campaigns that are scheduled in the store and dispatched shortly before their date, on both databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, Context

from airflow_provider_rcs.api.dates import write_moment
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.hooks.lookup_cache import LOOKUP_CACHE
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.operators.assets import SENT_CAMPAIGNS
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import metadata, scheduled, suppression
from airflow_provider_rcs.store.db.tables import store as store_table
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess
from tests.stores import postgres_store, sqlite_store

PLAIN, WITH_VARIABLE = "1234569", "1234567"
ANA, BEA, EVA = "34600000001", "34600000002", "34600000003"
SOON = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=20)
IN_A_WEEK = SOON + timedelta(days=7)


@pytest.fixture(scope="module")
def postgres_store_url(postgres: str) -> Iterator[str]:
    with postgres_store(postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_store(tmp_path / "store.db")
    return str(request.getfixturevalue("postgres_store_url"))


@pytest.fixture
def store(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    engine = engine_from_url(store_url)
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(_connection_fields(engine.url)))
    yield engine
    # Emptied for the next test, because PostgreSQL needs longer than a test to create the tables again.
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not store_table:
                connection.execute(table.delete())
    engine.dispose()


def _connection_fields(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"conn_type": "sqlite", "host": url.database}
    # The folder of the server's socket is an option of the driver, because a URL cannot have it as its host.
    named = {"schema": url.database, "login": url.username, "password": url.password}
    return {"conn_type": "postgres", **named, "extra": dict(url.query)}


@pytest.fixture(scope="module")
def changed_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """The same account a day later: one template is gone, and the other has a new variable."""
    templates = tmp_path_factory.mktemp("account") / "templates.json"
    variables = {"Destinatario": "DESTINATARIO", "Importe": "TEXTO", "Tienda": "TEXTO"}
    templates.write_text(json.dumps([{"id": WITH_VARIABLE, "name": "Customer welcome", "variables": variables}]))
    with SandboxProcess(templates=templates) as sandbox:
        yield sandbox


@pytest.fixture
def campaign() -> str:
    """A name of its own for each test, because the sandbox is shared."""
    return f"campaign-{uuid4().hex[:8]}"


def schedule(campaign: str, context: Context, phones: Sequence[str] = (ANA, BEA), **changes: Any) -> dict[str, Any]:
    """Run the task that plans the list and leaves sending it to a dispatch."""
    arguments: dict[str, Any] = {
        "task_id": "send",
        "template_id": PLAIN,
        "campaign": campaign,
        "recipients": [{"phone": f"+{phone}", "Importe": "7"} for phone in phones],
        "name_column": None,
        "send_at": SOON,
        "scheduled_by": "store",
    }
    return RcsSendOperator(**(arguments | changes)).execute(context)


def dispatch(context: Context, **arguments: Any) -> list[dict[str, Any]]:
    return RcsDispatchScheduledOperator(task_id="dispatch", **arguments).execute(context)


def messages_of(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> Counter[str]:
    """Return the number of messages that the service has accepted for a campaign, by phone."""
    with store.connect() as connection:
        token = connection.execute(sa.select(campaigns.c.token).where(campaigns.c.name == campaign)).scalar_one()
    return Counter(
        entry["phone"] for entry in sandbox.accepted() if entry["campaign_reference"].startswith(f"{token}-")
    )


def funnel_of(store: sa.Engine, campaign: str) -> Funnel:
    funnel = read_funnel(store, campaign)
    assert funnel is not None
    return funnel


def counts(store: sa.Engine, campaign: str) -> dict[str, int]:
    return {str(state): count for state, count in funnel_of(store, campaign).states.items() if count}


def set_date(store: sa.Engine, campaign: str, moment: datetime) -> None:
    with store.begin() as connection:
        is_named = campaigns.c.name == campaign
        connection.execute(campaigns.update().where(is_named).values(send_at=moment))
        of_campaign = scheduled.c.campaign_id.in_(sa.select(campaigns.c.id).where(is_named))
        connection.execute(scheduled.update().where(of_campaign).values(due_at=moment))


def test_nothing_is_sent_before_the_lead_and_each_recipient_is_messaged_once_within_it(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    returned = schedule(campaign, context, batch_size=1)
    too_early = dispatch(context, lead=timedelta(minutes=1))
    before = messages_of(sandbox, store, campaign)

    (sent,), again = dispatch(context), dispatch(context)

    assert (returned["planned"], too_early, before, again) == (2, [], Counter(), [])
    assert (sent["campaign"], sent["accepted"], len(sent["api_campaign_ids"])) == (campaign, 2, 2)
    assert messages_of(sandbox, store, campaign) == {ANA: 1, BEA: 1}


def test_a_dispatch_sends_the_date_and_the_settings_of_the_task(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    schedule(
        campaign, context, quiet_hours=[{"start": "22:00", "end": "9:00"}], request_reports=False, agent="my-rcs-agent"
    )

    dispatch(context)

    asked = sandbox.calls()[-1]["parameters"]
    assert (asked["Fecha"], asked["Agente"], asked["Report"]) == (write_moment(SOON), "my-rcs-agent", "0")
    assert "22:00" in str(asked["Intervaloprohibido"])


def test_sent_campaigns_emit_an_event_and_scheduled_ones_do_not(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    schedule(campaign, context)
    schedule(f"{campaign}-2", context)
    before = len(context["outlet_events"][SENT_CAMPAIGNS].asset_alias_events)

    dispatch(context)

    events = context["outlet_events"][SENT_CAMPAIGNS].asset_alias_events
    assert (before, [event.extra["campaign"] for event in events]) == (0, [campaign, f"{campaign}-2"])


def test_a_campaign_cancelled_before_its_date_is_suppressed_and_not_sent(
    sandbox: SandboxProcess, store: sa.Engine, store_url: str, context: Context, campaign: str
) -> None:
    schedule(campaign, context)

    cancelled = main(["cancel", campaign, "--reason", "the price is wrong", "--store-url", store_url])

    assert (cancelled, dispatch(context)) == (0, [])
    assert messages_of(sandbox, store, campaign) == Counter()
    assert counts(store, campaign) == {"suppressed": 2}
    with pytest.raises(AirflowFailException, match=r"RcsCancelledError: .*the price is wrong"):
        schedule(campaign, context)


def test_a_campaign_cancelled_while_it_is_dispatched_does_not_fail_the_task(
    sandbox: SandboxProcess,
    store: sa.Engine,
    store_url: str,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule(campaign, context)
    look_up = RcsHook.get_template

    def cancel_and_look_up(hook: RcsHook, template_id: str, *, fresh: bool = False) -> Template:
        main(["cancel", campaign, "--reason", "the price is wrong", "--store-url", store_url])
        return look_up(hook, template_id, fresh=fresh)

    monkeypatch.setattr(RcsHook, "get_template", cancel_and_look_up)

    assert dispatch(context) == []
    assert messages_of(sandbox, store, campaign) == Counter()
    assert counts(store, campaign) == {"suppressed": 2}


def test_a_dispatch_whose_exclude_sql_cannot_be_read_sends_nothing(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    warehouse = engine_from_url(f"sqlite:///{tmp_path}/warehouse.db")
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    )
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TABLE opt_out (phone TEXT)"))
    query = {"exclude_sql": "SELECT phone FROM opt_out", "exclude_conn_id": "warehouse"}
    schedule(campaign, context, [ANA, BEA], **query)
    with warehouse.begin() as connection:
        connection.execute(sa.text("INSERT INTO opt_out VALUES ('600 000 001')"))

    with pytest.raises(AirflowFailException, match="exclude_sql: 1 of 1 rows cannot be read"):
        dispatch(context)

    assert messages_of(sandbox, store, campaign) == Counter()
    assert counts(store, campaign) == {"planned": 2}


def test_recipients_who_opt_out_after_scheduling_are_left_out(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    warehouse = engine_from_url(f"sqlite:///{tmp_path}/warehouse.db")
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    )
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TABLE opt_out (phone TEXT)"))
    schedule(
        campaign,
        context,
        [ANA, BEA, EVA],
        exclude_sql="SELECT phone FROM opt_out",
        exclude_conn_id="warehouse",
    )

    with warehouse.begin() as connection:
        connection.execute(sa.text("INSERT INTO opt_out VALUES ('+34 600 000 001')"))
    with store.begin() as connection:
        connection.execute(suppression.insert().values(phone=f"+{BEA}", reason="said STOP", since=SOON))
    dispatch(context)

    assert messages_of(sandbox, store, campaign) == {EVA: 1}
    assert funnel_of(store, campaign).as_dict()["reasons"] == {
        "suppressed": {"excluded by exclude_sql": 1, "suppressed: said STOP": 1}
    }


def test_recipients_missing_from_a_later_list_are_not_sent_to(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    schedule(campaign, context, [ANA, BEA])
    schedule(campaign, context, [BEA, EVA])

    dispatch(context)

    assert messages_of(sandbox, store, campaign) == {BEA: 1, EVA: 1}


def connect_changed(
    monkeypatch: pytest.MonkeyPatch, changed_account: SandboxProcess, store: sa.Engine, campaign: str
) -> None:
    """Connect to the account of a campaign as it is a day later; here it has another address, as one that was moved."""
    connect(monkeypatch, changed_account)
    with store.begin() as connection:
        of_campaign = campaigns.c.name == campaign
        connection.execute(campaigns.update().where(of_campaign).values(account=RcsHook().account))


def test_a_campaign_whose_template_is_gone_is_named_and_the_others_are_sent(
    sandbox: SandboxProcess,
    changed_account: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule(campaign, context)
    schedule(f"{campaign}-2", context, rcs_conn_id=second_connection(monkeypatch, sandbox))

    connect_changed(monkeypatch, changed_account, store, campaign)
    with pytest.raises(AirflowFailException) as raised:
        dispatch(context)

    assert "1 of 2 campaigns that are due were not sent" in str(raised.value)
    assert f"campaign {campaign!r}: RcsParameterError: template_id: template {PLAIN!r}" in str(raised.value)
    assert counts(store, campaign) == {"planned": 2}
    assert messages_of(sandbox, store, f"{campaign}-2") == {ANA: 1, BEA: 1}


def test_a_template_with_a_new_variable_is_not_sent_until_its_values_are_listed(
    sandbox: SandboxProcess,
    changed_account: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule(campaign, context, template_id=WITH_VARIABLE)
    connect_changed(monkeypatch, changed_account, store, campaign)
    with pytest.raises(AirflowFailException, match=r"'Tienda' \(2 planned messages have none\); nothing was sent"):
        dispatch(context)
    before = messages_of(changed_account, store, campaign)

    LOOKUP_CACHE.clear()
    schedule(campaign, context, template_id=WITH_VARIABLE, constants={"Tienda": "Madrid"})
    dispatch(context)

    assert before == Counter()
    assert messages_of(changed_account, store, campaign) == {ANA: 1, BEA: 1}


def test_refused_credentials_are_sent_once_for_all_campaigns_that_are_due(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (campaign, f"{campaign}-2"):
        schedule(name, context)
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    for _ in range(2):
        with pytest.raises(AirflowFailException, match="2 of 2 campaigns"):
            dispatch(context)

    assert sandbox.statistics()["refused_credentials"] == before + 1
    assert counts(store, campaign) == counts(store, f"{campaign}-2") == {"planned": 2}


def test_an_error_of_one_campaign_does_not_stop_the_others(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/w.db"}))
    schedule(campaign, context, [ANA], exclude_sql=f"SELECT '{EVA}' WHERE 1 = 0", exclude_conn_id="warehouse")
    schedule(f"{campaign}-2", context)

    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    with pytest.raises(AirflowException, match="1 of 2 campaigns") as raised:
        dispatch(context)

    # The connection may be defined by the next try.
    assert not isinstance(raised.value, AirflowFailException)
    assert counts(store, campaign) == {"planned": 1}
    assert messages_of(sandbox, store, f"{campaign}-2") == {ANA: 1, BEA: 1}


def test_a_campaign_whose_date_has_just_passed_is_sent(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    schedule(campaign, context)
    set_date(store, campaign, datetime.now(UTC) - timedelta(minutes=2))

    dispatch(context)

    assert messages_of(sandbox, store, campaign) == {ANA: 1, BEA: 1}


def test_a_passed_date_fails_the_dispatch_with_the_possible_remedies(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    schedule(campaign, context)
    set_date(store, campaign, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(AirflowFailException, match=r"has passed; nothing was sent\. Cancel .* or send it at once"):
        dispatch(context)
    before = messages_of(sandbox, store, campaign)

    schedule(campaign, context, send_at=None, scheduled_by="service")

    assert (before, dispatch(context)) == (Counter(), [])
    assert messages_of(sandbox, store, campaign) == {ANA: 1, BEA: 1}


def test_a_message_in_doubt_fails_the_dispatch_until_it_is_resolved(
    sandbox: SandboxProcess, store: sa.Engine, store_url: str, context: Context, campaign: str
) -> None:
    schedule(campaign, context)
    sandbox.faults([{"next": 1, "kind": "reset_after"}])
    for _ in range(2):
        with pytest.raises(AirflowException, match="RcsInDoubtError: .* 2 messages are in doubt"):
            dispatch(context)

    main(["resolve", campaign, "--as", "accepted", "--because", "the panel shows them", "--store-url", store_url])

    assert [sent["accepted"] for sent in dispatch(context)] == [2]
    assert messages_of(sandbox, store, campaign) == {ANA: 1, BEA: 1}


def test_the_sensor_waits_for_a_scheduled_campaign_but_not_for_a_cancelled_one(
    sandbox: SandboxProcess, store: sa.Engine, store_url: str, context: Context, campaign: str
) -> None:
    schedule(campaign, context, send_at=IN_A_WEEK)
    sensor = RcsCampaignSensor(task_id="wait", campaign=campaign, no_reports_within=timedelta(seconds=1))

    while_scheduled = sensor.poke(context)
    main(["cancel", campaign, "--reason", "the price is wrong", "--store-url", store_url])

    assert (while_scheduled, sensor.poke(context)) == (False, True)


@pytest.mark.parametrize("lead", [timedelta(0), 30])
def test_a_lead_that_is_not_a_positive_timedelta_is_refused(store: sa.Engine, context: Context, lead: Any) -> None:
    with pytest.raises(AirflowFailException, match="lead: .* is not a positive timedelta"):
        dispatch(context, lead=lead)


def second_connection(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> str:
    fields = {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_OTHER", json.dumps(fields))
    return "rcs_other"
