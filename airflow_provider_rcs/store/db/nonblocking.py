"""A statement that PostgreSQL runs while an event loop goes on with other things, and no thread waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

# The unnamed one: over the same connection nobody else's can have its name, and whoever replaces it prepares it anew.
_NAME = b""


class NonblockingStatement:
    """A statement with one parameter that returns nothing, prepared for a connection that nothing else uses meanwhile.

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
        """Begin to run it in the running event loop, and tell whether it could begin.

        :param done: told in the loop whether it succeeded; if not, it may have been run nevertheless.
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
