"""The operators that maintain the store, on real campaigns."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowFailException, Context, Variable

from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.operators.maintenance import campaigns, people, reports
from airflow_provider_rcs.operators.maintenance.base import RcsMaintenanceOperator
from airflow_provider_rcs.operators.maintenance.setup import RcsDoctorOperator, RcsMigrateOperator
from airflow_provider_rcs.store.campaign.campaigns import open_campaign
from airflow_provider_rcs.store.campaign.cancellations import read_cancellations
from airflow_provider_rcs.store.db.migrate import newest_version
from airflow_provider_rcs.store.db.tables import erasure
from airflow_provider_rcs.store.outbox.refused_credentials import remember_refusal
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.outbox.suppression_list import suppressions
from tests.sandbox_process import SandboxProcess
from tests.unit.cli.test_refused import GOOD, refuse
from tests.unit.store import given
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    TERMS,
    dispatched,
    land_and_fold,
    planned,
    report_on,
    row,
    sent,
    states,
    suppress,
)
from tests.unit.store.privacy.test_retention import make_old

MAR = "mar.vidal"
VARIABLE = "rcs_phones_secret"


@pytest.fixture
def by_mar() -> Context:
    """The context of a task in a run that a user has triggered."""
    return cast("Context", {"dag_run": SimpleNamespace(triggering_user_name=MAR)})


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Airflow's variables, in place of its database."""
    held: dict[str, str] = {}
    monkeypatch.setattr(Variable, "get", lambda name, default: held.get(name, default))
    monkeypatch.setattr(Variable, "delete", held.pop)
    return held


def run(kind: type[RcsMaintenanceOperator], context: Context, **arguments: Any) -> Any:
    return kind(task_id="maintain", **arguments).execute(context)


def in_doubt(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA, BEA]), "the reply was lost")


def test_migrating_creates_the_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_mar: Context) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/new.db"}))

    assert run(RcsMigrateOperator, by_mar) == {"version": newest_version()}

    assert run(campaigns.RcsListCampaignsOperator, by_mar) == []


def test_campaigns_are_listed_with_their_counts(store: sa.Engine, by_mar: Context) -> None:
    land_and_fold(store, report_on(sent(store, [ANA])))

    [spring] = run(campaigns.RcsListCampaignsOperator, by_mar)

    assert (spring["campaign"], spring["accepted"], spring["delivered"]) == ("spring", 1, 1)


def test_a_campaign_is_cancelled_by_the_user_who_triggered_the_run(store: sa.Engine, by_mar: Context) -> None:
    planned(store, [ANA, BEA])

    cancelled = run(campaigns.RcsCancelCampaignOperator, by_mar, campaign="spring", reason="the price is wrong")

    assert cancelled == {"campaign": "spring", "not_sent": 2, "handed_over": 0}
    assert read_cancellations(store)["spring"].decided_by == MAR
    assert row(store).reason == "cancelled: the price is wrong"


def test_the_person_that_the_dag_names_decides(store: sa.Engine, by_mar: Context) -> None:
    planned(store, [ANA])

    run(campaigns.RcsCancelCampaignOperator, by_mar, campaign="spring", reason="wrong", decided_by="Pau")

    assert read_cancellations(store)["spring"].decided_by == "Pau"


def test_without_a_user_nothing_is_decided(store: sa.Engine) -> None:
    planned(store, [ANA])
    scheduled = cast("Context", {"dag_run": SimpleNamespace(triggering_user_name=None)})

    with pytest.raises(AirflowFailException, match="decided_by: it is not set, and no user triggered this run"):
        run(campaigns.RcsCancelCampaignOperator, scheduled, campaign="spring", reason="wrong")

    assert states(store) == {ANA: "planned"}


def test_requests_in_doubt_are_listed(store: sa.Engine, by_mar: Context) -> None:
    in_doubt(store)

    [doubt] = run(campaigns.RcsListInDoubtOperator, by_mar, campaign="spring")

    assert doubt["in_doubt"] == 2


@pytest.mark.parametrize(("outcome", "state"), [("accepted", "accepted"), ("not_sent", "planned")])
def test_messages_in_doubt_are_resolved(store: sa.Engine, by_mar: Context, outcome: str, state: str) -> None:
    in_doubt(store)

    resolved = run(campaigns.RcsResolveOperator, by_mar, campaign="spring", outcome=outcome, reason="seen in the panel")

    assert resolved == {"campaign": "spring", "resolved": 2}
    assert set(states(store).values()) == {state}


def test_only_the_message_to_a_phone_is_resolved(store: sa.Engine, by_mar: Context, variables: dict[str, str]) -> None:
    in_doubt(store)
    variables[VARIABLE] = ANA

    run(
        campaigns.RcsResolveOperator,
        by_mar,
        campaign="spring",
        outcome="accepted",
        reason="she has it",
        phones_variable=VARIABLE,
    )

    assert states(store) == {ANA: "accepted", BEA: "in_doubt"}
    assert variables == {}


