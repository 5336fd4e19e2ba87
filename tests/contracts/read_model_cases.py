"""What every adapter of the read models must answer. An adapter's test gives `store` and `models` and inherits."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from app.ports import ReadModels
from app.queries import ConversationQuery, InvalidQuery, MessageQuery, Order
from domain.conversation import events as e
from domain.conversation.transitions import State
from domain.conversation.values import Policies, Usage
from domain.ids import ConversationId, MessageId, TenantId
from domain.ports import RecordedEvent
from projections.ports import ProjectedPage, ProjectionStore
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, message_id, numbered_uuid
from tests.support.moments import ANSWERED
from tests.support.projecting import all_conversations, all_messages, rows_of, take_lead
from tests.support.recording import OTHER_TENANT_ID, history, recorded

CONVERSATIONS: Final = 20


def conversation_id(number: int) -> ConversationId:
    """Of conversation `number`: those of equal start sort by it."""
    return ConversationId(numbered_uuid(0xC0000 + number))


def numbered_conversation(number: int) -> list[RecordedEvent]:
    """Conversation `number`: two at a time start in the same hour, every third has ended an hour later."""
    at = NOON + timedelta(hours=number // 2)
    started = e.ConversationStarted(
        tenant_id=TENANT_ID,
        user_id=f"user-{number % 3}",
        metadata={"plan": "gold" if number % 2 else "free", 'odd {\\"key': 'odd "value\\'},
        policies=Policies(),
    )
    ended = e.ConversationEnded(ended_reason="user_ended", detail="bye")
    events = [recorded(started, at=at, conversation_id=conversation_id(number))]
    if number % 3 == 0:
        later = at + timedelta(hours=1)
        events.append(recorded(ended, 2, at=later, conversation_id=conversation_id(number)))
    return events


async def write(store: ProjectionStore, events: list[RecordedEvent]) -> None:
    """Project the events as one page."""
    async with store.session() as session:
        await take_lead(session)
        start = (await session.checkpoint()).position
        page = ProjectedPage(from_position=start, to_position=start + 1, unknown_events=0, rows=rows_of(events))
        await session.write(page)


async def numbers(models: ReadModels, query: ConversationQuery) -> list[int]:
    """The numbers of the conversations on this page."""
    page = await models.list_conversations(TENANT_ID, query)
    return [int(row.id[-12:], 16) - 0xC0000 for row in page.rows]


class ReadModelCases:
    """Given rows, when they are asked for, then exactly the right ones come, in order."""

    @pytest.fixture
    async def twenty(self, store: ProjectionStore) -> None:
        """Twenty conversations, and a foreign one."""
        events = [event for number in range(CONVERSATIONS) for event in numbered_conversation(number)]
        foreign = numbered_conversation(CONVERSATIONS)
        await write(store, [*events, *(replace(event, tenant_id=OTHER_TENANT_ID) for event in foreign)])

    async def test_newest_first_page_by_page(self, models: ReadModels, twenty: None) -> None:
        rows = await all_conversations(models, TENANT_ID)

        assert [row.id for row in rows] == [conversation_id(number) for number in reversed(range(CONVERSATIONS))]

    @pytest.mark.parametrize("order", ["asc", "desc"])
    async def test_before_gives_the_page_next_to_the_cursor(
        self, models: ReadModels, twenty: None, order: Order
    ) -> None:
        cursor = conversation_id(10)

        before = await numbers(models, ConversationQuery(order=order, before=cursor, limit=3))
        after = await numbers(models, ConversationQuery(order=order, after=cursor, limit=3))

        assert (before, after) == (([7, 8, 9], [11, 12, 13]) if order == "asc" else ([13, 12, 11], [9, 8, 7]))

    async def test_has_more_says_whether_there_are_others(self, models: ReadModels, twenty: None) -> None:
        for limit, has_more in ((19, True), (20, False), (100, False)):
            page = await models.list_conversations(TENANT_ID, ConversationQuery(limit=limit))
            assert (len(page.rows), page.has_more) == (min(limit, 20), has_more)
        first = await models.list_conversations(TENANT_ID, ConversationQuery(before=conversation_id(17), limit=2))
        assert (len(first.rows), first.has_more) == (2, False)

    async def test_a_row_that_comes_between_two_pages_moves_nothing(
        self, store: ProjectionStore, models: ReadModels, twenty: None
    ) -> None:
        first = await numbers(models, ConversationQuery(limit=5))
        await write(store, numbered_conversation(CONVERSATIONS + 5))

        assert await numbers(models, ConversationQuery(limit=3, after=conversation_id(first[-1]))) == [14, 13, 12]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"user_id": "user-1"}, [1, 4, 7, 10, 13, 16, 19]),
            ({"user_id": "nobody"}, []),
            ({"user_id": "' OR true --"}, []),
            ({"state": State.ENDED, "user_id": "user-0"}, [0, 3, 6, 9, 12, 15, 18]),
            ({"is_active": False}, [0, 3, 6, 9, 12, 15, 18]),
            ({"is_active": True, "user_id": "user-0"}, []),
            ({"metadata": {"plan": "gold"}, "is_active": False}, [3, 9, 15]),
            ({"metadata": {"plan": "gold", 'odd {\\"key': 'odd "value\\'}, "is_active": False}, [3, 9, 15]),
            ({"metadata": {"plan": "silver"}}, []),
            ({"started_from": NOON + timedelta(hours=9)}, [18, 19]),
            ({"started_until": NOON + timedelta(hours=1)}, [0, 1]),
            ({"ended_from": NOON + timedelta(hours=2), "ended_until": NOON + timedelta(hours=5)}, [3, 6]),
            ({"started_from": datetime.min.replace(tzinfo=UTC), "user_id": "user-2", "state": State.ENDED}, []),
        ],
    )
    async def test_every_filter_must_match(
        self, models: ReadModels, twenty: None, filters: Mapping[str, object], expected: list[int]
    ) -> None:
        query = ConversationQuery(order="asc", limit=100, **filters)  # type: ignore[arg-type] # as the table says

        assert await numbers(models, query) == expected

    async def test_another_tenant_sees_nothing(self, models: ReadModels, twenty: None) -> None:
        foreign = conversation_id(CONVERSATIONS)

        assert await models.get_conversation(TENANT_ID, foreign) is None
        assert await models.get_conversation(OTHER_TENANT_ID, foreign) is not None
        assert len(await all_conversations(models, OTHER_TENANT_ID)) == 1
        assert await all_conversations(models, TenantId(numbered_uuid(0xEEEE))) == []
        with pytest.raises(InvalidQuery):
            await models.list_conversations(TENANT_ID, ConversationQuery(after=foreign))

    @pytest.mark.parametrize("odd_id", ["", "x", "\0", "\ud800", "'; DROP TABLE stored_events; --", "C0FFEE" * 6])
    async def test_an_odd_id_is_nobodys(self, models: ReadModels, odd_id: str) -> None:
        odd = ConversationId(odd_id)

        assert await models.get_conversation(TENANT_ID, odd) is None
        assert (await models.list_messages(TENANT_ID, odd, MessageQuery())).rows == ()
        with pytest.raises(InvalidQuery):
            await models.list_messages(TENANT_ID, odd, MessageQuery(after=message_id(1)))

    async def test_messages_come_oldest_first_and_by_role(self, store: ProjectionStore, models: ReadModels) -> None:
        await write(store, history(_talk(10)))

        rows = await all_messages(models, TENANT_ID, CONVERSATION_ID)
        users = await models.list_messages(TENANT_ID, CONVERSATION_ID, MessageQuery(role="user", order="desc", limit=2))
        middle = await models.list_messages(TENANT_ID, CONVERSATION_ID, MessageQuery(before=message_id(5), limit=2))

        assert [row.id for row in rows] == [message_id(number) for number in range(10)]
        assert [row.id for row in users.rows] == [message_id(8), message_id(6)]
        assert users.has_more
        assert [row.id for row in middle.rows] == [message_id(3), message_id(4)]

    async def test_messages_of_others_are_absent(self, store: ProjectionStore, models: ReadModels) -> None:
        await write(store, history(_talk(2)))

        assert await all_messages(models, OTHER_TENANT_ID, CONVERSATION_ID) == []
        assert await all_messages(models, TENANT_ID, conversation_id(1)) == []
        with pytest.raises(InvalidQuery) as refusal:
            await models.list_messages(OTHER_TENANT_ID, CONVERSATION_ID, MessageQuery(before=message_id(1)))
        assert refusal.value.field == "before"

    async def test_every_kind_of_value_comes_back_as_it_went_in(
        self, store: ProjectionStore, models: ReadModels
    ) -> None:
        odd_text = 'NULL {"a": 1} \\ \n\t \U0001f600 \u2028 ,}"'
        event = e.MessageRecorded(
            message_id=MessageId(message_id(1)),
            role="tool",
            content=odd_text,
            audio_url="",
            metadata={odd_text[:64]: odd_text},
            usage=Usage(input_tokens=1, output_audio_tokens=2_000_000_000),
        )
        await write(store, [*history(ANSWERED), recorded(event, len(ANSWERED) + 1, at=NOON)])

        row = (await all_messages(models, TENANT_ID, CONVERSATION_ID))[-1]

        assert (row.content, row.audio_url, row.metadata, row.usage) == (odd_text, "", event.metadata, event.usage)
        assert row.created_at == NOON
        assert row.created_at.utcoffset() == timedelta(0)


def _talk(messages: int) -> list[e.Event]:
    """A conversation in which user and assistant are recorded in turns."""
    said: list[e.Event] = [
        e.MessageRecorded(
            message_id=message_id(number), role="assistant" if number % 2 else "user", content=f"{number}"
        )
        for number in range(messages)
    ]
    return [e.ConversationStarted(tenant_id=TENANT_ID, policies=Policies()), *said]
