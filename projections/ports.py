"""What the projections ask of the outside."""

from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Protocol

from msgspec import Struct

from domain.errors import TurnlogError
from projections.compaction import RowChanges


class CheckpointMoved(TurnlogError):
    """Another runner has written since this one read the checkpoint; nothing was written now."""

    code: ClassVar[str] = "checkpoint_moved"

    def __init__(self, position: int) -> None:
        super().__init__(f"The projections are not at position {position} any more: another runner writes them.")
        self.position = position


class RowsRejected(TurnlogError):
    """The database refuses what an event has become, and would again. Tells no content: it may be somebody's words."""

    code: ClassVar[str] = "rows_rejected"

    def __init__(self, from_position: int, to_position: int, reason: str) -> None:
        super().__init__(
            f"The rows of the events after position {from_position} to {to_position} are refused: {reason}."
        )
        self.from_position = from_position
        self.to_position = to_position


class Checkpoint(Struct, frozen=True, kw_only=True):
    """How far the rows are. `unknown_events` were written by newer code and skipped, since the rows were begun."""

    position: int = 0
    unknown_events: int = 0


class ProjectedPage(Struct, frozen=True, kw_only=True):
    """What the events with `from_position < position <= to_position` do to the rows."""

    from_position: int
    to_position: int
    unknown_events: int
    rows: RowChanges


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
        """Write the rows and move the checkpoint, both or neither.

        Raises:
            CheckpointMoved: the checkpoint is not at `from_position`; nothing was written.
            RowsRejected: nothing was written, and trying again does not help.
        """
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
