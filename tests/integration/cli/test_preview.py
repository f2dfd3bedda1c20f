"""``airflow-rcs preview`` against a sandbox, a warehouse and a store."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

CUSTOMERS = [
    ("600 000 001", "Núria Pérez", 19.5),
    ("+34600000002", "Íñigo", 7.0),
    ("600 000 678", "Zoë", 3.0),
    ("600000001", "Núria again", 4.0),
    ("n/a", "Nobody", 5.0),
]
QUERY = "SELECT phone, full_name, amount FROM customer"
ARGUMENTS = [
    "--sql-conn-id",
    "warehouse",
    "--template-id",
    "1234567",
    "--name-column",
    "full_name",
    "--default-region",
    "ES",
]
COLUMN = ["--variables", "Importe=amount"]

pytestmark = pytest.mark.usefixtures("sandbox", "warehouse")


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as connection:
        connection.execute("CREATE TABLE customer (phone, full_name, amount)")
        connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", CUSTOMERS)
        connection.commit()
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    )


def preview(capsys: pytest.CaptureFixture[str], *arguments: str, query: tuple[str, str] = ("--sql", QUERY)) -> str:
    code = main(["preview", *query, *ARGUMENTS, *arguments])

    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    return printed.out


def counts_in(printed: str) -> dict[str, str]:
    """Return the counts of a printed preview: label -> number."""
    split = [line.strip().rsplit("  ", 1) for line in printed.splitlines()]
    return {parts[0].strip(): parts[1].strip() for parts in split if len(parts) == 2}


@pytest.mark.usefixtures("store")
def test_it_shows_the_template_counts_reasons_requests_and_masked_samples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printed = preview(capsys, *COLUMN)

    assert "Template 1234567: Customer welcome" in printed
    counts = counts_in(printed)
    assert (counts["Importe"], counts["Destinatario"]) == ("column amount", "the service")
    assert (counts["rows of the list"], counts["would be sent to"], counts["of them fixed lines"]) == ("5", "3", "0")
    assert (counts["the same phone again"], counts["cannot be sent to"]) == ("1", "1")
    assert "phone: it is missing" in printed
    assert "Requests: 1; the largest has" in printed
    assert "*********001  Xxxxx Xxxxx  00.0" in printed
    assert "unknown" not in printed


@pytest.mark.usefixtures("store")
def test_it_shows_values_that_look_missing(capsys: pytest.CaptureFixture[str]) -> None:
    printed = preview(capsys, *COLUMN, query=("--sql", "SELECT '600000001' phone, 'NULL' FULL_NAME, 7 amount"))

    assert "looks missing, but is sent" in printed
    assert re.search(r"FULL_NAME +NULL +1", printed)


def test_an_empty_name_column_sends_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    printed = preview(capsys, *COLUMN, "--name-column", "")

    assert "looks missing" not in printed
    assert re.search(r"\*001 +00.0", printed)


@pytest.mark.usefixtures("store")
def test_it_shows_no_personal_data(capsys: pytest.CaptureFixture[str]) -> None:
    printed = preview(capsys, *COLUMN)

    assert not any(secret in printed for secret in ("600000001", "600 000 001", "912345678", "Núria", "Zoë", "19.5"))


def test_the_query_can_be_in_a_file_and_constants_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "people.sql").write_text(QUERY, encoding="utf-8")

    printed = preview(capsys, "--constants", '{"Importe": 7.0}', query=("--sql-file", f"{tmp_path}/people.sql"))

    assert counts_in(printed)["Importe"] == "a constant"


def test_it_shows_when_a_dispatch_would_send_a_scheduled_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    printed = preview(capsys, *COLUMN, "--send-at", "2099-12-24T10:00+01:00", "--scheduled-by", "store")

    assert "Held in the store until the first dispatch after 2099-12-24T08:30+00:00 (with the default lead)." in printed


def test_without_a_store_it_says_what_is_unknown_and_creates_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed = preview(capsys, *COLUMN, "--store-url", f"sqlite:///{tmp_path}/store.db")

    assert "Suppressed and already messaged recipients are unknown: store: its tables are missing." in printed
    assert not (tmp_path / "store.db").exists()


def test_a_send_ends_with_the_counts_of_its_preview(
    capsys: pytest.CaptureFixture[str], store: sa.Engine, sandbox: SandboxProcess, context: Context
) -> None:
    campaign = ["--campaign", "cli-preview", "--exclude-sql", "SELECT '+34 600 00 00 02'"]
    send = SqlToRcsOperator(
        task_id="send",
        sql=QUERY,
        sql_conn_id="warehouse",
        template_id="1234567",
        campaign="cli-preview",
        name_column="full_name",
        variables={"Importe": "amount"},
        default_region="ES",
        exclude_sql="SELECT '+34 600 00 00 02'",
    )
    before = sandbox.statistics()["send_requests"]

    previewed = counts_in(preview(capsys, *COLUMN, *campaign))
    assert sandbox.statistics()["send_requests"] == before
    sent = send.execute(context)

    assert previewed["would be sent to"] == str(sent["accepted"]) == "2"
    assert previewed["must not be sent to"] == str(sent["suppressed"]) == "1"
    assert previewed["cannot be sent to"] == str(sent["rejected"]) == "1"
    assert previewed["the same phone again"] == str(sent["duplicate"]) == "1"
    assert counts_in(preview(capsys, *COLUMN, *campaign))["messaged by this campaign before"] == "2"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--sql", "SELECT * FROM customers", *COLUMN], 2, "sql: the query failed: no such table: customers"),
        (
            ["--sql", QUERY, "--variables", "Importe=price"],
            2,
            "variables: variable 'Importe' of template 1234567 has no",
        ),
        (["--sql", QUERY, *COLUMN, "--constants", "Importe=7"], 2, "constants: 'Importe' is in variables as well"),
        (["--sql", QUERY, *COLUMN, "--sql-conn-id", "nowhere"], 4, "sql: the query failed: .*nowhere.* isn't defined"),
        (["--sql", QUERY, *COLUMN, "--rcs-conn-id", "nowhere"], 2, "--rcs-conn-id: the connection 'nowhere' is not"),
        (["--sql", QUERY, *COLUMN, "--template-id", "999"], 6, "--template-id: template '999' cannot be looked up"),
    ],
)
def test_an_unusable_argument_is_an_error_of_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert main(["preview", *ARGUMENTS, *arguments]) == code

    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert re.match(f"airflow-rcs preview: {message}", error)


def test_digits_in_errors_of_the_database_are_masked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["preview", "--sql", "SELECT no_such_function('600000001')", *ARGUMENTS, *COLUMN])
    failing = main(["preview", "--sql", "SELECT 600000001x", *ARGUMENTS, *COLUMN])

    assert (code, failing) == (2, 2)
    assert "600000001" not in capsys.readouterr().err


def test_rejected_credentials_are_sent_to_the_service_once(
    capsys: pytest.CaptureFixture[str], sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    code = main(["preview", "--sql", QUERY, *ARGUMENTS, *COLUMN])

    assert code == 5
    assert "API User or API Token" in capsys.readouterr().err
    assert sandbox.statistics()["refused_credentials"] == before + 1


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("query", "options", "reading"),
    [
        ("SELECT '447400123456' phone, 'Ana' full_name, 7 amount", ["--phone-format", "e164"], "e164"),
        ("SELECT '0612345678' phone, 'FR' land, 'Ana' full_name, 7 amount", ["--region-column", "land"], "national"),
        ("SELECT '912345678' phone, 'Ana' full_name, 7 amount", ["--no-mobile-only"], "national"),
    ],
)
def test_the_options_on_phones_are_those_of_the_operator(
    capsys: pytest.CaptureFixture[str], query: str, options: list[str], reading: str
) -> None:
    counts = counts_in(preview(capsys, *COLUMN, *options, query=("--sql", query)))

    assert (counts["would be sent to"], counts[reading]) == ("1", "1")
