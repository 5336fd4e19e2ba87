"""The changes of one page, merged into at most one for each row, so that each row is written once."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from msgspec import Struct

from domain.ids import ConversationId, MessageId
from projections.applying import changed_message, changed_session, merged_message, merged_session
from projections.changes import Change, MessageAdded, MessageChanged, SessionChanged, SessionOpened
from projections.rows import MessageRow, SessionRow

MessageKey = tuple[ConversationId, MessageId]


class RowChanges(Struct, frozen=True, kw_only=True):
    """What a page does to the rows, in the order in which it is to be written.

    First the sessions are opened, then the messages added, which take their `user_id` from them, then both are
    changed. No row is both new and changed.
    """

    opened: Sequence[SessionRow]
    added: Sequence[MessageRow]
    changed: Sequence[SessionChanged]
    edited: Sequence[MessageChanged]


def compact(changes: Iterable[Change]) -> RowChanges:
    """Merge the changes, which stand in the order of their events."""
    page = _Page()
    for change in changes:
        page.take(change)
    return RowChanges(
        opened=tuple(page.opened.values()),
        added=tuple(page.added.values()),
        changed=tuple(page.changed.values()),
        edited=tuple(page.edited.values()),
    )


class _Page:
    """The rows and changes of a page so far."""

    def __init__(self) -> None:
        self.opened: dict[ConversationId, SessionRow] = {}
        self.changed: dict[ConversationId, SessionChanged] = {}
        self.added: dict[MessageKey, MessageRow] = {}
        self.edited: dict[MessageKey, MessageChanged] = {}

    def take(self, change: Change) -> None:
        match change:
            case SessionChanged():
                self._change_session(change)
            case MessageAdded():
                self.added[change.row.session_id, change.row.id] = change.row
            case MessageChanged():
                self._change_message(change)
            case SessionOpened():
                self.opened[change.row.id] = change.row
            case _:
                assert_never(change)

    def _change_session(self, change: SessionChanged) -> None:
        session_id = change.session_id
        if (opened := self.opened.get(session_id)) is not None:
            self.opened[session_id] = changed_session(opened, change)
        elif (earlier := self.changed.get(session_id)) is not None:
            self.changed[session_id] = merged_session(earlier, change)
        else:
            self.changed[session_id] = change

    def _change_message(self, change: MessageChanged) -> None:
        key = (change.session_id, change.message_id)
        if (added := self.added.get(key)) is not None:
            self.added[key] = changed_message(added, change)
        elif (earlier := self.edited.get(key)) is not None:
            self.edited[key] = merged_message(earlier, change)
        else:
            self.edited[key] = change
