"""The key of the store's hashes: made once, and kept beside them, so that a copy of the store knows them too."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.recipient_hashes import RecipientHashes, new_hash_key
from airflow_provider_rcs.store.tables import store


def make_hashes(connection: sa.Connection) -> RecipientHashes:
    """Return the store's hashes, after making their key if it has none.

    It takes the row that is the folds' lock, so that it comes before any campaign's lock.
    """
    only_once = sa.func.coalesce(store.c.hash_key, new_hash_key())
    statement = store.update().where(store.c.id == 1).values(hash_key=only_once).returning(store.c.hash_key)
    return RecipientHashes(connection.execute(statement).scalar_one())


def find_hashes(connection: sa.Connection) -> RecipientHashes | None:
    """Return the store's hashes, or ``None`` if it was never asked for one."""
    key = connection.execute(sa.select(store.c.hash_key)).scalar_one_or_none()
    return None if key is None else RecipientHashes(key)


def require_hashes(connection: sa.Connection) -> RecipientHashes:
    """Return the store's hashes, in a store that keeps some.

    :raises RcsStoreError: if their key is gone, and with it the knowledge of whom they stand for.
    """
    hashes = find_hashes(connection)
    if hashes is None:
        raise RcsStoreError(
            "store: the key of its hashes (rcs_store.hash_key) is gone, so that it does not know whom it messaged. "
            "Nothing was sent. Put back the key, or restore the store from a backup."
        )
    return hashes
