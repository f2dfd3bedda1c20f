"""The text of MERGE; tests/integration/warehouse/test_merging.py runs it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.merging import merge, needs_staging, rows_of_load, staging_table
from airflow_provider_rcs.warehouse.tables import warehouse_tables

SQL_SERVER, ORACLE = (sa.make_url(f"{name}://").get_dialect()() for name in ("mssql", "oracle"))


@pytest.mark.parametrize("dialect", ["mssql", "oracle", "redshift"])
def test_engines_without_a_bulk_path_need_staging(dialect: str) -> None:
    assert needs_staging(dialect)


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite", "duckdb", "mysql", "mariadb", "snowflake", "bigquery"])
def test_engines_with_a_bulk_path_of_their_own_need_no_staging(dialect: str) -> None:
    assert not needs_staging(dialect)


def test_merge_is_standard_sql_with_every_column_in_each_clause() -> None:
    table = sa.Table(
        "rcs_thing",
        sa.MetaData(schema="mart"),
        sa.Column("store", sa.String(32), primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("order", sa.Text),
        sa.Column("fold", sa.BigInteger),
        info={"version": "fold"},
    )

    text = str(merge(table, rows_of_load(table, SQL_SERVER), SQL_SERVER).compile(dialect=SQL_SERVER))

    assert text == (
        "MERGE INTO mart.rcs_thing AS t "
        "USING (SELECT store, id, [order], fold FROM mart.rcs_thing_staging WHERE load_id = :load_id) AS s "
        "ON t.store = s.store AND t.id = s.id "
        "WHEN MATCHED AND s.fold >= t.fold THEN UPDATE SET [order] = s.[order], fold = s.fold "
        "WHEN NOT MATCHED THEN INSERT (store, id, [order], fold) "
        "VALUES (s.store, s.id, s.[order], s.fold);"
    )


@pytest.mark.parametrize("dialect", [SQL_SERVER, ORACLE], ids=["mssql", "oracle"])
def test_every_table_and_its_staging_table_compile_for_other_engines(dialect: sa.Dialect) -> None:
    for table in warehouse_tables("mart").loaded:
        for each in (table, staging_table(table)):
            assert "CREATE TABLE mart.rcs_" in str(sa.schema.CreateTable(each).compile(dialect=dialect))
