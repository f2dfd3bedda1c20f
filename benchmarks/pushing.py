"""A client that pushes prepared requests over kept connections at less cost than any server that it measures."""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

_LARGEST_ANSWER = 4096
_OK = b"HTTP/1.1 200"


def push(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    """Push the requests; each connection sends its next one as soon as the last is answered.

    :return: the seconds of the whole, and of each answer.
    """
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(min(connections, len(requests)))
        ]
        gc.collect()
        gc.disable()
        try:
            begun = time.perf_counter()
            seconds = _push(sockets, iter(requests))
            return time.perf_counter() - begun, seconds
        finally:
            gc.enable()


def _push(sockets: Sequence[socket.socket], requests: Iterator[bytes]) -> list[float]:
    # Neither threads nor asyncio, which would take as long as the server does.
    poll, by_number = select.epoll(), {each.fileno(): each for each in sockets}
    sent, seconds = {}, []
    clock = time.perf_counter
    for number, each in by_number.items():
        poll.register(number, select.EPOLLIN)
        each.send(next(requests))
        sent[number] = clock()
    while sent:
        for number, _ in poll.poll():
            answer = by_number[number].recv(_LARGEST_ANSWER)
            if not answer.startswith((_OK, b"{")):
                raise RuntimeError(answer.decode() or "the server hung up")
            if not answer.endswith(b"}"):
                continue  # The rest of the line of JSON, with which all servers here answer, is still to come.
            now = clock()
            seconds.append(now - sent.pop(number))
            if request := next(requests, None):
                sent[number] = now
                by_number[number].send(request)
    poll.close()
    return seconds
