from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.cli.warehouse_erasure import statements
from airflow_provider_rcs.store.db.tables import erasure, report, suppression_pseudonym
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, PhoneForm, hashed
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.store.given import ANA, BEA, NOON, new_attempt, claim_next, dispatched, count, listed, land_and_fold, report_on, rows, sent

FORMS = [PLAIN, MASKED, hashed("secret")]
Erase = Callable[..., int]


@pytest.fixture
def run(engine_url: str) -> Erase:
    return lambda *options: main(["erase", "--store-url", engine_url, *options])


@pytest.fixture
def warehouse(tmp_path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")


def named_ana(engine: sa.Engine) -> None:
    """Send to Ana, whom the list calls by her name, and have a report come on it, and another one that is parked."""
    begun = new_attempt(engine)
    record_list(
        engine,
        begun,
        prepare_list_part(engine, [listed(ANA, name="Ana", reference="ref-1", phone_as_listed="+34 600 000 001")]),
    )
    taken = claim_next(engine, begun)
    on_ana = report_on(taken, message_reference="ref-1", extra={"Note": "Ana"})
    land_and_fold(engine, on_ana, on_ana._replace(campaign_reference="someone-elses"))


def names_ana(warehouse: sa.Engine, form: PhoneForm = PLAIN) -> list[str]:
    """Which of what tells of Ana are in the warehouse."""
    tables = warehouse_tables(None)
    with warehouse.connect() as connection:
        told = repr([connection.execute(sa.select(table)).all() for table in (tables.message, tables.report)])
    return [each for each in (form.show(ANA), form.show("+34 600 000 001"), "'Ana'", "ref-1") if each in told]


def test_nothing_is_erased_before_somebody_says_yes(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine, [ANA])
    asked: list[str] = []

    def say_no(question: str) -> str:
        asked.append(question)
        return "no"

    monkeypatch.setattr("builtins.input", say_no)

    assert run("--phone", f"+{ANA}") == 2

    assert list(rows(engine)) == [ANA]
    assert "This cannot be undone" in asked[0]
    printed = capsys.readouterr()
    assert re.search(r"rcs_message +1\n", printed.out)
    assert "nobody said so; nothing was changed" in printed.err


def test_a_person_who_types_yes_is_not_asked_for_more(
    engine: sa.Engine, run: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(engine, [ANA])
    monkeypatch.setattr("builtins.input", lambda _: "yes")

    assert run("--phone", ANA) == 0

    assert ANA not in rows(engine)


def test_where_nobody_can_be_asked_nothing_is_erased(
    engine: sa.Engine, run: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody_types(_: str) -> str:
        raise EOFError

    sent(engine, [ANA])
    monkeypatch.setattr("builtins.input", nobody_types)

    assert run("--phone", ANA) == 2

    assert list(rows(engine)) == [ANA]


def test_what_is_printed_holds_no_phone_and_tells_what_was_done(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    named_ana(engine)

    assert run("--phone", "600 000 001", "--default-region", "ES", "--yes", "--by", "dpo") == 0

    printed = capsys.readouterr().out
    assert ANA not in printed
    assert "********001" in printed
    assert re.search(r"rcs_report +2\n", printed)
    with engine.connect() as connection:
        assert connection.execute(sa.select(erasure.c.erased_by)).scalar_one() == "dpo"


@pytest.mark.parametrize("options", [("--phone", "600000001"), ("--phone", "34600000001", "--default-region", "Spain")])
def test_a_phone_that_cannot_be_read_is_told_masked(
    run: Erase, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert run(*options, "--yes") == 2

    assert "600000" not in capsys.readouterr().err


def test_suppression_is_added_only_if_it_is_asked_for(engine: sa.Engine, run: Erase) -> None:
    run("--phone", ANA, "--yes")
    run("--phone", BEA, "--yes", "--suppress")

    assert count(engine, suppression_pseudonym) == 1


def test_while_a_message_is_being_sent_the_campaign_is_named(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(engine, [ANA])

    assert run("--phone", ANA, "--yes") == 2

    assert "campaign 'spring'" in capsys.readouterr().err


def test_what_has_landed_and_is_not_folded_is_found_too(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    land(engine, [report_on(sent(engine, [ANA]))], NOON)

    run("--phone", ANA, "--yes")

    assert re.search(r"rcs_report +1\n", capsys.readouterr().out)
    with engine.connect() as connection:
        assert connection.execute(sa.select(report.c.phone)).scalar_one() == ""


@pytest.mark.parametrize("form", FORMS, ids=["plain", "masked", "hashed"])
def test_the_next_load_brings_the_rows_without_the_person(
    engine: sa.Engine, run: Erase, warehouse: sa.Engine, form: PhoneForm
) -> None:
    named_ana(engine)
    load(engine, warehouse, None, form)
    assert form.show(ANA) in names_ana(warehouse, form)

    run("--phone", ANA, "--yes")
    loaded = load(engine, warehouse, None, form)

    assert loaded == Loaded(campaigns=1, messages=1, reports=2)
    assert names_ana(warehouse, form) == []


@pytest.mark.parametrize("form", FORMS, ids=["plain", "masked", "hashed"])
def test_the_statements_that_are_printed_do_the_same_where_no_load_comes(
    engine: sa.Engine, run: Erase, warehouse: sa.Engine, capsys: pytest.CaptureFixture[str], form: PhoneForm
) -> None:
    named_ana(engine)
    load(engine, warehouse, None, form)

    run("--phone", ANA, "--yes")

    printed = [line.strip() for line in capsys.readouterr().out.splitlines() if "UPDATE" in line]
    with warehouse.begin() as connection:
        for statement in printed:
            connection.exec_driver_sql(statement)
    assert len(printed) == 2
    assert names_ana(warehouse, form) == []


def test_the_statements_are_printed_again_for_who_was_erased_before(
    engine: sa.Engine, run: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, [ANA])
    run("--phone", ANA, "--yes")
    capsys.readouterr()

    run("--phone", ANA, "--yes")

    assert re.search(r"UPDATE rcs_message .* WHERE id IN \(\d+\);", capsys.readouterr().out)


def test_nothing_is_asked_of_a_warehouse_that_has_nothing_of_the_person() -> None:
    assert statements([], []) == []
