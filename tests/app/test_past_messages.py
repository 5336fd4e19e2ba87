"""The messages of a conversation as they were: at any version, they are what was listed then."""

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.projection_store import MemoryProjectionStore
from app.page_window import PageWindow
from app.principal import ANYBODY
from app.queries import InvalidQuery, MessageQuery, Order
from app.use_cases.event_pages import PAGE_EVENTS
from app.use_cases.list_past_messages import PastMessages
from app.use_cases.run_command import command_request
from domain.conversation import events as e
from domain.conversation.commands import RecordMessage
from domain.conversation.values import Policies
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.compaction import compact
from projections.registry import PROJECTIONS
from projections.rows import MessageRow
from tests.support.decider import TENANT_ID, message_id
from tests.support.histories import happenings
from tests.support.recording import history, recorded_log
from tests.support.rest import NOBODYS_ID, Json, Rest, new_id, path, then_problem
from tests.support.server import RunningServer

ALL: Final = 100
logs = happenings(max_conversations=1).map(recorded_log)


def projected(log: Sequence[RecordedEvent]) -> list[MessageRow]:
    """The rows of the table when nothing but this has happened, oldest first."""
    tables = MemoryProjectionStore()
    tables.write(compact(change for event in log for project in PROJECTIONS for change in project(event)))
    return sorted(tables.messages.values(), key=lambda row: row.version)


@given(log=logs, data=st.data())
def test_at_every_version_they_are_the_rows_of_what_had_happened(log: list[RecordedEvent], data: st.DataObject) -> None:
    middle = data.draw(st.integers(0, len(log)))
    for version in range(len(log) + 1):
        past = PastMessages(MessageQuery(limit=ALL))

        past.tell(log[: min(middle, version)])
        past.tell(log[min(middle, version) : version])

        assert list(past.page().rows) == projected(log[:version])
        assert past.version == version


@given(
    count=st.integers(0, 12),
    asked_for=st.sets(st.integers(0, 11)),
    order=st.sampled_from(["asc", "desc"]),
    cursor=st.tuples(st.sampled_from(["after", "before"]), st.none() | st.integers(0, 12)),
    limit=st.integers(1, 5),
)
def test_a_page_is_what_is_next_to_the_cursor(
    count: int, asked_for: set[int], order: Order, cursor: tuple[str, int | None], limit: int
) -> None:
    said = [e.MessageRecorded(message_id=message_id(n), role="user", content=str(n)) for n in range(count)]
    rows = projected(history([e.ConversationStarted(tenant_id=TENANT_ID, policies=Policies()), *said]))
    name, number = cursor
    place: dict[str, Any] = {} if number is None else {name: message_id(number)}
    window: PageWindow[MessageRow] = PageWindow(MessageQuery(limit=limit, order=order, **place))
    for index, row in enumerate(rows):
        window.add(row, is_asked_for=index in asked_for)
    if number is not None and number >= count:
        with pytest.raises(InvalidQuery):
            window.page()
        return

    # the same by slices of the whole list
    listed = list(enumerate(rows))[:: 1 if order == "asc" else -1]
    start = 0 if number is None else [index for index, _ in listed].index(number)
    if name == "before" and number is not None:
        found = [row for index, row in listed[:start] if index in asked_for]
        expected = found[-limit:]
    else:
        found = [row for index, row in listed[start + (number is not None) :] if index in asked_for]
        expected = found[:limit]
    assert list(window.page().rows) == expected
    assert window.page().has_more is (len(found) > limit)


async def given_dialogue(rest: Rest) -> tuple[str, dict[int, list[Json]]]:
    """A conversation in which messages change after they were made, and what was listed at each of its versions."""
    conversation_id = await rest.given_conversation(user_id="ada", language="en", policies={"on_busy": "enqueue"})
    listed: dict[int, list[Json]] = {1: []}

    async def then(name: str, /, **payload: Any) -> None:
        """A command, and what is listed after it. One that gives two events has no list of the version between."""
        answer = await rest.given_command(conversation_id, name, **payload)
        page = await rest.get(path(conversation_id, "/messages"), min_position=answer["position"])
        listed[answer["version"]] = page["data"]

    await then("start_listening", source="voice")
    await then("submit_user_message", content="A table for too?", message_id=message_id(1))
    await then("start_response", response_id="r-1", model="m-1")
    await then("submit_user_message", content="Outside.", message_id=message_id(2))
    await then("interrupt_response", heard_text="We", generated_text="We have", source="user")
    await then("correct_message", message_id=message_id(1), content="A table for two?", reason="misheard")
    await then("resume_speech")
    await then("complete_response", content="We have one at seven.", usage={"input_tokens": 9, "output_tokens": 5})
    answer_id = next(message["id"] for message in listed[max(listed)] if message["role"] == "assistant")
    await then("record_feedback", message_id=answer_id, rating=-1, comment="Slow.")
    await then("record_feedback", message_id=answer_id, rating=1)
    await then("record_message", role="tool", content="{}")
    await then("end_conversation")
    await then("correct_message", message_id=message_id(2), content="Inside.")
    return conversation_id, listed


