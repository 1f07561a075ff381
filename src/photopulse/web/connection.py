"""A connection that is closed when its client lets it wait for too long."""

import asyncio
import socket
from contextlib import suppress
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LOOK_EVERY = 30.0  # Seconds.
_LEAST = 2**15  # Bytes of an answer that a client takes between two looks.
_MOST_UNSENT: Final = 2**14  # Bytes that the system keeps before it sends them.


class Connection(H11Protocol):
    """HTTP connection of uvicorn, which limits the silence between requests, but not other slowness.

    It is closed if at two looks in succession it waits for the same: for the rest of the same request's head, or for
    the client to take the same answer, of which it took less than a kilobyte a second meanwhile. Slow clients cannot
    occupy all connections in this way, and a long answer may take as long as it does. The time for the body of a
    request is limited by the ``Gate``.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to look."""
        _keep_little(transport)
        self._counting = _CountingTransport(transport)
        super().connection_made(cast(asyncio.Transport, self._counting))
        self._waited_for: object = None
        self._taken = 0
        self._next_look = self.loop.call_later(_LOOK_EVERY, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends looking."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        waits_for = self._waits_for()
        taken, before = self._counting.taken, self._taken
        if waits_for is not None and waits_for == self._waited_for and taken - before < _LEAST:
            self.transport.abort()
            return
        self._waited_for, self._taken = waits_for, taken
        self._next_look = self.loop.call_later(_LOOK_EVERY, self._look)

    def _waits_for(self) -> object:
        """Returns what the client has to do next, equal to an earlier answer if it has not done it; None: nothing."""
        if self.transport.get_write_buffer_size():
            return "answer", self.cycle
        return ("head", self.cycle) if self.conn.their_state is h11.IDLE else None


class _CountingTransport:
    """A transport that counts the bytes of answers; all but writing is the given transport's.

    Args:
        transport: transport of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written = 0

    @property
    def taken(self) -> int:
        """Bytes of answers that the system has taken, to send them to the client."""
        return self._written - self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Writes a part of an answer."""
        self._written += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _keep_little(transport: asyncio.Transport) -> None:
    """Lets the system take no more than it can send soon, else it would take megabytes at once, and then for long none.

    Where it cannot be told so, a client that takes less than megabytes between two looks seems to take nothing.
    """
    connection = cast("socket.socket | None", transport.get_extra_info("socket"))
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if connection is not None and option is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, _MOST_UNSENT)
