"""The library's recorders on our tables, in line with our appender.

A recorder inserts under the lock that every appender takes, and takes it before the first position is drawn: positions
become visible in order, whoever stores. Our migrations make the tables; `create_table` makes only what a view of your
own adds to `sql_create_statements`.
"""

from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import ApplicationRecorder as LibraryApplicationRecorder
from eventsourcing.persistence import Notification, Subscription
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
    PostgresProcessRecorder,
    PostgresRecorder,
    PostgresTrackingRecorder,
)
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal

from adapters.eventsourcing.subscription import PollingSubscription

EVENTS_TABLE = "stored_events"
ALL_EVENTS_VIEW = "all_stored_events"
SNAPSHOTS_TABLE = "stored_snapshots"
TRACKING_TABLE = "notification_tracking"

_LOCK_TIMEOUT = SQL("SET LOCAL lock_timeout = '{}s'")
_TAKE_TURN = SQL("SELECT pg_advisory_xact_lock({schema}.turnlog_append_lock())")
_QUEUE_BEHIND_OTHERS = SQL("LOCK TABLE {schema}.{table} IN ROW EXCLUSIVE MODE")
_INSERT_TRACKING = SQL(
    "INSERT INTO {schema}.{table} AS known (tracker, application_name, notification_id) "
    "VALUES ({tracker}, %(application_name)s, %(notification_id)s) "
    "ON CONFLICT (tracker, application_name) DO UPDATE SET notification_id = %(notification_id)s "
    "WHERE known.notification_id < %(notification_id)s "
    "RETURNING notification_id"
)
_MAX_TRACKING_ID = SQL(
    "SELECT max(notification_id) FROM {schema}.{table} WHERE tracker = {tracker} AND application_name = %s"
)


class SnapshotRecorder(PostgresAggregateRecorder):
    """Rows of no order: snapshots. `stored_events` is for `ApplicationRecorder` alone."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = SNAPSHOTS_TABLE) -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements.clear()


class ApplicationRecorder(PostgresApplicationRecorder):
    """Appends in its turn, and says so on the channel that the service listens to as well. Reads the archive too."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = EVENTS_TABLE, **kwargs: Any) -> None:
        super().__init__(datastore, events_table_name=events_table_name, **kwargs)
        self.sql_create_statements.clear()
        schema, table = Identifier(datastore.schema), Identifier(events_table_name)
        self.lock_table_statements = [
            _LOCK_TIMEOUT.format(datastore.lock_timeout),
            _TAKE_TURN.format(schema=schema),
            _QUEUE_BEHIND_OTHERS.format(schema=schema, table=table),
        ]
        self._archived_too = PostgresApplicationRecorder(datastore, events_table_name=ALL_EVENTS_VIEW)
        self.select_events_statement = self._archived_too.select_events_statement

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """See the library's."""
        found: Sequence[Notification] = self._archived_too.select_notifications(
            start, limit, stop, topics, inclusive_of_start=inclusive_of_start
        )
        return found

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[LibraryApplicationRecorder]:
        """Events after the position `gt`. Without `topics` these are all events, those of conversations too."""
        return PollingSubscription(recorder=self, gt=gt, topics=topics)


class TrackingRecorder(PostgresTrackingRecorder):
    """Base of your views: each `tracker` has its own pace. Its name is what the library takes for a table's."""

    def __init__(
        self, datastore: PostgresDatastore, *, tracking_table_name: str = TRACKING_TABLE, **kwargs: Any
    ) -> None:
        super().__init__(datastore, tracking_table_name=TRACKING_TABLE, **kwargs)
        self.sql_create_statements.clear()
        names = {
            "schema": Identifier(datastore.schema),
            "table": Identifier(TRACKING_TABLE),
            "tracker": Literal(tracking_table_name),
        }
        self.insert_tracking_statement = _INSERT_TRACKING.format(**names)
        self.max_tracking_id_statement = _MAX_TRACKING_ID.format(**names)

    def create_table(self) -> None:
        """Not the library's, which would move a table of the name aside that has no row of its own in it."""
        PostgresRecorder.create_table(self)

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        PostgresRecorder._create_table(self, curs)


class ProcessRecorder(TrackingRecorder, ApplicationRecorder, PostgresProcessRecorder):
    """Events and the tracking of what caused them, in one transaction."""

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = EVENTS_TABLE,
        tracking_table_name: str = TRACKING_TABLE,
    ) -> None:
        super().__init__(datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name)
