"""The named steps of a request, at which a sending process can be made to die, or to fall asleep.

Functions are wrapped in the sending process only; the package knows nothing of it.
"""

from __future__ import annotations

import functools
import http.client
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import requests.adapters
import sqlalchemy as sa

from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.store.campaign import schedules
from airflow_provider_rcs.store.outbox import attempts, claims, planning, settlement

Act = Callable[[], None]

_SECONDS_TO_REPLY = 30.0


class Step(StrEnum):
    """Where in the course of a request, or of its attempt, something happens to the process."""

    PLANNING = "before the commit of the list"
    TAKING_OVER = "before the commit by which a dispatch takes a list over"
    BEFORE_CLAIM = "before the claim"
    CLAIMING = "before the commit of the claim"
    AFTER_CLAIM = "after the commit of the claim"
    DISPATCHING = "before the commit by which requests may leave"
    AFTER_DISPATCHING = "after the commit by which requests may leave"
    BEFORE_REQUEST = "before the request leaves"
    ACCEPTED = "after the service accepted, before the reply is read"
    AFTER_REPLY = "after the reply"
    SETTLING = "before the commit of the reply"
    AFTER_SETTLING = "after the commit of the reply"
    REQUEUEING_REFUSED = "before the commit that requeues a refused request"
    REQUEUEING_UNSENT = "before the commit that requeues what was claimed ahead"
    DOUBTING = "before the commit of a doubt"
    ENDING = "before the commit of the end"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fall_asleep() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def arm(engine: sa.Engine, step: Step, occurrence: int, act: Act) -> None:
    """Have something happen to this process when it comes to a step.

    :param occurrence: at which time that it comes there, counted from 1.
    """
    act = _at(occurrence, act)
    match step:
        case Step.PLANNING:
            _before_commit_of(engine, planning.record_list, act)
        case Step.TAKING_OVER:
            _before_commit_of(engine, schedules.assign_scheduled_list, act)
        case Step.BEFORE_CLAIM:
            _before(claims.claim_batches, act)
        case Step.CLAIMING:
            _before_commit_of(engine, claims.claim_batches, act)
        case Step.AFTER_CLAIM:
            _after(claims.claim_batches, _between_commits(act))
        case Step.DISPATCHING:
            _before_commit_of(engine, claims.dispatch_claims, act)
        case Step.AFTER_DISPATCHING:
            _after(claims.dispatch_claims, _between_commits(act))
        case Step.BEFORE_REQUEST:
            _before(requests.adapters.HTTPAdapter.send, act)
        case Step.ACCEPTED:
            _when_a_reply_arrives(act)
        case Step.AFTER_REPLY:
            _after(RcsHook.send, act)
        case Step.SETTLING:
            _before_commit_of(engine, settlement.settle, act)
        case Step.AFTER_SETTLING:
            _after(settlement.settle, act)
        case Step.REQUEUEING_REFUSED:
            _before_commit_of(engine, settlement.requeue_refused, act)
        case Step.REQUEUEING_UNSENT:
            _before_commit_of(engine, settlement.requeue_unsent, act)
        case Step.DOUBTING:
            _before_commit_of(engine, settlement.mark_in_doubt, act)
        case Step.ENDING:
            _before_commit_of(engine, attempts.end_attempt, act)


def _at(occurrence: int, act: Act) -> Act:
    lock = threading.Lock()
    seen = 0

    def counted() -> None:
        nonlocal seen
        with lock:
            seen += 1
            now = seen == occurrence
        if now:
            act()

    return counted


def _wrap(function: Callable[..., Any], around: Callable[[Callable[[], Any]], Any]) -> None:
    """Replace a function, or a method of a class, wherever a loaded module refers to it."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return around(lambda: function(*arguments, **named))

    *classes, name = function.__qualname__.split(".")
    if classes:
        setattr(functools.reduce(getattr, classes, sys.modules[function.__module__]), name, wrapped)
        return
    for module in list(sys.modules.values()):
        if getattr(module, name, None) is function:
            setattr(module, name, wrapped)


def _before(function: Callable[..., Any], act: Act) -> None:
    def around(call: Callable[[], Any]) -> Any:
        act()
        return call()

    _wrap(function, around)


def _after(function: Callable[..., Any], act: Act) -> None:
    def around(call: Callable[[], Any]) -> Any:
        result = call()
        act()
        return result

    _wrap(function, around)


def _before_commit_of(engine: sa.Engine, function: Callable[..., Any], act: Act) -> None:
    # The lease is renewed by another thread on the same engine: its commits do not count.
    inside = threading.local()

    def around(call: Callable[[], Any]) -> Any:
        inside.now = True
        try:
            return call()
        finally:
            inside.now = False

    def committing(_connection: sa.Connection) -> None:
        if getattr(inside, "now", False):
            act()

    _wrap(function, around)
    sa.event.listen(engine, "commit", committing)


def _when_a_reply_arrives(act: Act) -> None:
    read_reply = http.client.HTTPConnection.getresponse

    def waiting(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        select.select([connection.sock], [], [], _SECONDS_TO_REPLY)
        act()
        return read_reply(connection)

    setattr(http.client.HTTPConnection, read_reply.__name__, waiting)


def _between_commits(act: Act) -> Act:
    """Keep a process from being stopped inside a commit of its other threads, whose locks everyone would wait for."""
    renewing, settling = threading.Lock(), threading.Lock()

    def held(lock: threading.Lock) -> Callable[[Callable[[], Any]], Any]:
        def around(call: Callable[[], Any]) -> Any:
            with lock:
                return call()

        return around

    def acting() -> None:
        with renewing, settling:
            act()

    _wrap(attempts.renew_lease, held(renewing))
    _wrap(settlement.settle, held(settling))
    return acting
