"""Lists: filters, pages, cursors, and how fresh they are."""

from typing import Any

from tests.support.rest import CONVERSATIONS, Rest, new_id, path, then_problem


async def _given_seven(rest: Rest, user_id: str) -> list[str]:
    """Seven conversations of one user, oldest first; the lists show them."""
    ids = [await rest.given_conversation(user_id=user_id, metadata={"number": str(n % 2)}) for n in range(7)]
    response = await rest.client.put(path(ids[0], "/end"))
    await rest.get(CONVERSATIONS, min_position=response.json()["position"])
    return ids


def ids_of(listed: dict[str, Any]) -> list[str]:
    return [item["id"] for item in listed["data"]]


async def test_conversations_come_newest_first(rest: Rest) -> None:
    user_id = new_id()
    ids = await _given_seven(rest, user_id)

    listed = await rest.get(CONVERSATIONS, user_id=user_id)
    oldest_first = await rest.get(CONVERSATIONS, user_id=user_id, order="asc")

    assert ids_of(listed) == ids[::-1]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == (ids[-1], ids[0], False)
    assert ids_of(oldest_first) == ids


async def test_a_listed_conversation_is_what_one_gets(rest: Rest) -> None:
    conversation_id = await rest.given_speaking(user_id=new_id(), metadata={"plan": "gold"})
    fault = {"code": "timeout", "message": "No answer.", "retryable": True}
    answer = await rest.given_command(conversation_id, "fail_turn", **fault)
    one = await rest.conversation(conversation_id)

    listed = await rest.get(CONVERSATIONS, user_id=one["user_id"], min_position=answer["position"])

    assert listed["data"] == [one]
    assert one["status"] == "ERROR"
    assert one["fault"] == fault


async def test_paging_forwards_and_back(rest: Rest) -> None:
    user_id = new_id()
    ids = (await _given_seven(rest, user_id))[::-1]

    first = await rest.get(CONVERSATIONS, user_id=user_id, limit=3)
    second = await rest.get(CONVERSATIONS, user_id=user_id, limit=3, after=first["last_id"])
    third = await rest.get(CONVERSATIONS, user_id=user_id, limit=3, after=second["last_id"])
    back = await rest.get(CONVERSATIONS, user_id=user_id, limit=3, before=third["first_id"])

    assert [ids_of(page) for page in (first, second, third)] == [ids[:3], ids[3:6], ids[6:]]
    assert [page["has_more"] for page in (first, second, third, back)] == [True, True, False, True]
    assert ids_of(back) == ids[3:6]


async def test_filters(rest: Rest) -> None:
    user_id = new_id()
    ids = (await _given_seven(rest, user_id))[::-1]
    third = await rest.conversation(ids[2])

    async def found(**filters: Any) -> list[str]:
        return ids_of(await rest.get(CONVERSATIONS, user_id=user_id, **filters))

    assert await found(state="ENDED") == [ids[-1]]
    assert await found(is_active="true") == ids[:-1]
    assert await found(is_active="false") == [ids[-1]]
    assert await found(**{"metadata[number]": "1"}) == ids[1::2]
    assert await found(**{"metadata[number]": "1", "metadata[none]": ""}) == []
    assert await found(started_from=third["started_at"]) == ids[:3]
    assert await found(started_until=third["started_at"]) == ids[3:]
    assert await found(ended_from="2020-01-01T00:00:00Z") == [ids[-1]]
    assert await found(ended_until="2020-01-01T00:00:00Z") == []
    assert ids_of(await rest.get(CONVERSATIONS, user_id="nobody")) == []


async def test_an_empty_list(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    nothing: dict[str, Any] = {"data": [], "first_id": None, "last_id": None, "has_more": False}
    assert await rest.get(path(conversation_id, "/messages")) == nothing
    assert await rest.get(path(conversation_id, "/events"), after=1) == nothing


async def test_messages_page_and_filter(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    answers = [
        await rest.given_message(conversation_id, role=role, content=role)
        for role in ("tool", "system", "tool", "developer", "tool")
    ]
    ids, url = [answer["message"]["id"] for answer in answers], path(conversation_id, "/messages")
    position = answers[-1]["position"]

    first = await rest.get(url, limit=2, min_position=position)
    second = await rest.get(url, limit=2, after=first["last_id"])

    assert (ids_of(first), first["has_more"]) == (ids[:2], True)
    assert ids_of(second) == ids[2:4]
    assert ids_of(await rest.get(url, order="desc", limit=2)) == ids[:2:-1]
    assert ids_of(await rest.get(url, before=ids[2])) == ids[:2]
    assert ids_of(await rest.get(url, role="tool")) == ids[::2]
    assert ids_of(await rest.get(url, at_version=3)) == ids[:2]
    then_problem(await rest.client.get(url, params={"after": new_id()}), 400, "invalid_query", "after")


async def test_the_history_in_pages(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()
    for number in range(6):
        await rest.given_message(conversation_id, role="tool", content=str(number))
    url = path(conversation_id, "/events")

    async def versions(**parameters: Any) -> tuple[list[int], bool]:
        listed = await rest.get(url, **parameters)
        return [event["version"] for event in listed["data"]], listed["has_more"]

    assert await versions() == ([1, 2, 3, 4, 5, 6, 7], False)
    assert await versions(limit=3) == ([1, 2, 3], True)
    assert await versions(limit=3, after=3) == ([4, 5, 6], True)
    assert await versions(limit=3, after=4) == ([5, 6, 7], False)
    assert await versions(after=7) == ([], False)
    assert await versions(after=900) == ([], False)
    assert await versions(limit=3, before=7) == ([4, 5, 6], True)
    assert await versions(limit=3, before=4) == ([1, 2, 3], False)
    assert await versions(limit=2, before=900) == ([6, 7], True)
    assert await versions(after=2, before=5) == ([3, 4], False)
    assert await versions(limit=3, order="desc") == ([7, 6, 5], True)
    assert await versions(limit=3, order="desc", after=5) == ([4, 3, 2], True)
    assert await versions(limit=3, order="desc", before=5) == ([7, 6], False)
    assert await versions(limit=3, order="desc", before=2) == ([5, 4, 3], True)


async def test_a_list_shows_a_write_that_it_waited_for(rest: Rest) -> None:
    for _ in range(20):
        conversation_id = await rest.given_conversation()
        position = (await rest.given_message(conversation_id, content="Hello?"))["position"]
        url = path(conversation_id, "/messages")

        response = await rest.client.get(url, params={"min_position": position})

        assert len(response.json()["data"]) == 1
        assert "turnlog-stale" not in response.headers


async def test_a_list_that_cannot_wait_so_long_says_that_it_is_stale(rest: Rest) -> None:
    conversation_id = await rest.given_conversation()

    of_the_future = {"min_position": 2**63 - 1}
    messages = await rest.client.get(path(conversation_id, "/messages"), params=of_the_future)
    conversations = await rest.client.get(CONVERSATIONS, params=of_the_future)

    assert (messages.status_code, messages.headers["turnlog-stale"]) == (200, "true")
    assert (conversations.status_code, conversations.headers["turnlog-stale"]) == (200, "true")
