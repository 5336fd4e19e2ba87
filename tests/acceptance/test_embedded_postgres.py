"""The embedded Postgres, with real processes: what is stored survives, nothing is left behind, one owner at a time."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError, default_data_dir
from adapters.embedded.binaries import SYSTEM_INSTALLATIONS, find_binaries
from tests.support.embedded import (
    connect,
    embedded,
    embedded_once,
    eventually,
    owner_process,
    postmaster,
    show,
    start_orphan,
    start_owner,
    store,
    stored,
    working_servers,
)
from tests.support.postgres import memory_folder, temporary_folder


@pytest.fixture
def new_data_dir() -> Iterator[Path]:
    """A data folder that is not made yet."""
    with temporary_folder(memory_folder()) as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One that was set up and used before. Each test leaves it so that the next can start a server in it."""
    with temporary_folder(memory_folder()) as folder:
        embedded_once(folder / "data")
        yield folder / "data"


def test_what_is_stored_is_there_after_a_restart(new_data_dir: Path) -> None:
    with embedded(new_data_dir) as server:
        kept = store(server.dsn)

    with embedded(new_data_dir) as server:
        assert kept in stored(server.dsn)


def test_the_server_flushes_unless_told_otherwise(new_data_dir: Path) -> None:
    with (
        EmbeddedPostgres(new_data_dir, settings={"max_connections": "20"}) as server,
        connect(server.dsn) as connection,
    ):
        shown = {name: show(connection, name) for name in ("fsync", "full_page_writes", "synchronous_commit")}
        assert shown == {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
        assert show(connection, "max_connections") == "20"
        assert show(connection, "listen_addresses") == ""


def test_start_and_stop_may_be_called_again(data_dir: Path) -> None:
    server = embedded(data_dir)
    server.stop()
    server.start()
    server.start()
    assert server.is_running

    server.stop()
    server.stop()
    assert not server.is_running


def test_kill_9_of_the_owner_stops_the_server_and_loses_nothing(data_dir: Path) -> None:
    with owner_process(data_dir) as (owner, dsn):
        kept = store(dsn)
        owner.kill()
        owner.wait()
        eventually(lambda: not working_servers(data_dir))

    with embedded(data_dir) as server:
        assert kept in stored(server.dsn)


def test_kill_9_of_owner_and_server_loses_nothing(data_dir: Path) -> None:
    with owner_process(data_dir) as (owner, dsn):
        kept = store(dsn)
        owner.send_signal(signal.SIGSTOP)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        owner.kill()
        owner.wait()

    with embedded(data_dir) as server:
        assert kept in stored(server.dsn)


def test_a_new_owner_may_start_while_the_old_server_still_stops(data_dir: Path) -> None:
    kept = []
    for _ in range(3):
        with owner_process(data_dir) as (owner, dsn):
            kept.append(store(dsn))
            owner.kill()
            owner.wait()

    with embedded(data_dir) as server:
        assert set(kept) <= set(stored(server.dsn))


def test_a_killed_set_up_leaves_nothing_half(new_data_dir: Path) -> None:
    with start_owner(new_data_dir) as owner:
        eventually(lambda: any(new_data_dir.glob("initdb-*/global")))
        owner.kill()
    assert not (new_data_dir / "postgres").exists()

    with embedded(new_data_dir) as server:
        store(server.dsn)
    assert list(new_data_dir.glob("initdb-*")) == []


def test_a_second_owner_is_refused_with_a_sentence(data_dir: Path) -> None:
    with embedded(data_dir) as server:
        with pytest.raises(EmbeddedPostgresError, match=rf"in use by another turnlog \(process {os.getpid()}\)"):
            embedded(data_dir).start()
        assert server.is_running


def test_an_orphan_is_taken_over(data_dir: Path) -> None:
    with embedded(data_dir) as server:
        kept = store(server.dsn)

    with start_orphan(data_dir) as orphan, embedded(data_dir) as server:
        assert kept in stored(server.dsn)
        assert orphan.wait(5) == 0
        assert postmaster(data_dir) != orphan.pid


def test_stale_locks_with_a_number_that_others_have_now_do_not_stop_it(data_dir: Path) -> None:
    with embedded(data_dir) as server:
        kept = store(server.dsn)
    somebody_alive = f"{os.getpid()}\n"
    (data_dir / "postgres" / "postmaster.pid").write_text(somebody_alive)
    (data_dir / "socket" / ".s.PGSQL.5432").touch()
    (data_dir / "socket" / ".s.PGSQL.5432.lock").write_text(somebody_alive)

    with embedded(data_dir) as server:
        assert kept in stored(server.dsn)


def test_an_empty_lock_of_a_full_disk_does_not_stop_it(data_dir: Path) -> None:
    (data_dir / "postgres" / "postmaster.pid").touch()

    embedded_once(data_dir)


def test_a_server_that_died_by_itself_can_be_started_again(data_dir: Path) -> None:
    with embedded(data_dir) as server:
        kept = store(server.dsn)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        eventually(lambda: not server.is_running)

        server.start()
        assert kept in stored(server.dsn)


def test_a_path_too_long_for_a_socket_works(new_data_dir: Path) -> None:
    long = new_data_dir / ("long " * 20) / ("path', " * 10)
    with embedded(long) as server:
        store(server.dsn)
        short = Path((long / "socket-elsewhere").read_text())
        assert short.is_dir()
        assert short.stat().st_mode & 0o777 == 0o700

    assert not short.exists()


def test_a_worker_thread_may_not_start_it(new_data_dir: Path) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            embedded(new_data_dir).start()
        except EmbeddedPostgresError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "from the main thread" in str(errors[0])


def test_files_of_another_version_are_refused(data_dir: Path) -> None:
    version_file = data_dir / "postgres" / "PG_VERSION"
    version = version_file.read_text()
    version_file.write_text("13\n")

    with pytest.raises(EmbeddedPostgresError, match="written by Postgres 13"):
        embedded(data_dir).start()

    version_file.write_text(version)


def test_a_setting_the_server_refuses_is_told_in_its_words(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        EmbeddedPostgres(data_dir, durable=False, settings={"shared_buffers": "nonsense"}).start()


def test_a_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="TURNLOG_PG_BIN"):
        find_binaries(tmp_path)


@pytest.mark.parametrize("folder", sorted(SYSTEM_INSTALLATIONS.glob("*/bin")), ids=lambda folder: folder.parent.name)
def test_the_postgres_of_the_system_will_do(new_data_dir: Path, folder: Path) -> None:
    with EmbeddedPostgres(new_data_dir, durable=False, pg_bin=folder) as server:
        store(server.dsn)
        assert server.bin_dir == folder


def test_the_data_home_of_the_user_is_respected() -> None:
    with temporary_folder() as folder:
        assert default_data_dir({"XDG_DATA_HOME": str(folder), "HOME": "/nowhere"}) == folder / "turnlog"
