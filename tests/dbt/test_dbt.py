"""The data tests of docs/dbt, run by dbt on warehouses that hold the rows of two stores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.warehouse.load import load
from tests.databases import fresh_database
from tests.integration.warehouse.test_same_on_every_engine import CAMPAIGNS, land_first_reports, land_later_reports
from tests.integration.warehouse.test_same_on_every_engine import send as send_in_every_state
from tests.stores import sqlite_store
from tests.unit.warehouse.test_load import reply

ROOT = Path(__file__).parents[2]
DBT = ROOT / ".matrix/dbt/bin/dbt"
SOURCES = ROOT / "docs/dbt/rcs_sources.yml"


@dataclass(frozen=True)
class Project:
    """A dbt project that has nothing but the file of sources.

    :param warehouse: the warehouse that it is about.
    """

    folder: Path
    warehouse: sa.Engine

    def test(self) -> dict[str, str]:
        """Run all data tests, and return their outcomes: name -> status."""
        self.warehouse.dispose()
        command = [str(DBT), "--no-use-colors", "--warn-error", "test", "--profiles-dir", ".", "--select", "source:rcs"]
        environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        ended = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        results = self.folder / "target/run_results.json"
        assert results.exists(), ended.stdout + ended.stderr
        return {each["unique_id"].split(".")[2]: each["status"] for each in json.loads(results.read_text())["results"]}


@pytest.fixture(params=["duckdb", "postgresql"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    if not DBT.exists():
        pytest.skip("dbt is not installed; make test-dbt installs it")
    target: dict[str, Any]
    with ExitStack() as stack:
        if request.param == "duckdb":
            url = sa.make_url(f"duckdb:///{tmp_path}/warehouse.duckdb")
            target = {"type": "duckdb", "path": url.database, "schema": "main"}
        else:
            url = sa.make_url(stack.enter_context(fresh_database(request.getfixturevalue("postgres"))))
            target = {
                "type": "postgres",
                "host": url.query["host"],
                "port": 5432,
                "user": url.username,
                "password": url.password or "",
                "dbname": url.database,
                "schema": "public",
                "threads": 1,
            }
        warehouse = sa.create_engine(url)
        stack.callback(warehouse.dispose)
        yield Project(created_project(tmp_path / "project", target), warehouse)


def created_project(folder: Path, target: dict[str, Any]) -> Path:
    (folder / "models").mkdir(parents=True)
    shutil.copy(SOURCES, folder / "models")
    project = {"name": "analysis", "version": "1.0", "config-version": 2, "profile": "warehouse"}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    profile = {"warehouse": {"target": "test", "outputs": {"test": target}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    return folder


@pytest.fixture
def loaded(project: Project, tmp_path: Path) -> Project:
    """A project whose warehouse was loaded from two stores, with rows in every table and state."""
    for identity in ("a" * 32, "b" * 32):
        store = engine_from_url(sqlite_store(tmp_path / f"{identity[0]}.db"))
        with store.begin() as connection:
            connection.execute(sa.text("UPDATE rcs_store SET identity = :identity"), {"identity": identity})
        for name in CAMPAIGNS:
            replied, _, echoed, _ = send_in_every_state(store, name)
            land_first_reports(store, replied, echoed)
            land_later_reports(store, replied)
        reply(store)
        load(store, project.warehouse, None)
        store.dispose()
    return project


def data_tests_in_the_file() -> int:
    (source,) = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    described = [each for table in source["tables"] for each in (table, *table["columns"])]
    return sum(len(each.get("data_tests", [])) for each in described)


def test_every_data_test_passes_on_a_loaded_warehouse(loaded: Project) -> None:
    outcomes = loaded.test()

    assert set(outcomes.values()) == {"pass"}, outcomes
    assert len(outcomes) == data_tests_in_the_file()


def test_a_state_that_does_not_exist_fails_its_data_test(loaded: Project) -> None:
    with loaded.warehouse.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_message SET state = 'lost' WHERE id = 1")

    outcomes = loaded.test()

    failed = [name for name, status in outcomes.items() if status == "fail"]
    assert [name.startswith("source_accepted_values_rcs_rcs_message_state") for name in failed] == [True]
