from __future__ import annotations

import json
from dataclasses import astuple
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pandas as pd
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, Context

from airflow_provider_rcs.api.models import FrequencyCap, QuietHours
from airflow_provider_rcs.api.wire import calls
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator, RcsSendOperator
from airflow_provider_rcs.recipients.phones import IS_FIXED_LINE
from airflow_provider_rcs.sending import sender
from airflow_provider_rcs.sending.settings import DEFAULT_MAX_IN_FLIGHT
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.db.tables import message, suppression
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

PLAIN = "1234569"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LARGEST_LOOK_UP = 100


def people(count: int, **columns: Any) -> list[dict[str, Any]]:
    return [{"phone": f"+346{number:08d}", "name": f"Person {number}", **columns} for number in range(count)]


def operator(campaign: str, recipients: Any, **changes: Any) -> RcsSendOperator:
    arguments: dict[str, Any] = {"task_id": "send", "template_id": PLAIN, "campaign": campaign}
    return RcsSendOperator(**(arguments | {"recipients": recipients} | changes))


def messages_of(sandbox: SandboxProcess, store: sa.Engine, campaign: str) -> list[str]:
    """Return the phones that the service has accepted for a campaign, one entry per message."""
    with store.connect() as connection:
        token = connection.execute(sa.text("SELECT token FROM rcs_campaign WHERE name = :name"), {"name": campaign})
        beginning = f"{token.scalar_one()}-"
    return [f"+{entry['phone']}" for entry in sandbox.accepted() if entry["campaign_reference"].startswith(beginning)]


def funnel_of(store: sa.Engine, campaign: str) -> Funnel:
    funnel = read_funnel(store, campaign)
    assert funnel is not None
    return funnel


def recorded(sizes: list[int], body: bytes) -> bytes:
    sizes.append(len(body))
    return body


@pytest.fixture
def campaign() -> str:
    """A name of its own for each test, because the sandbox is shared."""
    return f"campaign-{uuid4().hex[:8]}"


def test_templates_are_listed_in_the_order_of_their_ids(sandbox: SandboxProcess, context: Context) -> None:
    assert RcsListTemplatesOperator(task_id="list").execute(context) == [
        {"id": "1234567", "name": "Customer welcome"},
        {"id": "1234568", "name": "Shipping notice"},
        {"id": "1234569", "name": "Plain greeting"},
    ]


def test_a_template_is_returned_with_its_variables(sandbox: SandboxProcess, context: Context) -> None:
    assert RcsGetTemplateOperator(task_id="get", template_id="1234567").execute(context) == {
        "id": "1234567",
        "name": "Customer welcome",
        "variables": [
            {"name": "Destinatario", "type": "DESTINATARIO", "filled_by_service": True},
            {"name": "Importe", "type": "TEXTO", "filled_by_service": False},
        ],
    }


