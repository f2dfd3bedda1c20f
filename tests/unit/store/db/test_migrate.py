"""Bringing the store's tables to this version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from airflow_provider_rcs.api.errors import RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db import migrations
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import VERSION_TABLE, migrate, newest_version, require_migrated
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import metadata
from airflow_provider_rcs.store.db.tables import request as requests
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.silence import read_silences
from airflow_provider_rcs.store.outbox.attempts import WHOLE_LIST
from airflow_provider_rcs.store.outbox.settlement import mark_request_in_doubt, requeue_refused
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.read.exports import channels_since
from tests.stores import postgres_store
from tests.unit.store.given import ANA, BEA, EVA, NOON, TERMS, campaign, claimed, rows, states

# What the columns of version 0003 hold that have no default, and that no test here is about.
CAMPAIGN = {"name": "spring", "token": "t", "template_id": "1", "revision": 1, "status_codes": {}, "created_at": NOON}


MESSAGE = {"campaign_id": 1, "variables": {}, "listed_by": 1, "listed_now": 1, "repeats": 0, "revision": 1}


REPORT = {"received_at": NOON, "extra": {}, "fold": 1}


@pytest.fixture
def engine(request: pytest.FixtureRequest, engine: sa.Engine) -> Iterator[sa.Engine]:
    """A database of its own for each test, because the tests drop and add tables."""
    if engine.dialect.name == "sqlite":
        yield engine
        return
    with postgres_store(request.getfixturevalue("postgres")) as url:
        own = engine_from_url(url)
        yield own
        own.dispose()


def make_version(engine: sa.Engine, version: str) -> None:
    """Make the tables of an earlier version of the provider."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def insert(engine: sa.Engine, name: str, row: dict[str, Any]) -> None:
    """Insert a row into a table as it is in the database, with empty texts where it gives none."""
    table = sa.Table(name, sa.MetaData(), autoload_with=engine)
    texts = {each.name: "" for each in table.columns if not each.nullable and isinstance(each.type, sa.String)}
    with engine.begin() as connection:
        connection.execute(table.insert(), texts | row)


