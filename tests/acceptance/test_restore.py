"""A service that was restored to an earlier point: its clients are told `gap`, never that all is as it was.

One service is backed up in the middle of its work, as files and as a dump, and killed later. Each test brings one of
the backups back in another way.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, dsn_of_running
from tests.support.feeds import feeding
from tests.support.postgres import embedded_server, pg_bin, temporary_folder
from tests.support.rest import CONVERSATIONS, Json, Rest, path
from tests.support.served import ServedProcess
from tests.support.sockets import connected

COMMAND_MAX_S = 60


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What was kept of the service, and what a client of it held when it was killed."""

    folder: Path
    conversation_id: str
    version_kept: int
    version_held: int
    position_held: int
    epoch_held: str

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def dump(self) -> Path:
        return self.folder / "dump"


Restore = Callable[[Backup, Path], str]
"""Brings the backup back into a folder, and gives the reason of the epoch that is to begin."""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, carried out."""
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=COMMAND_MAX_S, check=False
    )


def must_run(*command: str | Path, **environment: str) -> str:
    """What it says."""
    answer = run(*command, **environment)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def turnlog(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "app", *arguments, TURNLOG_DATA_DIR=str(data_dir))


def pg_program(data_dir: Path, name: str) -> Path:
    return EmbeddedPostgres(data_dir, pg_bin=pg_bin()).bin_dir / name


async def given_turn(rest: Rest, conversation_id: str, text: str) -> Json:
    """The answer to the last of three writes."""
    await rest.given_message(conversation_id, content=text)
    await rest.given_command(conversation_id, "start_response")
    return await rest.given_command(conversation_id, "complete_response", content="At seven.")


@pytest.fixture(scope="module")
def backup() -> Iterator[Backup]:
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        try:
            yield anyio.run(given_backup, folder, served)
        finally:
            if served.is_running():
                served.kill()


async def given_backup(folder: Path, served: ServedProcess) -> Backup:
    """Kept after one turn, as a dump and as files; killed after another."""
    data_dir = folder / "data"
    served.start()
    async with httpx.AsyncClient(base_url=served.url) as client:
        conversation_id = await Rest(client).given_conversation()
        kept = await given_turn(Rest(client), conversation_id, "A table for two?")
        await Rest(client).get(CONVERSATIONS, min_position=kept["position"])
    dsn = dsn_of_running(data_dir)
    assert dsn is not None
    must_run(pg_program(data_dir, "pg_dump"), "--format=custom", f"--file={folder / 'dump'}", dsn)
    assert served.stop() == 0
    must_run("cp", "-a", data_dir, folder / "files")
    served.start()
    async with httpx.AsyncClient(base_url=served.url) as client:
        shown = await given_turn(Rest(client), conversation_id, "And for three?")
        await Rest(client).get(CONVERSATIONS, min_position=shown["position"])
        # Its flush takes with it what the projection wrote before, which waits for none of its own.
        held = await given_turn(Rest(client), conversation_id, "And for five?")
    served.kill()
    return Backup(
        folder=folder,
        conversation_id=conversation_id,
        version_kept=kept["version"],
        version_held=held["version"],
        position_held=held["position"],
        epoch_held=held["conversation"]["epoch"],
    )


def files_put_back(backup: Backup, data_dir: Path) -> str:
    """Nobody can tell, so it has to be said. Gives the reason."""
    must_run("cp", "-a", backup.files, data_dir)
    answer = turnlog(data_dir, "epoch", "new", "--reason", "files of Sunday put back")
    assert answer.returncode == 0, answer.stderr
    return "files of Sunday put back"


def dump_restored_elsewhere(backup: Backup, data_dir: Path) -> str:
    with EmbeddedPostgres(data_dir, pg_bin=pg_bin()) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE ROLE turnlog_application NOLOGIN")
        must_run(server.bin_dir / "pg_restore", "--exit-on-error", f"--dbname={server.dsn}", backup.dump)
    return "restored: this is another server"


def dump_restored_over_it(backup: Backup, data_dir: Path) -> str:
    must_run("cp", "-a", backup.folder / "data", data_dir)
    with EmbeddedPostgres(data_dir, pg_bin=pg_bin()) as server:
        program = server.bin_dir / "pg_restore"
        must_run(program, "--clean", "--if-exists", "--exit-on-error", f"--dbname={server.dsn}", backup.dump)
    return "restored: the table stored_events was made again"


def files_recovered(backup: Backup, data_dir: Path) -> str:
    """As of a base backup whose log is replayed up to some point."""
    must_run("cp", "-a", backup.files, data_dir)
    cluster = data_dir / "postgres"
    with (cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'false'\n")
    must_run("cp", "-a", cluster / "PG_VERSION", cluster / "recovery.signal")  # a file of the server's user
    return "restored: the server was recovered to an earlier point, or promoted"


RESTORES: dict[str, Restore] = {
    "files-put-back": files_put_back,
    "dump-restored-elsewhere": dump_restored_elsewhere,
    "dump-restored-over-it": dump_restored_over_it,
    "files-recovered": files_recovered,
}


@pytest.mark.parametrize("way", RESTORES)
async def test_after_a_restore_clients_are_told_gap_and_everybody_the_new_epoch(backup: Backup, way: str) -> None:
    data_dir = backup.folder / way
    # given a service that was restored to an earlier point
    reason = RESTORES[way](backup, data_dir)
    served = ServedProcess(data_dir)
    served.start()
    try:
        # when its clients come back with what they hold, then each is told
        epoch = await then_told_gap(backup, served)
        assert epoch != backup.epoch_held
        # and it goes on from where it was restored to
        await then_goes_on(backup, served, epoch)
        shown = turnlog(data_dir, "epoch").stdout.splitlines()
        refusal = turnlog(data_dir, "epoch", "new", "--reason", "again")
    finally:
        served.kill()
    assert shown[0].startswith(f"now  {epoch}")
    assert reason in shown[0]
    assert backup.epoch_held in shown[1]
    assert refusal.returncode == 1
    assert "A service is connected" in refusal.stderr


async def then_told_gap(backup: Backup, served: ServedProcess) -> str:
    """On every way back. Gives the epoch that they are told."""
    epochs = set()
    for held in (backup.epoch_held, None):
        async with connected(served.url, backup.conversation_id, after=backup.version_held, epoch=held) as client:
            ready, snapshot, *_ = await client.until_live()
        assert (ready["payload"]["resume"]["outcome"], snapshot["payload"]["reason"]) == ("gap", "snapshot")
        assert snapshot["payload"]["as_of_seq"] == backup.version_kept
        epochs.add(ready["epoch"])
    async with feeding(served.url, after=backup.position_held, epoch=backup.epoch_held) as feed:
        ready, *_ = await feed.until_live()
    assert ready["payload"]["resume"]["outcome"] == "gap"
    epochs.add(ready["epoch"])
    (epoch,) = epochs
    return str(epoch)


async def then_goes_on(backup: Backup, served: ServedProcess, epoch: str) -> None:
    """What is written now is stored, projected, and of the new epoch."""
    async with httpx.AsyncClient(base_url=served.url) as client:
        rest = Rest(client)
        assert (await rest.conversation(backup.conversation_id))["version"] == backup.version_kept
        written = await given_turn(rest, backup.conversation_id, "And for four?")
        listed = await rest.get(path(backup.conversation_id, "/messages"), min_position=written["position"])
        conversations = await rest.get(CONVERSATIONS)
    assert written["conversation"]["epoch"] == epoch
    assert [message["content"] for message in listed["data"]][::2] == ["A table for two?", "And for four?"]
    assert [conversation["epoch"] for conversation in conversations["data"]] == [epoch]


async def test_events_restored_without_the_tables_are_not_served_until_these_are_rebuilt(backup: Backup) -> None:
    # given the newest tables, and the events of the dump
    data_dir = backup.folder / "half-restored"
    must_run("cp", "-a", backup.folder / "data", data_dir)
    with EmbeddedPostgres(data_dir, pg_bin=pg_bin()) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE stored_events DISABLE TRIGGER ALL")
            connection.execute("TRUNCATE stored_events")
        program = server.bin_dir / "pg_restore"
        must_run(program, "--data-only", "--table=stored_events", f"--dbname={server.dsn}", backup.dump)
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE stored_events ENABLE TRIGGER ALL")

    # when it is served, then it is refused with what to do
    refusal = turnlog(data_dir, "serve", "--port", "0")
    assert refusal.returncode == 1
    assert "turnlog rebuild all" in refusal.stderr
    assert "Traceback" not in refusal.stderr

    # and when that is done, it goes on
    rebuilt = turnlog(data_dir, "rebuild", "all")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert turnlog(data_dir, "epoch", "new", "--reason", "only the events of the dump").returncode == 0
    served = ServedProcess(data_dir)
    served.start()
    try:
        await then_goes_on(backup, served, await then_told_gap(backup, served))
    finally:
        served.kill()


def test_a_service_whose_store_is_replaced_under_it_ends_with_a_sentence() -> None:
    # given a service, and a restore of its database that nobody stopped it for
    with embedded_server() as server, temporary_folder() as folder:
        environment = {"DATABASE_URL": server.dsn, "TURNLOG_ALLOW_UNSAFE_DURABILITY": "true"}
        served = ServedProcess(folder / "data", environment)
        served.start()
        # when the connections are gone and another epoch is there
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("INSERT INTO turnlog_epochs (reason) VALUES ('restored behind its back')")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        # then it does not go on with what it holds in memory
        assert served.wait() == 1
        said = served.log.read_text()
    assert "The event store is not the one that this service began with: a new epoch has begun." in said
    assert "Traceback" not in said
