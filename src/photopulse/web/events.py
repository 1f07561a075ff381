"""Streams the progress of a job as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict

from photopulse.web.jobs import ENDED, Job
from photopulse.web.store import JobStore
from photopulse.web.views import view

_LOOK_EVERY = 0.1  # Seconds.
_SPEAK_EVERY = 150  # In units of _LOOK_EVERY: proxies close connections that stay silent for long.


async def events(job: Job, store: JobStore) -> AsyncGenerator[str]:
    """Yields the job as JSON whenever it has changed, each time as an event ``job``, until it has ended.

    The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html. Every event is complete, so
    that a client that connects late or reconnects has missed nothing.
    """
    last, silent, seen = "", 0, None
    while True:
        # Look only where something can have changed: many may watch, and the worker needs the time.
        now = (job.state, job.watcher.progress, store.changes)
        text = last if now == seen else json.dumps(asdict(view(job, store)))
        seen = now
        # Send a change, or after a long silence a comment.
        if text != last:
            yield f"event: job\ndata: {text}\n\n"
            last, silent = text, 0
        elif silent >= _SPEAK_EVERY:
            yield ": still here\n\n"
            silent = 0
        if now[0] in ENDED:
            return
        silent += 1
        await asyncio.sleep(_LOOK_EVERY)
