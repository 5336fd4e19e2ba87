"""The eventsourcing library's `ProjectionRunner`, which calls a projection for each event and tracks it with the rows.

Decoding, projections and statements are Turnlog's, so that what differs is how a projection is run.
"""

import asyncio
from array import array
from collections.abc import Callable
from threading import Event
from time import perf_counter
from typing import Any, Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent, Tracking, Transcoder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Composed

from adapters.codec.events import decode
from adapters.eventsourcing import TrackingRecorder
from adapters.postgres import projection_parameters as parameters
from adapters.postgres.statements import statement
from benchmarks.measurement import Measurement
from benchmarks.rebuilding import catch_up
from benchmarks.rebuilding.events import end_of
from benchmarks.rebuilding.tables import MADE, refuse_what_differs
from benchmarks.subject import Subject
from domain.conversation.events import ConversationStarted
from domain.envelope import Recorded
from domain.ids import ConversationId, TenantId
from domain.ports import RecordedEvent
from projections.compaction import RowChanges, compact
from projections.registry import PROJECTIONS

POLL_SECONDS: Final = 0.05


def subject(conversations: int) -> Subject:
    """Of the first so many conversations: it takes a transaction for each event."""

    async def measure(dsn: str, _events: int, _seconds: float) -> Measurement:
        until_position, events = await end_of(dsn, conversations)
        # A runner of Turnlog does not wait for the disk either.
        seconds = await asyncio.to_thread(_run, make_conninfo(dsn, options="-c synchronous_commit=off"), until_position)
        await refuse_what_differs(dsn, until_position)
        return Measurement(operations=events, seconds=seconds, latencies_ns=array("Q"))

    return Subject(name="library", callers_are="events", prepare=catch_up.prepare, measure=measure, unit="events/s")


class RowsRecorder(TrackingRecorder):
    """The view: rows and tracking in one transaction."""

    STATEMENTS: Final[tuple[tuple[Composed, Callable[[Any], parameters.Parameters], str], ...]] = tuple(
        (MADE.statement(SQL(statement(name))), to_parameters, field)
        for name, to_parameters, field in (
            ("projection_open_sessions", parameters.open_sessions, "opened"),
            ("projection_add_messages", parameters.add_messages, "added"),
            ("projection_change_sessions", parameters.change_sessions, "changed"),
            ("projection_change_messages", parameters.change_messages, "edited"),
        )
    )

    def write(self, rows: RowChanges, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            for query, to_parameters, field in self.STATEMENTS:
                if items := getattr(rows, field):
                    cursor.execute(query, to_parameters(items), prepare=True)


class RecordedMapper(Mapper[UUID]):
    """Gives events as Turnlog decodes them, which is faster than the library's classes."""

    def __init__(self, transcoder: Transcoder) -> None:
        super().__init__(transcoder)
        self._tenants: dict[UUID | str, TenantId] = {}

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        stored, schema_version = decode(stored_event.topic, stored_event.state)
        if isinstance(stored.data, ConversationStarted):
            self._tenants[stored_event.originator_id] = stored.data.tenant_id
        return Recorded(
            tenant_id=self._tenants[stored_event.originator_id],
            conversation_id=ConversationId(str(stored_event.originator_id)),
            version=stored_event.originator_version,
            position=0,
            event_id=stored.event_id,
            event=stored.data,
            schema_version=schema_version,
            origin=stored.origin,
            recorded_at=stored.origin.occurred_at,
        )


class Conversations(Application[UUID]):
    """The library's side of `stored_events`."""

    def construct_mapper(self) -> Mapper[UUID]:
        return RecordedMapper(self.construct_transcoder())


class RowsProjection(Projection[RowsRecorder]):
    """Told by `last_position` when it is done: what comes later is not for this measurement."""

    name = "rows"
    last_position = 0

    def __init__(self, view: RowsRecorder) -> None:
        super().__init__(view)
        self.is_done = Event()
        self.done_at_s = 0.0

    def process_event(self, domain_event: RecordedEvent, tracking: Tracking) -> None:
        if self.is_done.is_set():
            return
        changes = (change for project in PROJECTIONS for change in project(domain_event))
        self.view.write(compact(changes), tracking)
        if tracking.notification_id >= self.last_position:
            self.done_at_s = perf_counter()
            self.is_done.set()


def _run(dsn: str, until_position: int) -> float:
    """The seconds that it took."""
    projection_class = type("RowsUntil", (RowsProjection,), {"name": "rows", "last_position": until_position})
    environment = {"PERSISTENCE_MODULE": "adapters.eventsourcing", "DATABASE_URL": dsn, "CREATE_TABLE": "no"}
    began_s = perf_counter()
    runner = ProjectionRunner(
        application_class=Conversations,
        projection_class=projection_class,
        view_class=RowsRecorder,
        env=environment,
    )
    with runner:
        projection = runner.projection
        assert isinstance(projection, RowsProjection)
        while not projection.is_done.wait(POLL_SECONDS):
            if runner.is_interrupted.is_set():
                break
    runner.view.datastore.close()
    return projection.done_at_s - began_s
