"""The rows of a page of the store as an Arrow table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.warehouse.copying import copied_out
from airflow_provider_rcs.warehouse.pages import Page, rows_of_texts, texts
from airflow_provider_rcs.warehouse.phones import PhoneForm

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_page(store: sa.Engine, page: Page, phones: PhoneForm) -> Iterator[pa.Table]:
    """Yield the rows of a page as one Arrow table: moments in UTC, JSON values as texts, phones as they are shown.

    :raises RcsWarehouseError: if a cell is not of the type of its column.
    """
    yield _arrow_table(store, page, phones)


def _arrow_table(store: sa.Engine, page: Page, phones: PhoneForm) -> pa.Table:
    import pyarrow as pa

    read = _from_postgresql if store.dialect.name == "postgresql" else _from_sqlite
    try:
        # Arrow takes moments without a zone as moments in UTC.
        return read(store, page, phones).cast(pa.schema([_field(column, "UTC") for column in page.table.columns]))
    except pa.ArrowException as error:
        failure = type(error).__name__
    # Its message quotes cells.
    raise RcsWarehouseError(
        f"warehouse: table {page.table.fullname}: a cell of the store is not of the type of its column ({failure}). "
        f"{RcsWarehouseError.remedy}"
    )


def _from_postgresql(store: sa.Engine, page: Page, phones: PhoneForm) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    rows = texts(store.dialect.name, page, phones)
    content = b"".join(copied_out(store, rows, "FORMAT csv,"))
    fields = [_field(column, None) for column in page.table.columns]
    if not content:
        return pa.schema(fields).empty_table()
    read = csv.read_csv(
        pa.BufferReader(content),
        # A row must not be larger than a block.
        read_options=csv.ReadOptions(column_names=[field.name for field in fields], block_size=len(content)),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={field.name: field.type for field in fields},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    for name, show in phones.conversions(page.table).items():
        shown = (None if text is None else show(text) for text in read[name].to_pylist())
        read = read.set_column(read.column_names.index(name), name, pa.array(shown, pa.string()))
    return read


def _from_sqlite(store: sa.Engine, page: Page, phones: PhoneForm) -> pa.Table:
    import pyarrow as pa

    fields = [_field(column, None) for column in page.table.columns]
    schema = pa.schema(fields)
    batches = []
    for rows in rows_of_texts(store, page, phones):
        columns = zip(*rows, strict=True)
        arrays = [_cast(pa.array(column), field.type) for column, field in zip(columns, fields, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)


def _cast(cells: Any, kind: Any) -> Any:
    return cells if cells.type == kind else cells.cast(kind)


def _field(column: sa.Column[Any], zone: str | None) -> Any:
    import pyarrow as pa

    match column.type:
        case sa.DateTime():
            kind = pa.timestamp("us", zone)
        case sa.Date():
            kind = pa.date32()
        case sa.Integer():
            kind = pa.int64()
        case _:
            kind = pa.string()
    return pa.field(column.name, kind)
