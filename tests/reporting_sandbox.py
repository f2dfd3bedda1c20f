"""A sandbox whose reports are pushed to a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