def drop_everything(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")


def test_a_migrated_store_can_be_used(engine: sa.Engine) -> None:
    require_migrated(engine)


def test_migrating_tells_the_version(engine: sa.Engine) -> None:
    assert migrate(engine) == newest_version()


def test_migrating_twice_changes_nothing(engine: sa.Engine) -> None:
    claimed(engine)
    before = states(engine)

    migrate(engine)

    assert states(engine) == before


def test_the_migrations_end_in_just_the_tables_that_the_code_sees(engine: sa.Engine) -> None:
    options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_missing_tables_are_told_with_the_way_out(engine: sa.Engine) -> None:
    drop_everything(engine)

    with pytest.raises(RcsStoreError, match=r"its tables are missing\. Make them with: airflow-rcs migrate"):
        require_migrated(engine)


def test_a_store_can_be_made_anew_after_its_tables_were_dropped(engine: sa.Engine) -> None:
    drop_everything(engine)

    migrate(engine)

    require_migrated(engine)


def test_tables_of_another_version_are_told_with_both_versions(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")

    with pytest.raises(RcsStoreError, match=f"of version 0000, and this provider needs {newest_version()}"):
        require_migrated(engine)


def test_tables_of_others_in_the_same_database_are_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE warehouse (phone TEXT)")

    migrate(engine)

    assert sa.inspect(engine).has_table("warehouse")


@pytest.mark.parametrize("ask", [migrate, require_migrated])
def test_a_database_that_cannot_be_reached_is_told_as_the_stores_failure(tmp_path: Path, ask: object) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path}/no/such/folder/store.db")

    with pytest.raises(RcsStoreUnavailable, match="cannot be reached"):
        ask(engine)  # type: ignore[operator]


def test_a_database_that_is_not_there_is_not_made_by_asking_for_its_tables(tmp_path: Path) -> None:
    with pytest.raises(RcsStoreError, match="its tables are missing"):
        require_migrated(engine_from_url(f"sqlite:///{tmp_path}/store.db"))

    assert not list(tmp_path.iterdir())


def test_channels_that_were_kept_before_readers_could_find_them_are_told_to_whoever_begins(engine: sa.Engine) -> None:
    drop_everything(engine)
    make_version(engine, "0007")
    insert(engine, "rcs_campaign", CAMPAIGN | {"id": 1})
    insert(engine, "rcs_message", MESSAGE | {"id": 1, "recipient_key": "1", "delivery_rank": 2, "updated_at": NOON})
    insert(engine, "rcs_message_channel", {"message_id": 1, "channel": "SMS", "status": "sent", "rank": 1})

    migrate(engine)

    assert [row["channel"] for page in channels_since(engine, 1, -1) for row in page] == ["SMS"]


def test_a_campaign_of_which_it_was_not_kept_whether_it_asks_for_reports_is_taken_to_have_asked_from_its_beginning(
    engine: sa.Engine,
) -> None:
    drop_everything(engine)
    make_version(engine, "0008")
    insert(engine, "rcs_campaign", CAMPAIGN | {"id": 1})

    migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(sa.select(campaigns.c.reports_since)).scalar_one() == NOON


def test_messages_of_several_channels_are_folded_anew_after_the_upgrade_that_keeps_channels_apart(
    engine: sa.Engine,
) -> None:
    drop_everything(engine)
    make_version(engine, "0003")
    failed = {"delivery_status": "failed", "delivery_rank": 2, "delivery_code": "50", "delivery_channel": "RCS"}
    insert(engine, "rcs_campaign", CAMPAIGN | {"id": 1})
    for key in ("1", "2"):
        row = {"id": int(key), "recipient_key": key, "api_message_id": key, "updated_at": NOON}
        insert(engine, "rcs_message", MESSAGE | failed | row)
    for message_id, service, code in [(1, "RCS", "50"), (1, "SMS", "11"), (2, "RCS", "50")]:
        told = {"message_id": message_id, "api_message_id": str(message_id), "service": service, "status_code": code}
        insert(engine, "rcs_report", REPORT | told)

    migrate(engine)

    assert fold(engine) == 2
    told_of = [(each.delivery_status, each.delivery_channel) for each in rows(engine).values()]
    assert told_of == [("sent", "SMS"), ("failed", "RCS")]


def test_a_campaign_from_before_shards_dates_and_erasures_goes_on_after_the_upgrade(engine: sa.Engine) -> None:
    drop_everything(engine)
    make_version(engine, "0005")
    insert(engine, "rcs_campaign", CAMPAIGN | {"template_id": TERMS.template_id})
    insert(engine, "rcs_attempt", {"campaign_id": 1, "started_at": NOON, "lease_until": NOON})
    asked = {"campaign_id": 1, "attempt_id": 1, "state": "accepted", "recipients": 2, "claimed_at": NOON}
    insert(engine, "rcs_request", asked)
    for phone, state, request_id in [(ANA, "accepted", 1), (BEA, "in_doubt", 1), (EVA, "planned", None)]:
        row = {"recipient_key": phone, "phone": phone, "state": state, "request_id": request_id}
        insert(engine, "rcs_message", MESSAGE | row | {"delivery_rank": -1, "updated_at": NOON})

    migrate(engine)
    silent = read_silences(engine, ["spring"])
    erase(engine, ANA, "a test")
    taken = claimed(engine, [ANA, BEA, EVA])
    cancel(engine, campaign(engine), Cancellation("Mar", "enough", NOON))
    requeue_refused(engine, taken, "refused")

    assert (list(silent), [recipient.phone for recipient in taken.recipients]) == (["spring"], [EVA])
    assert sorted(states(engine).values()) == ["accepted", "in_doubt", "suppressed"]


def test_attempts_from_before_there_were_shards_are_at_the_whole_list(engine: sa.Engine) -> None:
    drop_everything(engine)
    make_version(engine, "0005")
    insert(engine, "rcs_campaign", CAMPAIGN | {"id": 1})
    insert(engine, "rcs_attempt", {"campaign_id": 1, "started_at": NOON, "lease_until": NOON})

    migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT shard FROM rcs_attempt")).scalar_one() == WHOLE_LIST


def test_the_number_of_a_deleted_message_is_not_given_again_after_the_upgrade_that_drops_a_foreign_key(
    engine: sa.Engine,
) -> None:
    drop_everything(engine)
    make_version(engine, "0005")
    insert(engine, "rcs_campaign", CAMPAIGN)
    before = MESSAGE | {"delivery_rank": -1, "updated_at": NOON}
    for key in ("1", "2", "3"):
        insert(engine, "rcs_message", before | {"recipient_key": key})
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM rcs_message WHERE recipient_key = '3'")

    migrate(engine)
    insert(engine, "rcs_message", before | {"recipient_key": "4"})

    assert [(row.recipient_key, row.id) for row in rows(engine).values()] == [("1", 1), ("2", 2), ("4", 4)]


def test_a_request_from_before_the_upgrade_that_drops_its_index_finds_its_messages(engine: sa.Engine) -> None:
    drop_everything(engine)
    make_version(engine, "0012")
    insert(engine, "rcs_campaign", CAMPAIGN | {"id": 1})
    insert(engine, "rcs_attempt", {"id": 1, "campaign_id": 1, "started_at": NOON, "lease_until": NOON})
    for request_id, state in [(1, "accepted"), (2, "sending")]:
        asked = {"id": request_id, "campaign_id": 1, "attempt_id": 1, "reference": f"t-{request_id}", "state": state}
        insert(engine, "rcs_request", asked | {"recipients": 2, "claimed_at": NOON})
    for key, of_request in enumerate([1, 2, 2, None], start=1):
        row = {"recipient_key": str(key), "request_id": of_request, "state": "sending"}
        insert(engine, "rcs_message", MESSAGE | row | {"delivery_rank": -1, "updated_at": NOON})

    migrate(engine)

    with engine.connect() as connection:
        ends = sa.select(requests.c.first_message_id, requests.c.last_message_id).order_by(requests.c.id)
        assert connection.execute(ends).all() == [(1, 1), (2, 3)]
        assert mark_request_in_doubt(connection, 2, 1, "the reply was lost") == 2


def test_the_newest_version_is_the_one_that_the_migrations_end_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))

    assert newest_version() == ScriptDirectory.from_config(config).get_current_head()
