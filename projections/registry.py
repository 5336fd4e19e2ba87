"""The only list of projections."""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from domain.ports import RecordedEvent
from projections import messages, sessions
from projections.changes import Change

Projection = Callable[[RecordedEvent], Iterable[Change]]
ProjectionName = Literal["sessions", "messages"]

BY_NAME: Final[dict[ProjectionName, Projection]] = {"sessions": sessions.project, "messages": messages.project}

PROJECTIONS: Final[tuple[Projection, ...]] = tuple(BY_NAME.values())
"""Written together, so that both tables always stand at the same position."""

CHECKPOINT_NAME: Final = "conversations"
"""The name under which the position of these projections is kept."""
