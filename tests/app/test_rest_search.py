"""Search over REST: what is said is found, and whatever cannot be asked is refused by its name."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.rest import Rest, new_id, then_problem

SEARCH = "/api/v2/messages/search"


def unique_word() -> str:
    """A word that nothing else in the database has."""
    return f"w{new_id().replace('-', '')}"


def contents(listed: dict[str, Any]) -> list[str]:
    return [hit["message"]["content"] for hit in listed["data"]]


async def test_a_message_is_found_where_it_was_said(rest: Rest) -> None:
    word = unique_word()
    conversation_id = await rest.given_conversation(language="en", user_id="alice")
    answer = await rest.given_message(conversation_id, content=f"Booking <b>{word}</b> & more", record_only=True)

    listed = await rest.get(SEARCH, q=f"book {word}", min_position=answer["position"])

    (hit,) = listed["data"]
    assert hit["message"] == answer["message"]
    assert hit["snippet"].startswith("<mark>Booking</mark>")
    assert f"<mark>{word}</mark>" in hit["snippet"]
    assert "&amp; more" in hit["snippet"]
    assert listed["first_id"] == listed["last_id"] == hit["id"]
    assert not listed["has_more"]


async def test_pages_and_filters(rest: Rest) -> None:
    word = unique_word()
    conversation_id = await rest.given_conversation(user_id="bob")
    roles = ("tool", "user", "tool", "user", "tool")
    answers = [
        await rest.given_message(conversation_id, role=role, content=f"{word} {number}", record_only=True)
        for number, role in enumerate(roles)
    ]

    first = await rest.get(SEARCH, q=word, limit=2, min_position=answers[-1]["position"])
    second = await rest.get(SEARCH, q=word, limit=2, after=first["last_id"])
    third = await rest.get(SEARCH, q=word, limit=2, after=second["last_id"])
    back = await rest.get(SEARCH, q=word, limit=2, before=third["first_id"])
    of_bob = await rest.get(SEARCH, q=word, user_id="bob", conversation_id=conversation_id)
    of_tools = await rest.get(SEARCH, q=word, role="tool", created_from="2020-01-01T00:00:00Z")
    of_old = await rest.get(SEARCH, q=word, created_until="2020-01-01T00:00:00Z")

    assert [contents(page) for page in (first, second, third)] == [
        [f"{word} 4", f"{word} 3"],
        [f"{word} 2", f"{word} 1"],
        [f"{word} 0"],
    ]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    assert back["data"] == second["data"]
    assert contents(of_bob) == [f"{word} 3", f"{word} 1"]
    assert contents(of_tools) == [f"{word} 4", f"{word} 2", f"{word} 0"]
    assert of_old == {"data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20", "q"),
        ("q=...", "q"),
        ("q=-word", "q"),
        ("q=a%00b", "q"),
        (f"q={'x' * 257}", "q"),
        ("q=word&after=x", "after"),
        (f"q=word&before={quote(new_id())}", "before"),
        ("q=word&conversation_id=x", "conversation_id"),
        ("q=word&role=king", "role"),
        ("q=word&limit=101", "limit"),
        ("q=word&created_from=2026-07-01T00:00:00", "created_from"),
        ("q=word&order=asc", "order"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_name(rest: Rest, query: str, field: str) -> None:
    response = await rest.client.get(f"{SEARCH}?{query}")

    then_problem(response, 400, "invalid_query", field)


async def test_a_search_that_cannot_wait_so_long_says_that_it_is_stale(rest: Rest) -> None:
    response = await rest.client.get(SEARCH, params={"q": "word", "min_position": 2**63 - 1})

    assert (response.status_code, response.headers["turnlog-stale"]) == (200, "true")
