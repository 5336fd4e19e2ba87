"""Finds the conversations that make the database refuse a page, by trying out halves of it."""

from collections.abc import Sequence

from domain.ids import ConversationId
from projections.pages import PageChanges
from projections.ports import ProjectionSession, RowsRejected


async def stop_refused(session: ProjectionSession, changes: PageChanges) -> bool:
    """Stop every conversation whose changes the database refuses before the first event that it refuses. Whether there
    was one."""
    refused = await _refused(session, changes, changes.conversations)
    for conversation_id, error in refused:
        kept_events = await _accepted_events(session, changes, conversation_id)
        changes.stop(conversation_id, kept_events, error)
    return bool(refused)


async def _refused(
    session: ProjectionSession, changes: PageChanges, conversations: Sequence[ConversationId]
) -> list[tuple[ConversationId, str]]:
    """Those of the conversations that are refused, each with the error."""
    error = await _error(session, changes, conversations)
    if error is None:
        return []
    if len(conversations) == 1:
        return [(conversations[0], error)]
    middle = len(conversations) // 2
    first = await _refused(session, changes, conversations[:middle])
    return first + await _refused(session, changes, conversations[middle:])


async def _accepted_events(session: ProjectionSession, changes: PageChanges, conversation_id: ConversationId) -> int:
    """How many events of the refused conversation are accepted, while the one after them is not."""
    accepted, refused = 0, changes.events_of(conversation_id)
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if await _error(session, changes, [conversation_id], middle) is None:
            accepted = middle
        else:
            refused = middle
    return accepted


async def _error(
    session: ProjectionSession,
    changes: PageChanges,
    conversations: Sequence[ConversationId],
    max_events: int | None = None,
) -> str | None:
    if not conversations:
        return None
    try:
        await session.try_out(changes.rows_of(conversations, max_events))
    except RowsRejected as refusal:
        return refusal.error
    return None
