"""The text of the upsert on MySQL; tests/integration/warehouse runs it."""

from __future__ import annotations

import re

from sqlalchemy.dialects import mysql

from airflow_provider_rcs.warehouse.engines.executemany import on_duplicate_key
from airflow_provider_rcs.warehouse.tables import warehouse_tables


def test_the_version_is_assigned_after_the_columns_whose_conditions_compare_it() -> None:
    campaign = warehouse_tables("mart").campaign

    text = on_duplicate_key(campaign, mysql.dialect())

    updated = text.partition("ON DUPLICATE KEY UPDATE ")[2].split(", ")
    assert text.startswith("INSERT INTO mart.rcs_campaign (store, id, ")
    assert updated[0] == "name = IF(VALUES(revision) >= revision"
    assert updated[-3:] == ["revision = IF(VALUES(revision) >= revision", "VALUES(revision)", "revision)"]
    assert not re.search(r"\b(?:store|id) = ", text)
