"""``/sse``: a session's log as ``text/event-stream`` (HTML standard, 9.2)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from tornado.iostream import IOStream, StreamClosedError

from headway.errors import LogReplaced, StoreError
from headway.stores import Excerpt

from .base import MAX_OFFSET, READERS, ApiHandler, Problem, log
from .frames import fitting
from .streams import StalledReader, sent, tune, vanished

HEARTBEAT = 15.0  # seconds of silence after which a comment keeps proxies from hanging up
RETRY = 1000  # milliseconds that a browser waits before it comes back


class ProgressStream(ApiHandler):
    """``GET /sse/progress/{sid}?since=0``: each entry as one event, its offset as the event's ``id``.

    ``Last-Event-ID``, which a browser sends when it comes back, goes before ``since``. A log that is
    replaced while it is followed is told by an event ``reset`` with ``id: 0``: who comes back starts anew.
    """

    _pump: asyncio.Task[None] | None = None

    async def get(self, session_id: str) -> None:
        since = self._reached()
        # Refuses a reader who knows another log, while a status can still say so.
        await self.runtime.logger.read(session_id, since, 0, epoch=self.epoch())
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")  # nginx would hold events back
        self.write(f"retry: {RETRY}\n\n")
        READERS.add(self)
        try:
            await self._send()
            tune(self._stream)
            self._pump = asyncio.create_task(self._tell(session_id, since))
            await asyncio.wait({self._pump})
        except StreamClosedError:
            pass  # the client left
        finally:
            READERS.discard(self)

    async def head(self, session_id: str) -> None:
        self.set_header("Content-Type", "text/event-stream")

    def _reached(self) -> int:
        """Return how many entries the reader has."""
        last = self.request.headers.get("Last-Event-ID", "")
        if not last:
            return self.since()
        if not re.fullmatch(r"[0-9]{1,16}", last) or int(last) > MAX_OFFSET:
            raise Problem(
                400, f"Last-Event-ID is {last[:80]!r}; allowed: a whole number from 0 to {MAX_OFFSET}"
            )
        return int(last)

    async def _tell(self, session_id: str, since: int) -> None:
        try:
            async with aclosing(
                self.runtime.logger.tail_batches(session_id, since, epoch=self.epoch())
            ) as found:
                await self._follow(found)
        except LogReplaced as error:
            self.write(b'id: 0\nevent: reset\ndata: {"epoch":"%s"}\n\n' % (error.epoch or "").encode())
        except StreamClosedError:
            pass  # the client left while we wrote
        except StalledReader:
            self._stream.close()
        except StoreError:
            log.exception("%s cannot be read", self.request.path)

    async def _follow(self, found: AsyncGenerator[Excerpt]) -> None:
        """Send entries as they come, and a comment whenever it has been quiet for long."""
        coming = asyncio.ensure_future(anext(found))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=HEARTBEAT)
                if not done:
                    if vanished(self._stream):
                        raise StalledReader
                    self.write(b": still here\n\n")
                    await self._send()
                else:
                    await self._events(coming.result())
                    coming = asyncio.ensure_future(anext(found))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _events(self, found: Excerpt) -> None:
        """Send entries as events, a chunk at a time."""
        entries, encoded = found.entries, found.encoded
        while entries:
            fit = fitting(encoded)
            for entry, body in zip(entries[:fit], encoded, strict=False):
                self.write(b"id: %d\ndata: %b\n\n" % (entry.offset, body))
            await self._send()
            entries, encoded = entries[fit:], encoded[fit:]

    async def _send(self) -> None:
        await sent(asyncio.ensure_future(self.flush()), self._stream)

    @property
    def _stream(self) -> IOStream:
        return self.request.connection.stream  # type: ignore[union-attr]

    def leave(self) -> None:
        """End the stream; a browser comes back by itself."""
        if self._pump is not None:
            self._pump.cancel()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.leave()


ROUTES = [(r"/sse/progress/([^/]+)", ProgressStream)]
