"""Reports without a door: the example DAGs, and bodies that other tasks return, under a real Airflow."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.home import Home
from tests.redis_server import redis_server
from tests.running_airflow import RunningAirflow, all_logs, running_airflow
from tests.system.conftest import DAGS, AirflowCommands

OWN_DAGS = Path(__file__).parent / "dags"
FROM_QUEUE = "rcs_land_reports_from_queue"
PHONES = [f"+3461100000{number}" for number in range(5)]
HAS_QUEUES = importlib.util.find_spec("airflow.providers.common.messaging") and importlib.util.find_spec(
    "airflow.providers.redis"
)


def body(phone: str) -> str:
    return json.dumps({"Servicio": "RCS", "Estado": "13", "Destinatario": phone.removeprefix("+"), "idMensaje": "1"})


def landed_phones(store: sa.Engine, begin: str) -> list[str]:
    with store.connect() as connection:
        phones = connection.scalars(sa.select(report.c.phone).where(report.c.phone.like(f"{begin}%")))
        return sorted(phones)


def what_airflow_stores_of_tasks(database: Path) -> str:
    """Return all texts of the tables in which Airflow keeps what tasks get and return."""
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        tables = ("rendered_task_instance_fields", "xcom", "task_instance")
        rows = [row for table in tables for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
    engine.dispose()
    return "\n".join(map(str, rows))


def test_the_files_of_a_bucket_are_landed_and_moved(airflow: AirflowCommands, tmp_path: Path) -> None:
    (tmp_path / "pushed").mkdir()
    for phone in PHONES:
        (tmp_path / "pushed" / f"{PHONES.index(phone)}.json").write_text(body(phone))

    conf = {"path": (tmp_path / "pushed").as_uri(), "landed": (tmp_path / "landed").as_uri()}
    completed = airflow.run_dag("rcs_land_reports_from_bucket", conf)

    written = completed.stdout + completed.stderr
    assert completed.returncode == 0, written
    assert "Landed 5 files, 5 bodies, 5 reports" in written
    assert landed_phones(engine_from_url(f"sqlite:///{airflow.store}"), "+34611") == PHONES
    assert len(list((tmp_path / "landed").iterdir())) == 5
    assert "34611" not in written


def test_what_tasks_return_is_landed_and_stored_nowhere_by_the_task_that_lands_it(airflow: AirflowCommands) -> None:
    completed = airflow.run_dag("rcs_land_output", folder=OWN_DAGS)

    written = completed.stdout + completed.stderr
    assert completed.returncode == 0, written
    store = engine_from_url(f"sqlite:///{airflow.store}")
    assert landed_phones(store, "+34610") == ["+34610000001", "+34610000002"]
    refused = airflow.rows(airflow.store, "SELECT reason FROM rcs_report_refused WHERE body = ?", b"{{ 7 * 7 }}")
    assert refused
    assert "airflow-rcs refused list" in written
    fields = airflow.rows(
        airflow.airflow_database,
        "SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = 'rcs_land_output' "
        "AND task_id LIKE 'land%'",
    )
    assert "34610" not in str(fields)
    returned = airflow.rows(
        airflow.airflow_database, "SELECT value FROM xcom WHERE dag_id = 'rcs_land_output' AND task_id LIKE 'land%'"
    )
    assert "34610" not in str(returned)


@dataclass(frozen=True)
class QueueSystem:
    """A running Airflow with the example DAG of a queue, and the store that it lands in."""

    airflow: RunningAirflow
    store: sa.Engine

    def wait_for_reports(self, count: int) -> list[str]:
        """Wait until reports have landed and all runs have succeeded, and return the phones of the reports."""
        self.airflow.wait_for(lambda: len(landed_phones(self.store, "+34611")) >= count, "the reports land")
        self.airflow.wait_for(lambda: set(self.airflow.user.run_states(FROM_QUEUE)) == {"success"}, "the runs end")
        return landed_phones(self.store, "+34611")


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with redis_server(tmp_path) as url:
        yield url


@pytest.fixture
def system(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[QueueSystem]:
    home = Home(tmp_path / "home", tmp_path / "dags")
    home.folder.mkdir()
    home.dags.mkdir()
    example = (DAGS / f"{FROM_QUEUE}.py").read_text(encoding="utf-8")
    settings = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
    components = ["api-server", "scheduler", "dag-processor"]
    if "redis_url" in request.fixturenames:
        begin = example.index('scheme="sqs"')
        sqs = example[begin : example.index("\n    )", begin)]
        example = example.replace(sqs, 'scheme="redis+pubsub", channels=["reports"], poll_interval=0.2')
        example = example.replace("airflow.providers.amazon", "airflow.providers.redis")
        settings["AIRFLOW_CONN_REDIS_DEFAULT"] = request.getfixturevalue("redis_url")
        components.append("triggerer")
    (home.dags / f"{FROM_QUEUE}.py").write_text(example, encoding="utf-8")
    store = engine_from_url(home.store_url)
    migrate(store)
    with running_airflow(home, settings, components) as airflow:
        if "triggerer" in components:
            airflow.wait_until_healthy()
        else:
            airflow.user.log_in()
        airflow.wait_for(lambda: airflow.user.knows_dag(FROM_QUEUE), "Airflow has parsed the DAG")
        yield QueueSystem(airflow, store)
    store.dispose()


def test_an_event_of_the_queue_starts_a_run_that_lands_its_messages(system: QueueSystem) -> None:
    message = {"MessageId": "1", "ReceiptHandle": "x", "Attributes": {"SentTimestamp": "1772359200000"}}
    payload = {"status": "success", "message_batch": [message | {"Body": body(phone)} for phone in PHONES]}

    system.airflow.user.emit_asset_event("rcs://gateway/reports", {"payload": payload})

    assert system.wait_for_reports(5) == PHONES
    home = system.airflow.home
    assert "34611" not in what_airflow_stores_of_tasks(home.folder / "airflow.db")
    assert "34611" not in all_logs(home)


@pytest.mark.skipif(not HAS_QUEUES, reason="the providers common-messaging and redis are not installed")
def test_a_message_of_a_real_queue_starts_a_run_that_lands_it(redis_url: str, system: QueueSystem) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for number, phone in enumerate(PHONES[:2], start=1):
            # Nobody gets a message that is published while the trigger is not subscribed.
            publish = partial(client.publish, "reports", body(phone))
            system.airflow.wait_for(publish, "the trigger listens")
            assert system.wait_for_reports(number) == PHONES[:number]

    payload = system.airflow.user.asset_events()[0]["payload"]
    assert (payload["type"], payload["channel"], payload["data"]) == ("message", "reports", body(PHONES[0]))
