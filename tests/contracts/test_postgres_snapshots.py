"""The cases of snapshots over Postgres, and the ways in which one can be of no use."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from adapters.codec.snapshots import FINGERPRINT
from adapters.postgres import snapshots as postgres_snapshots
from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.snapshots import PostgresSnapshots
from tests.contracts.snapshot_cases import SnapshotCases, snapshot_of, stored
from tests.support.appends import running_appender
from tests.support.decider import CONVERSATION_ID, TENANT_ID

DAMAGES = [
    "UPDATE conversation_snapshots SET state = ''",
    "UPDATE conversation_snapshots SET state = 'no snapshot'",
    "UPDATE conversation_snapshots SET state = substr(state, 1, length(state) - 1)",
    "UPDATE conversation_snapshots SET state = '\\x80'",
    "UPDATE conversation_snapshots SET fingerprint = 'of other code'",
]

OF_OTHER_CODE = """
    INSERT INTO conversation_snapshots (conversation_id, version, tenant_id, fingerprint, latest_at, state, created_at)
    SELECT conversation_id, %s, tenant_id, 'of other code', latest_at, state, {}
    FROM conversation_snapshots WHERE fingerprint <> 'of other code'
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with read_pool(service_conninfo(database, statement_timeout_s=5, role=APPLICATION_ROLE), 2) as pool:
        yield pool


@pytest.fixture
async def store(database: str, pool: Pool) -> AsyncIterator[PostgresEventStore]:
    dsn = service_conninfo(database, statement_timeout_s=5, role=APPLICATION_ROLE)
    async with running_appender(dsn) as appender:
        yield PostgresEventStore(appender, pool)


@pytest.fixture
def snapshots(pool: Pool, store: PostgresEventStore) -> PostgresSnapshots:
    return PostgresSnapshots(pool, store)


class TestPostgresSnapshots(SnapshotCases):
    """As they serve: in the role of the application."""


@pytest.mark.parametrize("damage", DAMAGES)
async def test_one_that_cannot_be_used_is_as_good_as_none(
    database: str, store: PostgresEventStore, snapshots: PostgresSnapshots, damage: str
) -> None:
    history = await stored(store)
    kept = snapshot_of(history, 3)
    await snapshots.save(kept)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(damage)

    loaded = await snapshots.load(TENANT_ID, CONVERSATION_ID)

    assert (loaded.base.version, tuple(loaded.events)) == (0, tuple(history))
    assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) is None
    # and a new one takes its place
    await snapshots.save(kept)
    assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) == kept


async def test_one_that_is_too_large_is_not_kept(
    store: PostgresEventStore, snapshots: PostgresSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_snapshots, "MAX_SNAPSHOT_BYTES", 100)

    await snapshots.save(snapshot_of(await stored(store), 3))

    assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) is None


async def test_those_of_other_code_stand_beside_and_are_thinned_out_after_a_week(
    database: str, store: PostgresEventStore, snapshots: PostgresSnapshots
) -> None:
    history = await stored(store)
    await snapshots.save(snapshot_of(history, 3))
    with psycopg.connect(database, autocommit=True) as connection:
        for made, version in (("now()", 3), ("now() - interval '8 days'", 4)):
            connection.execute(OF_OTHER_CODE.format(made).encode(), [version])

        await snapshots.thin(TENANT_ID, CONVERSATION_ID, below=0, every=1)

        kept = connection.execute("SELECT version, fingerprint FROM conversation_snapshots ORDER BY 2").fetchall()
    assert kept == sorted([(3, FINGERPRINT), (3, "of other code")], key=lambda row: row[1])
    assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) == snapshot_of(history, 3)
