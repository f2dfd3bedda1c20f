"""Migrated stores for the chaos tests, each with a receiver for its reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from tests.databases import fresh_database
from tests.postgres import postgres_server
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess

DIALECTS = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Store:
    """A store and its receiver."""

    url: str
    engine: sa.Engine
    receiver: ReceiverProcess

    def receive_reports_from(self, sandbox: SandboxProcess) -> None:
        """Direct the sandbox's reports to this store's receiver, and hold them back for now."""
        sandbox.hold_reports()
        sandbox.send_reports_to(self.receiver.url, self.receiver.login, self.receiver.password)


class Stores:
    """One store for each dialect, created on first use."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._stores: dict[str, Store] = {}
        self._all = ExitStack()

    def get(self, dialect: str) -> Store:
        if dialect not in self._stores:
            self._stores[dialect] = self._all.enter_context(store_at(self._url(dialect)))
        return self._stores[dialect]

    def close(self) -> None:
        self._all.close()

    def _url(self, dialect: str) -> str:
        if dialect == "sqlite":
            return sqlite_url(self._folder())
        return self._all.enter_context(fresh_database(self._all.enter_context(postgres_server())))


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/store.db"


@contextmanager
def store_at(url: str) -> Iterator[Store]:
    """Create the store's tables and run a receiver on it."""
    engine = engine_from_url(url)
    migrate(engine)
    with ReceiverProcess(url) as receiver:
        yield Store(url, engine, receiver)
    engine.dispose()
