"""Example DAGs that a schedule or an event starts, or that load a warehouse's answer, under a running Airflow."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from tests.reporting_sandbox import reporting_sandbox
from tests.running_airflow import RunningAirflow, running_airflow
from tests.sandbox_process import SandboxProcess
from tests.system.conftest import DAGS
from tests.unit.store.given import sent

BIRTHDAY, ORDERS, WIN_BACK = "rcs_birthday_messages", "rcs_order_updates", "rcs_win_back"
AB_TEST, OPT_OUTS = "rcs_ab_test", "rcs_opt_out_import"
UPDATES = "warehouse://shop/order_update"
MADRID = ZoneInfo("Europe/Madrid")
LISTED = 200

numbers = count(600_000_001)


def phone() -> str:
    """Return a mobile that no other test messages."""
    return f"+34{next(numbers)}"


def birthday(days: int) -> str:
    """Return a date of birth whose anniversary is in some days."""
    return f"1992-{datetime.now(MADRID) + timedelta(days):%m-%d}"


def customer(mobile: str, birth_date: str = "1992-03-03") -> dict[str, Any]:
    """Return a row of the table ``customer``."""
    return {
        "customer_id": int(mobile[-4:]),
        "full_name": "Núria Puig",
        "phone": mobile,
        "birth_date": birth_date,
        "last_order_day": f"{datetime.now(MADRID):%Y-%m-%d}",
        "voucher": "10.50",
        "order_number": f"A-{mobile[-4:]}",
        "delivery_day": "04/05/2026",
    }


def update(batch: int, mobile: str, order: str = "A-1") -> dict[str, Any]:
    """Return a row of the table ``order_update``."""
    return {
        "batch": batch,
        "full_name": "Íñigo Ruiz",
        "phone": mobile,
        "order_number": order,
        "delivery_day": "04/05/2026",
    }


@dataclass(frozen=True)
class GallerySystem:
    """A running Airflow with the example DAGs, and the service, store and warehouse that they use."""

    airflow: RunningAirflow
    sandbox: SandboxProcess
    store: sa.Engine

    def fill(self, table: str, *rows: dict[str, Any]) -> None:
        """Replace a table of the warehouse by these rows."""
        with closing(sqlite3.connect(self.airflow.home.warehouse)) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute(f"CREATE TABLE {table} ({', '.join(rows[0])})")
            marks = ", ".join("?" for _ in rows[0])
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row.values()) for row in rows])
            connection.commit()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the warehouse."""
        with closing(sqlite3.connect(self.airflow.home.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def run(self, dag_id: str, **conf: Any) -> dict[str, str]:
        """Start a run by hand, and return the state of each of its tasks."""
        return self._end(dag_id, self.airflow.run_dag(dag_id, **conf))

    def run_by_schedule(self, dag_id: str) -> dict[str, str]:
        """Unpause a DAG, which makes the scheduler start a run, and return the state of each of its tasks."""
        self.airflow.unpause(dag_id)
        return self._end(dag_id, self._next_run(dag_id, 0))

    def run_by_event(self, dag_id: str, uri: str, **extra: Any) -> dict[str, str]:
        """Emit an event of an asset, and return the state of each task of the run that it starts."""
        self.airflow.unpause(dag_id)
        before = len(self.airflow.user.run_ids(dag_id))
        self.airflow.user.emit_asset_event(uri, extra)
        return self._end(dag_id, self._next_run(dag_id, before))

    def sent(self, campaign: str) -> list[str]:
        """Return the phones of the messages of a campaign that the service accepted, one for each message."""
        return sorted(f"+{each['phone']}" for each in self.accepted(campaign))

    def accepted(self, campaign: str) -> list[dict[str, Any]]:
        """Return the messages of a campaign that the service accepted."""
        with self.store.connect() as connection:
            query = sa.text("SELECT token FROM rcs_campaign WHERE name = :name")
            token = connection.execute(query, {"name": campaign}).scalar_one_or_none()
        return [each for each in self.sandbox.accepted() if each["campaign_reference"].startswith(f"{token}-")]

    def not_sent(self, campaign: str) -> dict[str, str]:
        """Return why phones of a campaign got no message."""
        query = sa.text(
            "SELECT m.phone, m.reason FROM rcs_message m JOIN rcs_campaign c ON c.id = m.campaign_id "
            "WHERE c.name = :name AND m.state <> 'accepted'"
        )
        with self.store.connect() as connection:
            return {row.phone: row.reason for row in connection.execute(query, {"name": campaign})}

    def campaigns(self, begin: str) -> list[str]:
        """Return the names of the campaigns that begin like this."""
        with self.store.connect() as connection:
            query = sa.text("SELECT name FROM rcs_campaign WHERE name LIKE :begin ORDER BY name")
            return list(connection.scalars(query, {"begin": f"{begin}%"}))

    def _next_run(self, dag_id: str, known: int) -> str:
        self.airflow.wait_for(lambda: len(self.airflow.user.run_ids(dag_id)) > known, f"a run of {dag_id} begins")
        return self.airflow.user.run_ids(dag_id)[known]

    def _end(self, dag_id: str, run_id: str) -> dict[str, str]:
        self.airflow.end_of_run(dag_id, run_id)
        return {task: state for task, (state, _) in self.airflow.user.task_states(dag_id, run_id).items()}


def settings(sandbox: SandboxProcess) -> dict[str, str]:
    """Return the settings of Airflow."""
    return {
        "AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection(status_codes={"20": "read"}),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    }


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GallerySystem]:
    folder = tmp_path_factory.mktemp("gallery")
    home = Home(folder, folder / "dags")
    home.dags.mkdir()
    for dag_id in (BIRTHDAY, ORDERS, WIN_BACK, AB_TEST, OPT_OUTS):
        example = (DAGS / f"{dag_id}.py").read_text("utf-8")
        (home.dags / f"{dag_id}.py").write_text(example.replace("at_least=", "poke_interval=0.5, at_least="), "utf-8")
    store = engine_from_url(home.store_url)
    migrate(store)
    with (
        reporting_sandbox(home.store_url, failed_share=0, code={"read": "20"}) as sandbox,
        running_airflow(home, settings(sandbox)) as airflow,
    ):
        airflow.wait_until_healthy()
        yield GallerySystem(airflow, sandbox, store)
    store.dispose()


def test_customers_get_one_message_on_their_birthday_even_if_the_run_is_repeated(system: GallerySystem) -> None:
    today, other_day = phone(), phone()
    system.fill("customer", customer(today, birthday(0)), customer(other_day, birthday(40)))

    states = [system.run_by_schedule(BIRTHDAY), system.run(BIRTHDAY)]

    assert states == [{"send": "success"}] * 2
    assert [system.sent(campaign) for campaign in system.campaigns("birthday/")] == [[today]]


def test_a_day_without_birthdays_is_skipped(system: GallerySystem) -> None:
    system.fill("customer", customer(phone(), birthday(40)))

    assert system.run(BIRTHDAY) == {"send": "skipped"}


def test_each_batch_that_an_event_names_is_sent_once_even_if_the_event_is_repeated(system: GallerySystem) -> None:
    one, other = phone(), phone()
    system.fill("order_update", update(7, one), update(7, one, "A-2"), update(8, one), update(8, other))

    states = [system.run_by_event(ORDERS, UPDATES, batch=batch) for batch in (7, 7, 8)]

    assert states == [{"batches": "success", "send": "success"}] * 3
    assert [each["variables"]["Pedido"] for each in system.accepted("order-updates/7")] == ["A-1"]
    assert system.sent("order-updates/8") == [one, other]


def test_customers_who_were_messaged_lately_are_not_won_back(system: GallerySystem) -> None:
    away, messaged, active = phone(), phone(), phone()
    sent(system.store, [messaged], name="recent")
    lost = {"last_order_day": "2020-01-01"}
    system.fill("customer", customer(away) | lost, customer(messaged) | lost, customer(active))

    states = system.run_by_schedule(WIN_BACK)

    assert states == {"send": "success"}
    (campaign,) = system.campaigns("win-back/")
    assert system.sent(campaign) == [away]
    assert system.not_sent(campaign) == {messaged: "frequency cap: at most 1 within 90 days"}


def test_phones_in_the_table_of_opt_outs_get_no_message(system: GallerySystem) -> None:
    opted_out, other = phone(), phone()
    system.fill("opt_out", {"phone": opted_out.removeprefix("+34")})
    system.fill("order_update", update(9, opted_out), update(9, other))

    states = system.run_by_schedule(OPT_OUTS)
    system.run_by_event(ORDERS, UPDATES, batch=9)

    assert states == {"suppress": "success"}
    assert system.sent("order-updates/9") == [other]
    assert system.not_sent("order-updates/9") == {opted_out: "suppressed: opted out in the shop"}


def test_half_of_a_list_gets_each_template_nobody_gets_both_and_the_view_compares_them(system: GallerySystem) -> None:
    mobiles = [phone() for _ in range(LISTED)]
    spelled_otherwise = customer(mobiles[0]) | {"phone": f"0034 {mobiles[0][3:]}"}
    system.fill("customer", *map(customer, mobiles), spelled_otherwise)

    states = system.run(AB_TEST, test="vouchers")

    assert set(states.values()) == {"success"}
    of_a, of_b = system.accepted("ab/vouchers/A"), system.accepted("ab/vouchers/B")
    assert sorted(f"+{each['phone']}" for each in [*of_a, *of_b]) == mobiles
    assert min(len(of_a), len(of_b)) > LISTED / 4
    compared = system.rows("SELECT * FROM ab_test WHERE campaign LIKE 'ab/vouchers/%' ORDER BY campaign")
    assert [row[1:3] for row in compared] == [("1234568", len(of_a)), ("1234567", len(of_b))]
    assert sum(opened for *_, opened in compared) > 0
    assert compared == system.rows(
        """
        SELECT m.campaign, c.template_id, SUM(state = 'accepted'),
            SUM(delivery_status IN ('delivered', 'read', 'clicked')), SUM(delivery_status IN ('read', 'clicked'))
        FROM rcs_message m JOIN rcs_campaign c ON c.name = m.campaign
        WHERE c.name LIKE 'ab/vouchers/%' GROUP BY 1 ORDER BY 1
        """
    )


def test_a_comparison_is_of_its_own_test_and_not_of_one_whose_name_begins_alike(system: GallerySystem) -> None:
    system.fill("customer", *(customer(phone()) for _ in range(20)))

    states = [system.run(AB_TEST, test=test) for test in ("offers/2", "offers")]

    assert [set(each.values()) for each in states] == [{"success"}] * 2
    latest = f"SELECT value FROM xcom WHERE dag_id = '{AB_TEST}' AND task_id = 'compare' ORDER BY timestamp DESC"
    with closing(sqlite3.connect(system.airflow.home.folder / "airflow.db")) as connection:
        (compared,) = connection.execute(latest).fetchone()
    assert re.findall("ab/[a-z0-9/]+/[AB]", compared) == ["ab/offers/A", "ab/offers/B"]
