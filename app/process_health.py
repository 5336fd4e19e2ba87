"""The parts of this process, asked how they are."""

from typing import Protocol

from app.feed import Feed
from app.ports import ProcessHealth
from app.projection_loop import ProjectionLoop
from app.snapshot_keeper import SnapshotKeeper


class Appending(Protocol):
    """The appender, as far as its health is concerned."""

    @property
    def queue_depth(self) -> int: ...

    @property
    def is_connected(self) -> bool: ...

    @property
    def is_taking_in(self) -> bool: ...


class Listening(Protocol):
    """The listener for notifications."""

    @property
    def is_listening(self) -> bool: ...


class Admitting(Protocol):
    """Who lets connections in."""

    @property
    def is_draining(self) -> bool: ...


class RunningParts:
    """Implements `HealthSource`. The parts belong to one task group: one that crashed would have ended the process."""

    def __init__(
        self,
        *,
        appender: Appending,
        queue_max_commands: int,
        projection: ProjectionLoop,
        feed: Feed,
        listener: Listening,
        admission: Admitting,
        snapshot_keeper: SnapshotKeeper,
    ) -> None:
        self._appender = appender
        self._queue_max_commands = queue_max_commands
        self._projection = projection
        self._feed = feed
        self._listener = listener
        self._admission = admission
        self._snapshot_keeper = snapshot_keeper

    def process_health(self) -> ProcessHealth:
        """See `HealthSource.process_health`."""
        projection = self._projection.status()
        return ProcessHealth(
            queue_depth=self._appender.queue_depth,
            queue_max_commands=self._queue_max_commands,
            is_appender_running=self._appender.is_taking_in,
            is_appender_connected=self._appender.is_connected,
            is_projection_running=projection.failures == 0,
            is_projection_leading=projection.is_leading,
            projected_position=projection.position,
            projection_lag_events=projection.lag_events,
            projection_lag_s=projection.seconds_behind,
            projection_failures=projection.failures,
            unknown_events=projection.unknown_events,
            quarantined_conversations=projection.quarantined_conversations,
            is_draining=self._admission.is_draining,
            is_feed_listening=self._listener.is_listening,
            is_feed_reading=self._feed.is_reading,
            feed_position=self._feed.position,
            snapshots_waiting=self._snapshot_keeper.waiting,
            snapshots_lost=self._snapshot_keeper.lost,
        )
