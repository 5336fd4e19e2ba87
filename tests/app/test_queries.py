"""A query that cannot be answered cannot be made."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.queries import ConversationQuery, InvalidQuery, MessageQuery
from tests.support.decider import numbered_uuid

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001 - a time without its zone is what is refused


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"user_id": "a\0b"}, "user_id"),
        ({"user_id": "\ud800"}, "user_id"),
        ({"user_id": "x" * 513}, "user_id"),
        ({"metadata": {"plan": "\0"}}, "metadata.plan"),
        ({"metadata": {"\udfff": "gold"}}, "metadata"),
        ({"metadata": {f"key{number}": "x" for number in range(17)}}, "metadata"),
        ({"started_from": NAIVE}, "started_from"),
        ({"ended_until": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "ended_until"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"after": "x"}, "after"),
        ({"before": "\0"}, "before"),
        ({"before": numbered_uuid(0xABC).upper()}, "before"),
        ({"after": numbered_uuid(1), "before": numbered_uuid(2)}, "before"),
    ],
)
def test_what_no_row_can_match_is_refused_by_its_field(filters: Mapping[str, object], field: str) -> None:
    with pytest.raises(InvalidQuery) as refusal:
        ConversationQuery(**filters)  # type: ignore[arg-type] # as the table says

    assert refusal.value.field == field
    assert refusal.value.code == "invalid_query"


def test_the_widest_filters_are_taken() -> None:
    ConversationQuery(
        user_id="x" * 512,
        started_from=datetime.min.replace(tzinfo=UTC),
        ended_until=datetime.max.replace(tzinfo=UTC),
        metadata={"": ""},
        limit=100,
    )
    MessageQuery(limit=1)
