"""The library's own test suites pass on our tables, through our recorders.

Each test has a fresh database. What is skipped says why. The suites of DCB, of other databases and of transcoders are
not taken: nothing of ours is in them.
"""

from collections.abc import Iterator

import pytest
from eventsourcing.persistence import AggregateRecorder as LibraryAggregateRecorder
from eventsourcing.utils import Environment

from adapters.eventsourcing import ApplicationRecorder, Factory, ProcessRecorder, TrackingRecorder
from tests.support import library_suites as shipped

ENVIRONMENT = {"PERSISTENCE_MODULE": "adapters.eventsourcing", "POSTGRES_POOL_SIZE": "5"}

NO_CIPHER = "its package is no dependency of ours: one key for all data is not how Turnlog enciphers"


class OnOurTables:
    """Gives each test a factory, by way of the variables that the library reads."""

    factory: Factory

    @pytest.fixture(autouse=True)
    def open_factory(self, database: str) -> Iterator[None]:
        self.env = Environment(env={**ENVIRONMENT, "DATABASE_URL": database})
        self.factory = Factory.construct(self.env)
        yield
        self.factory.close()


class TestSnapshotRecorder(OnOurTables, shipped.AggregateRecorderTestCase):
    def create_recorder(self) -> LibraryAggregateRecorder:
        return self.factory.aggregate_recorder("snapshots")


class TestApplicationRecorder(OnOurTables, shipped.ApplicationRecorderTestCase[ApplicationRecorder]):
    # As with the library's own recorder on Postgres: an insert that fails has drawn its positions.
    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False

    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnOurTables, shipped.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.factory.tracking_recorder()


class TestProcessRecorder(OnOurTables, shipped.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory.process_recorder()


class TestPositionsOfOneInsertStayTogether(OnOurTables, shipped.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()


class View(TrackingRecorder):
    """A view of one's own."""


class TestFactory(OnOurTables, shipped.InfrastructureFactoryTestCase[Factory]):
    @pytest.mark.skip(NO_CIPHER)
    def test_mapper_with_cipher(self) -> None: ...

    @pytest.mark.skip(NO_CIPHER)
    def test_mapper_with_cipher_and_compressor(self) -> None: ...

    @pytest.mark.skip(NO_CIPHER)
    def test_mapper_with_wrong_cipher_key(self) -> None: ...

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[LibraryAggregateRecorder]:
        # Asked for without a purpose it is that of the events, and those always take their turn.
        return ApplicationRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return ApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return TrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return View

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return ProcessRecorder
