"""A session whose own row has changed since an earlier import: continued as it was begun then."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from app.transfer.conversation_writer import Fate, Outcome
from app.transfer.histories import History, PastCommand
from app.transfer.legacy.identity import Identity
from app.transfer.legacy.importing import Writer
from domain.conversation import commands as c
from domain.conversation import events as e
from domain.errors import UnknownEvent
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
    change = _change(begun, start.command, history, identity)
    rest: list[PastCommand] = []
    for past in history.commands[1:]:
        if isinstance(past.command, c.EndConversation) and _may_change(stored, change):
            rest.append(replace(change, occurred_at=past.occurred_at))
        rest.append(past)
    return replace(history, commands=(as_begun, *rest))


def _change(
    begun: e.ConversationStarted, start: c.StartConversation, history: History, identity: Identity
) -> PastCommand:
    removed = dict.fromkeys(begun.metadata.keys() - start.metadata.keys())
    return PastCommand(
        command=c.ChangeMetadata(metadata={**removed, **start.metadata}),
        occurred_at=history.commands[0].occurred_at,
        command_id=identity.command_id(history.conversation_id, "metadata"),
        place="session",
    )


def _may_change(stored: Sequence[RecordedEvent], change: PastCommand) -> bool:
    """Before the end, or where it was changed then: what has ended stays as it is."""
    has_ended = any(isinstance(recorded.event, e.ConversationEnded) for recorded in stored)
    return not has_ended or any(recorded.origin.command_id == change.command_id for recorded in stored)
