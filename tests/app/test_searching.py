"""A search that cannot be answered cannot be asked, and a place goes through its text unchanged."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.queries import InvalidQuery
from app.searching import Fragment, SearchHit, SearchPlace, SearchQuery
from app.views import search_hit_view
from domain.ids import ConversationId, MessageId
from projections.rows import MessageRow
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, message_id

A_PLACE = SearchPlace(NOON, CONVERSATION_ID, message_id(1)).as_text()
NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001 - a time without its zone is what is refused


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"words": ""}, "q"),
        ({"words": " \t\u2028"}, "q"),
        ({"words": "x" * 257}, "q"),
        ({"words": "a\0b"}, "q"),
        ({"words": "\ud800"}, "q"),
        ({"user_id": "x" * 513}, "user_id"),
        ({"conversation_id": "x"}, "conversation_id"),
        ({"conversation_id": CONVERSATION_ID.upper()}, "conversation_id"),
        ({"created_from": NAIVE}, "created_from"),
        ({"created_until": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "created_until"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"after": message_id(1)}, "after"),
        ({"before": ""}, "before"),
        ({"before": f"{A_PLACE}="}, "before"),
        ({"after": "f" * 54}, "after"),
        ({"after": "9" * 54}, "after"),
        ({"after": A_PLACE, "before": A_PLACE}, "before"),
    ],
)
def test_what_cannot_be_searched_for_is_refused_by_its_field(asked: Mapping[str, object], field: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        SearchQuery(**{"words": "word", **asked})  # type: ignore[arg-type] # as the table says

    assert refusal.value.field == field


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.uuids().map(UUID.__str__),
    st.uuids().map(UUID.__str__),
)
def test_a_place_is_the_same_after_a_client_had_it(created_at: datetime, session_id: str, message_id: str) -> None:
    place = SearchPlace(created_at, ConversationId(session_id), MessageId(message_id))

    assert SearchQuery(words="word", after=place.as_text()).cursor == place
    assert SearchQuery(words="word", before=place.as_text()).cursor == place


def test_a_snippet_has_no_tags_but_its_marks() -> None:
    message = MessageRow(
        id=message_id(1),
        session_id=CONVERSATION_ID,
        tenant_id=TENANT_ID,
        role="user",
        content="",
        created_at=NOON,
        version=2,
    )
    fragments = (Fragment("<script>&\"'", is_match=False), Fragment("<mark>word</mark>", is_match=True))

    view = search_hit_view(SearchHit(message, fragments))

    assert view.snippet == "&lt;script&gt;&amp;&quot;&#x27;<mark>&lt;mark&gt;word&lt;/mark&gt;</mark>"
    assert view.id == A_PLACE
