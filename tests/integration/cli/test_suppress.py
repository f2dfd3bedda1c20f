"""``airflow-rcs suppress`` on both kinds of store, with files, queries, pipes and accounts."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import Context

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.outbox.suppression_list import Suppression, suppressions
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess
from tests.stores import postgres_store, sqlite_store

ANA, BEA = "+34600000001", "+34600000002"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = sqlite_store(tmp_path / "store.db")
        else:
            url = stack.enter_context(postgres_store(request.getfixturevalue("postgres")))
        monkeypatch.setenv("AIRFLOW_RCS_STORE_URL", url)
        engine = engine_from_url(url)
        stack.callback(engine.dispose)
        yield engine


def run(*arguments: str) -> int:
    return main(["suppress", *arguments])


def listed(store: sa.Engine) -> dict[str | None, Suppression]:
    return {each.phone: each for each in suppressions(store)}


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def define_warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    )


def test_added_phones_are_suppressed_with_the_reason(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", "+34 600 000 001", "600000002", "--default-region", "ES", "--reason", "said STOP") == 0

    assert {phone: each.reason for phone, each in listed(store).items()} == {ANA: "said STOP", BEA: "said STOP"}
    assert capsys.readouterr().out == "2 phones are suppressed now for all accounts.\n"


def test_phones_are_read_from_a_pipe(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, f"{ANA}\n\n{BEA}\n")

    assert run("add", "-", "--reason", "said STOP") == 0

    assert list(listed(store)) == [ANA, BEA]


def test_nothing_is_added_if_the_pipe_is_empty(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, "")

    assert run("add", "-", "--reason", "said STOP") == 2

    assert "phone: it holds no phone" in capsys.readouterr().err


def test_one_phone_that_cannot_be_read_is_named_masked_and_none_is_added(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", ANA, "600000002", "--reason", "said STOP") == 2

    error = capsys.readouterr().err
    assert "phone: 1 of 2 rows cannot be read" in error
    assert "row 2, value '******002'" in error
    assert listed(store) == {}


def test_the_phones_of_a_csv_file_are_imported(store: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,mobile\n7,+34 600 000 001\n8,0034600000002\n")

    assert run("import", "--file", str(file), "--column", "mobile", "--reason", "list of May") == 0

    assert list(listed(store)) == [ANA, BEA]


def test_a_file_is_found_by_any_name_that_a_file_can_have(store: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "bajas de España 50% #2 [final].csv"
    file.write_text(f"phone\n{ANA}\n")

    assert run("import", "--file", str(file), "--reason", "list of May") == 0

    assert list(listed(store)) == [ANA]


@pytest.mark.parametrize(
    ("option", "separator"), [(";", ";"), (r"\t", "\t"), ("\t", "\t")], ids=["semicolon", "typed", "tab"]
)
def test_a_file_as_spreadsheets_write_it_in_spain_is_imported(
    store: sa.Engine, tmp_path: Path, option: str, separator: str
) -> None:
    file = tmp_path / "bajas.csv"
    file.write_text(f"teléfono{separator}motivo\n{ANA}{separator}cansó\n", encoding="latin-1")

    options = ("--separator", option, "--encoding", "latin-1", "--column", "teléfono")
    assert run("import", "--file", str(file), *options, "--reason", "list of May") == 0

    assert list(listed(store)) == [ANA]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--separator", ";;"], "--separator: ';;' is not one character"),
        (["--encoding", "utf-9"], "--encoding: 'utf-9' is not an encoding"),
        ([], 'name its encoding, such as --encoding "latin-1".'),
    ],
    ids=["two characters", "unknown encoding", "another encoding"],
)
def test_a_separator_or_encoding_that_cannot_be_used_is_an_error(
    store: sa.Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    file = tmp_path / "bajas.csv"
    file.write_text(f"teléfono\n{ANA}\n", encoding="latin-1")

    assert run("import", "--file", str(file), *options, "--column", "teléfono", "--reason", "list of May") == 2

    assert message in capsys.readouterr().err
    assert listed(store) == {}


def test_a_separator_is_refused_beside_a_query(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    query = ("--sql", "SELECT phone FROM opt_out", "--sql-conn-id", "warehouse")

    assert run("import", *query, "--separator", ";", "--reason", "list of May") == 2

    assert "separator: a query is not a CSV file" in capsys.readouterr().err
    assert listed(store) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"phone\n{ANA}\nn/a\n600000002\n", "file: 2 of 3 rows cannot be read .* row 2, value '***': "),
        (f'phone\n{ANA}\n""\n', "file: 1 of 2 rows cannot be read"),
        (f"mobile\n{ANA}\n", "column: the file has no column 'phone'. Its columns are 'mobile'."),
        ("phone\n", "file: it holds no phone"),
    ],
    ids=["unreadable", "empty cell", "another column", "empty file"],
)
def test_a_file_that_cannot_be_read_whole_is_not_imported(
    store: sa.Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(content)

    assert run("import", "--file", str(file), "--reason", "list of May") == 2

    error = capsys.readouterr().err
    for part in message.split(" .* "):
        assert part in error
    assert listed(store) == {}


def test_a_file_that_does_not_exist_is_named(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "--file", "/nowhere/people.csv", "--reason", "list of May") == 2

    assert "file: the file file:///nowhere/people.csv does not exist" in capsys.readouterr().err


def test_the_phones_of_a_query_are_imported(store: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    define_warehouse(monkeypatch, tmp_path)
    query = f"SELECT '{ANA}' UNION SELECT '{BEA}' UNION SELECT '{ANA}'"

    assert run("import", "--sql", query, "--sql-conn-id", "warehouse", "--reason", "list of May") == 0

    assert list(listed(store)) == [ANA, BEA]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sql", "SELECT 7, '+34600000001'", "--sql-conn-id", "warehouse"], "sql: the query has 2 columns"),
        (["--sql", "SELECT NULL", "--sql-conn-id", "warehouse"], "WHERE phone IS NOT NULL"),
        (["--sql", "SELECT nothing", "--sql-conn-id", "warehouse"], "sql: the query failed"),
        (["--sql", "SELECT 1"], "sql-conn-id: it is not set"),
    ],
    ids=["two columns", "null", "failing", "no connection"],
)
def test_a_query_that_cannot_be_read_whole_is_not_imported(
    store: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    define_warehouse(monkeypatch, tmp_path)

    assert run("import", *options, "--reason", "list of May") == 2

    assert message in capsys.readouterr().err
    assert listed(store) == {}


def test_a_phone_is_removed(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    run("add", ANA, BEA, "--reason", "said STOP")

    assert run("remove", "+34 600 000 001") == 0

    assert list(listed(store)) == [BEA]
    assert "The phone is not suppressed any more for all accounts." in capsys.readouterr().out


def test_a_phone_that_was_erased_is_removed_by_its_pseudonym(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    erase(store, ANA, "a test", suppress=True)
    pipe(monkeypatch, f"{ANA}\n")

    assert run("remove", "-") == 0

    assert listed(store) == {}


def test_removing_a_phone_that_is_not_suppressed_is_an_error(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("remove", ANA) == 2

    assert "phone: it is not suppressed for all accounts. Nothing was changed." in capsys.readouterr().err


def test_the_list_masks_phones_and_counts_them_by_reason(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    run("add", ANA, BEA, "--reason", "said STOP")
    erase(store, BEA, "a test")
    run("add", "+34600000003", "--reason", "list of May")
    capsys.readouterr()

    assert run("list") == 0

    printed = capsys.readouterr().out
    assert "3460000" not in printed
    assert [line.split()[0] for line in printed.splitlines()[2:5]] == ["*********001", "*********003", "(erased)"]
    assert [line.split()[-1] for line in printed.splitlines()[-3:]] == ["2", "1", "3"]


def test_the_list_shows_whole_phones_only_if_asked_to(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    run("add", ANA, "--reason", "said STOP, twice")
    capsys.readouterr()

    run("list", "--show-phones")

    header, row = csv.reader(capsys.readouterr().out.splitlines())
    assert (header, row[:2]) == (["phone", "reason", "since", "account"], [ANA, "said STOP, twice"])


def test_the_exported_list_can_be_imported(
    store: sa.Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("add", ANA, BEA, "--reason", "said STOP")
    capsys.readouterr()
    run("list", "--show-phones")
    file = tmp_path / "suppressed.csv"
    file.write_text(capsys.readouterr().out)
    run("remove", ANA)

    assert run("import", "--file", str(file), "--reason", "restored") == 0

    assert {phone: each.reason for phone, each in listed(store).items()} == {ANA: "restored", BEA: "said STOP"}


def test_a_suppression_of_one_account_leaves_other_accounts_alone(
    store: sa.Engine, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", ANA, "--reason", "said STOP to this brand", "--rcs-conn-id", "rcs_default") == 0
    account = RcsHook().account

    assert listed(store)[ANA].account == account
    assert run("remove", ANA) == 2
    assert "suppressed for 1 single account: name each with --rcs-conn-id" in capsys.readouterr().err
    connect(monkeypatch, sandbox, login="another")
    assert run("remove", ANA, "--rcs-conn-id", "rcs_default") == 2
    connect(monkeypatch, sandbox)
    assert run("remove", ANA, "--rcs-conn-id", "rcs_default") == 0


def test_a_connection_that_is_not_defined_is_named(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("add", ANA, "--reason", "said STOP", "--rcs-conn-id", "nowhere") == 2

    assert "rcs-conn-id: the connection 'nowhere' is not defined" in capsys.readouterr().err


def test_the_commands_of_the_page_work_as_they_stand(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "suppress-a-phone.md").read_text(encoding="utf-8")
    [commands] = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    [insert] = re.findall(r"```sql\n(INSERT .*?)```", page, re.DOTALL)
    define_warehouse(monkeypatch, tmp_path)
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as warehouse:
        warehouse.execute("CREATE TABLE opt_out (phone)")
        warehouse.execute("INSERT INTO opt_out VALUES (?)", (BEA,))
        warehouse.commit()
    monkeypatch.chdir(tmp_path)
    Path("opt_outs.csv").write_text("id,mobile\n7,600 000 003\n")

    codes = [main(shlex.split(command)[1:]) for command in commands.splitlines()]

    assert set(codes) == {0}
    assert list(listed(store)) == [BEA, "+34600000003"]
    with store.begin() as connection:
        connection.execute(sa.text(insert))
    assert listed(store)[ANA].reason == "said STOP"


def test_a_phone_suppressed_by_the_command_gets_no_message_from_that_account(
    store: sa.Engine, sandbox: SandboxProcess, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(connection_of(store.url)))
    run("add", ANA, "--reason", "said STOP", "--rcs-conn-id", "rcs_default")
    run("add", BEA, "--reason", "said STOP")

    people = [{"phone": phone, "name": "x"} for phone in (ANA, BEA, "+34600000003")]
    sent = RcsSendOperator(
        task_id="send", template_id="1234569", campaign=f"suppress-{store.dialect.name}", recipients=people
    ).execute(context)

    assert (sent["accepted"], sent["suppressed"]) == (1, 2)
    assert sent["reasons"]["suppressed"] == {"suppressed: said STOP": 2}


def connection_of(url: sa.URL) -> dict[str, object]:
    if url.get_backend_name() == "sqlite":
        return {"conn_type": "sqlite", "host": url.database}
    # The folder of the server's socket is an option of the driver, because a URL cannot have it as its host.
    named = {"schema": url.database, "login": url.username, "password": url.password}
    return {"conn_type": "postgres", **named, "extra": dict(url.query)}
