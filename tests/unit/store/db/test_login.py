"""The URL of the store's connections, read again when the store refuses it."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.login import Login

OLD, NEW = (sa.make_url(f"postgresql+psycopg://rcs:{password}@host/rcs") for password in ("old", "new"))


def test_a_url_that_has_changed_is_used_from_then_on() -> None:
    login = Login(lambda: OLD, lambda: lambda: NEW)

    assert login.url() == OLD
    assert login.url_after(OLD) == NEW
    assert login.url() == NEW


def test_a_url_that_has_not_changed_is_not_tried_again() -> None:
    assert Login(lambda: OLD, lambda: lambda: OLD).url_after(OLD) is None


def test_a_definition_that_cannot_be_read_leaves_the_url_as_it_was() -> None:
    def fail() -> None:
        raise OSError

    login = Login(lambda: OLD, fail)  # type: ignore[arg-type]

    assert login.url_after(OLD) is None
    assert login.url() == OLD
