from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import erasure, suppression_pseudonym
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.privacy.warehouse_copies import warehouse_statements
from airflow_provider_rcs.store.read.exports import store_identity
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, PhoneForm, hashed
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    claim_next,
    count,
    dispatched,
    land_and_fold,
    listed,
    new_attempt,
    report_on,
    rows,
    sent,
)

FORMS = [PLAIN, MASKED, hashed("secret")]
Erase = Callable[..., int]


@pytest.fixture
def run(store_url: str) -> Erase:
    return lambda *options: main(["erase", "--store-url", store_url, *options])


@pytest.fixture
def warehouse(tmp_path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")


def send_to_ana(engine: sa.Engine) -> None:
    """Send to Ana with her name and reference, and land two reports: one on her message, and one that is parked."""
    begun = new_attempt(engine)
    record_list(
        engine,
        begun,
        prepare_list_part(engine, [listed(ANA, name="Ana", reference="ref-1", phone_as_listed="+34 600 000 001")]),
    )
    taken = claim_next(engine, begun)
    on_ana = report_on(taken, message_reference="ref-1", extra={"Note": "Ana"})
    land_and_fold(engine, on_ana, on_ana._replace(campaign_reference="someone-elses"))


def traces_of_ana(warehouse: sa.Engine, form: PhoneForm = PLAIN) -> list[str]:
    """Return which personal data of Ana the warehouse has."""
    tables = warehouse_tables(None)
    with warehouse.connect() as connection:
        content = repr([connection.execute(sa.select(table)).all() for table in (tables.message, tables.report)])
    return [each for each in (form.show(ANA), form.show("+34 600 000 001"), "'Ana'", "ref-1") if each in content]


def test_nothing_is_erased_without_confirmation(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine, [ANA])
    questions: list[str] = []

    def answer_no(question: str) -> str:
        questions.append(question)
        return "no"

    monkeypatch.setattr("builtins.input", answer_no)

    assert run("--phone", ANA) == 2

    assert list(rows(engine)) == [ANA]
    assert "This cannot be undone" in questions[0]
    printed = capsys.readouterr()
    assert re.search(r"rcs_message +1\n", printed.out)
    assert "aborted: not confirmed; nothing was changed" in printed.err


def test_typing_yes_erases_the_person(engine: sa.Engine, run: Erase, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(engine, [ANA])
    monkeypatch.setattr("builtins.input", lambda _: "yes")

    assert run("--phone", ANA) == 0

    assert ANA not in rows(engine)


def test_the_phone_is_read_from_a_pipe(engine: sa.Engine, run: Erase, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(engine, [ANA])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ANA}\n"))

    assert run("--phone", "-", "--yes") == 0

    assert ANA not in rows(engine)


def test_nothing_is_erased_if_there_is_no_input_to_confirm_it(
    engine: sa.Engine, run: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_of_input(_: str) -> str:
        raise EOFError

    sent(engine, [ANA])
    monkeypatch.setattr("builtins.input", end_of_input)

    assert run("--phone", ANA) == 2

    assert list(rows(engine)) == [ANA]


@pytest.mark.slow
def test_the_output_shows_the_erased_rows_and_no_phone(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    send_to_ana(engine)

    assert run("--phone", "600 000 001", "--default-region", "ES", "--yes", "--by", "dpo") == 0

    printed = capsys.readouterr().out
    assert ANA not in printed
    assert "*********001" in printed
    assert re.search(r"rcs_report +2\n", printed)
    with engine.connect() as connection:
        assert connection.execute(sa.select(erasure.c.erased_by)).scalar_one() == "dpo"


@pytest.mark.parametrize("options", [("--phone", "600000001"), ("--phone", "34600000001", "--default-region", "Spain")])
def test_an_unreadable_phone_is_masked_in_the_error(
    run: Erase, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(*options, "--yes") == 2

    assert "600000" not in capsys.readouterr().err


def test_the_phone_is_suppressed_only_if_requested(engine: sa.Engine, run: Erase) -> None:
    run("--phone", ANA, "--yes")
    run("--phone", BEA, "--yes", "--suppress")

    assert count(engine, suppression_pseudonym) == 1


def test_erasing_during_a_send_is_refused_and_names_the_campaign(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(engine, [ANA])

    assert run("--phone", ANA, "--yes") == 8

    assert "campaign 'spring'" in capsys.readouterr().err


def test_landed_reports_that_are_not_folded_yet_are_erased_too(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    land(engine, [report_on(sent(engine, [ANA]))], NOON)

    run("--phone", ANA, "--yes")

    assert re.search(r"rcs_report +1\n", capsys.readouterr().out)
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.phone)).scalar_one() == ""


@pytest.mark.parametrize("form", FORMS, ids=["plain", "masked", "hashed"])
@pytest.mark.slow
def test_the_next_load_removes_the_person_from_the_warehouse(
    engine: sa.Engine, run: Erase, warehouse: sa.Engine, form: PhoneForm
) -> None:
    send_to_ana(engine)
    load(engine, warehouse, None, form)
    assert form.show(ANA) in traces_of_ana(warehouse, form)

    run("--phone", ANA, "--yes")
    loaded = load(engine, warehouse, None, form)

    assert loaded == Loaded(campaigns=1, messages=1, reports=2)
    assert traces_of_ana(warehouse, form) == []


@pytest.mark.parametrize("form", FORMS, ids=["plain", "masked", "hashed"])
@pytest.mark.slow
def test_the_printed_statements_remove_the_person_from_copies(
    engine: sa.Engine, run: Erase, warehouse: sa.Engine, capsys: pytest.CaptureFixture[str], form: PhoneForm
) -> None:
    send_to_ana(engine)
    load(engine, warehouse, None, form)

    run("--phone", ANA, "--yes")

    printed = [line.strip() for line in capsys.readouterr().out.splitlines() if "UPDATE" in line]
    with warehouse.begin() as connection:
        for statement in printed:
            connection.exec_driver_sql(statement)
    assert len(printed) == 2
    assert traces_of_ana(warehouse, form) == []


@pytest.mark.slow
def test_the_printed_statements_leave_the_people_of_other_stores_alone(
    engine: sa.Engine, run: Erase, warehouse: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    send_to_ana(engine)
    load(engine, warehouse, None)
    with warehouse.begin() as connection:
        for table in ("rcs_message", "rcs_report"):
            connection.exec_driver_sql(f"UPDATE {table} SET store = 'another'")

    run("--phone", ANA, "--yes")

    with warehouse.begin() as connection:
        for line in capsys.readouterr().out.splitlines():
            if "UPDATE" in line:
                connection.exec_driver_sql(line.strip())
    assert traces_of_ana(warehouse) == [ANA, "+34 600 000 001", "'Ana'", "ref-1"]


@pytest.mark.slow
def test_the_statements_are_printed_again_for_a_person_already_erased(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, [ANA])
    run("--phone", ANA, "--yes")
    capsys.readouterr()

    run("--phone", ANA, "--yes")

    statement = rf"UPDATE rcs_message .* WHERE store = '{store_identity(engine)}' AND id IN \(\d+\);"
    assert re.search(statement, capsys.readouterr().out)


def test_no_statements_are_printed_without_rows_of_the_person() -> None:
    assert warehouse_statements("a" * 32, [], []) == []
