"""The statistics over REST: of the last day or of any range, of the caller's tenant alone."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.rest import CONVERSATIONS, Rest, new_id, path, then_problem

STATISTICS = "/api/v2/statistics"


async def _given_day(rest: Rest, user_id: str, agent: str) -> None:
    """One conversation with two turns that ended, one with a failed turn that goes on; the tables show them."""
    first = await rest.given_speaking(user_id=user_id, agent=agent)
    await rest.given_command(first, "complete_response", content="At seven.")
    await rest.given_message(first, content="And for three?")
    await rest.given_message(first, role="assistant", content="Also.")
    second = await rest.given_speaking(user_id=user_id)
    await rest.given_command(second, "fail_turn", code="timeout", message="No answer.")
    ended = await rest.client.put(path(first, "/end"))
    await rest.get(CONVERSATIONS, min_position=ended.json()["position"])


async def test_the_last_day_is_counted(rest: Rest) -> None:
    user_id = new_id()
    await _given_day(rest, user_id, "concierge")

    counted = await rest.get(STATISTICS, user_id=user_id)

    sessions, turns = counted["sessions"], counted["turns"]
    assert (sessions["active"], sessions["started"], sessions["ended"]) == (1, 2, 1)
    assert sessions["average_duration_seconds"] >= 0
    assert sessions["messages_per_session"] == 4
    assert sessions["ended_reasons"] == {"user_ended": 1}
    assert (turns["count"], turns["answered"], turns["failed"], turns["open"]) == (3, 2, 1, 0)
    assert turns["answer_start"]["count"] == 3
    assert turns["answer_end"]["count"] == 2
    assert 0 <= turns["answer_start"]["p50_ms"] <= turns["answer_start"]["p95_ms"]
    assert turns["is_complete"]
    assert turns["from"] == counted["from"]
    day = datetime.fromisoformat(counted["until"]) - datetime.fromisoformat(counted["from"])
    assert day == timedelta(hours=24)


async def test_filters_and_ranges_leave_out_the_others(rest: Rest) -> None:
    user_id, agent = new_id(), new_id()
    await _given_day(rest, user_id, agent)
    now = datetime.now(UTC)

    of_agent = await rest.get(STATISTICS, user_id=user_id, agent=agent)
    of_nobody = await rest.get(STATISTICS, user_id=new_id())
    before = await rest.get(STATISTICS, user_id=user_id, until=(now - timedelta(hours=1)).isoformat())
    long_ago = {"from": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    ever = await rest.get(STATISTICS, user_id=user_id, **long_ago)

    assert (of_agent["sessions"]["started"], of_agent["turns"]["count"]) == (1, 2)
    assert (of_nobody["sessions"]["started"], of_nobody["turns"]["count"]) == (0, 0)
    assert of_nobody["turns"]["answer_end"] == {"count": 0, "p50_ms": None, "p95_ms": None}
    assert (before["sessions"]["started"], before["turns"]["count"]) == (0, 0)
    assert (ever["sessions"]["started"], ever["turns"]["count"]) == (2, 3)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-07-01T12:00:00"}, "from"),
        ({"from": "2026-07-02T00:00:00Z", "until": "2026-07-01T00:00:00Z"}, "until"),
        ({"from": "2026-07-02T00:00:00Z", "until": "2026-07-02T00:00:00Z"}, "until"),
        ({"from": "9999-12-31T23:59:59-14:00"}, "from"),
        ({"until": "0001-01-01T05:00:00Z"}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"user_id": "x" * 513}, "user_id"),
        ({"agent": "\0"}, "agent"),
        ({"since": "2026-07-01T00:00:00Z"}, "since"),
        ({"tenant_id": "x"}, "tenant_id"),
    ],
)
async def test_what_cannot_be_counted_is_refused_by_its_name(rest: Rest, query: dict[str, str], field: str) -> None:
    then_problem(await rest.client.get(STATISTICS, params=query), 400, "invalid_query", field)
