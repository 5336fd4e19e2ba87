"""Making the cluster's files, and who may connect to it."""

import os
import pwd
import tempfile
from pathlib import Path

from adapters.embedded.binaries import Binaries
from adapters.embedded.child import run_as
from adapters.embedded.data_folder import DataFolder, give_to, write_file
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.server_user import ServerUser

ROLE = "turnlog"
DATABASE = "turnlog"
BUILTIN_LOCALES_SINCE_MAJOR = 17


def create_cluster(folder: DataFolder, binaries: Binaries, user: ServerUser, *, durable: bool) -> None:
    """Make the cluster with its database under another name; the rename is what makes it exist."""
    unfinished = Path(tempfile.mkdtemp(prefix="initdb-", dir=folder.path))
    give_to(user, unfinished)
    _run_initdb(unfinished, binaries, user, durable=durable)
    _create_database(unfinished, binaries, user, durable=durable)
    unfinished.rename(folder.cluster)
    _flush_folder(folder.path)


def check_version(folder: DataFolder, binaries: Binaries) -> None:
    """Refuse a cluster of another major version: these programs cannot read its files."""
    written_by = (folder.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    if written_by != str(binaries.major):
        raise EmbeddedPostgresError(
            f"The data in {folder.cluster} was written by Postgres {written_by}, and the programs in {binaries.folder} "
            f"are version {binaries.version}. Set TURNLOG_PG_BIN to a Postgres {written_by}, or move the data with "
            "pg_dump and pg_restore."
        )


def write_access_rules(folder: DataFolder, user: ServerUser) -> tuple[Path, Path]:
    """Local connections only, and the kernel vouches for who connects. No password, so none can leak.

    The files stand outside the cluster: root does not write into a folder that belongs to the server's user.
    """
    rules = folder.path / "pg_hba.conf"
    users = folder.path / "pg_ident.conf"
    service_user = pwd.getpwuid(os.geteuid()).pw_name
    write_file(rules, "# Written at every start.\nlocal all all peer map=turnlog\n")
    allowed = "".join(f'turnlog "{name}" {ROLE}\n' for name in sorted({service_user, user.name}))
    write_file(users, f"# Written at every start: this system user may be that role.\n{allowed}")
    return rules, users


def _run_initdb(cluster: Path, binaries: Binaries, user: ServerUser, *, durable: bool) -> None:
    command: list[str | Path] = [
        binaries.program("initdb"),
        f"--pgdata={cluster}",
        f"--username={ROLE}",
        "--auth=peer",
        "--encoding=UTF8",
        "--data-checksums",
        *_locale_arguments(binaries, user),
        *([] if durable else ["--no-sync"]),
    ]
    answer = run_as(user, command)
    if answer.returncode != 0:
        raise EmbeddedPostgresError(f"initdb could not make the database files: {_last_lines(answer.stderr)}")


def _locale_arguments(binaries: Binaries, user: ServerUser) -> list[str]:
    """Sort order by code point: it never changes under an index, as the system's locales do."""
    if binaries.major >= BUILTIN_LOCALES_SINCE_MAJOR:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    has_c_utf8 = "C.utf8" in run_as(user, ["locale", "-a"]).stdout.split()
    return ["--locale=C", f"--lc-ctype={'C.UTF-8' if has_c_utf8 else 'C'}"]


def _create_database(cluster: Path, binaries: Binaries, user: ServerUser, *, durable: bool) -> None:
    # In single-user mode, so that a cluster without its database never exists.
    no_sync = [] if durable else ["-F"]
    command: list[str | Path] = [binaries.program("postgres"), "--single", *no_sync, "-D", cluster, "postgres"]
    answer = run_as(user, command, text_input=f"CREATE DATABASE {DATABASE};\n")
    if answer.returncode != 0 or "ERROR" in answer.stderr:
        raise EmbeddedPostgresError(f"The database {DATABASE!r} could not be made: {_last_lines(answer.stderr)}")


def _last_lines(text: str) -> str:
    return " ".join(text.strip().splitlines()[-4:])


def _flush_folder(path: Path) -> None:
    """The new name is on the disk before anything is stored under it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