def test_an_unknown_outcome_resolves_nothing(store: sa.Engine, by_mar: Context) -> None:
    in_doubt(store)

    with pytest.raises(AirflowFailException, match="outcome: 'lost' is no outcome. Use accepted or not_sent"):
        run(campaigns.RcsResolveOperator, by_mar, campaign="spring", outcome="lost", reason="?")

    assert set(states(store).values()) == {"in_doubt"}


def test_credentials_are_allowed_again_after_the_account_was_fixed(store: sa.Engine, by_mar: Context) -> None:
    remember_refusal(store, "spring", "a fingerprint")

    cleared = run(campaigns.RcsAllowCredentialsOperator, by_mar, campaign="spring")

    assert cleared == {"campaign": "spring", "cleared": 1}


def test_phones_of_a_variable_are_suppressed_and_the_variable_is_deleted(
    store: sa.Engine, by_mar: Context, variables: dict[str, str]
) -> None:
    variables[VARIABLE] = f"{ANA}\n{BEA}, 600 000 003\n"

    counts = run(people.RcsSuppressOperator, by_mar, reason="said STOP", phones_variable=VARIABLE, default_region="ES")

    assert counts == {"added": 3, "suppressed_before": 0}
    assert [each.phone for each in suppressions(store)] == [ANA, BEA, EVA]
    assert variables == {}


