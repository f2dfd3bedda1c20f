"""Alembic's entry point, which runs the migrations on the connection passed in the configuration."""

from __future__ import annotations

from alembic import context

# These complete the metadata.
from airflow_provider_rcs.store.db import count_tables, inbox_tables, person_indexes  # noqa: F401
from airflow_provider_rcs.store.db.migrate import VERSION_TABLE
from airflow_provider_rcs.store.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_object=lambda _object, name, kind, _reflected, _compared: kind != "table" or str(name).startswith("rcs_"),
)

with context.begin_transaction():
    context.run_migrations()