async def test_at_every_version_of_a_dialogue_they_are_what_was_listed_then(rest: Rest) -> None:
    conversation_id, listed = await given_dialogue(rest)
    url = path(conversation_id, "/messages")
    events = (await rest.get(path(conversation_id, "/events"), limit=ALL))["data"]

    for version, messages in listed.items():
        assert (await rest.get(url, at_version=version))["data"] == messages, version
        at = events[version - 1]["occurred_at"]
        assert (await rest.get(url, at=at))["data"] == messages, version

    # each of these changes is seen before and after
    told = [[(one["content"], one["interrupted"], one["feedback"]) for one in listed[v]] for v in sorted(listed)]
    assert len({str(messages) for messages in told}) >= 9
    assert ("We have", True, None) in told[5]
    assert listed[max(listed)][0]["user_id"] == "ada"


async def test_they_come_in_pages_like_the_present_ones(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    said = [
        await rest.given_message(conversation_id, role=role, content=role)
        for role in ("tool", "system", "tool", "developer", "tool")
    ]
    url, ids = path(conversation_id, "/messages"), [answer["message"]["id"] for answer in said]

    async def found(**query: Any) -> tuple[list[str], bool]:
        page = await rest.get(url, at_version=5, **query)
        data = [one["id"] for one in page["data"]]
        assert (page["first_id"], page["last_id"]) == (data[0], data[-1])
        return data, page["has_more"]

    assert await found() == (ids[:4], False)
    assert await found(limit=2) == (ids[:2], True)
    assert await found(limit=2, after=ids[1]) == (ids[2:4], False)
    assert await found(limit=2, before=ids[3]) == (ids[1:3], True)
    assert await found(limit=3, order="desc") == (ids[3:0:-1], True)
    assert await found(limit=1, order="desc", after=ids[2]) == ([ids[1]], True)
    assert await found(limit=1, order="desc", before=ids[1]) == ([ids[2]], True)
    assert await found(role="tool") == ([ids[0], ids[2]], False)
    of_later = {"at_version": 5, "after": ids[4]}
    then_problem(await rest.client.get(url, params=of_later), 400, "invalid_query", "after")


async def test_a_moment_that_never_was(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    url = path(conversation_id, "/messages")

    of_the_future = await rest.client.get(url, params={"at_version": 2})
    of_the_past = await rest.client.get(url, params={"at": "1999-12-31T23:59:59Z"})
    of_both = await rest.client.get(url, params={"at": "2100-01-01T00:00:00Z", "at_version": 1})
    of_none = await rest.client.get(url, params={"at": "noon"})

    assert then_problem(of_the_future, 404, "version_not_found")["version"] == 1
    assert then_problem(of_the_past, 404, "version_not_found")["version"] == 1
    then_problem(of_both, 400, "invalid_query", "at")
    then_problem(of_none, 400, "invalid_query", "at")
    for moment in ({"at_version": 1}, {"at": "2100-01-01T00:00:00Z"}):
        for nothing in (new_id(), NOBODYS_ID):
            then_problem(await rest.client.get(path(nothing, "/messages"), params=moment), 404, "not_found")


async def test_a_long_history_is_read_in_pieces(rest: Rest, server: RunningServer) -> None:
    conversation_id = await rest.given_conversation()
    for number in range(PAGE_EVENTS + 30):
        message = RecordMessage(role="tool", content=str(number))
        await server.parts.service.run_command(command_request(ANYBODY, ConversationId(conversation_id), message))
    url = path(conversation_id, "/messages")

    at_version = await rest.get(url, at_version=PAGE_EVENTS + 10, order="desc", limit=2)
    at_time = await rest.get(url, at="2100-01-01T00:00:00Z", order="desc", limit=2)

    assert [one["content"] for one in at_version["data"]] == [str(PAGE_EVENTS + 8), str(PAGE_EVENTS + 7)]
    assert [one["content"] for one in at_time["data"]] == [str(PAGE_EVENTS + 29), str(PAGE_EVENTS + 28)]
