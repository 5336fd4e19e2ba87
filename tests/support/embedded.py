"""What the tests of the embedded Postgres do with it, and with processes that own one."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from adapters.embedded import EmbeddedPostgres
from adapters.embedded.binaries import find_binaries, reachable_by
from adapters.embedded.child import clean_environment, switch_user
from adapters.embedded.process import servers_of
from adapters.embedded.server_settings import as_arguments
from adapters.embedded.server_user import choose_server_user


def embedded(data_dir: Path) -> EmbeddedPostgres:
    """A server that is not started yet and does not wait for the disk."""
    return EmbeddedPostgres(data_dir, durable=False)


def embedded_once(data_dir: Path) -> None:
    """Start and stop."""
    with embedded(data_dir):
        pass


def connect(dsn: str) -> psycopg.Connection:
    """Every statement is its own transaction."""
    return psycopg.connect(dsn, autocommit=True)


def show(connection: psycopg.Connection, name: str) -> str:
    """A setting as the server sees it."""
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def store(dsn: str) -> str:
    """Commit a row that no other test has, and return it."""
    text = uuid.uuid4().hex
    with connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        # A kill of the processes must not lose it; only a power cut could, for the tests do not flush.
        connection.execute("SET synchronous_commit = on")
        connection.execute("INSERT INTO note VALUES (%s)", [text])
    return text


def stored(dsn: str) -> list[str]:
    """Everything that `store` committed."""
    with connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note")]


def start_owner(data_dir: Path, *user: str) -> subprocess.Popen[str]:
    """Another process that takes the folder; see tests/support/embedded_owner.py."""
    command = [sys.executable, "-m", "tests.support.embedded_owner", str(data_dir), *user]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def owner_process(data_dir: Path, *user: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that owns the folder, and the DSN it tells."""
    with start_owner(data_dir, *user) as owner:
        assert owner.stdout is not None
        lines = iter(owner.stdout.readline, "")
        dsn = next(line.strip() for line in lines if "host=" in line)
        yield owner, dsn
        owner.communicate()


def start_orphan(data_dir: Path) -> subprocess.Popen[bytes]:
    """A server on the folder's cluster that nobody owns."""
    user = choose_server_user(data_dir / "postgres")
    settings = as_arguments({"listen_addresses": "", "unix_socket_directories": str(data_dir / "socket")})
    binaries = reachable_by(user, find_binaries(None), data_dir / "binaries")
    command: list[str | Path] = [binaries.program("postgres"), "-D", data_dir / "postgres", *settings]
    orphan = subprocess.Popen(command, cwd="/", env=clean_environment(), **switch_user(user))
    eventually(lambda: bool(working_servers(data_dir)))
    return orphan


def working_servers(data_dir: Path) -> list[int]:
    """Processes of Postgres that work on this folder."""
    cluster = data_dir / "postgres"
    return servers_of(choose_server_user(cluster), cluster)


def postmaster(data_dir: Path) -> int:
    """The process number of the server."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def eventually(condition: Callable[[], bool], patience_s: float = 10.0) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
