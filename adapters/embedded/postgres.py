"""The one class the service uses: a real Postgres that starts and stops with it."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from adapters.embedded.binaries import Binaries, find_binaries, reachable_by
from adapters.embedded.child import run_as
from adapters.embedded.cluster import check_version, create_cluster, write_access_rules
from adapters.embedded.data_folder import (
    DataFolder,
    OwnerLock,
    check_reachable,
    create_data_folder,
    remove_unfinished,
)
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.process import pid_file_lines, remove_stale_pid_file, start_server, stop, stop_orphans
from adapters.embedded.running import dsn_at
from adapters.embedded.server_settings import as_arguments, server_settings
from adapters.embedded.server_user import ServerUser, choose_server_user
from adapters.embedded.socket_folder import prepare_socket_folder, remove_socket_elsewhere

START_MAX_S = 300.0  # a crash in front of a full write-ahead log takes a while to replay
LOG_MAX_BYTES = 16 * 2**20

logger = structlog.get_logger()


class EmbeddedPostgres:
    """Start it from the main thread, before the event loop; both `start` and `stop` block.

    `durable=False` turns off every wait for the disk and is for tests only.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] = {},
        pg_bin: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._durable = durable
        self._settings = settings
        self._binaries = find_binaries(pg_bin)
        self._lock: OwnerLock | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None

    @property
    def version(self) -> str:
        """Of the programs, such as 18.6."""
        return self._binaries.version

    @property
    def bin_dir(self) -> Path:
        """The programs as this process can run them: psql, pgbench, pg_dump."""
        return self._binaries.folder

    @property
    def dsn(self) -> str:
        """See `dsn_at`."""
        if self._socket_folder is None:
            raise EmbeddedPostgresError(
                "The embedded Postgres has no address before it is started: call start() first."
            )
        return dsn_at(self._socket_folder)

    @property
    def is_running(self) -> bool:
        """False before the start, after the stop, and when the server died by itself; `start` starts it again."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when the server takes connections. Harmless when it runs already."""
        if self.is_running:
            return
        started_at = time.monotonic()
        folder = create_data_folder(self.data_dir)
        user = choose_server_user(folder.cluster)
        check_reachable(folder.path, user)
        self._take_ownership(folder)
        try:
            self._start_owned(folder, user)
        except BaseException:
            self.stop()
            raise
        logger.info(
            "embedded_postgres_started",
            version=self.version,
            data_dir=str(self.data_dir),
            system_user=user.name,
            duration_s=round(time.monotonic() - started_at, 3),
        )

    def stop(self) -> None:
        """Stop the server and give up the folder. Harmless when it does not run."""
        if self._process is not None:
            stop(self._process)
            self._process = None
        if self._lock is not None:
            remove_socket_elsewhere(DataFolder(self.data_dir.resolve()))
            self._lock.release()
            self._lock = None
        self._socket_folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_ownership(self, folder: DataFolder) -> None:
        if self._lock is None:
            lock = OwnerLock(folder)
            lock.acquire()
            self._lock = lock

    def _start_owned(self, folder: DataFolder, user: ServerUser) -> None:
        """With the lock held: clear what a crash left, make what is missing, start."""
        if folder.cluster.exists() and stop_orphans(user, folder.cluster):
            logger.warning("embedded_postgres_orphan_stopped", data_dir=str(self.data_dir))
        remove_unfinished(folder)
        binaries = reachable_by(user, self._binaries, folder.binaries)
        if not folder.cluster.exists():
            create_cluster(folder, binaries, user, durable=self._durable)
        check_version(folder, binaries)
        remove_stale_pid_file(folder.cluster)
        self._socket_folder = prepare_socket_folder(folder, user)
        command = self._command(folder, binaries, user, self._socket_folder)
        _prepare_log(folder.log)
        self._process = start_server(user, command, cluster=folder.cluster, log=folder.log)
        _wait_until_ready(self._process, folder)

    def _command(
        self, folder: DataFolder, binaries: Binaries, user: ServerUser, socket_folder: Path
    ) -> list[str | Path]:
        rules, users = write_access_rules(folder, user)
        settings = server_settings(
            durable=self._durable,
            with_lz4=_knows_lz4(folder, binaries, user),
            socket_folder=str(socket_folder),
            hba_file=str(rules),
            ident_file=str(users),
            extra=self._settings,
        )
        return [binaries.program("postgres"), "-D", folder.cluster, *as_arguments(settings)]


def _knows_lz4(folder: DataFolder, binaries: Binaries, user: ServerUser) -> bool:
    """Whether these programs were built with it: they refuse the setting when they were not."""
    question: list[str | Path] = ["-D", folder.cluster, "-c", "wal_compression=lz4", "-C", "wal_compression"]
    return run_as(user, [binaries.program("postgres"), *question]).returncode == 0


def _wait_until_ready(process: subprocess.Popen[bytes], folder: DataFolder) -> None:
    deadline = time.monotonic() + START_MAX_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmbeddedPostgresError(
                f"Postgres stopped while it was starting. Its last words, from {folder.log}: {_end_of(folder.log)}"
            )
        lines = pid_file_lines(folder.cluster)
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return
        time.sleep(0.005)
    raise EmbeddedPostgresError(f"Postgres was not ready after {START_MAX_S:.0f} s. See {folder.log}.")


def _end_of(log: Path) -> str:
    return " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-4:])


def _prepare_log(log: Path) -> None:
    """Keep one earlier log when this one has grown large, and let go of one that another user left here."""
    if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
    elif not os.access(log, os.W_OK):
        log.unlink(missing_ok=True)
