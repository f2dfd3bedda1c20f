"""BigQuery: each page is loaded into a table of its own by one job, and merged from there by one statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError, RcsWarehouseUnavailable
from airflow_provider_rcs.warehouse.merging import merge
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud.bigquery import Client, SchemaField

# After that BigQuery drops the page of a load that was killed.
_KEPT_FOR = timedelta(hours=6)


def write(warehouse: sa.Engine, page: Page, parts: Iterator[pa.Table]) -> int:
    """Write a page that was read as one Arrow table into a table of BigQuery, and return the number of its rows."""
    (rows,) = parts
    if rows.num_rows:
        _upsert(warehouse, rows, page.table)
    # BigQuery commits each statement.
    with warehouse_transaction(warehouse, Rights.UPSERT, page.table) as connection:
        page.finish(connection)
    count: int = rows.num_rows
    return count


def _upsert(warehouse: sa.Engine, rows: pa.Table, table: sa.Table) -> None:
    arrived = sa.table(f"{table.name}_page_{uuid4().hex}", schema=table.schema or warehouse.url.database)
    with (
        closing(_client(warehouse)) as client,
        _loaded(client, rows, table, arrived),
        warehouse_transaction(warehouse, Rights.UPSERT, table) as connection,
    ):
        dialect = connection.dialect
        connection.execute(merge(table, dialect.identifier_preparer.format_table(arrived), dialect))


def schema_fields(table: sa.Table) -> list[SchemaField]:
    """Return the columns of a table as BigQuery names their types."""
    from google.cloud.bigquery import SchemaField

    return [SchemaField(column.name, _type_name(column.type)) for column in table.columns]


def _type_name(kind: sa.types.TypeEngine[Any]) -> str:
    match kind:
        case sa.DateTime():
            return "TIMESTAMP"
        case sa.Date():
            return "DATE"
        case sa.Integer():
            return "INT64"
    return "STRING"


def _client(warehouse: sa.Engine) -> Client:
    """Return a client such as the engine connects with, because a connection does not show its own."""
    _, arguments = warehouse.dialect.create_connect_args(warehouse.url)
    client: Client = arguments["client"]
    return client


@contextmanager
def _loaded(client: Client, rows: pa.Table, table: sa.Table, arrived: sa.TableClause) -> Iterator[None]:
    """Load rows into a table that is dropped after the block."""
    from google.cloud import bigquery
    from pyarrow import parquet

    fields = schema_fields(table)
    place = bigquery.TableReference.from_string(arrived.fullname, default_project=client.project)
    created = bigquery.Table(place, fields)
    created.expires = datetime.now(UTC) + _KEPT_FOR
    config = bigquery.LoadJobConfig(source_format=bigquery.SourceFormat.PARQUET, schema=fields)
    content = BytesIO()
    parquet.write_table(rows, content)
    with _translated_errors(table):
        client.create_table(created)
    try:
        with _translated_errors(table):
            client.load_table_from_file(content, place, rewind=True, job_config=config).result()
        yield
    finally:
        with _translated_errors(table):
            client.delete_table(place, not_found_ok=True)


@contextmanager
def _translated_errors(table: sa.Table) -> Iterator[None]:
    from google.api_core.exceptions import ClientError, GoogleAPIError, TooManyRequests
    from google.auth.exceptions import GoogleAuthError

    where = f"warehouse: table {table.fullname}: loading a page"
    try:
        yield
    # A job's message may quote a cell: only its class is shown.
    except (GoogleAPIError, GoogleAuthError) as error:
        cause = type(error).__name__
        if isinstance(error, ClientError | GoogleAuthError) and not isinstance(error, TooManyRequests):
            raise RcsWarehouseError(
                f"{where} was refused ({cause}). It takes the rights to create, fill and drop tables of the dataset, "
                f"and to run jobs. {RcsWarehouseError.remedy}"
            ) from None
        raise RcsWarehouseUnavailable(f"{where} failed ({cause}). {RcsWarehouseUnavailable.remedy}") from None
