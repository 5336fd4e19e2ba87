"""`/api/v2/statistics`: how many conversations and turns, and how long answers took."""

from datetime import UTC, datetime
from typing import Annotated, Final

from litestar import Response, get
from msgspec import Meta, Struct
from msgspec.structs import asdict

from app.http.dependencies import GivenAccess
from app.http.openapi.operation import READ_PROBLEMS, Operation
from app.http.requests import HttpRequest, read_query
from app.http.responses import answer
from app.http.v2.bodies import Filter
from app.ports import Latencies, SessionStatistics
from app.use_cases.get_statistics import StatisticsOfRange

From = Annotated[datetime, Meta(tz=True, description="RFC 3339 with its offset. Left out: 24 hours before `until`.")]
Until = Annotated[datetime, Meta(tz=True, description="RFC 3339 with its offset, excluded. Left out: now.")]


class StatisticsParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """The range includes its beginning and not its end. Every filter that is given must match."""

    since: From | None = None
    until: Until | None = None
    user_id: Filter | None = None
    agent: Filter | None = None


class TurnsView(Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """The turns whose user's message was recorded in the range, by what has become of them.

    `is_complete` is false where the range holds too many events: these are then the newest turns of it, those since
    `from`; ask with that as `until` for the ones before. `answer_start` is the time from the user's message to the
    start of the answer, `answer_end` to its end, of the answers that were given whole.
    """

    since: datetime
    is_complete: bool
    count: int
    answered: int
    interrupted: int
    cancelled: int
    failed: int
    open: int
    answer_start: Latencies
    answer_end: Latencies


class StatisticsView(Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """The range that was counted."""

    since: datetime
    until: datetime
    sessions: SessionStatistics
    turns: TurnsView


def statistics_view(counted: StatisticsOfRange) -> StatisticsView:
    """As it is answered."""
    turns = {**asdict(counted.turns), "since": counted.turns.since.astimezone(UTC)}
    return StatisticsView(
        since=counted.query.since.astimezone(UTC),
        until=counted.query.until.astimezone(UTC),
        sessions=counted.sessions,
        turns=TurnsView(**turns),
    )


@get(
    "/api/v2/statistics",
    operation=Operation(
        tag="Statistics",
        summary="Count conversations and turns",
        description="Of the last 24 hours, or of any range. Conversations are counted by when they started and ended, "
        "turns by when the user's message was recorded. The times between events are those of the database's clock, "
        "the only one that all processes share. What no answer can be counted from in time is refused: ask for less.",
        query=StatisticsParameters,
        answer=StatisticsView,
        problems=("invalid_query", *READ_PROBLEMS),
    ),
)
async def get_statistics(request: HttpRequest, access: GivenAccess) -> Response[bytes]:
    parameters = read_query(request, StatisticsParameters)
    counted = await access.service.get_statistics(
        access.principal,
        since=parameters.since,
        until=parameters.until,
        user_id=parameters.user_id,
        agent=parameters.agent,
    )
    return answer(statistics_view(counted))


ROUTES: Final = (get_statistics,)
