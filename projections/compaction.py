"""The changes of one page, merged into at most one for each row, so that each row is written once."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from domain.ids import ConversationId, MessageId
from projections.applying import changed_message, changed_session, completed_message, merged_message, merged_session
from projections.changes import Answering, Change, MessageAdded, MessageChanged, SessionChanged, SessionOpened
from projections.rows import MessageRow, SessionRow

MessageKey = tuple[ConversationId, MessageId]


class RowChanges(Struct, frozen=True, kw_only=True):
    """What a page does to the rows, in the order in which it is to be written.

    First the sessions are opened, then the messages added, which take what they lack from the sessions as they were
    before this page, then both are changed. No row is both new and changed.
    """

    opened: Sequence[SessionRow]
    added: Sequence[MessageAdded]
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
        self.added: dict[MessageKey, MessageAdded] = {}
        self.edited: dict[MessageKey, MessageChanged] = {}

    def take(self, change: Change) -> None:
        match change:
            case SessionChanged():
                self._change_session(change)
            case MessageAdded():
                self.added[change.row.session_id, change.row.id] = self._with_facts_of_page(change)
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
            self.added[key] = replace(added, row=changed_message(added.row, change))
        elif (earlier := self.edited.get(key)) is not None:
            self.edited[key] = merged_message(earlier, change)
        else:
            self.edited[key] = change

    def _with_facts_of_page(self, added: MessageAdded) -> MessageAdded:
        """The message with what it takes from its session, as far as this page has told it."""
        session_id = added.row.session_id
        if (opened := self.opened.get(session_id)) is not None:
            return MessageAdded(completed_message(added, opened))
        if (changed := self.changed.get(session_id)) is None or not (added.takes_turn or added.takes_model):
            return added
        if added.takes_turn and changed.turn is not None:
            added = replace(added, row=replace(added.row, turn=changed.turn), takes_turn=False)
        if added.takes_model and changed.answering is not None:
            added = MessageAdded(_with_model(added.row, changed.answering), takes_turn=added.takes_turn)
        return added


def _with_model(row: MessageRow, answering: Answering) -> MessageRow:
    if answering.response_id != row.response_id:
        return row
    return replace(row, model=answering.model, provider=answering.provider)
