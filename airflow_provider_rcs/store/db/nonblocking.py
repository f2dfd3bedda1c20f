"""A PostgreSQL statement that runs without blocking the event loop or a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

# The unnamed statement: no other one on the connection can have this name, and whatever replaces it prepares it again.
_NAME = b""


class NonblockingStatement:
    """A prepared statement with one parameter and no result, on a connection that nothing else uses while it runs.

    :param connection: in autocommit.
    :param text: the statement, its parameter written as ``$1``.
    """

    def __init__(self, connection: psycopg.Connection, text: str) -> None:
        from psycopg import Error
        from psycopg.pq import ExecStatus

        self._connection = connection.pgconn
        self._socket = connection.pgconn.socket
        self._error, self._fine = Error, ExecStatus.COMMAND_OK
        try:
            self.is_prepared = self._connection.prepare(_NAME, text.encode()).status == self._fine
        except Error:
            self.is_prepared = False

    def run(self, parameter: str, done: Callable[[bool], None]) -> bool:
        """Start it in the running event loop, and return whether it was started.

        :param done: called in the loop with whether it succeeded; after a failure it may still have taken effect.
        """
        try:
            self._connection.send_query_prepared(_NAME, [parameter.encode()])
            is_sent = not self._connection.flush()
        except self._error:
            return False
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._go_on, loop, done)
        if not is_sent:
            loop.add_writer(self._socket, self._go_on, loop, done)
        return True

    def _go_on(self, loop: asyncio.AbstractEventLoop, done: Callable[[bool], None]) -> None:
        try:
            self._connection.consume_input()
            if not self._connection.flush():
                loop.remove_writer(self._socket)
            succeeded = True
            while not self._connection.is_busy():
                result = self._connection.get_result()
                if result is None:
                    break
                succeeded = succeeded and result.status == self._fine
            else:
                return
        except self._error:
            succeeded = False
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        done(succeeded)
