"""Requests and statements for BigQuery, as its own client and dialect send them; BigQuery itself never ran them."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyarrow import parquet

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.warehouse.engines.bigquery import schema_fields
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.schema import VIEWS
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from airflow_provider_rcs.warehouse.views import View, create_statements
from tests.store_engines import shared_sqlite_engine
from tests.store_engines import sqlite_engine as store
from tests.unit.warehouse.given_pages import MOMENT, page_of, row, transfer_page

__all__ = ["shared_sqlite_engine", "store"]

pytest.importorskip("sqlalchemy_bigquery", reason="it has an environment of its own: .ci/matrix.py fakesnow")
sqlglot = pytest.importorskip("sqlglot", reason="it has an environment of its own: .ci/matrix.py fakesnow")

PHONE = "+34600000001"
DONE = {"state": "DONE"}
# With a message such as BigQuery's, which quotes the cell.
REFUSED = {**DONE, "errorResult": {"reason": "invalid", "message": f"Could not convert {PHONE}"}}


class Answering(ThreadingHTTPServer):
    """An HTTP server that keeps what BigQuery's client asks for and answers that it is done.

    :param status: the status of each load job.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.status: dict[str, Any] = DONE
        self.asked: list[tuple[str, str, bytes]] = []

    def bodies(self, kind: str) -> list[Any]:
        """Return the bodies of the requests of a kind, such as ``POST tables``."""
        return [json.loads(body) for method, what, body in self.asked if f"{method} {what}" == kind]

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        match path.split("/")[-1]:
            case "token":
                return {"access_token": "token", "expires_in": 3_600}
            case "tables":
                created: dict[str, Any] = json.loads(body)
                return created
            case "queries":
                job = {"projectId": "project", "jobId": "query", "location": "EU"}
                return {"jobReference": job, "jobComplete": True, "schema": {"fields": []}, "totalRows": "0"}
        job = {"projectId": "project", "jobId": "load", "location": "EU"}
        return {"jobReference": job, "configuration": {"load": {}}, "status": self.status, "statistics": {}}


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, path.split("/")[-1], body))
        content = json.dumps(self.server.answer(path, body)).encode()
        self.send_response(200)
        self.send_header("Location", f"{self.server.address}/content")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def bigquery(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    with Answering() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.address)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def warehouse(bigquery: Answering, private_key: str) -> Iterator[sa.Engine]:
    """An engine such as Airflow's hook makes of a connection with a key file."""
    account = {"type": "service_account", "client_email": "load@example.org", "private_key": private_key}
    engine = sa.create_engine(
        "bigquery://project/mart", credentials_info={**account, "token_uri": f"{bigquery.address}/token"}
    )
    yield engine
    engine.dispose()


def transfer_reports(store: sa.Engine, warehouse: sa.Engine, rows: list[dict[str, Any]]) -> int:
    report = warehouse_tables(None).report
    with page_of(store, report, rows) as page:
        return transfer_page(store, warehouse, Page(page, report))


def reports() -> list[dict[str, Any]]:
    report = warehouse_tables(None).report
    return [
        row(report, id=2**60 + 1, service="it's `odd` %s 😀", extra={"a": [1]}),
        row(report, id=2, message_id=2**60 + 1, reported_at=MOMENT),
    ]


def test_a_page_is_one_load_job_of_parquet_into_a_table_of_the_same_types(
    store: sa.Engine, warehouse: sa.Engine, bigquery: Answering
) -> None:
    count = transfer_reports(store, warehouse, reports())

    (created,) = bigquery.bodies("POST tables")
    (job,) = bigquery.bodies("POST jobs")
    (content,) = (body for method, what, body in bigquery.asked if f"{method} {what}" == "PUT content")
    load = job["configuration"]["load"]
    assert count == 2
    assert int(created["expirationTime"]) > 0
    assert load["destinationTable"] == created["tableReference"]
    assert load["sourceFormat"] == "PARQUET"
    assert load["schema"] == created["schema"]
    found = parquet.read_table(BytesIO(content)).to_pylist()
    assert [{**each, "extra": json.loads(each["extra"])} for each in found] == reports()


def test_the_page_is_merged_by_one_statement_that_parses_and_then_dropped(
    store: sa.Engine, warehouse: sa.Engine, bigquery: Answering
) -> None:
    transfer_reports(store, warehouse, reports())

    (created,) = bigquery.bodies("POST tables")
    (query,) = bigquery.bodies("POST queries")
    page = created["tableReference"]["tableId"]
    merge = sqlglot.parse_one(query["query"].rstrip(";"), read="bigquery")
    names = {column.name for column in warehouse_tables(None).report.columns}
    assert query["defaultDataset"] == {"projectId": "project", "datasetId": "mart"}
    assert [table.sql() for table in merge.find_all(sqlglot.exp.Table)] == [
        '"rcs_report" AS t',
        f'"mart"."{page}" AS s',
    ]
    assert {column.name for column in merge.find_all(sqlglot.exp.Column)} == names
    assert bigquery.asked[-1][:2] == ("DELETE", page)


def test_an_empty_page_asks_for_nothing(store: sa.Engine, warehouse: sa.Engine, bigquery: Answering) -> None:
    report = warehouse_tables(None).report
    with page_of(store, report, reports()) as page:
        count = transfer_page(store, warehouse, Page(page.where(sa.false()), report))

    assert count == 0
    assert [what for _, what, _ in bigquery.asked if what != "token"] == []


def test_a_refused_job_is_an_error_without_the_cell_and_its_page_is_dropped(
    store: sa.Engine, warehouse: sa.Engine, bigquery: Answering
) -> None:
    bigquery.status = REFUSED

    with pytest.raises(RcsWarehouseError) as refused:
        transfer_reports(store, warehouse, reports())

    assert "rcs_report: loading a page was refused (BadRequest)" in str(refused.value)
    assert PHONE not in "".join(traceback.format_exception(refused.value))
    assert bigquery.bodies("POST queries") == []
    assert bigquery.asked[-1][0] == "DELETE"


@pytest.mark.parametrize("table", warehouse_tables("mart").metadata.tables.values(), ids=lambda table: table.name)
def test_a_table_has_the_types_that_its_pages_have(warehouse: sa.Engine, table: sa.Table) -> None:
    statement = str(sa.schema.CreateTable(table).compile(dialect=warehouse.dialect))

    created = sqlglot.parse_one(statement, read="bigquery")
    columns = created.find_all(sqlglot.exp.ColumnDef)
    types = {each.name: each.args["kind"].sql("bigquery").partition("(")[0] for each in columns}
    assert types == {field.name: field.field_type for field in schema_fields(table)}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_statements_of_a_view_parse(warehouse: sa.Engine, view: View) -> None:
    statements = create_statements(view, warehouse_tables("mart"), warehouse.dialect)

    parsed = [sqlglot.parse_one(each, read="bigquery") for each in statements]

    assert {type(each) for each in parsed} == {sqlglot.exp.Create}