def test_a_send_returns_counts_and_ids_and_no_recipients(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    recipients = [*people(3), {"phone": None, "name": "Nobody"}, *people(1)]

    returned = operator(campaign, recipients).execute(context)

    assert returned == {
        "campaign": campaign,
        "requested": 5,
        "planned": 0,
        "sending": 0,
        "accepted": 3,
        "rejected": 1,
        "duplicate": 1,
        "suppressed": 0,
        "in_doubt": 0,
        "statuses": {"unreported": 3},
        "delivered_by_channel": {},
        "reasons": {"rejected": {"phone: it is missing": 1}},
        "api_campaign_ids": [str(sandbox.accepted()[-1]["send_id"])],
    }


def test_the_values_of_a_data_frame_are_sent_as_they_are_displayed(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    frame = pd.DataFrame(
        {
            "telephone": [34600000001, 34600000002, None],
            "who": ["Núria", "Íñigo", "Zoë"],
            "points": [10.0, None, 3.0],
            "since": pd.to_datetime(["2026-01-02", "2026-01-03", "2026-01-04"]),
        }
    )

    operator(
        campaign,
        frame,
        template_id="1234568",
        phone_column="telephone",
        phone_format="e164",
        name_column="who",
        variables={"Pedido": "points", "Fecha": "since"},
    ).execute(context)

    accepted = sandbox.accepted()[-1]
    assert (accepted["phone"], accepted["name"]) == ("34600000001", "Núria")
    assert accepted["variables"] == {"Pedido": "10", "Fecha": "2026-01-02 00:00:00"}
    assert funnel_of(store, campaign).reasons["rejected"] == {  # type: ignore[index]
        "phone: it is missing": 1,
        "variable Pedido: it has no value": 1,
    }


def test_running_again_sends_only_to_new_recipients(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(campaign, people(3)).execute(context)

    operator(campaign, people(5)).execute(context)

    assert sorted(messages_of(sandbox, store, campaign)) == [person["phone"] for person in people(5)]


def test_requests_have_at_most_batch_size_recipients(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    before = sandbox.statistics()["send_requests"]

    operator(campaign, people(25), batch_size=10, max_in_flight=3).execute(context)

    assert sandbox.statistics()["send_requests"] == before + 3
    assert len(messages_of(sandbox, store, campaign)) == 25


def test_a_dry_run_returns_what_would_be_sent_and_sends_and_records_nothing(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    before = sandbox.statistics()["send_requests"]

    returned = operator(campaign, [*people(3), *people(1), {"phone": "x"}], dry_run=True).execute(context)

    assert returned["planned"] == 3
    assert returned["reasons"] == {"rejected": {"phone: it is not a phone number": 1}}
    assert sandbox.statistics()["send_requests"] == before
    assert read_funnel(store, campaign) is None


@pytest.mark.parametrize("body_format", ["json", "form"])
def test_a_dry_run_predicts_a_send_down_to_the_bytes(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    body_format: str,
) -> None:
    connect(monkeypatch, sandbox, extra={"body_format": body_format})
    operator(campaign, people(4)).execute(context)
    with store.begin() as connection:
        row = {"phone": people(5)[4]["phone"], "reason": "asked", "since": datetime.now(UTC)}
        connection.execute(suppression.insert().values(row))
    send = {"recipients": [*people(25, id="C"), *people(2), {"phone": "x"}], "batch_size": 10, "reference_column": "id"}
    content_type, write = astuple(calls.BODY_FORMATS[body_format])
    written: list[int] = []

    predicted = operator(campaign, dry_run=True, **send).execute(context)
    recording = calls.BodyFormat(content_type, lambda parameters: recorded(written, write(parameters)))
    monkeypatch.setitem(calls.BODY_FORMATS, body_format, recording)
    sent = operator(campaign, **send).execute(context)

    assert (predicted["planned"], predicted["messaged_before"]) == (20, 4) == (sent["accepted"] - 4, 4)
    for count in ("duplicate", "rejected", "suppressed"):
        assert predicted[count] == sent[count]
    assert predicted["reasons"] == sent["reasons"]
    sizes = [size for size in written if size > LARGEST_LOOK_UP]
    assert predicted["requests"] == {
        "count": len(sizes),
        "largest_bytes": max(sizes),
        "total_bytes": sum(sizes),
        "at_once": min(len(sizes), DEFAULT_MAX_IN_FLIGHT),
    }


def test_a_dry_run_without_a_store_logs_a_warning_and_continues(
    sandbox: SandboxProcess, context: Context, campaign: str, caplog: pytest.LogCaptureFixture
) -> None:
    returned = operator(campaign, people(3), dry_run=True, store_conn_id="nowhere").execute(context)

    assert (returned["planned"], returned["store_asked"]) == (3, False)
    assert "Suppressed and already messaged recipients are unknown: store_conn_id" in caplog.text


def test_a_dry_run_does_not_send_refused_credentials_again(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    for dry_run in (False, True, True):
        with pytest.raises(AirflowFailException, match="RcsAuthError"):
            operator(campaign, people(1), dry_run=dry_run).execute(context)

    assert sandbox.statistics()["refused_credentials"] == before + 1


def test_a_constant_is_sent_to_every_recipient_and_stored_with_each_message(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(
        campaign,
        people(2, order="A-1"),
        template_id="1234568",
        variables={"Pedido": "order"},
        constants={"Fecha": NOON},
    ).execute(context)

    variables = {"Pedido": "A-1", "Fecha": "2026-05-01 12:00:00+00:00"}
    assert [entry["variables"] for entry in sandbox.accepted()[-2:]] == [variables] * 2
    with store.connect() as connection:
        assert list(connection.execute(sa.select(message.c.variables)).scalars()) == [variables] * 2


def test_a_retry_sends_the_constants_of_the_latest_list(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "status", "status": 429, "retry_after": 3600}])
    welcome = {"template_id": "1234567", "name_column": None}
    first = operator(campaign, people(1), constants={"Importe": 7}, **welcome)
    with pytest.raises(AirflowException, match="RcsRateLimited"):
        first.execute(context)

    operator(campaign, people(1), constants={"Importe": 8}, **welcome).execute(context)

    assert sandbox.accepted()[-1]["variables"] == {"Importe": "8"}


def test_fixed_lines_are_sent_to_with_mobile_only_false_and_counted_in_one_log_line(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, caplog: pytest.LogCaptureFixture
) -> None:
    recipients = [*people(2), {"phone": "+34912345678"}, {"phone": "+34912345679"}]

    assert operator(campaign, recipients, mobile_only=False).execute(context)["accepted"] == 4

    (line,) = [line for line in caplog.messages if "fixed lines" in line]
    assert line.startswith("2 of the 4 listed phones are fixed lines")


def test_fixed_lines_are_rejected_and_sent_to_after_mobile_only_is_unset(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    recipients = [*people(1), {"phone": "+34912345678"}]

    returned = operator(campaign, recipients).execute(context)

    assert (returned["accepted"], returned["rejected"]) == (1, 1)
    assert returned["reasons"]["rejected"] == {f"phone: {IS_FIXED_LINE}": 1}
    assert operator(campaign, recipients, mobile_only=False).execute(context)["accepted"] == 2
    assert sorted(messages_of(sandbox, store, campaign)) == ["+34600000000", "+34912345678"]


def test_constants_are_templated() -> None:
    send = operator("spring", people(1), constants={"Importe": "{{ 3 + 4 }}", "Fecha": NOON})

    send.render_template_fields({})

    assert send.constants == {"Importe": "7", "Fecha": NOON}


def test_a_lost_reply_leaves_recipients_in_doubt_and_a_retry_does_not_message_them(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 2, "kind": "reset_after"}])
    send = operator(campaign, people(30), batch_size=10, max_in_flight=1)

    for _ in range(2):
        with pytest.raises(AirflowException, match="RcsInDoubtError: .* messages are in doubt and are not sent again"):
            send.execute(context)

    assert sorted(messages_of(sandbox, store, campaign)) == [person["phone"] for person in people(30)]
    assert funnel_of(store, campaign).states["in_doubt"] == 20  # type: ignore[index]


def test_replies_lost_one_after_another_stop_the_task_and_a_retry_sends_to_the_rest(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_SECONDS_AFTER_A_FAILURE", 0.01)
    sandbox.faults([{"next": 3, "kind": "reset_after"}])
    send = operator(campaign, people(50), batch_size=10, max_in_flight=1, on_in_doubt="hold")

    with pytest.raises(AirflowException, match="RcsStoppedError: .* stopped: .*20 are left for a retry") as stopped:
        send.execute(context)
    returned = send.execute(context)

    assert not isinstance(stopped.value, AirflowFailException)
    assert (returned["accepted"], returned["in_doubt"]) == (20, 30)
    assert sorted(messages_of(sandbox, store, campaign)) == [person["phone"] for person in people(50)]


def test_on_in_doubt_hold_lets_the_task_succeed(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "reset_after"}])

    returned = operator(campaign, people(2), on_in_doubt="hold").execute(context)

    assert (returned["accepted"], returned["in_doubt"]) == (0, 2)


def test_a_refused_request_is_sent_again_and_arrives_once(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "status", "status": 429, "retry_after": 0}])

    returned = operator(campaign, people(4)).execute(context)

    assert returned["accepted"] == 4
    assert len(messages_of(sandbox, store, campaign)) == 4


def test_a_campaign_with_another_template_than_before_is_refused(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(campaign, people(1)).execute(context)

    with pytest.raises(
        AirflowException, match="template_id: .* was started with 1234569 and cannot continue with 1234567"
    ):
        operator(campaign, people(1, Importe="3"), template_id="1234567", name_column=None).execute(context)


def test_agent_date_quiet_hours_and_references_reach_the_service(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(
        campaign,
        people(1, customer="C-1"),
        reference_column="customer",
        agent="my-rcs-agent",
        send_at="2030-07-01T09:30",
        timezone="Europe/London",
        quiet_hours=[{"start": "21:00", "end": "8:00", "action": 2, "timezone": "Europe/London"}],
    ).execute(context)

    accepted = sandbox.accepted()[-1]
    assert (accepted["reference"], accepted["agent"], accepted["send_at"], accepted["report"]) == (
        "C-1",
        "my-rcs-agent",
        "2030-07-01 10:30",
        True,
    )
    assert accepted["quiet_hours"] == [{"start": "22:00", "end": "09:00", "action": "2"}]


def test_without_request_reports_no_reports_are_requested_and_the_log_warns(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    operator(campaign, people(1), request_reports=False).execute(context)

    assert not sandbox.accepted()[-1]["report"]
    assert "can only be resolved by hand" in caplog.text


def test_date_time_zone_and_quiet_hours_are_templated(context: Context) -> None:
    send = operator(
        "spring",
        people(1),
        send_at="{{ day }}T09:00",
        timezone="Europe/{{ city }}",
        quiet_hours=[{"start": "{{ evening }}", "end": "09:00"}, QuietHours(time(14), time(16))],
    )

    send.render_template_fields(cast("Context", {"day": "2030-07-01", "city": "Madrid", "evening": "21:30"}))

    assert (send.send_at, send.timezone) == ("2030-07-01T09:00", "Europe/Madrid")
    assert send.quiet_hours == [{"start": "21:30", "end": "09:00"}, QuietHours(time(14), time(16))]


def test_phones_of_exclude_sql_are_suppressed_in_any_notation(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPT_OUTS", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/out.db"}))
    query = "SELECT '+34 600 00 00 01' AS phone UNION ALL SELECT '0034600000009'"

    returned = operator(campaign, people(3), exclude_sql=query, exclude_conn_id="opt_outs").execute(context)

    assert (returned["accepted"], returned["suppressed"]) == (2, 1)
    assert returned["reasons"]["suppressed"] == {"excluded by exclude_sql": 1}
    assert "+34600000001" not in messages_of(sandbox, store, campaign)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT '+34600000001' UNION ALL SELECT 'nobody'", "1 of 2 rows cannot be read .* row 2, value '[*]{3}ody'"),
        ("SELECT '600000001'", "1 of 1 rows cannot be read .* set default_region"),
        ("SELECT '+34912345678'", "1 of 1 rows cannot be read .*it is a fixed line"),
        ("SELECT NULL", "1 of 1 rows cannot be read .*WHERE phone IS NOT NULL"),
        ("SELECT 7 AS id, '+34600000001' AS phone", "the query has 2 columns .'id', 'phone'., and it must have one"),
        ("SELECT 7 AS id, '+34600000001' AS phone WHERE 1 = 0", "the query has 2 columns"),
    ],
    ids=["two phones", "national", "fixed line", "null", "two columns", "two columns without rows"],
)
@pytest.mark.parametrize("dry_run", [False, True], ids=["send", "dry run"])
def test_an_exclude_sql_that_cannot_be_read_stops_the_campaign_before_anything_is_recorded(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    query: str,
    message: str,
    dry_run: bool,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPT_OUTS", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/out.db"}))
    before = sandbox.statistics()["send_requests"]
    send = operator(campaign, people(3), exclude_sql=query, exclude_conn_id="opt_outs", dry_run=dry_run)

    with pytest.raises(AirflowFailException, match=f"exclude_sql: {message}") as stopped:
        send.execute(context)

    assert sandbox.statistics()["send_requests"] == before
    assert find_campaign(store, campaign) is None
    assert "600000001" not in str(stopped.value)


