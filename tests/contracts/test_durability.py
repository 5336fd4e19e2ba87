"""The service refuses a database that would lose what it acknowledges."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from adapters.embedded import EmbeddedPostgres
from adapters.postgres import durability
from adapters.postgres.durability import ServerTooOld, UnsafeDurability, check_durability
from tests.support.postgres import embedded_server


async def test_a_server_that_flushes_is_taken() -> None:
    with embedded_server(durable=True) as server:
        found = await check_durability(server.dsn)

    assert found.unsafe == ()
    assert found.version.startswith(server.version)


async def test_a_server_that_does_not_flush_is_refused_by_the_names_of_its_settings(
    postgres_server: EmbeddedPostgres,
) -> None:
    with pytest.raises(UnsafeDurability) as refusal:
        await check_durability(postgres_server.dsn)

    assert refusal.value.settings == ("fsync", "full_page_writes")
    assert "TURNLOG_ALLOW_UNSAFE_DURABILITY=true" in str(refusal.value)


async def test_a_commit_that_would_not_wait_is_no_matter_because_the_service_asks_it_to(
    postgres_server: EmbeddedPostgres,
) -> None:
    with psycopg.connect(postgres_server.dsn) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)

    assert "synchronous_commit" not in (await check_durability(postgres_server.dsn, allow_unsafe=True)).unsafe


@pytest.mark.parametrize(("choice", "is_unsafe"), [("off", True), ("remote_apply", False), ("local", False)])
async def test_what_the_dsn_says_of_commits_counts(
    postgres_server: EmbeddedPostgres, choice: str, is_unsafe: bool
) -> None:
    dsn = make_conninfo(postgres_server.dsn, options=f"-c synchronous_commit={choice}")

    found = await check_durability(dsn, allow_unsafe=True)

    assert ("synchronous_commit" in found.unsafe) is is_unsafe


async def test_who_allows_it_is_warned_and_served(
    postgres_server: EmbeddedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await check_durability(postgres_server.dsn, allow_unsafe=True)

    assert found.unsafe == ("fsync", "full_page_writes")
    assert "durability_unsafe" in capsys.readouterr().out


async def test_an_old_server_is_refused_whatever_is_allowed(
    postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "MIN_SERVER_MAJOR", 99)

    with pytest.raises(ServerTooOld, match="needs 99 or newer"):
        await check_durability(postgres_server.dsn, allow_unsafe=True)
