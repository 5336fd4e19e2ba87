"""A rebuild of the read tables beside the live ones: where it stands, and what it asks of the outside.

The copy fills empty tables, conversation by conversation, with what the events up to one position say. The catch-up is
the ordinary projection from there on. Then the new tables take the place of the live ones.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from msgspec import Struct

from domain.errors import TurnlogError
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.ports import ProjectionSession
from projections.registry import ProjectionName

Phase = Literal["copy", "index", "catch_up"]


class RebuildRefused(TurnlogError):
    """The rebuild cannot be begun, or cannot go on. Nothing that is read now has changed; the sentence says why."""

    code: ClassVar[str] = "rebuild_refused"


class Pace(Struct, frozen=True, kw_only=True):
    """How much of the machine a rebuild may take: so many processes for the copy, so many events a second."""

    jobs: int = 1
    max_events_per_s: float | None = None
    page_events: int = 5_000

    def seconds(self, events: int) -> float:
        """How long to rest after so many events."""
        return 0.0 if self.max_events_per_s is None else events / self.max_events_per_s

    def share(self) -> "Pace":
        """Of one of the processes."""
        rate = None if self.max_events_per_s is None else self.max_events_per_s / self.jobs
        return Pace(jobs=1, max_events_per_s=rate, page_events=self.page_events)


class RebuildState(Struct, frozen=True, kw_only=True):
    """What is kept of a rebuild, so that it goes on after any end of its process.

    The copy is of the events up to `until_position`, `copied_events` of `total_events` so far. `version` is that of
    the new tables. A rollback begins with the catch-up of the tables that were live before.
    """

    id: str
    projections: tuple[ProjectionName, ...]
    version: int
    phase: Phase
    until_position: int
    copied_events: int
    total_events: int
    is_rollback: bool
    started_at: datetime


class Histories(Struct, frozen=True):
    """Some whole conversations in the order of their ids, each event in the order of its version."""

    events: Sequence[RecordedEvent]
    last_id: ConversationId


class TableComparison(Struct, frozen=True, kw_only=True):
    """A live table and its successor, at the same position. The hashes do not depend on the order of the rows.

    `first_difference` is the id of the first conversation with a row that differs or stands in one table alone.
    """

    projection: ProjectionName
    live_rows: int
    live_hash: str
    new_rows: int
    new_hash: str
    different_rows: int
    first_difference: ConversationId | None


class Comparing(Protocol):
    """A moment at which the live tables and the new ones stood at the same position, kept to be looked at."""

    async def compare(self, projection: ProjectionName) -> TableComparison:
        """All rows of that moment. Takes seconds for a million rows, and keeps nobody waiting."""
        ...


class HeldLive(Protocol):
    """The live tables, which nobody writes while this is held."""

    @property
    def position(self) -> int:
        """Where they stand; not after the last event there is."""
        ...

    def moment(self) -> AbstractAsyncContextManager[Comparing]:
        """This moment, to be compared after the live tables are let go."""
        ...

    async def different_since(self, position: int) -> ConversationId | None:
        """A conversation with an event after the position whose rows differ between the live and the new tables."""
        ...

    async def swap(self) -> None:
        """Make the new tables the live ones, and keep those of now as the previous. Commits, and lets go.

        Raises:
            StoreUnavailable: somebody reads a table for longer than writers should wait; nothing was changed.
        """
        ...


class RebuildSession(Protocol):
    """The right to rebuild: one process at a time has it. Every method raises `StoreUnavailable`."""

    async def state(self) -> RebuildState | None:
        """The rebuild that is under way, begun by whomever."""
        ...

    async def begin(self, projections: Sequence[ProjectionName]) -> RebuildState:
        """Make the empty tables. Raises RebuildRefused."""
        ...

    async def begin_rollback(self) -> RebuildState:
        """Take the tables that were live before the last swap. Raises RebuildRefused: there are none."""
        ...

    async def abandon(self) -> None:
        """Drop what the rebuild has made; a rollback keeps its tables for another time."""
        ...

    async def copy(self, state: RebuildState, pace: Pace, progress: Callable[[int], None]) -> None:
        """Copy what is not copied yet; `progress` is told how many events are.

        Raises:
            RebuildRefused, NotProjectable, RowsRejected, TablesRefused: an event cannot be copied.
        """
        ...

    async def index(self, progress: Callable[[str, int, int], None]) -> None:
        """The copy is complete: build the indexes that are still missing. `progress` is told the name of each as it is
        begun, how many were begun before it, and how many there are."""
        ...

    async def start_catching_up(self) -> None:
        """The indexes are complete; the new tables stand at `until_position`."""
        ...

    async def take_statistics(self) -> None:
        """For the plans of those who will read the new tables. Nobody may use the session meanwhile."""
        ...

    async def events(self, after_position: int, until_position: int, limit: int) -> Sequence[RecordedEvent]:
        """At most `limit` events of all conversations with `after < position <= until`, in order.

        Raises:
            RebuildRefused: one of them cannot be read.
        """
        ...

    def rows(self) -> ProjectionSession:
        """The new tables, to be written as the live ones are."""
        ...

    async def live_position(self) -> int:
        """Where the live tables are; not after the last event there is."""
        ...

    def hold_live(self) -> AbstractAsyncContextManager[HeldLive]:
        """Keep every runner from writing the live tables for a moment: milliseconds, a runner waits."""
        ...


class RebuildStore(Protocol):
    """Where the tables are."""

    def session(self) -> AbstractAsyncContextManager[RebuildSession]:
        """The right to rebuild, until it is left.

        Raises:
            RebuildRefused: another process is rebuilding.
            StoreUnavailable: the database is away.
        """
        ...
