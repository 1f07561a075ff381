"""A connection that is closed when its client lets it wait for too long."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LOOK_EVERY = 30.0  # Seconds.


class Connection(H11Protocol):
    """HTTP connection of uvicorn, which limits the silence between requests, but not other slowness.

    It is closed if at two looks in succession it waits for the same: for the rest of the same request's head, or for
    the client to take any part of the answer. Slow clients cannot occupy all connections in this way. The time for the
    body of a request is limited by the ``Gate``.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to look."""
        super().connection_made(transport)
        self._waited_for: object = None
        self._next_look = self.loop.call_later(_LOOK_EVERY, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends looking."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        waits_for = self._waits_for()
        if waits_for is not None and waits_for == self._waited_for:
            self.transport.abort()
            return
        self._waited_for = waits_for
        self._next_look = self.loop.call_later(_LOOK_EVERY, self._look)

    def _waits_for(self) -> object:
        """Returns what the client has to do next, equal to an earlier answer if it did nothing since; None: nothing."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            return "answer", unsent, self.cycle
        return ("head", self.cycle) if self.conn.their_state is h11.IDLE else None
