"""What the application's role may do, and who can become it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from adapters.postgres.migrate import migrate
from adapters.postgres.roles import role_to_act_as
from tests.support.postgres import pg_bin, temporary_folder

INSERT = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (gen_random_uuid(), 1, '', '')"
)
CHANGES = [
    INSERT,
    "UPDATE stored_events SET topic = ''",
    "DELETE FROM stored_events",
    "TRUNCATE stored_events",
    "DROP TABLE stored_events",
    "ALTER TABLE stored_events DISABLE TRIGGER ALL",
    "SELECT nextval('stored_events_notification_id_seq')",
]
APPEND = """
SELECT _position FROM turnlog_append_batch(
    ARRAY[gen_random_uuid()], ARRAY[1], ARRAY['listening_started.v1'], ARRAY['{}'::bytea],
    ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()])
"""


@pytest.fixture(scope="module")
def open_server() -> Iterator[str]:
    """The DSN of a server that believes everybody's name, so that ordinary logins can be tried."""
    with temporary_folder() as folder:
        rules = folder / "open.conf"
        rules.write_text("local all all trust\n")
        with EmbeddedPostgres(
            folder / "data", durable=False, pg_bin=pg_bin(), settings={"hba_file": str(rules)}
        ) as server:
            yield server.dsn


def as_application(dsn: str) -> psycopg.Connection:
    return psycopg.connect(service_conninfo(dsn, statement_timeout_s=5, role=APPLICATION_ROLE), autocommit=True)


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_application_can_change_nothing_by_itself(database: str, statement: str) -> None:
    with as_application(database) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


async def test_the_application_appends_through_the_function_and_reads_what_it_appended(database: str) -> None:
    with as_application(database) as connection:
        connection.execute(APPEND)

        assert connection.execute("SELECT originator_version FROM stored_events").fetchall() == [(1,)]


@pytest.mark.parametrize("statement", CHANGES[1:4])
async def test_even_the_owner_changes_no_stored_event(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(INSERT)

        with pytest.raises(RestrictViolation, match="never changed"):
            connection.execute(statement)


async def test_a_temporary_table_of_the_caller_never_takes_the_place_of_the_store(database: str) -> None:
    with as_application(database) as connection:
        connection.execute("CREATE TEMPORARY TABLE stored_events (LIKE public.stored_events INCLUDING ALL)")
        connection.execute(APPEND)

        assert connection.execute("SELECT count(*) FROM pg_temp.stored_events").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM public.stored_events").fetchone() == (1,)


async def test_the_owner_of_the_schema_acts_as_the_application(database: str) -> None:
    assert await role_to_act_as(database) == APPLICATION_ROLE


async def test_a_login_that_is_no_superuser_makes_the_role_and_acts_as_it(open_server: str) -> None:
    with psycopg.connect(open_server, autocommit=True) as connection:
        connection.execute("CREATE ROLE builder LOGIN CREATEROLE")
        connection.execute("CREATE DATABASE built OWNER builder")
    dsn = make_conninfo(open_server, dbname="built", user="builder")

    await migrate(dsn)

    assert await role_to_act_as(dsn) == APPLICATION_ROLE


async def test_a_login_that_may_make_no_roles_acts_as_itself_with_a_warning(
    open_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(open_server, autocommit=True) as connection:
        connection.execute("CREATE ROLE humble LOGIN")
        connection.execute("CREATE DATABASE humble OWNER humble")
    dsn = make_conninfo(open_server, dbname="humble", user="humble")
    await migrate(dsn)

    assert await role_to_act_as(dsn) is None
    assert "acting_as_the_login" in capsys.readouterr().out

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(APPEND)