def test_a_variable_with_an_unreadable_phone_suppresses_nobody_and_stays(
    store: sa.Engine, by_mar: Context, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    variables[VARIABLE] = f"{ANA}\n600000002"

    with pytest.raises(AirflowFailException, match="phones_variable: 1 of 2 rows cannot be read") as error:
        run(people.RcsSuppressOperator, by_mar, reason="said STOP", phones_variable=VARIABLE)

    assert list(suppressions(store)) == []
    assert VARIABLE in variables
    assert "600000002" not in f"{error.value}{capsys.readouterr()}"


def test_phones_of_a_query_or_a_file_are_suppressed(
    store: sa.Engine, by_mar: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/shop.db"}))
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE opt_out (phone)")
        shop.execute("INSERT INTO opt_out VALUES (?)", [ANA])
        shop.commit()
    (tmp_path / "opt_outs.csv").write_text(f"id,mobile\n7,{BEA}\n")

    query = {"sql": "SELECT phone FROM opt_out", "sql_conn_id": "shop"}
    run(people.RcsSuppressOperator, by_mar, reason="shop", **query)
    run(people.RcsSuppressOperator, by_mar, reason="list", path=f"{tmp_path}/opt_outs.csv", column="mobile")

    assert [each.phone for each in suppressions(store)] == [ANA, BEA]


def test_phones_of_a_file_with_another_separator_and_encoding_are_suppressed(
    store: sa.Engine, by_mar: Context, tmp_path: Path
) -> None:
    (tmp_path / "bajas.csv").write_text(f"teléfono;motivo\n{ANA};cansó\n", encoding="latin-1")
    options = {"separator": ";", "encoding": "latin-1"}

    file: dict[str, Any] = {"path": f"{tmp_path}/bajas.csv", "column": "teléfono", "read_options": options}
    run(people.RcsSuppressOperator, by_mar, reason="list", **file)

    assert [each.phone for each in suppressions(store)] == [ANA]


def test_a_separator_is_refused_for_phones_that_are_in_no_file(store: sa.Engine, by_mar: Context) -> None:
    with pytest.raises(AirflowFailException, match="read_options: the phones are not in a CSV file"):
        run(people.RcsSuppressOperator, by_mar, reason="x", phones_variable=VARIABLE, read_options={"separator": ";"})

    assert not [*suppressions(store)]


@pytest.mark.parametrize("sources", [{}, {"sql": "SELECT 1", "path": "a.csv"}])
def test_phones_come_from_exactly_one_source(store: sa.Engine, by_mar: Context, sources: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="Give exactly one: where the phones come from"):
        run(people.RcsSuppressOperator, by_mar, reason="said STOP", **sources)


def test_suppressed_phones_are_allowed_again(store: sa.Engine, by_mar: Context, variables: dict[str, str]) -> None:
    suppress(store, ANA)
    variables[VARIABLE] = f"{ANA}\n{BEA}"

    counts = run(people.RcsAllowAgainOperator, by_mar, phones_variable=VARIABLE)

    assert counts == {"removed": 1, "not_suppressed": 1}
    assert list(suppressions(store)) == []


def test_a_missing_variable_is_named(store: sa.Engine, by_mar: Context, variables: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match="the Airflow variable 'rcs_phones_secret' does not exist"):
        run(people.RcsErasePersonOperator, by_mar, phones_variable=VARIABLE, suppress=False)


def test_finding_a_person_changes_nothing(store: sa.Engine, by_mar: Context, variables: dict[str, str]) -> None:
    sent(store, [ANA])
    variables[VARIABLE] = ANA

    counts = run(people.RcsFindPersonOperator, by_mar, phones_variable=VARIABLE)

    assert counts["rcs_message"] == 1
    assert row(store).phone == ANA
    assert variables == {VARIABLE: ANA}


def test_people_are_erased_by_the_user_and_suppressed(
    store: sa.Engine, by_mar: Context, variables: dict[str, str]
) -> None:
    sent(store, [ANA, BEA, EVA])
    variables[VARIABLE] = f"{ANA}\n{BEA}"

    counts = run(people.RcsErasePersonOperator, by_mar, phones_variable=VARIABLE, suppress=True)

    with store.connect() as connection:
        decided_by = set(connection.execute(sa.select(erasure.c.erased_by)).scalars())
    assert counts["rcs_message"] == 2
    assert [each for each in states(store) if each.startswith("+")] == [EVA]
    assert [each.phone for each in suppressions(store)] == [None, None]
    assert decided_by == {MAR}
    assert variables == {}


def test_neither_names_nor_phones_are_logged_or_returned(
    store: sa.Engine, by_mar: Context, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sent(store, [ANA])
    variables[VARIABLE] = ANA

    returned = [
        run(people.RcsFindPersonOperator, by_mar, phones_variable=VARIABLE),
        run(people.RcsSuppressOperator, by_mar, reason="said STOP", phones_variable=VARIABLE),
    ]
    variables[VARIABLE] = ANA
    returned += [
        run(people.RcsErasePersonOperator, by_mar, phones_variable=VARIABLE, suppress=True),
        run(campaigns.RcsCancelCampaignOperator, by_mar, campaign="spring", reason="asked by Ana Ruiz"),
        run(campaigns.RcsCancelCampaignOperator, by_mar, campaign="spring", reason="again"),
        run(campaigns.RcsListCampaignsOperator, by_mar),
    ]

    shown = f"{capsys.readouterr()}{returned}"
    assert "already cancelled by xxx.xxxxx" in shown
    assert [each for each in (MAR, "Ana Ruiz", ANA, ANA.removeprefix("+34")) if each in shown] == []


def test_changed_status_codes_are_applied(store: sa.Engine, by_mar: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    account = {"conn_type": "rcs", "host": "https://rcs.example", "login": "demo", "password": "demo-token"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(account))
    named = open_campaign(store, "spring", replace(TERMS, account=RcsHook().account), {})
    monkeypatch.setattr(given, "TERMS", named.terms)
    land_and_fold(store, report_on(sent(store, [ANA]), code="77"))
    monkeypatch.setenv(
        "AIRFLOW_CONN_RCS_DEFAULT", json.dumps(account | {"extra": {"status_codes": {"77": "delivered"}}})
    )

    assert run(reports.RcsRefoldOperator, by_mar, campaign=named.name) == {"messages": 1, "changed": 1}

    assert row(store).delivery_status == "delivered"


def test_refused_bodies_are_counted_and_read_again(store: sa.Engine, by_mar: Context) -> None:
    refuse(store, GOOD, b"secret")

    assert run(reports.RcsListRefusedOperator, by_mar) == {"refused": 2}
    assert run(reports.RcsRetryRefusedOperator, by_mar) == {"understood": 1, "refused": 1, "landed": 1}


def test_old_data_is_counted_first_and_then_pruned(store: sa.Engine, by_mar: Context) -> None:
    land_and_fold(store, report_on(sent(store, [ANA])))
    make_old(store)

    counted = run(reports.RcsCountPrunableOperator, by_mar, older_than="180d")
    assert row(store).phone == ANA
    pruned = run(reports.RcsPruneOperator, by_mar, older_than="180d", campaign="spring")

    assert counted["rcs_message"] == pruned["rcs_message"] == 1
    assert [each for each in states(store) if each.startswith("+")] == []


def test_an_age_that_cannot_be_read_prunes_nothing(store: sa.Engine, by_mar: Context) -> None:
    with pytest.raises(AirflowFailException, match="older_than: '6m' is not a number of days or weeks"):
        run(reports.RcsPruneOperator, by_mar, older_than="6m")


def test_the_doctor_returns_its_counts_and_logs_a_line_for_each_check(
    store: sa.Engine, sandbox: SandboxProcess, by_mar: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = RcsDoctorOperator(task_id="doctor").execute(by_mar)

    logged = capsys.readouterr().out
    assert counts["failed"] == 0
    assert counts["ok"] >= 4
    assert "credentials: the service accepts them" in logged


def test_the_doctor_fails_at_its_end_if_a_check_failed(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, by_mar: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCS_DEFAULT", raising=False)

    with pytest.raises(AirflowFailException, match="checks failed; the lines above say what to do"):
        RcsDoctorOperator(task_id="doctor").execute(by_mar)

    assert "store: reached on SQLite" in capsys.readouterr().out


def test_no_argument_that_names_a_person_is_rendered() -> None:
    operators: list[type[RcsMaintenanceOperator]] = [
        campaigns.RcsCancelCampaignOperator,
        campaigns.RcsResolveOperator,
        people.RcsErasePersonOperator,
    ]

    assert [each for each in operators if "decided_by" in each.template_fields] == []