def test_the_recipients_of_a_campaign_are_excluded_from_the_next_one_by_a_query_on_the_store(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    phones = [f"+3460000000{number}" for number in range(4)]
    operator(campaign, recipients=[{"phone": phone, "name": "x"} for phone in phones[:2]]).execute(context)
    query = "SELECT phone FROM rcs_message WHERE phone IS NOT NULL"

    second = operator(
        f"{campaign}-2",
        recipients=[{"phone": phone, "name": "x"} for phone in phones],
        exclude_sql=query,
        exclude_conn_id="rcs_store",
        default_region=None,
    ).execute(context)

    assert (second["accepted"], second["suppressed"]) == (2, 2)


def test_a_campaign_records_the_account_that_sends_it_and_not_its_token(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator(campaign, people(1)).execute(context)

    found = find_campaign(store, campaign)
    assert found is not None
    assert found.terms.account == RcsHook().account
    connect(monkeypatch, sandbox, password="rotated")
    assert found.terms.account == RcsHook().account
    connect(monkeypatch, sandbox, login="someone-else")
    assert found.terms.account != RcsHook().account


def test_the_frequency_cap_counts_over_all_campaigns(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    operator(f"{campaign}-before", people(2)).execute(context)

    returned = operator(campaign, people(3), frequency_cap=FrequencyCap(1, timedelta(days=7))).execute(context)

    assert (returned["accepted"], returned["suppressed"]) == (1, 2)
    assert messages_of(sandbox, store, campaign) == ["+34600000002"]


def test_refused_credentials_are_not_sent_again_by_any_task_of_the_campaign(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    for task in ("send", "another"):
        with pytest.raises(AirflowFailException, match="RcsAuthError"):
            operator(campaign, people(2), task_id=task).execute(context)

    assert sandbox.statistics()["refused_credentials"] == before + 1


def test_credentials_refused_during_a_send_stop_the_campaign_at_once(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "status", "status": 401}])
    before = sandbox.statistics()["send_requests"]

    for _ in range(2):
        with pytest.raises(AirflowFailException, match="RcsAuthError"):
            operator(campaign, people(30), batch_size=10, max_in_flight=4).execute(context)

    assert sandbox.statistics()["send_requests"] == before + 1
    assert funnel_of(store, campaign).states["planned"] == 30  # type: ignore[index]


def test_a_missing_date_is_refused_before_anything_is_recorded(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    with pytest.raises(AirflowFailException, match="send_at: NaT is no date"):
        operator(campaign, people(1), send_at=pd.NaT, timezone="Europe/Madrid").execute(context)

    assert read_funnel(store, campaign) is None


def test_a_date_within_quiet_hours_reaches_the_service_in_spains_time_with_a_warning(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str, caplog: pytest.LogCaptureFixture
) -> None:
    night = {"start": "22:00", "end": "09:00", "timezone": "Atlantic/Canary"}

    operator(campaign, people(1), send_at="2100-01-01T22:30", timezone="Atlantic/Canary", quiet_hours=[night]).execute(
        context
    )

    accepted = sandbox.accepted()[-1]
    assert accepted["send_at"] == "2100-01-01 23:30"
    assert accepted["quiet_hours"] == [{"start": "23:00", "end": "10:00", "action": "1"}]
    assert "send_at: 2100-01-01 23:30 in Spain is within quiet_hours[0] (23:00-10:00)" in caplog.text


def test_a_passed_date_is_refused_before_anything_is_recorded(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    with pytest.raises(AirflowFailException, match="send_at: 2020-01-01 09:00 UTC has passed; nothing was sent"):
        operator(campaign, people(1), send_at="2020-01-01T09:00+00:00").execute(context)

    assert read_funnel(store, campaign) is None


def test_a_date_that_has_just_passed_is_accepted(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    just_now = datetime.now(UTC) - timedelta(minutes=1)

    assert operator(campaign, people(1), send_at=just_now).execute(context)["accepted"] == 1


def test_messages_resolved_as_not_sent_are_sent_by_the_retry(
    sandbox: SandboxProcess, store: sa.Engine, context: Context, campaign: str
) -> None:
    sandbox.faults([{"next": 1, "kind": "timeout_before", "seconds": 0.1}])
    send = operator(campaign, people(2), on_in_doubt="hold")
    assert send.execute(context)["in_doubt"] == 2
    url = store.url.render_as_string(hide_password=False)

    assert main(["resolve", campaign, "--as", "not-sent", "--because", "not in the panel", "--store-url", url]) == 0

    assert send.execute(context)["accepted"] == 2
    assert sorted(messages_of(sandbox, store, campaign)) == [person["phone"] for person in people(2)]
