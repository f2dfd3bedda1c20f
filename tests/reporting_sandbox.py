"""A sandbox whose reports are pushed to a real receiver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import inbound, report
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess


@contextmanager
def reporting_sandbox(store_url: str, **options: Any) -> Iterator[SandboxProcess]:
    """Run a sandbox, and a receiver that saves its reports to this store.

    :param options: those of the sandbox, as :class:`SandboxProcess` takes them.
    """
    with (
        ReceiverProcess(store_url) as receiver,
        SandboxProcess(
            report_url=receiver.url,
            report_login=receiver.login,
            report_password=receiver.password,
            **options,
        ) as sandbox,
    ):
        yield sandbox


def wait_until_reports_have_landed(sandbox: SandboxProcess, store: sa.Engine, limit: float = 60) -> None:
    """Wait until everything that the sandbox has to push is in the store, also what was spooled on a busy machine.

    :param limit: in seconds.
    """
    sandbox.wait_until_reports_are_pushed(limit)
    pushed = sandbox.statistics()["reports_pushed"]
    deadline = time.monotonic() + limit
    while (landed := _landed(store)) < pushed:
        assert time.monotonic() < deadline, f"{landed} of {pushed} reports have landed"
        time.sleep(0.05)


def _landed(store: sa.Engine) -> int:
    with store.connect() as connection:
        counts = [connection.execute(sa.select(sa.func.count()).select_from(table)) for table in (report, inbound)]
        return sum(int(count.scalar_one()) for count in counts)
