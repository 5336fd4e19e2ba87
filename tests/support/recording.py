"""Events as the store keeps them, for tests that need no store."""

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from domain.conversation.events import Event
from domain.envelope import Actor, Origin
from domain.ids import CommandId, ConversationId, EventId, TenantId
from domain.ports import Append, RecordedEvent
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, numbered_uuid

OTHER_TENANT_ID: Final = TenantId("00000000-0000-0000-0000-00000000bbbb")
OTHER_CONVERSATION_ID: Final = ConversationId("00000000-0000-7000-8000-00000000dddd")

_event_numbers: Final = itertools.count()


class TickingClock:
    """Implements `Clock`: a second later each time it is asked."""

    def __init__(self) -> None:
        self._now = NOON

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


def origin(command: int = 1, at: datetime = NOON) -> Origin:
    """Of command number `command`, which came in at `at`."""
    return Origin(command_id=CommandId(numbered_uuid(command)), occurred_at=at, actor=Actor(), digest="d")


def recorded(
    event: Event, version: int = 1, *, at: datetime = NOON, conversation_id: ConversationId = CONVERSATION_ID
) -> RecordedEvent:
    """The event as version `version` of the conversation, which is also its position."""
    return RecordedEvent(
        tenant_id=TENANT_ID,
        conversation_id=conversation_id,
        version=version,
        position=version,
        event_id=EventId(numbered_uuid(version)),
        event=event,
        schema_version=1,
        origin=origin(version, at),
        recorded_at=at,
    )


def history(events: Iterable[Event]) -> list[RecordedEvent]:
    """The events of one conversation from its first, a second apart."""
    numbered = enumerate(events, start=1)
    return [recorded(event, version, at=NOON + timedelta(seconds=version)) for version, event in numbered]


def append(
    *events: Event,
    after: int = 0,
    command: int = 1,
    conversation_id: ConversationId = CONVERSATION_ID,
    tenant_id: TenantId = TENANT_ID,
) -> Append:
    """An attempt at command number `command` for a conversation at version `after`. Each attempt has its event ids."""
    ids = tuple(EventId(numbered_uuid(0xE0000000 + next(_event_numbers))) for _ in events)
    return Append(tenant_id, conversation_id, after, origin(command), events, ids)


def recorded_log(happenings: Iterable[tuple[ConversationId, Event, datetime]]) -> list[RecordedEvent]:
    """What happened as the store's log: versions count each conversation's events, positions all of them."""
    versions: Counter[ConversationId] = Counter()
    log: list[RecordedEvent] = []
    for position, (conversation_id, event, at) in enumerate(happenings, start=1):
        versions[conversation_id] += 1
        one = recorded(event, versions[conversation_id], at=at, conversation_id=conversation_id)
        log.append(replace(one, position=position))
    return log
