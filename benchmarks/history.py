"""History to measure on: millions of events that decode, fold and project, made by the server itself.

`python -m benchmarks.history DSN 10000000` fills a migrated database.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct
from psycopg import AsyncConnection

from adapters.codec.events import encode, topic_of
from benchmarks.sql import text_of
from domain.conversation import events as e
from domain.conversation.values import Policies, Usage
from domain.envelope import Actor, Origin
from domain.ids import DEFAULT_TENANT, CommandId, ConversationId, EventId, MessageId, TenantId

CONVERSATION_EVENTS: Final = 20
LONG_CONVERSATION_EVENTS: Final = 10_000
TURN_EVENTS: Final = 4
FRAME_EVENTS: Final = 4
"""A start before the turns; a note, feedback and the end behind them."""

CALL_EVENTS: Final = 500_000
CONVERSATIONS_AT_ONCE: Final = 100
LASTING: Final = 50
"""One conversation of so many has not ended."""

PERIOD: Final = timedelta(days=360)
TENANTS: Final = tuple(TenantId(f"00000000-0000-0000-0000-{number:012}") for number in range(4))
PROSE: Final = (
    "I would like a table for four people at eight, somewhere quiet and not too far from the river, and if there is"
    " a place outside we will gladly wait for it. Of course, let me look at what the terrace has left this evening."
    " There is one table under the lime trees from half past eight, and one by the window at eight, which I can "
    "hold for ten minutes while you ask the others. The kitchen closes at ten, so there is time for all courses, "
    "and the menu of the week has trout, dumplings with mushrooms, and a pumpkin soup that many guests come for. We"
    " also need a high chair and a bowl of water for the dog, who is old and sleeps under the table. That is no "
    "trouble at all, dogs are welcome everywhere but in the winter garden. Shall I put the reservation under your "
    "name and send the confirmation to the number you are calling from? Yes, please do, and tell the cook that one "
    "of us cannot have nuts. I have noted the allergy, it stands on the order now and the kitchen is asked to "
    "confirm it before you arrive. Parking is behind the house, the gate opens at six, and the last tram towards "
    "the station leaves a quarter past eleven."
)

_SOME_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SOME_TURN: Final = 7_777_777
_MESSAGE: Final = MessageId("%5$s")
_TEXT: Final = "%6$s"
_RESPONSE: Final = "response-%7$s"

_KINDS: Final[tuple[e.Event, ...]] = (
    e.ConversationStarted(
        tenant_id=TenantId("%8$s"),
        user_id="user-%9$s",
        agent="concierge",
        channel="phone",
        language="en-GB",
        metadata={"plan": "gold"},
        policies=Policies(),
    ),
    e.ListeningStarted(turn=_SOME_TURN, source="voice"),
    e.UserMessageReceived(message_id=_MESSAGE, turn=_SOME_TURN, content=_TEXT, language="en-GB", confidence=0.93),
    e.ResponseStarted(response_id=_RESPONSE, message_id=_MESSAGE, model="large", provider="acme"),
    e.ResponseCompleted(
        turn=_SOME_TURN,
        message_id=_MESSAGE,
        response_id=_RESPONSE,
        model="large",
        provider="acme",
        content=_TEXT,
        usage=Usage(input_tokens=412, output_tokens=64),
        finish_reason="stop",
    ),
    e.MessageRecorded(message_id=_MESSAGE, role="system", content="The guest was asked for feedback."),
    e.FeedbackRecorded(message_id=_MESSAGE, rating=5, comment="Quick and kind."),
    e.ConversationEnded(ended_reason="user_ended"),
)
"""In the order of the statement's kinds; the numbers are the arguments of its `format`."""


class Filling(Struct, frozen=True, kw_only=True):
    """What to make: `events`, less the ends of the conversations that live, from conversation number `first` on."""

    events: int
    first: int
    size: int
    at_once: int
    lasting: int
    since: datetime
    spacing: timedelta
    tenants: tuple[TenantId, ...] = TENANTS


async def fill(dsn: str, events: int, report: Callable[[int], None] = lambda _events: None) -> None:
    """Add about so many events, of conversations of 20 and of several tenants; `report` hears how many there are."""
    spacing = PERIOD / max(1, events // CONVERSATION_EVENTS)
    filling = Filling(
        events=events,
        first=await _next_number(dsn),
        size=CONVERSATION_EVENTS,
        at_once=CONVERSATIONS_AT_ONCE,
        lasting=LASTING,
        since=datetime.now(UTC) - PERIOD,
        spacing=spacing,
    )
    await _run(dsn, filling, report)


async def add_long_conversation(
    dsn: str, events: int = LONG_CONVERSATION_EVENTS, tenant_id: TenantId = DEFAULT_TENANT
) -> ConversationId:
    """Add one that lives and has this many events, and say which it is."""
    size = events + 1  # the end, which it does not have
    if (size - FRAME_EVENTS) % TURN_EVENTS:
        size += TURN_EVENTS - (size - FRAME_EVENTS) % TURN_EVENTS
    filling = Filling(
        events=events,
        first=await _next_number(dsn),
        size=size,
        at_once=1,
        lasting=1,
        since=datetime.now(UTC) - PERIOD,
        spacing=timedelta(0),
        tenants=(tenant_id,),
    )
    await _run(dsn, filling, lambda _events: None)
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        query = "SELECT originator_id::text FROM stored_events ORDER BY notification_id DESC LIMIT 1"
        row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return ConversationId(row[0])


async def _next_number(dsn: str) -> int:
    """No conversation made so far has a number as high as the last position."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        row = await (await connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events")).fetchone()
    assert row is not None
    return int(row[0])


async def _run(dsn: str, filling: Filling, report: Callable[[int], None]) -> None:
    statement = text_of("fill_stored_events.sql").encode()
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("SET synchronous_commit = off")
        for first in range(0, filling.events, CALL_EVENTS):
            last = min(first + CALL_EVENTS, filling.events) - 1
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(turnlog_append_lock())")
                await connection.execute(statement, _binds(filling, first, last))
            report(last + 1)
        await connection.execute("VACUUM (ANALYZE) stored_events")


def _binds(filling: Filling, first: int, last: int) -> dict[str, object]:
    return {
        "first": first,
        "last": last,
        "size": filling.size,
        "at_once": filling.at_once,
        "first_conversation": filling.first,
        "since": filling.since,
        "spacing": filling.spacing,
        "lasting": filling.lasting,
        "tenants": list(filling.tenants),
        "topics": [topic_of(event) for event in _KINDS],
        "templates": [_template(event) for event in _KINDS],
        "prose": PROSE,
    }


def _template(event: e.Event) -> str:
    """The JSON of the event as the service writes it, with places for what differs."""
    origin = Origin(command_id=CommandId("%2$s"), occurred_at=_SOME_TIME, actor=Actor(id="user-%9$s"), digest="%4$s")
    text = encode(EventId("%1$s"), origin, event).decode()
    return text.replace("2000-01-01T00:00:00Z", "%3$s").replace(str(_SOME_TURN), "%7$s")


def main() -> None:
    """Fill the database that is named, and say how it goes."""
    dsn, events = sys.argv[1], int(sys.argv[2])

    def report(done: int) -> None:
        sys.stdout.write(f"{done:,} of {events:,} events\n")
        sys.stdout.flush()

    asyncio.run(fill(dsn, events, report))


if __name__ == "__main__":
    main()
