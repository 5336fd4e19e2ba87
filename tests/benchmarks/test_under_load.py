"""A rebuild under load, end to end in processes of its own; and that what goes wrong there is seen."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from benchmarks.showing.findings import Findings
from benchmarks.showing.reads import Known, Reader
from benchmarks.showing.samples import Moments, Samples
from tests.benchmarks.quick import quick_rows
from tests.support.waiting import until

CONVERSATION = {
    "id": "conversation-1",
    "user_id": "user-1",
    "state": "ENDED",
    "version": 3,
    "started_at": "2026-01-01T00:00:00Z",
    "message_count": 1,
}
LONGER_THAN_ANY_TEST_S = 3_600
MESSAGES = [{"id": "message-1", "content": "hello"}]


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in quick_rows("rebuild", "--under-load", "--events", "4000", "--seconds", "0.5")}


def test_no_read_fails_and_the_hashes_are_equal(rows: dict[str, dict[str, Any]]) -> None:
    judged = {name: row["met"] for name, row in rows.items() if row["goal"]}

    assert judged == dict.fromkeys(
        (
            "reads.failed",
            "rebuilt.sessions.hash",
            "rebuilt.sessions.different",
            "rebuilt.messages.hash",
            "rebuilt.messages.different",
            "verified.different",
        ),
        True,
    )


def test_there_was_something_to_see_before_during_and_after(rows: dict[str, dict[str, Any]]) -> None:
    for load in ("appends", "reads"):
        assert all(rows[f"{load}.{phase}.rate"]["value"] > 0 for phase in ("before", "during", "after"))
    acknowledged = rows["appends.acknowledged"]["value"]
    assert acknowledged > 0
    assert rows["verified.events"]["value"] >= 3_900 + acknowledged
    assert rows["rebuilt.sessions.rows"]["value"] > 0


def page(data: Iterable[object]) -> httpx.Response:
    return httpx.Response(200, json={"data": list(data), "first_id": None, "last_id": None, "has_more": False})


def as_it_was(request: httpx.Request) -> httpx.Response:
    return page(MESSAGES if request.url.path.endswith("/messages") else [CONVERSATION])


def is_away(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, json={"code": "store_unavailable"})


def is_silent(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no answer")


def is_empty(_request: httpx.Request) -> httpx.Response:
    return page([])


def is_no_page(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[])


async def read_a_while(answer: Any) -> Reader:
    """A reader that has read each of its three pages."""
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://service") as rest:
        reader = Reader(rest, [Known(CONVERSATION, MESSAGES)])
        finish = asyncio.create_task(asyncio.sleep(LONGER_THAN_ANY_TEST_S))
        reading = asyncio.create_task(reader.read_until(finish))
        await until(lambda: reader.failed + len(reader.samples.latencies_ns) >= 3)
        finish.cancel()
        await reading
    return reader


async def test_what_is_as_it_was_fails_no_read() -> None:
    reader = await read_a_while(as_it_was)

    assert (reader.failed, reader.failures) == (0, [])


@pytest.mark.parametrize("answer", [is_away, is_silent, is_empty, is_no_page])
async def test_every_other_answer_is_a_failed_read(answer: Any) -> None:
    reader = await read_a_while(answer)

    assert reader.failed >= 3
    assert reader.samples.latencies_ns.tolist() == []
    assert reader.failures


def findings(**differing: Any) -> Findings:
    comparison = {
        "projection": "sessions",
        "live_hash": "a",
        "new_hash": differing.get("new_hash", "a"),
        "new_rows": 1,
        "different_rows": differing.get("different_rows", 0),
    }
    return Findings(
        events=1,
        moments=Moments(0, 1, 2, 3),
        appends=Samples(),
        reads=Samples(),
        failed_reads=differing.get("failed_reads", 0),
        failures=[],
        rebuild={"seconds": 1.0, "comparisons": [comparison]},
        verification={"conversations": 1, "events": 1, "different": differing.get("different", 0)},
    )


def test_a_showing_without_a_fault_has_not_failed() -> None:
    assert findings().what_failed() is None


@pytest.mark.parametrize("fault", [{"new_hash": "b"}, {"different_rows": 1}, {"failed_reads": 1}, {"different": 1}])
def test_every_fault_fails_the_showing(fault: dict[str, Any]) -> None:
    assert findings(**fault).what_failed()


def test_samples_are_counted_by_when_they_were_answered() -> None:
    samples = Samples()
    for answered_at_ns in (0, 1, 1, 2, 3):
        samples.add(answered_at_ns, 5)

    told = Samples.from_json(samples.as_json())

    assert [told.between(since, until).operations for _, since, until in Moments(0, 1, 2, 3).phases()] == [1, 2, 1]
