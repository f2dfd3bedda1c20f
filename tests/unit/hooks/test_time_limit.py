"""A time limit for a whole call, whose request cannot leave after it has run out."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_rcs.hooks.time_limit import RequestBody, call_within


def test_a_call_returns_what_it_returns_and_raises_what_it_raises() -> None:
    def fail() -> None:
        raise KeyError("x")

    assert call_within(10, lambda: 7) == 7
    with pytest.raises(KeyError):
        call_within(10, fail)


def test_a_call_that_takes_longer_is_left_behind() -> None:
    ended = threading.Event()

    with pytest.raises(TimeoutError):
        call_within(0.01, ended.wait)

    ended.set()


def test_a_body_is_read_whole_and_cannot_be_withdrawn_then() -> None:
    body = RequestBody(b"abcde")

    assert (len(body), body.read(2), body.read()) == (5, b"ab", b"cde")
    assert not body.withdraw()
    assert body.read() == b""


def test_a_withdrawn_body_never_leaves() -> None:
    body = RequestBody(b"abcde")

    assert body.withdraw()
    assert body.withdraw()
    with pytest.raises(OSError, match="withdrawn"):
        body.read(2)
