"""A log without a store, and tables read whole: for tests of the projections."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

import anyio

from app.ports import ReadModels
from app.projected_position import ProjectedPosition
from app.queries import ConversationQuery, MessageQuery
from domain.errors import UnknownEvent
from domain.ids import ConversationId, TenantId
from domain.ports import EventLog, EventPage, RecordedEvent, UnreadablePlace
from projections.compaction import RowChanges, compact
from projections.ports import ProjectionSession
from projections.registry import PROJECTIONS
from projections.rows import MessageRow, SessionRow
from projections.runner import Runner

LEAD_WAIT_S: Final = 5


class GivenLog:
    """Implements `EventLog` over events that a test has made. `unknown` are positions whose events nobody knows."""

    def __init__(self, events: Iterable[RecordedEvent] = (), unknown: Sequence[int] = ()) -> None:
        self.events = list(events)
        self.unknown = set(unknown)
        self.failures: list[Exception] = []

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        """See `EventLog.read_page`. Raises the failures that the test has laid in, one each time."""
        if self.failures:
            raise self.failures.pop()
        start = bisect_right(self.events, after_position, key=lambda recorded: recorded.position)
        page = self.events[start : start + limit]
        known = [recorded for recorded in page if recorded.position not in self.unknown]
        unreadable = [unknown_place(recorded) for recorded in page if recorded.position in self.unknown]
        return EventPage(known, page[-1].position if page else after_position, unreadable)

    async def read(
        self, tenant_id: TenantId, conversation_id: ConversationId, after: int = 0, until: int | None = None
    ) -> Sequence[RecordedEvent]:
        """See `EventStore.read`."""
        history = [recorded for recorded in self.events if recorded.conversation_id == conversation_id]
        if any(recorded.position in self.unknown for recorded in history):
            raise UnknownEvent("mind_read.v1")
        return [recorded for recorded in history if after < recorded.version <= (until or recorded.version)]

    async def head_position(self) -> int:
        """See `EventLog.head_position`."""
        return self.events[-1].position if self.events else 0


def unknown_place(recorded: RecordedEvent) -> UnreadablePlace:
    """Where the event stands, of which nothing else is known."""
    return UnreadablePlace(
        tenant_id=recorded.tenant_id,
        conversation_id=recorded.conversation_id,
        version=recorded.version,
        position=recorded.position,
        topic="mind_read.v1",
    )


def rows_of(events: Iterable[RecordedEvent]) -> RowChanges:
    """What the events do to the rows, as one page."""
    return compact(change for event in events for project in PROJECTIONS for change in project(event))


async def take_lead(session: ProjectionSession) -> None:
    """Lead, as soon as the database has noticed that the connection of the last leader is gone."""
    with anyio.fail_after(LEAD_WAIT_S):
        while not await session.try_to_lead():  # noqa: ASYNC110 - it happens in the database
            await anyio.sleep(0.01)


async def project_all(log: EventLog, session: ProjectionSession, max_page_events: int = 1_000) -> int:
    """Project what the log has, from the checkpoint on. Gives the position reached."""
    runner = Runner(log, max_page_events=max_page_events)
    checkpoint = await session.checkpoint()
    while (step := await runner.step(session, checkpoint)).position != checkpoint.position:
        checkpoint = step.checkpoint
    return checkpoint.position


async def all_messages(models: ReadModels, tenant_id: TenantId, conversation_id: ConversationId) -> list[MessageRow]:
    """Every message of the conversation, page by page."""
    rows: list[MessageRow] = []
    after = None
    while True:
        page = await models.list_messages(tenant_id, conversation_id, MessageQuery(after=after, limit=7))
        rows.extend(page.rows)
        if not page.has_more:
            return rows
        after = page.rows[-1].id


async def all_conversations(models: ReadModels, tenant_id: TenantId) -> list[SessionRow]:
    """Every conversation of the tenant, page by page, newest first."""
    rows: list[SessionRow] = []
    after = None
    while True:
        page = await models.list_conversations(tenant_id, ConversationQuery(after=after, limit=7))
        rows.extend(page.rows)
        if not page.has_more:
            return rows
        after = page.rows[-1].id


def nobody_projects() -> ProjectedPosition:
    """The position of tables that nothing moves."""
    return ProjectedPosition()
