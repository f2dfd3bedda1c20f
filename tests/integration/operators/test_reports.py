"""Reports from files, queries, tasks and events land as if they had been pushed."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock
from uuid import uuid4

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, Asset, Context, ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.operators.reports import RcsLandReportsOperator
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.inbox.landing import land_all

LAND_ALL = "airflow_provider_rcs.landing.landing.land_all"
QUEUE = Asset(name="rcs_reports_queue", uri="rcs://gateway/reports")
PHONES = [f"+3460000000{number}" for number in range(10)]


def body(phone: str = PHONES[1], code: str = "13") -> dict[str, str]:
    return {"Servicio": "RCS", "Estado": code, "Destinatario": phone.removeprefix("+"), "idMensaje": "1"}


def as_text(phone: str = PHONES[1]) -> str:
    return json.dumps(body(phone))


def phones_in(store: sa.Engine) -> list[str]:
    with store.connect() as connection:
        return list(connection.scalars(sa.select(report.c.phone).order_by(report.c.id)))


def refused_in(store: sa.Engine) -> list[tuple[str, bytes]]:
    with store.connect() as connection:
        rows = connection.execute(sa.select(report_refused.c.reason, report_refused.c.body))
        return [(row.reason, row.body) for row in rows]


def land(context: Context, **source: Any) -> dict[str, int]:
    return RcsLandReportsOperator(task_id="land", **source).execute(context)


def counts(**found: int) -> dict[str, int]:
    return {"files": 0, "bodies": 0, "reports": 0, "inbound": 0, "refused": 0} | found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder on the disk."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture(params=["file", "memory"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStoragePath:
    """An empty folder in a file system."""
    if request.param == "memory":
        return bucket_in_memory()
    (tmp_path / "bucket").mkdir()
    return ObjectStoragePath((tmp_path / "bucket").as_uri())


def bucket_in_memory() -> ObjectStoragePath:
    # Airflow knows the file systems of its providers only; this one stands for an object store, which has no folders.
    attach("memory", fs=MemoryFileSystem())
    return ObjectStoragePath(f"memory://{uuid4()}/bucket")


def write(folder: ObjectStoragePath, name: str, content: str | bytes) -> None:
    path = folder / name
    path.fs.makedirs(path.parent.path, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def names(folder: ObjectStoragePath) -> list[str]:
    found = folder.fs.find(folder.path)
    return sorted(name.removeprefix(folder.fs._strip_protocol(folder.path)).lstrip("/") for name in found)


def test_files_of_a_folder_land_and_are_moved(store: sa.Engine, context: Context, bucket: ObjectStoragePath) -> None:
    write(bucket, "in/2026/11/29/one.json", as_text(PHONES[1]))
    write(bucket, "in/two", "Resultado=13&Movil=34600000002&idEnvio=7&Referencia=a")

    landed = land(context, path=str(bucket / "in"), move_to=str(bucket / "landed"))

    assert landed == counts(files=2, bodies=2, reports=2)
    assert phones_in(store) == PHONES[1:3]
    assert names(bucket) == ["landed/2026/11/29/one.json", "landed/two"]


def test_what_lands_is_kept_with_the_connection_that_would_have_let_it_in(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = {"conn_type": "generic", "login": "x", "password": "y", "extra": {"rcs_conn_id": "rcs_es"}}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_ES", "rcs://user:token@rcs.example/v7")
    monkeypatch.setenv("AIRFLOW_CONN_PANEL_ES", json.dumps(panel))

    land(context, bodies=[as_text(PHONES[1]), "?"], reports_conn_id="panel_es")

    for table in ("rcs_report", "rcs_report_refused"):
        with store.connect() as connection:
            kept = connection.execute(sa.text(f"SELECT reports_conn_id, account FROM {table}")).all()
        assert [tuple(each) for each in kept] == [("panel_es", RcsHook("rcs_es").account)]


def test_a_connection_that_is_not_defined_lands_nothing(store: sa.Engine, context: Context) -> None:
    with pytest.raises(AirflowFailException, match="reports_conn_id: the connection 'no_such', or that to its account"):
        land(context, bodies=[as_text(PHONES[1])], reports_conn_id="no_such")

    with store.connect() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM rcs_report")).scalar_one() == 0


def test_a_second_run_finds_nothing_to_land(store: sa.Engine, context: Context, bucket: ObjectStoragePath) -> None:
    write(bucket, "in/one.json", as_text())
    land(context, path=bucket / "in", move_to=bucket / "landed")

    assert land(context, path=bucket / "in", move_to=bucket / "landed") == counts()
    assert len(phones_in(store)) == 1


def test_files_are_deleted_if_that_is_asked_for(store: sa.Engine, context: Context, bucket: ObjectStoragePath) -> None:
    write(bucket, "one.json", as_text())
    write(bucket, "note.txt", "not one of them")

    assert land(context, path=f"{bucket}/*.json", delete_files=True) == counts(files=1, bodies=1, reports=1)
    assert names(bucket) == ["note.txt"]
    assert phones_in(store) == [PHONES[1]]


def test_a_folder_of_landed_files_below_the_path_is_left_out(
    store: sa.Engine, context: Context, bucket: ObjectStoragePath
) -> None:
    write(bucket, "one.json", as_text())

    runs = [land(context, path=bucket, move_to=bucket / "landed") for _ in range(3)]

    assert [run["files"] for run in runs] == [1, 0, 0]
    assert names(bucket) == ["landed/one.json"]


def test_two_files_of_one_name_are_both_kept(store: sa.Engine, context: Context, bucket: ObjectStoragePath) -> None:
    for phone in PHONES[:3]:
        write(bucket, "in/report.json", as_text(phone))
        land(context, path=bucket / "in", move_to=bucket / "landed")

    kept = [json.loads((bucket / name).read_text())["Destinatario"] for name in names(bucket)]
    assert sorted(kept) == [phone.removeprefix("+") for phone in PHONES[:3]]


def test_files_move_to_another_file_system(store: sa.Engine, context: Context, folder: Path) -> None:
    archive = bucket_in_memory()
    (folder / "one.json").write_text(as_text())

    land(context, path=str(folder / "*.json"), move_to=archive)

    assert not (folder / "one.json").exists()
    assert json.loads((archive / "one.json").read_text()) == body()


def test_a_path_may_be_given_without_its_scheme(store: sa.Engine, context: Context, folder: Path) -> None:
    (folder / "one.json").write_text(as_text())

    landed = land(context, path=str(folder), move_to=f"{folder}/landed")

    assert landed == counts(files=1, bodies=1, reports=1)
    assert (folder / "landed" / "one.json").exists()


def test_a_path_where_nothing_is_lands_nothing(context: Context, store: sa.Engine, bucket: ObjectStoragePath) -> None:
    assert land(context, path=bucket / "nothing", delete_files=True) == counts()
    assert land(context, path=f"{bucket}/*/nothing-*", delete_files=True) == counts()


def test_hidden_and_empty_files_stay(store: sa.Engine, context: Context, bucket: ObjectStoragePath) -> None:
    for name in ("_SUCCESS", ".one.json.tmp", "_tmp/one.json", "a/.hidden/one.json"):
        write(bucket, name, as_text())
    write(bucket, "empty.json", "")

    assert land(context, path=bucket, delete_files=True) == counts()
    assert len(names(bucket)) == 5


@pytest.mark.parametrize("separator", ["\n", "", "\n\n", " ", "\r\n", "\x1e"])
def test_a_file_of_json_values_holds_one_body_or_envelope_each(
    store: sa.Engine, context: Context, folder: Path, separator: str
) -> None:
    form = "Resultado=13&Movil=34600000002&idEnvio=7"
    values: list[Any] = [
        body(PHONES[1]),
        {"content_type": "application/x-www-form-urlencoded", "body": form, "received_at": "2026-03-01T10:00:00Z"},
        {"body_base64": base64.b64encode(as_text(PHONES[3]).encode()).decode()},
        [body(PHONES[4]), body(PHONES[5])],
    ]
    (folder / "bodies.jsonl").write_text(separator.join(map(json.dumps, values)))

    landed = land(context, path=folder.as_uri(), delete_files=True)

    assert landed == counts(files=1, bodies=4, reports=5)
    assert phones_in(store) == PHONES[1:6]


def test_a_file_may_be_compressed(store: sa.Engine, context: Context, folder: Path) -> None:
    lines = "\n".join(as_text(phone) for phone in PHONES)
    (folder / "bodies").write_bytes(gzip.compress(lines.encode()))

    assert land(context, path=folder.as_uri(), delete_files=True)["reports"] == 10
    assert phones_in(store) == PHONES


def test_a_damaged_compressed_file_is_kept_with_the_refused(store: sa.Engine, context: Context, folder: Path) -> None:
    packed = gzip.compress(as_text().encode() * 100)[:-20]
    (folder / "bodies.gz").write_bytes(packed)

    assert land(context, path=folder.as_uri(), delete_files=True)["refused"] >= 1
    assert packed in [refused for _, refused in refused_in(store)]


def test_what_is_not_understood_is_kept_and_the_log_says_how_to_see_it(
    store: sa.Engine, context: Context, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.json").write_text(
        f'{as_text()}\n{{"Estado": "13", \nthe phone is 34600000009\n{as_text(PHONES[2])}\n'
    )

    landed = land(context, path=folder.as_uri(), delete_files=True)
    log = capsys.readouterr().out

    assert landed == counts(files=1, bodies=4, reports=2, refused=2)
    assert phones_in(store) == PHONES[1:3]
    assert "2 of 4 bodies could not be understood" in log
    assert "airflow-rcs refused list" in log
    assert "34600000009" not in log


@pytest.mark.parametrize("size", [64 * 1024 + 1, 300_000])
def test_a_body_over_64_kib_is_refused_whole(store: sa.Engine, context: Context, folder: Path, size: int) -> None:
    large = json.dumps(body() | {"note": "x" * size})
    (folder / "bodies.jsonl").write_text(f"{as_text()}\n{large}\n{as_text()}")

    landed = land(context, path=folder.as_uri(), delete_files=True)

    assert landed == counts(files=1, bodies=3, reports=2, refused=1)
    assert refused_in(store) == [("the body is larger than 64 KiB", large.encode())]


@pytest.mark.parametrize("content", [b'{"a": "' + b"x" * 3_000_000, b"a=" + b"x" * 20_000_000], ids=["JSON", "form"])
def test_a_file_whose_body_is_too_large_to_keep_stays_where_it_is(
    store: sa.Engine, context: Context, folder: Path, content: bytes
) -> None:
    (folder / "huge").write_bytes(content)
    (folder / "one.json").write_text(as_text())

    landed = land(context, path=folder.as_uri(), delete_files=True)

    assert landed == counts(files=2, bodies=2, reports=1, refused=1)
    assert [path.name for path in folder.iterdir()] == ["huge"]
    [(reason, kept)] = refused_in(store)
    assert (reason, kept) == ("the body is larger than 1 MiB, and only its first 64 KiB are kept", content[: 64 * 1024])


def test_an_unreadable_file_fails_the_task_after_the_others_have_landed(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bucket_in_memory()
    for number in range(3):
        write(folder, f"{number}.json", as_text(PHONES[number]))
    read = folder.fs.cat_file

    def refusing(name: str) -> Any:
        if name.endswith("1.json"):
            raise PermissionError("no access")
        return read(name)

    monkeypatch.setattr(folder.fs, "cat_file", refusing)

    with pytest.raises(Exception, match=r"(?s)1 file could not be read.*1\.json: PermissionError: no access"):
        land(context, path=folder, delete_files=True)

    assert phones_in(store) == [PHONES[0], PHONES[2]]
    assert names(folder) == ["1.json"]


def test_a_file_written_again_while_it_is_landed_waits_for_the_next_run(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    file = folder / "latest.json"
    file.write_text(as_text(PHONES[1]))

    def written_again(*arguments: Any, **options: Any) -> None:
        land_all(*arguments, **options)
        monkeypatch.setattr(LAND_ALL, land_all)
        file.write_text(as_text(PHONES[2]) + " ")

    monkeypatch.setattr(LAND_ALL, written_again)

    runs = [land(context, path=folder.as_uri(), delete_files=True)["files"] for _ in range(3)]

    assert runs == [1, 1, 0]
    assert phones_in(store) == PHONES[1:3]


def test_a_run_killed_between_commit_and_move_is_repeated_without_harm(
    store: sa.Engine, context: Context, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    from airflow_provider_rcs.landing import files

    (folder / "one.json").write_text(as_text())
    with monkeypatch.context() as killed:
        killed.setattr(files, "delete_file", Mock(side_effect=SystemExit))
        with pytest.raises(SystemExit):
            land(context, path=folder.as_uri(), delete_files=True)

    assert land(context, path=folder.as_uri(), delete_files=True) == counts(files=1, bodies=1, reports=1)
    assert phones_in(store) == [PHONES[1], PHONES[1]]
    assert not (folder / "one.json").exists()


def test_the_time_of_a_file_counts_where_no_envelope_has_one(store: sa.Engine, context: Context, folder: Path) -> None:
    written = datetime(2026, 3, 1, 10, tzinfo=UTC)
    (folder / "one.jsonl").write_text(
        f"{as_text()}\n" + json.dumps({"body": as_text(), "received_at": "2026-02-01T12:00:00+01:00"})
    )
    os.utime(folder / "one.jsonl", (written.timestamp(),) * 2)

    land(context, path=folder.as_uri(), delete_files=True)

    with store.connect() as connection:
        moments = list(connection.scalars(sa.select(report.c.received_at).order_by(report.c.id)))
    assert moments == [written, datetime(2026, 2, 1, 11, tzinfo=UTC)]


def test_reports_are_folded_when_they_have_landed(store: sa.Engine, context: Context) -> None:
    land(context, bodies=as_text())

    with store.connect() as connection:
        assert list(connection.scalars(sa.select(report.c.fold))) == [1]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pushed (id INTEGER, body, content_type TEXT, received_at TEXT)")
        rows = [
            (1, as_text(PHONES[1]), "application/json", "2026-03-01 10:00:00"),
            (2, as_text(PHONES[2]).encode(), None, None),
            (3, None, None, None),
            (4, "Resultado=13&Movil=34600000003&idEnvio=7", "application/x-www-form-urlencoded", "1772359200000"),
            (5, "{{ 7 * 7 }}", "", ""),
            (6, 42, "", ""),
        ]
        connection.executemany("INSERT INTO pushed VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    return path


@pytest.mark.usefixtures("warehouse")
@pytest.mark.parametrize("columns", ["body, content_type, received_at", "BODY, Content_Type, RECEIVED_AT", "*", "body"])
def test_rows_of_a_query_land(store: sa.Engine, context: Context, columns: str) -> None:
    landed = land(context, sql=f"SELECT {columns} FROM pushed ORDER BY id", sql_conn_id="warehouse")

    assert landed == counts(bodies=5, reports=3, refused=2)
    assert phones_in(store) == PHONES[1:4]
    assert {content for _, content in refused_in(store)} == {b"{{ 7 * 7 }}", b"42"}


@pytest.mark.usefixtures("warehouse", "store")
def test_a_query_without_a_body_is_an_error_that_names_the_columns(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="no column 'body'; the columns are 'id', 'content_type'"):
        land(context, sql="SELECT id, content_type FROM pushed", sql_conn_id="warehouse")


@pytest.mark.usefixtures("warehouse", "store")
def test_parameters_of_a_query_are_bound(context: Context) -> None:
    sql = "SELECT body FROM pushed WHERE id = :wanted"

    assert land(context, sql=sql, sql_conn_id="warehouse", parameters={"wanted": 2})["reports"] == 1


def test_a_sql_file_is_templated(tmp_path: Path) -> None:
    (tmp_path / "pushed.sql").write_text("SELECT body FROM pushed WHERE day = '{{ ds }}'")
    with DAG("land", schedule=None, template_searchpath=str(tmp_path)) as dag:
        operator = RcsLandReportsOperator(task_id="land", sql="pushed.sql", sql_conn_id="warehouse")
    operator.resolve_template_files()

    operator.render_template_fields(cast("Context", {"ds": "2026-03-01", "dag": dag}))

    assert operator.sql == "SELECT body FROM pushed WHERE day = '2026-03-01'"


def test_a_path_is_templated(tmp_path: Path) -> None:
    with DAG("land", schedule=None):
        operator = RcsLandReportsOperator(
            task_id="land", path="s3://reports/{{ ds }}", move_to=ObjectStoragePath("file:///landed/{{ ds }}")
        )

    operator.render_template_fields(cast("Context", {"ds": "2026-03-01"}))

    assert operator.path == "s3://reports/2026-03-01"
    assert str(operator.move_to) == "file:///landed/2026-03-01"


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param(as_text(), id="text"),
        pytest.param(as_text().encode(), id="bytes"),
        pytest.param(body(), id="dict"),
        pytest.param({"body": as_text(), "content_type": "application/json"}, id="envelope"),
        pytest.param({"body": body()}, id="envelope of a dict"),
        pytest.param({"body": as_text().encode()}, id="envelope of bytes"),
        pytest.param([as_text()], id="list of text"),
        pytest.param((each for each in [body()]), id="generator"),
        pytest.param(json.dumps([{"body": as_text()}]), id="list of envelopes as text"),
    ],
)
def test_every_form_of_the_output_of_a_task_lands(store: sa.Engine, context: Context, bodies: Any) -> None:
    assert land(context, bodies=bodies) == counts(bodies=1, reports=1)
    assert phones_in(store) == [PHONES[1]]


def test_no_output_and_an_empty_one_land_nothing(store: sa.Engine, context: Context) -> None:
    assert [land(context, bodies=nothing) for nothing in (None, [], [None])] == [counts()] * 3


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("bodies", [5, 1.5, object()])
def test_an_output_of_another_type_is_an_error(context: Context, bodies: Any) -> None:
    with pytest.raises(AirflowFailException, match=f"bodies: a {type(bodies).__name__} is not a body"):
        land(context, bodies=bodies)


@pytest.mark.usefixtures("store")
def test_bodies_as_a_template_are_an_error_that_says_what_to_give_instead(context: Context) -> None:
    with pytest.raises(AirflowFailException, match=r"bodies: it is a template.*bodies=task\.output.*asset="):
        land(context, bodies="{{ ti.xcom_pull('fetch') }}")


def test_a_body_with_braces_is_refused_as_it_came(store: sa.Engine, context: Context) -> None:
    operator = RcsLandReportsOperator(task_id="land", bodies=["{{ 7 * 7 }}", {"body": "{{ conn.rcs.password }}"}])
    operator.render_template_fields(context)

    assert operator.execute(context) == counts(bodies=2, refused=2)
    assert {content for _, content in refused_in(store)} == {b"{{ 7 * 7 }}", b"{{ conn.rcs.password }}"}
    assert "bodies" not in operator.template_fields


def event(extra: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(extra=dict(extra), timestamp=datetime(2026, 3, 1, 10, tzinfo=UTC))


SQS = {"MessageId": "1", "ReceiptHandle": "x", "MD5OfBody": "x", "Attributes": {"SentTimestamp": "1772359200000"}}
IN_BASE64 = base64.b64encode(as_text().encode()).decode()
PAYLOADS: dict[str, Any] = {
    "text, as from Kafka": as_text(),
    "SQS": {"status": "success", "message_batch": [SQS | {"Body": as_text()}]},
    "envelope in SQS": {"status": "success", "message_batch": [SQS | {"Body": json.dumps({"body": as_text()})}]},
    "SNS in SQS": {
        "status": "success",
        "message_batch": [
            SQS | {"Body": json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": as_text()})}
        ],
    },
    "Redis": {"type": "message", "pattern": None, "channel": "reports", "data": as_text()},
    "Pub/Sub": {"status": "success", "message": [{"ack_id": "x", "message": {"data": IN_BASE64, "message_id": "1"}}]},
    "Service Bus": {"message": as_text(), "queue": "reports"},
    "CloudEvents": {"specversion": "1.0", "id": "1", "datacontenttype": "application/json", "data": body()},
    "CloudEvents in Base64": {"specversion": "1.0", "id": "1", "data_base64": IN_BASE64},
    "Event Grid": [{"id": "1", "eventType": "pushed", "eventTime": "2026-03-01T10:00:00Z", "data": body()}],
    "API Gateway": {"headers": {"Content-Type": "application/json"}, "body": IN_BASE64, "isBase64Encoded": True},
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_the_events_of_queues_land(store: sa.Engine, context: Context, payload: Any) -> None:
    events = {QUEUE: [event({"from_trigger": True, "payload": payload})]}

    landed = land(cast("Context", {**context, "triggering_asset_events": events}), asset=QUEUE)

    assert landed == counts(bodies=1, reports=1)
    assert phones_in(store) == [PHONES[1]]


def test_every_event_that_started_the_run_lands(store: sa.Engine, context: Context) -> None:
    events = {QUEUE: [event({"payload": as_text(phone)}) for phone in PHONES[:3]] + [event({"from_trigger": True})]}
    events[QUEUE].append(event({"from_rest_api": True, **body(PHONES[3])}))

    land(cast("Context", {**context, "triggering_asset_events": events}), asset=QUEUE)

    assert phones_in(store) == PHONES[:4]


@pytest.mark.usefixtures("store")
def test_a_run_that_no_event_started_lands_nothing(context: Context) -> None:
    assert land(cast("Context", {**context, "triggering_asset_events": {}}), asset=QUEUE) == counts()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "path, sql, bodies, asset: none of them is given"),
        ({"path": "x", "move_to": "y", "bodies": []}, "path, sql, bodies, asset: path and bodies are given together"),
        ({"path": "x"}, "path: give either move_to or delete_files=True"),
        ({"path": "x", "move_to": "y", "delete_files": True}, "path: give either move_to or delete_files=True"),
        ({"sql": "SELECT 1"}, "sql_conn_id: it is not given"),
        ({"bodies": [], "move_to": "x"}, "move_to: it belongs to path"),
        ({"asset": QUEUE, "sql_conn_id": "x"}, "sql_conn_id: it belongs to sql"),
    ],
)
def test_anything_but_one_source_is_an_error_where_the_dag_is_parsed(arguments: Any, problem: str) -> None:
    with pytest.raises(RcsInputError, match=problem):
        RcsLandReportsOperator(task_id="land", **arguments)


def test_an_operator_with_an_iterator_can_be_copied() -> None:
    operator = RcsLandReportsOperator(task_id="land", bodies=iter([as_text()]))

    assert list(copy.deepcopy(operator).bodies) == [as_text()]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("field", ["path", "move_to"])
def test_a_template_that_renders_to_nothing_is_an_error(context: Context, field: str) -> None:
    with DAG("land", schedule=None):
        paths: dict[str, Any] = {"path": "/x", "move_to": "/y", field: "{{ nothing }}"}
        operator = RcsLandReportsOperator(task_id="land", **paths)
    operator.render_template_fields(cast("Context", {"nothing": ""}))

    with pytest.raises(AirflowFailException, match=f"{field}: it is empty"):
        operator.execute(context)
