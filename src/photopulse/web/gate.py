"""ASGI middleware that checks requests, limits uploads, and adds security headers to responses."""

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from photopulse.web.answers import refusal
from photopulse.web.guard import check_request
from photopulse.web.refusals import RefusedError
from photopulse.web.settings import ServeSettings

_FORM_BYTES = 64_000  # Of a form besides its picture.
_SILENCE = 30.0  # Seconds for which an upload may pause.
_LONGEST = 600.0  # Seconds that it may take altogether, and longer as long as it is not slower than this:
_SLOWEST = 10_000  # bytes per second.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: application that receives the admitted requests.
        settings: settings of the server, with the secret and the limits.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on to the application, or responds with an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, self._settings)
        answer = _Answer(send, body)
        try:
            check_request(scope["method"], scope["path"], headers, self._settings)
            body.check_told(headers)
            await self._app(scope, body.receive, answer.send)
        except RefusedError as error:
            body.refused = error
        except Exception:
            # An error of the form parser is expected if this gate cut the body off.
            if body.refused is None:
                raise
        if body.refused is not None and not answer.has_begun:
            await refusal(body.refused)(scope, receive, answer.send_anyway)


class _Body:
    """Passes on the body of a request up to the largest allowed size."""

    def __init__(self, receive: Receive, settings: ServeSettings) -> None:
        self.refused: RefusedError | None = None
        self._receive = receive
        self._most = settings.max_bytes + _FORM_BYTES
        self._megabytes = settings.max_megabytes
        self._seen = 0
        self._is_whole = False
        self._began = time.monotonic()

    def check_told(self, headers: Headers) -> None:
        """Checks the Content-Length, and raises RefusedError if it is too large."""
        told = headers.get("content-length", "0")
        if told.isascii() and told.isdigit() and int(told[:20]) > self._most:
            raise self._too_large()

    async def receive(self) -> Message:
        """Returns the next message, or a disconnect if the body is too large or nothing came for too long."""
        if self._is_whole:
            return await self._receive()
        # Wait for the next part, for a limited time.
        try:
            ends = self._began + _LONGEST + self._seen / _SLOWEST
            patience = min(_SILENCE, ends - time.monotonic())
            message = await asyncio.wait_for(self._receive(), patience)
        except TimeoutError:
            why = f"nothing came for {_SILENCE:g} seconds, or less than {_SLOWEST:,} bytes a second for long"
            self.refused = RefusedError(408, "cannot wait for the upload", why=why, fix="send it again")
            return {"type": "http.disconnect"}
        # Count its bytes.
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            self.refused = self._too_large()
            return {"type": "http.disconnect"}
        self._is_whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413,
            "cannot take the upload",
            why=f"it has more than the allowed {self._megabytes} megabytes",
            fix="make the picture smaller first, or start the server with a larger --max-megabytes",
        )


class _Answer:
    """Adds the headers to a response, and holds back the application's response to a refused body."""

    def __init__(self, send: Send, body: _Body) -> None:
        self.has_begun = False
        self._send = send
        self._body = body

    async def send(self, message: Message) -> None:
        """Sends a message of the application, unless the body was refused."""
        if self._body.refused is None or self.has_begun:
            await self.send_anyway(message)

    async def send_anyway(self, message: Message) -> None:
        """Sends a message with the headers, even if the body was refused."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await self._send(message)
