from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.store.db.tables import store
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.pseudonyms import create_pseudonyms, find_pseudonyms
from tests.one_request import record_list
from tests.unit.store.given import ANA, attempt, listed, sent


def test_a_store_has_no_key_until_it_is_asked_for_one(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert find_pseudonyms(connection) is None


def test_the_key_is_made_once(engine: sa.Engine) -> None:
    made = []
    for _ in range(2):
        with engine.begin() as connection:
            made.append(create_pseudonyms(connection))

    assert made[0] == made[1]
    with engine.begin() as connection:
        assert find_pseudonyms(connection) == made[0]


def test_a_store_that_lost_its_key_lists_nobody_whom_it_may_have_messaged(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    erase(engine, ANA, "a test")
    with engine.begin() as connection:
        connection.execute(store.update().values(hash_key=None))

    with pytest.raises(RcsStoreError, match=r"key of its hashes .* is gone"):
        record_list(engine, attempt(engine), [listed(ANA)])
