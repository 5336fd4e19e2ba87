"""What the projections ask of the outside."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Protocol

from msgspec import Struct

from domain.errors import TurnlogError
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.compaction import RowChanges
from projections.quarantine import DeadLetter, Poison


class CheckpointMoved(TurnlogError):
    """Another runner has written since this one read the checkpoint, or a parked conversation has been re-driven;
    nothing was written now."""

    code: ClassVar[str] = "checkpoint_moved"

    def __init__(self, position: int) -> None:
        super().__init__(f"The projections are not at position {position} any more: another runner writes them.")
        self.position = position


class RowsRejected(TurnlogError):
    """The database refuses what an event has become, and would again. `error` tells no content: it may be somebody's
    words."""

    code: ClassVar[str] = "rows_rejected"

    def __init__(self, error: str) -> None:
        super().__init__(f"The database refuses the rows of some events: {error}.")
        self.error = error


class TablesRefused(TurnlogError):
    """The database refuses to write the tables at all, which is no event's fault: a missing right, a missing table."""

    code: ClassVar[str] = "tables_refused"

    def __init__(self, error: str) -> None:
        super().__init__(f"The database refuses to write the read tables: {error}. Events wait until it does.")


class Checkpoint(Struct, frozen=True, kw_only=True):
    """How far the rows are. `unknown_events` were written by newer code, since the rows were begun.

    The rows of `parked` conversations stand still. `revision` rises whenever some are parked or one is re-driven.
    """

    position: int = 0
    unknown_events: int = 0
    revision: int = 0
    parked: frozenset[ConversationId] = frozenset()


class ProjectedPage(Struct, frozen=True, kw_only=True):
    """What the events with `from_position < position <= to_position` do to the rows.

    `revision` is that of the checkpoint by which it was known which conversations are parked; `parked` are those that
    stop in this page.
    """

    from_position: int
    to_position: int
    unknown_events: int
    rows: RowChanges
    revision: int = 0
    parked: Sequence[Poison] = ()


class Standstill(Protocol):
    """A moment in which nobody writes a page."""

    @property
    def position(self) -> int:
        """Where the rows are."""
        ...

    async def replace(self, conversation_id: ConversationId, rows: RowChanges) -> None:
        """Put these rows in the place of all rows of the conversation, which is parked no more.

        Raises:
            RowsRejected: nothing is replaced, and trying again does not help.
        """
        ...


class ProjectionSession(Protocol):
    """One connection to the rows. It keeps the lead, once it has it, until it is left; used by one task at a time.

    Every method raises `StoreUnavailable` when the database is away; the session is then of no more use.
    """

    async def try_to_lead(self) -> bool:
        """Whether this session is now the one that may write. Never waits for another to give up."""
        ...

    async def checkpoint(self) -> Checkpoint:
        """How far the rows are, whoever writes them."""
        ...

    async def write(self, page: ProjectedPage) -> None:
        """Write the rows, move the checkpoint and park what is to be parked, all or nothing.

        Raises:
            CheckpointMoved: the checkpoint is not at `from_position` and `revision`; nothing was written.
            RowsRejected: nothing was written, and trying again does not help.
            TablesRefused: nothing was written, and nothing else would be.
        """
        ...

    async def try_out(self, rows: RowChanges) -> None:
        """Write the rows and take them back: whether they would be accepted.

        Raises:
            RowsRejected, TablesRefused: they would not.
        """
        ...

    async def dead_letters(self) -> Sequence[DeadLetter]:
        """The conversations that are parked, those that have been so for longest first."""
        ...

    async def keep_parked(self, poison: Poison) -> None:
        """It was tried to re-drive the conversation, which stays parked for this reason."""
        ...

    def standstill(self) -> AbstractAsyncContextManager[Standstill]:
        """Keep every runner, of whatever process, from writing a page while the block runs. What is replaced in it is
        replaced when it ends, and not at all when it fails. Needs no lead."""
        ...

    async def beat(self) -> None:
        """Leave a sign of life beside the checkpoint, where there is no progress to show."""
        ...


class ProjectionStore(Protocol):
    """Where the rows are kept."""

    def session(self) -> AbstractAsyncContextManager[ProjectionSession]:
        """A session of its own; leaving it gives the lead back.

        Raises:
            StoreUnavailable: on entering, the database is away.
        """
        ...


class Streams(Protocol):
    """The events of single conversations; every `EventStore` is one."""

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> Sequence[RecordedEvent]:
        """See `EventStore.read`."""
        ...
