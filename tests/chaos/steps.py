"""The named steps of a request, at which a sending process can be made to die, or to fall asleep.

Functions are wrapped in the sending process only; the package knows nothing of it.
"""

from __future__ import annotations

import functools
import http.client
import os
import select
import signal
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import requests.adapters
import sqlalchemy as sa

from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.sending import attempt, campaign
from airflow_provider_rcs.sending import sender as sending

Act = Callable[[], None]

_SECONDS_TO_REPLY = 30.0


class Step(StrEnum):
    """Where in the course of a request, or of its attempt, something happens to the process."""

    PLANNING = "before the commit of the list"
    TAKING_OVER = "before the commit by which a dispatch takes a list over"
    BEFORE_CLAIM = "before the claim"
    CLAIMING = "before the commit of the claim"
    AFTER_CLAIM = "after the commit of the claim"
    MARKING = "before the commit by which requests may leave"
    AFTER_MARKING = "after the commit by which requests may leave"
    BEFORE_REQUEST = "before the request leaves"
    ACCEPTED = "after the service accepted, before the reply is read"
    AFTER_REPLY = "after the reply"
    SETTLING = "before the commit of the reply"
    AFTER_SETTLING = "after the commit of the reply"
    RELEASING = "before the commit of a refusal"
    GIVING_BACK = "before the commit that gives back who was claimed ahead"
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
            _before_commit_of(engine, campaign, "record_list", act)
        case Step.TAKING_OVER:
            _before_commit_of(engine, dispatch, "take_over_list", act)
        case Step.BEFORE_CLAIM:
            _before(sending, "claim_batches", act)
        case Step.CLAIMING:
            _before_commit_of(engine, sending, "claim_batches", act)
        case Step.AFTER_CLAIM:
            _after(sending, "claim_batches", _between_commits(act))
        case Step.MARKING:
            _before_commit_of(engine, sending, "let_leave", act)
        case Step.AFTER_MARKING:
            _after(sending, "let_leave", _between_commits(act))
        case Step.BEFORE_REQUEST:
            _before(requests.adapters.HTTPAdapter, "send", act)
        case Step.ACCEPTED:
            _when_a_reply_is_there(act)
        case Step.AFTER_REPLY:
            _after(RcsHook, "send", act)
        case Step.SETTLING:
            _before_commit_of(engine, sending, "settle", act)
        case Step.AFTER_SETTLING:
            _after(sending, "settle", act)
        case Step.RELEASING:
            _before_commit_of(engine, sending, "release", act)
        case Step.GIVING_BACK:
            _before_commit_of(engine, sending, "give_back", act)
        case Step.DOUBTING:
            _before_commit_of(engine, sending, "doubt", act)
        case Step.ENDING:
            _before_commit_of(engine, attempting, "end_attempt", act)


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


def _wrap(owner: Any, name: str, around: Callable[[Callable[[], Any]], Any]) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return around(lambda: function(*arguments, **named))

    setattr(owner, name, wrapped)


def _before(owner: Any, name: str, act: Act) -> None:
    def around(call: Callable[[], Any]) -> Any:
        act()
        return call()

    _wrap(owner, name, around)


def _after(owner: Any, name: str, act: Act) -> None:
    def around(call: Callable[[], Any]) -> Any:
        result = call()
        act()
        return result

    _wrap(owner, name, around)


def _before_commit_of(engine: sa.Engine, owner: Any, name: str, act: Act) -> None:
    # The lease is renewed by another thread on the same engine: its commits are not meant.
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

    _wrap(owner, name, around)
    sa.event.listen(engine, "commit", committing)


def _when_a_reply_is_there(act: Act) -> None:
    read_reply = http.client.HTTPConnection.getresponse

    def waiting(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        select.select([connection.sock], [], [], _SECONDS_TO_REPLY)
        act()
        return read_reply(connection)

    setattr(http.client.HTTPConnection, read_reply.__name__, waiting)


def _between_commits(act: Act) -> Act:
    """Keep a process from falling asleep inside a commit of its other threads, for whose locks all would wait."""
    renewing, settling = threading.Lock(), threading.Lock()

    def held(lock: threading.Lock) -> Callable[[Callable[[], Any]], Any]:
        def around(call: Callable[[], Any]) -> Any:
            with lock:
                return call()

        return around

    def acting() -> None:
        with renewing, settling:
            act()

    _wrap(attempt, "renew_lease", held(renewing))
    _wrap(sending, "settle", held(settling))
    return acting
