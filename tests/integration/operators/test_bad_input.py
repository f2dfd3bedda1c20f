"""Bad input fails, before anything is sent, with one error that names the field and the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG, AirflowException, AirflowFailException, Context

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

PEOPLE = [{"phone": "+34600000001", "name": "Pedro", "amount": "12"}]

pytestmark = pytest.mark.usefixtures("store")


def operator(**changes: Any) -> RcsSendOperator:
    arguments: dict[str, Any] = {
        "task_id": "send",
        "recipients": PEOPLE,
        "template_id": "1234567",
        "campaign": "spring",
        "variables": {"Importe": "amount"},
    }
    return RcsSendOperator(**(arguments | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"template_id": "999"}, "template_id: template '999' cannot be looked up.*RcsListTemplatesOperator"),
        ({"template_id": ""}, "template_id: it is empty"),
        ({"variables": {}}, "variable 'Importe' of template 1234567 has no column 'Importe'.*Map it with variables="),
        ({"variables": {"Amount": "amount"}}, "template 1234567 has no variable 'Amount'. It has .*'Importe'"),
        ({"variables": {"Importe": "price"}}, "has no column 'price'.*the columns are 'phone', 'name', 'amount'"),
        ({"constants": {"Amount": "7"}}, "constants: template 1234567 has no variable 'Amount'. It has .*'Importe'"),
        (
            {"constants": {"Importe": "7"}},
            "constants: 'Importe' is in variables as well. Remove it from one of the two",
        ),
        ({"variables": {}, "constants": {"Importe": None}}, r"constants\['Importe'\]: it has no value"),
        ({"variables": {}, "constants": {"Importe": ["7"]}}, r"constants\['Importe'\]: it is of type list"),
        ({"constants": "{'Importe': '7'}"}, "constants: a str is not a dict. Give one, or the output of a task"),
        ({"variables": ["Importe"]}, "variables: a list is not a dict. Give one"),
        ({"read_options": "{'separator': ';'}"}, "read_options: a str is not a dict. Give one"),
        ({"mobile_only": "yes"}, "mobile_only: 'yes' is not a choice. Use True or False"),
        (
            {"phone_column": "mobile"},
            "phone_column: there is no column 'mobile'. The columns are 'phone', 'name', 'amount'",
        ),
        ({"name_column": "full_name"}, "name_column: there is no column 'full_name'"),
        ({"reference_column": "customer"}, "reference_column: there is no column 'customer'"),
        (
            {"recipients": [{"phone": "34600000001", "amount": "12"}]},
            "name_column: there is no column 'name', and template 1234567 takes 'Destinatario' from the recipient",
        ),
        (
            {"recipients": [{**PEOPLE[0], "NAME": "Ana"}]},
            "name_column: 'name', 'NAME' differ only in upper and lower case",
        ),
        ({"read_options": {"separator": ";"}}, "read_options: the recipients are not a CSV file"),
        ({"recipients": []}, "recipients: the list is empty"),
        ({"recipients": "34600000001"}, "recipients: a str is not a list of recipients"),
        (
            {"recipients": {"phone": ["34600000001"]}},
            "recipients: a dict is not a list of recipients. Give a",
        ),
        ({"recipients": "/data/people.csv"}, "Give .* the path of a Parquet or CSV file with its scheme"),
        (
            {"recipients": "file:///nowhere/people.csv"},
            "recipients: the file file:///nowhere/people.csv does not exist",
        ),
        ({"recipients": "file:///data/people.xlsx"}, "people.xlsx is neither a Parquet nor a CSV file"),
        (
            {"recipients": "tape://reel/people.csv"},
            "tape://reel/people.csv cannot be opened.*Install the",
        ),
        ({"recipients": [PEOPLE]}, "recipients: an entry of the list is not a dict"),
        ({"default_region": "Spain"}, "default_region: 'Spain' is not a region"),
        ({"on_invalid": "skip"}, "on_invalid: 'skip' is not a choice. Use 'reject' or 'fail'"),
        ({"on_in_doubt": "resend"}, "on_in_doubt: 'resend' is not a choice"),
        ({"batch_size": 0}, "batch_size: 0 is not a whole number of 1 or more"),
        ({"frequency_cap": 2}, "frequency_cap: a int is not a FrequencyCap. Use, for example, FrequencyCap"),
        ({"exclude_sql": "SELECT 1"}, "exclude_conn_id: it is not set"),
        ({"exclude_sql": " ", "exclude_conn_id": "warehouse"}, "exclude_sql: it is empty"),
        ({"send_at": "tomorrow"}, "send_at: 'tomorrow' is not a date"),
        ({"send_at": "2030-01-01T09:00"}, "send_at: 2030-01-01 09:00:00 has no time zone"),
        ({"send_at": "2027-03-28T02:30", "timezone": "Europe/Madrid"}, "send_at: .* does not exist in Europe/Madrid"),
        ({"send_at": "2027-10-31T01:30+00:00"}, "send_at: 2027-10-31 02:30 repeats in Spain"),
        ({"timezone": "Madrid"}, "timezone: 'Madrid' is not a time zone"),
        ({"quiet_hours": [{"start": "22:00"}]}, "quiet_hours.0...end..: it is missing"),
        ({"store_conn_id": "nowhere"}, "store_conn_id: the connection 'nowhere' is not defined.*airflow-rcs migrate"),
    ],
)
def test_an_unusable_argument_fails_before_anything_is_sent(
    sandbox: SandboxProcess, context: Context, changes: dict[str, Any], message: str
) -> None:
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowFailException, match=message):
        operator(**changes).execute(context)

    assert sandbox.statistics()["send_requests"] == before


def test_an_exclude_sql_that_rendered_to_none_is_refused(sandbox: SandboxProcess, context: Context) -> None:
    before = sandbox.statistics()["send_requests"]
    with DAG("native", schedule=None, render_template_as_native_obj=True):
        send = operator(exclude_sql="{{ none }}", exclude_conn_id="warehouse")
    send.render_template_fields(context)

    with pytest.raises(AirflowFailException, match="exclude_sql: it is empty"):
        send.execute(context)

    assert sandbox.statistics()["send_requests"] == before


@pytest.mark.parametrize("native", [False, True])
def test_a_constant_that_rendered_to_none_is_refused(sandbox: SandboxProcess, context: Context, native: bool) -> None:
    before = sandbox.statistics()["send_requests"]
    with DAG("constants", schedule=None, render_template_as_native_obj=native):
        send = operator(variables={}, constants={"Importe": "{{ none }}"})
    send.render_template_fields(context)

    with pytest.raises(AirflowFailException, match="constants.'Importe'.: its template has rendered to None"):
        send.execute(context)

    assert sandbox.statistics()["send_requests"] == before


def test_a_constant_that_is_written_as_none_is_sent(sandbox: SandboxProcess, context: Context) -> None:
    with DAG("constants", schedule=None):
        send = operator(variables={}, constants={"Importe": "None"})
    send.render_template_fields(context)

    assert send.execute(context)["accepted"] == 1


def test_an_attempt_with_wrong_columns_does_not_bind_the_campaign_to_its_template(
    sandbox: SandboxProcess, context: Context
) -> None:
    with pytest.raises(AirflowFailException, match="has no column"):
        operator(variables={}).execute(context)

    assert operator(template_id="1234569", variables={}).execute(context)["accepted"] == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": None}, "password of the connection 'rcs_default': it is missing .the API Token"),
        ({"login": None}, "login of the connection 'rcs_default': it is missing .the API User"),
        ({"host": "http://rcs.example"}, "host of the connection 'rcs_default': http://rcs.example is not https"),
        ({"extra": {"status_codes": {"20": "seen"}}}, "status_codes of the connection 'rcs_default': 'seen' is not"),
        ({"extra": {"paths": {"post": "/x"}}}, "paths of the connection 'rcs_default': no such call: post"),
        ({"extra": {"batch_size": "many"}}, "extra 'batch_size' of the connection 'rcs_default': it cannot be read"),
        ({"password": "wrong-token"}, "RcsAuthError: .*API User or API Token"),
    ],
)
def test_an_unusable_connection_fails_before_anything_is_sent(
    sandbox: SandboxProcess,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    message: str,
) -> None:
    before = sandbox.statistics()["send_requests"]
    connect(monkeypatch, sandbox, **fields)

    with pytest.raises(AirflowFailException, match=message):
        operator().execute(context)

    assert sandbox.statistics()["send_requests"] == before


def test_a_service_that_cannot_be_reached_may_be_retried(
    sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, host="http://127.0.0.1:1")

    with pytest.raises(AirflowException, match="RcsUnavailable: .*could not connect") as raised:
        operator().execute(context)

    assert not isinstance(raised.value, AirflowFailException)


def test_a_store_without_tables_fails_with_the_command_that_creates_them(
    sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_EMPTY", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/empty.db"}))

    with pytest.raises(AirflowFailException, match="its tables are missing. Make them with: airflow-rcs migrate"):
        operator(store_conn_id="empty").execute(context)


def test_on_invalid_fail_sends_nothing_and_names_the_invalid_row(
    sandbox: SandboxProcess, context: Context, store: sa.Engine
) -> None:
    people = [*PEOPLE, {"phone": "600 12 34", "name": "Ana", "amount": "3"}]
    before = sandbox.statistics()["send_requests"]

    with pytest.raises(AirflowFailException, match=r"1 of 2 cannot be sent to.*row 2, column 'phone'") as raised:
        operator(recipients=people, on_invalid="fail").execute(context)

    assert sandbox.statistics()["send_requests"] == before
    assert "600 12" not in str(raised.value)


def test_a_connection_that_is_not_to_a_sql_database_is_refused(
    sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WEB", json.dumps({"conn_type": "http", "host": "example.org"}))

    with pytest.raises(AirflowFailException, match="sql_conn_id: the connection 'web' is not to a SQL database"):
        SqlToRcsOperator(task_id="send", sql="SELECT 1", sql_conn_id="web", template_id="1234569").execute(context)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1 AS phone, 2 AS phone", "sql: two columns have the same name"),
        ("CREATE TABLE made (phone TEXT)", "sql: the query returns no rows"),
        ("SELECT phone FROM people", "sql: the query failed: no such table: people. Try it in the database's own"),
        ("SELECT '+34600000001' AS phone WHERE 1 = 0", "recipients: the list is empty"),
    ],
)
def test_a_query_without_usable_recipients_is_refused(
    sandbox: SandboxProcess,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    sql: str,
    message: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/w.db"}))

    with pytest.raises(AirflowFailException, match=message):
        SqlToRcsOperator(task_id="send", sql=sql, sql_conn_id="warehouse", template_id="1234569").execute(context)
