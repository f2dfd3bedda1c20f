"""What a check of the setup found, and running checks so that none stops or delays the others for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from airflow_provider_rcs.api.errors import RcsError

SECONDS_FOR_A_CHECK = 30.0


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, as a line for people; nothing in it is secret.

    :param what: what was checked, such as ``"store"``.
    :param text: what was found, and if it is not good, the way out.
    """

    level: Level
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:7}  {self.what}: {self.text}"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the setup.

    :param what: what is checked, for the line about a check that fails itself.
    :param run: does it; what it has yielded before it raises counts.
    """

    what: str
    run: Callable[[], Iterable[Finding]]


def run_checks(checks: Iterable[Check], seconds: float = SECONDS_FOR_A_CHECK) -> Iterator[Finding]:
    """Run checks one after the other, and yield what they find.

    :param seconds: the time limit of each; a check that exceeds it is left behind.
    """
    for check in checks:
        yield from _run(check, seconds)


def _run(check: Check, seconds: float) -> list[Finding]:
    found: list[Finding] = []

    def collect() -> None:
        for finding in check.run():
            found.append(finding)  # noqa: PERF402 - what was found before an error counts

    try:
        # In the same context, in which Airflow keeps what a task may look up.
        _call_within(seconds, partial(copy_context().run, collect))
    except TimeoutError:
        text = f"no result within {seconds:g} s. Check that nothing between here and there drops packets or waits."
        return [*found, Finding(Level.FAILED, check.what, text)]
    except RcsError as error:
        return [*found, Finding(Level.FAILED, check.what, str(error))]
    except Exception as error:  # noqa: BLE001 - of any kind; its text may quote a password
        text = f"the check itself failed ({type(error).__name__}). Check what it needs, or report this as a bug."
        return [*found, Finding(Level.FAILED, check.what, text)]
    return found


def _call_within(seconds: float, call: Callable[[], None]) -> None:
    """Make a call in a thread of its own, which is left behind after its time, and does not keep the process.

    :raises TimeoutError: if the call takes longer.
    """
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised where the call is awaited
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    threading.Thread(target=run, name="rcs-doctor", daemon=True).start()
    outcome.result(seconds)
