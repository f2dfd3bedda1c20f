"""The steps of a request at which a sending process can be killed or suspended."""

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
from airflow_provider_rcs.store.outbox import attempts, claims, exclusions, planning, settlement

Action = Callable[[], None]

_SECONDS_TO_REPLY = 30.0


class Step(StrEnum):
    """A step of a request, or of its attempt, at which something happens to the process."""

    PLANNING = "before the commit of the list"
    TAKING_OVER = "before the commit with which a dispatch takes over a list"
    EXCLUDING = "before the commit that suppresses excluded recipients of earlier lists"
    BEFORE_CLAIM = "before the claim"
    CLAIMING = "before the commit of the claim"
    AFTER_CLAIM = "after the commit of the claim"
    DISPATCHING = "before the commit of the dispatch"
    AFTER_DISPATCHING = "after the commit of the dispatch"
    BEFORE_REQUEST = "before the request leaves"
    ACCEPTED = "after the service accepted, before the reply is read"
    AFTER_REPLY = "after the reply"
    SETTLING = "before the commit of the settlement"
    AFTER_SETTLING = "after the commit of the settlement"
    REQUEUEING_REFUSED = "before the commit that requeues a refused request"
    REQUEUEING_UNSENT = "before the commit that requeues batches claimed ahead"
    MARKING_IN_DOUBT = "before the commit that marks messages in doubt"
    ENDING = "before the commit of the attempt's end"


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def suspend() -> None:
    # To this thread: a signal to the process stops it by any thread, while this one may go on and release locks.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def arm(engine: sa.Engine, step: Step, occurrence: int, act: Action) -> None:
    """Run an action when this process reaches a step.

    Functions of the package are wrapped in this process only; the package itself has no hooks for it.

    :param occurrence: which occurrence of the step, counted from 1.
    """
    act = _at(occurrence, act)
    match step:
        case Step.PLANNING:
            _before_commit_of(engine, planning.record_list, act)
        case Step.TAKING_OVER:
            _before_commit_of(engine, schedules.assign_scheduled_list, act)
        case Step.EXCLUDING:
            _before_commit_of(engine, exclusions.suppress_excluded, act)
        case Step.BEFORE_CLAIM:
            _before(claims.claim_batches, act)
        case Step.CLAIMING:
            _before_commit_of(engine, claims.claim_batches, act)
        case Step.AFTER_CLAIM:
            _after(claims.claim_batches, _between_commits(act, claims.dispatch_claims))
        case Step.DISPATCHING:
            _before_commit_of(engine, claims.dispatch_claims, act)
        case Step.AFTER_DISPATCHING:
            _after(claims.dispatch_claims, _between_commits(act, claims.claim_batches))
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
        case Step.MARKING_IN_DOUBT:
            _before_commit_of(engine, settlement.mark_in_doubt, act)
        case Step.ENDING:
            _before_commit_of(engine, attempts.end_attempt, act)


def _at(occurrence: int, act: Action) -> Action:
    lock = threading.Lock()
    seen = 0

    def act_at_occurrence() -> None:
        nonlocal seen
        with lock:
            seen += 1
            is_reached = seen == occurrence
        if is_reached:
            act()

    return act_at_occurrence


def _wrap(function: Callable[..., Any], around: Callable[[Callable[[], Any]], Any]) -> None:
    """Replace a function in every loaded module that refers to it by its name, or a method in its class."""

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


def _before(function: Callable[..., Any], act: Action) -> None:
    def around(call: Callable[[], Any]) -> Any:
        act()
        return call()

    _wrap(function, around)


def _after(function: Callable[..., Any], act: Action) -> None:
    def around(call: Callable[[], Any]) -> Any:
        result = call()
        act()
        return result

    _wrap(function, around)


def _before_commit_of(engine: sa.Engine, function: Callable[..., Any], act: Action) -> None:
    # Only commits of the function's own thread count: another thread renews the lease on the same engine.
    inside = threading.local()

    def around(call: Callable[[], Any]) -> Any:
        inside.function = True
        try:
            return call()
        finally:
            inside.function = False

    def committing(_connection: sa.Connection) -> None:
        if getattr(inside, "function", False):
            act()

    _wrap(function, around)
    sa.event.listen(engine, "commit", committing)


def _when_a_reply_arrives(act: Action) -> None:
    read_reply = http.client.HTTPConnection.getresponse

    def waiting(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        select.select([connection.sock], [], [], _SECONDS_TO_REPLY)
        act()
        return read_reply(connection)

    setattr(http.client.HTTPConnection, read_reply.__name__, waiting)


def _between_commits(act: Action, other: Callable[..., Any]) -> Action:
    """Run an action while no other thread commits, because every process would wait for the locks of that commit.

    :param other: what another thread commits, besides renewals and settlements.
    """
    renewing, settling, others = threading.Lock(), threading.Lock(), threading.Lock()

    def holding(lock: threading.Lock) -> Callable[[Callable[[], Any]], Any]:
        def around(call: Callable[[], Any]) -> Any:
            with lock:
                return call()

        return around

    def act_between_commits() -> None:
        with renewing, settling, others:
            act()

    _wrap(attempts.renew_lease, holding(renewing))
    _wrap(settlement.settle, holding(settling))
    _wrap(other, holding(others))
    return act_between_commits
