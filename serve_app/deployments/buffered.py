"""The event log as an ingress writes to it: straight, or with a journal behind it for the time that it is away."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from serve_app.adapters.buffered_log import BufferedLog
from serve_app.core.errors import StoreUnavailable, UnknownPrediction
from serve_app.core.events import LoggedPrediction
from serve_app.core.platform import Platform
from serve_app.core.ports import EventLog, Policies

log = logging.getLogger("understudy.journal")

FOLDER = "journal"
LOOK_S = 2.0
MEGABYTE = 1_000_000


class Buffered:
    """``log`` and ``policies``: what is written through. Blocks to be made."""

    def __init__(self, platform: Platform, events: EventLog, policies: Policies) -> None:
        self._events = events
        self._buffer: BufferedLog | None = None
        self.log: EventLog | BufferedLog = events
        self.policies: Policies | BufferedLog = policies
        most, keep = platform.store.buffer_mb * MEGABYTE, platform.store.predictions == "keep"
        if most and keep:
            self._buffer = BufferedLog(events, policies, Path(platform.state) / FOLDER, most)
            self.log = self.policies = self._buffer

    def begin(self) -> None:
        """From now on what waits is delivered, by the running loop."""
        if self._buffer is not None:
            self._delivering = asyncio.get_running_loop().create_task(self._deliver(self._buffer))

    def waiting(self) -> int | None:
        """Predictions in this replica's journal; None where there is none."""
        return None if self._buffer is None else self._buffer.waiting()

    def get(self, prediction_id: str) -> LoggedPrediction:
        """Blocks. Raises UnknownPrediction; StoreUnavailable for one that waits to be written."""
        try:
            return self._events.get(prediction_id)
        except UnknownPrediction:
            if self._buffer is not None and self._buffer.holds(prediction_id):
                raise StoreUnavailable("the prediction waits to be written down", 5) from None
            raise

    async def _deliver(self, buffer: BufferedLog) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(buffer.deliver)
            except StoreUnavailable:
                continue  # told when it went away, and by /readyz since
            except Exception:
                log.exception("what waits in the journal could not be delivered")
