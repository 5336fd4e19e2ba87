"""The only list of projections."""

from collections.abc import Callable, Iterable
from typing import Final

from domain.ports import RecordedEvent
from projections import messages, sessions
from projections.changes import Change

Projection = Callable[[RecordedEvent], Iterable[Change]]

PROJECTIONS: Final[tuple[Projection, ...]] = (sessions.project, messages.project)
"""Written together, so that both tables always stand at the same position."""

CHECKPOINT_NAME: Final = "conversations"
"""The name under which the position of these projections is kept."""
