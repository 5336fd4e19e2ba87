"""How the projections are, for an operator."""

from msgspec import Struct

from projections.quarantine import DeadLetter
from projections.rebuilding import RebuildState
from projections.registry import ProjectionName


class NumberedTable(Struct, frozen=True):
    """One of the tables behind a view; `status` is live, previous or building."""

    projection: ProjectionName
    version: int
    status: str


class Overview(Struct, frozen=True, kw_only=True):
    """`lag_s` is the age of the oldest event that is not in the rows. `heartbeat_age_s` is the time since a runner's
    last sign of life, null when there never was one; `progress_age_s` since it last wrote something."""

    position: int
    head_position: int
    lag_events: int
    lag_s: float
    heartbeat_age_s: float | None
    progress_age_s: float | None
    unknown_events: int
    tables: tuple[NumberedTable, ...]
    rebuild: RebuildState | None = None
    parked: tuple[DeadLetter, ...] = ()
