"""Somebody who follows everything that the library's subscription gives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from threading import Thread

from eventsourcing.persistence import Notification

from adapters.eventsourcing import ApplicationRecorder


def library_environment(dsn: str) -> dict[str, str]:
    """The variables that put the library on this database."""
    return {"PERSISTENCE_MODULE": "adapters.eventsourcing", "DATABASE_URL": dsn}


class Watcher:
    """Collects everything that a subscription gives, in a thread of its own."""

    def __init__(self, recorder: ApplicationRecorder, topics: Sequence[str] = ()) -> None:
        self.seen: list[Notification] = []
        self._subscription = recorder.subscribe(gt=0, topics=topics)
        self._thread = Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        with self._subscription as subscription:
            self.seen.extend(subscription)

    def stop(self) -> None:
        self._subscription.stop()
        self._thread.join()

    @property
    def positions(self) -> list[int]:
        return [notification.id for notification in self.seen]


@asynccontextmanager
async def watching(recorder: ApplicationRecorder) -> AsyncIterator[Watcher]:
    watcher = await asyncio.to_thread(Watcher, recorder)
    try:
        yield watcher
    finally:
        await asyncio.to_thread(watcher.stop)
