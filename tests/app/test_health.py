"""Health: the shape that monitors know, and probes that tell a process that lives from one that is ready."""

from datetime import datetime

import anyio
import psycopg

from app.settings import Settings
from app.snapshot_keeper import MAX_WAITING
from domain.ids import DEFAULT_TENANT, ConversationId
from tests.support.postgres import TestDatabases
from tests.support.rest import Rest
from tests.support.server import RunningServer, http_client, running_server


async def test_health_in_the_shape_that_monitors_know(rest: Rest) -> None:
    health = await rest.get("/health")

    tracker = health["services"]["conversation_tracker"]
    assert health["status"] == "healthy"
    assert datetime.fromisoformat(health["timestamp"]).tzinfo is not None
    assert set(tracker) == {
        "queue_depth",
        "queue_max_size",
        "queue_utilization",
        "active_sessions",
        "total_sessions",
        "worker_running",
    }
    assert tracker["queue_max_size"] == Settings().append_queue_max_commands
    assert 0 <= tracker["queue_utilization"] <= 1
    assert tracker["worker_running"] is True
    assert set(health["services"]) == {"conversation_tracker", "event_store", "projections", "feed", "snapshots"}


async def test_sessions_are_counted(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        async with running_server(dsn) as server, http_client(server) as client:
            rest = Rest(client)
            ids = [await rest.given_conversation() for _ in range(3)]
            ended = await client.put(f"/api/v2/conversations/{ids[0]}/end")
            await rest.get("/api/v2/conversations", min_position=ended.json()["position"])

            tracker = (await rest.get("/health"))["services"]["conversation_tracker"]

    assert (tracker["active_sessions"], tracker["total_sessions"]) == (2, 3)


async def test_the_probes_of_a_process_that_is_well(rest: Rest) -> None:
    live, ready = await rest.client.get("/health/live"), await rest.client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert {response.headers["cache-control"] for response in (live, ready)} == {"no-store"}


async def test_a_process_whose_database_is_away_lives_and_is_not_ready(test_databases: TestDatabases) -> None:
    with test_databases.clone() as dsn:
        settings = Settings(allow_unsafe_durability=True, append_outcome_deadline_s=0.5)
        async with running_server(dsn, settings) as server, http_client(server) as client:
            refuse_connections(dsn)
            try:
                live, ready, health = [await client.get(url) for url in ("/health/live", "/health/ready", "/health")]
                write = await client.post("/api/v2/conversations", json={})
            finally:
                refuse_connections(dsn, refuse=False)
            with anyio.fail_after(10):
                while (await client.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - only asking tells
                    await anyio.sleep(0.05)

    assert live.status_code == 200
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert write.status_code == 503
    assert write.json()["code"] in ("store_unavailable", "outcome_unknown")
    assert int(write.headers["retry-after"]) >= 1


def refuse_connections(dsn: str, *, refuse: bool = True) -> None:
    """Cut every connection to the database and let nobody in again, until told otherwise."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    other = psycopg.conninfo.make_conninfo(dsn, dbname="postgres")
    with psycopg.connect(other, autocommit=True) as connection:
        allow = psycopg.sql.SQL("true" if not refuse else "false")
        statement = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(statement.format(psycopg.sql.Identifier(str(name)), allow))
        if refuse:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def test_snapshots_that_are_due_and_that_were_lost_are_counted(rest: Rest, server: RunningServer) -> None:
    assert (await rest.get("/health"))["services"]["snapshots"] == {"waiting": 0, "lost": 0}

    for number in range(MAX_WAITING + 2):
        server.parts.snapshot_keeper.grown(DEFAULT_TENANT, ConversationId(f"{number}"), 0, 100_000)

    # nobody else has run between, so all of them still wait
    assert server.parts.snapshot_keeper.waiting == MAX_WAITING
    assert (await rest.get("/health"))["services"]["snapshots"]["lost"] >= 2
