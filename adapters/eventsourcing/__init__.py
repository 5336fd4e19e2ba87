"""The `eventsourcing` library on Turnlog's tables: `PERSISTENCE_MODULE=adapters.eventsourcing`, `DATABASE_URL=...`.

The library takes the one factory that it finds in this module. It is synchronous and not in the way of a request; how
to use it stands in `docs/how-to/use-the-eventsourcing-library.md`.
"""

from adapters.eventsourcing.factory import Factory
from adapters.eventsourcing.recorders import ApplicationRecorder, ProcessRecorder, SnapshotRecorder, TrackingRecorder

__all__ = ["ApplicationRecorder", "Factory", "ProcessRecorder", "SnapshotRecorder", "TrackingRecorder"]
