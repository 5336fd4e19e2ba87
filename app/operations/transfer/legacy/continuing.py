"""A session whose own row has changed since an earlier import: continued as it was begun then."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from app.operations.transfer.conversation_writer import Fate, Outcome
from app.operations.transfer.histories import History, PastCommand
from app.operations.transfer.legacy.identity import Identity
from app.operations.transfer.legacy.importing import Writer
from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.values import Metadata
from domain.errors import UnknownEvent
from domain.ids import CommandId
from domain.ports import EventStore, RecordedEvent


class ContinuingWriter:
    """Implements `Writer`. Older applications change the rows of sessions that go on; events are never changed.

    `on_changed` hears the old id of each session that was continued like this.
    """

    def __init__(
        self, writer: Writer, store: EventStore, identity: Identity, on_changed: Callable[[str], None]
    ) -> None:
        self._writer = writer
        self._store = store
        self._identity = identity
        self._on_changed = on_changed

    async def write(self, history: History) -> Outcome:
        """See `Writer.write`."""
        outcome = await self._writer.write(history)
        if outcome.fate is not Fate.DIFFERENT:
            return outcome
        continued = continuing(history, await self._read(history), self._identity)
        again = await self._writer.write(continued) if continued else outcome
        if again.fate in (Fate.ADDED, Fate.PRESENT):
            self._on_changed(history.name)
            return again
        return outcome

    async def _read(self, history: History) -> Sequence[RecordedEvent]:
        try:
            return await self._store.read(history.tenant_id, history.conversation_id)
        except UnknownEvent:
            return ()


def continuing(history: History, stored: Sequence[RecordedEvent], identity: Identity) -> History | None:
    """The history with the start that is stored, and its new metadata before its end; None where that is another's."""
    start = history.commands[0]
    if not stored or stored[0].origin.command_id != start.command_id:
        return None
    begun = stored[0].event
    if not isinstance(begun, e.ConversationStarted) or not isinstance(start.command, c.StartConversation):
        return None
    command = c.StartConversation(
        user_id=begun.user_id,
        agent=begun.agent,
        channel=begun.channel,
        language=begun.language,
        metadata=begun.metadata,
        parent_id=begun.parent_id,
    )
    as_begun = replace(start, command=command, occurred_at=stored[0].origin.occurred_at)
    change_id = identity.command_id(history.conversation_id, "metadata")
    metadata = _changed_metadata(stored, change_id, start.command.metadata)
    rest: list[PastCommand] = []
    for past in history.commands[1:]:
        if isinstance(past.command, c.EndConversation) and metadata is not None:
            removed: dict[str, None] = dict.fromkeys(sorted(begun.metadata.keys() - metadata.keys()))
            change = c.ChangeMetadata(metadata={**removed, **metadata})
            rest.append(replace(past, command=change, command_id=change_id))
        rest.append(past)
    return replace(history, commands=(as_begun, *rest))


def _changed_metadata(stored: Sequence[RecordedEvent], change_id: CommandId, metadata: Metadata) -> Metadata | None:
    """What the metadata is at the end, as it was then or as it is now; None where it ended without a change."""
    for recorded in stored:
        if recorded.origin.command_id == change_id and isinstance(recorded.event, e.MetadataChanged):
            return recorded.event.metadata
    has_ended = any(isinstance(recorded.event, e.ConversationEnded) for recorded in stored)
    return None if has_ended else metadata
