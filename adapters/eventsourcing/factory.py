"""Where the library gets its recorders from."""

from typing import TypeVar, cast

from eventsourcing.persistence import AggregateRecorder, InfrastructureFactoryError
from eventsourcing.postgres import PostgresFactory, PostgresRecorder, PostgresTrackingRecorder
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from adapters.eventsourcing.recorders import (
    EVENTS_TABLE,
    TRACKING_TABLE,
    ApplicationRecorder,
    ProcessRecorder,
    SnapshotRecorder,
    TrackingRecorder,
)
from adapters.postgres.connection import service_conninfo

DATABASE_URL = "DATABASE_URL"
_NO_TIMEOUT_S = 0.0

Recorder = TypeVar("Recorder", bound=PostgresRecorder)
View = TypeVar("View", bound=PostgresTrackingRecorder)


class Factory(PostgresFactory):
    """Makes recorders on Turnlog's tables, whatever the application's name is.

    Connects to `DATABASE_URL`, or where the library's own `POSTGRES_...` variables say; the other variables of the
    library, such as `POSTGRES_POOL_SIZE`, mean what they mean there.
    """

    aggregate_recorder_class = SnapshotRecorder
    application_recorder_class = ApplicationRecorder
    tracking_recorder_class = TrackingRecorder
    process_recorder_class = ProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        environment = env if isinstance(env, Environment) else Environment(env=env)
        _refuse_what_does_not_fit(environment)
        dsn = environment.get(DATABASE_URL)
        if dsn:
            # The library wants these to be there; what they say is replaced below.
            environment.update(dict.fromkeys(_LOCATION_VARIABLES, ""))
        super().__init__(environment)
        if dsn:
            conninfo = service_conninfo(dsn, statement_timeout_s=_NO_TIMEOUT_S, role=None)
            self.datastore.pool.kwargs = {**conninfo_to_dict(conninfo), "row_factory": dict_row}

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """For `snapshots`; for `events` it is the application's, because those always take their turn."""
        if purpose == "events":
            return self.application_recorder()
        return SnapshotRecorder(self.datastore, events_table_name=f"stored_{purpose}")

    def application_recorder(self) -> ApplicationRecorder:
        """Of `stored_events`, which all applications share."""
        recorder_class = self._class(self.APPLICATION_RECORDER_TOPIC, ApplicationRecorder)
        return recorder_class(self.datastore, events_table_name=EVENTS_TABLE)

    def tracking_recorder(self, tracking_recorder_class: type[View] | None = None) -> View:
        """A view, and the tables that it adds for itself unless `CREATE_TABLE` is off."""
        view_class: type[PostgresTrackingRecorder] = tracking_recorder_class or self._class(
            self.TRACKING_RECORDER_TOPIC, TrackingRecorder
        )
        if not issubclass(view_class, TrackingRecorder):
            raise InfrastructureFactoryError(f"{view_class} must be a subclass of {TrackingRecorder}.")
        view = view_class(self.datastore, tracking_table_name=self._tracker())
        if self.env_create_table():
            view.create_table()
        return cast("View", view)

    def process_recorder(self) -> ProcessRecorder:
        """Of `stored_events`, with its own tracking."""
        recorder_class = self._class(self.PROCESS_RECORDER_TOPIC, ProcessRecorder)
        return recorder_class(self.datastore, events_table_name=EVENTS_TABLE, tracking_table_name=self._tracker())

    def _tracker(self) -> str:
        """Each application or projection, by its name, has its own pace."""
        return f"{self.env.name.lower()}_tracking" if self.env.name else TRACKING_TABLE

    def _class(self, variable: str, ours: type[Recorder]) -> type[Recorder]:
        topic = self.env.get(variable)
        if not topic:
            return ours
        given: type[Recorder] = resolve_topic(topic)
        if not issubclass(given, ours):
            raise InfrastructureFactoryError(f"{variable} must name a subclass of {ours}, not {given}.")
        return given


_LOCATION_VARIABLES = (
    Factory.POSTGRES_DBNAME,
    Factory.POSTGRES_HOST,
    Factory.POSTGRES_USER,
    Factory.POSTGRES_PASSWORD,
)


def _refuse_what_does_not_fit(environment: Environment) -> None:
    if strtobool(environment.get(Factory.POSTGRES_ENABLE_DB_FUNCTIONS) or "no"):
        raise InfrastructureFactoryError(
            f"{Factory.POSTGRES_ENABLE_DB_FUNCTIONS} must stay off: those functions take no lock, so that "
            "subscribers would miss events."
        )
    if environment.get(Factory.ORIGINATOR_ID_TYPE, "uuid").lower() != "uuid":
        raise InfrastructureFactoryError(f"{Factory.ORIGINATOR_ID_TYPE} must be 'uuid', as stored_events is made.")
