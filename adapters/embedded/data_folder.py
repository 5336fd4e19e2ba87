"""The folder that holds everything the embedded Postgres keeps, and the lock that gives it one owner.

owner.lock       held with flock by the one process that may touch the rest
postgres/        the cluster (PGDATA), owned by the server's user
initdb-*/        a cluster being made; renamed to postgres/ when it is complete
socket/          the unix socket
binaries/        a copy of the programs, only when the server's user cannot reach the originals
pg_hba.conf      who may connect; written at every start, as is pg_ident.conf
postgres.log     what the server says
"""

import fcntl
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.child import run_as
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.server_user import ServerUser

ROOTS_DATA_DIR = Path("/var/lib/turnlog")


@dataclass(frozen=True)
class DataFolder:
    """The names of the things in it."""

    path: Path

    @property
    def cluster(self) -> Path:
        """PGDATA."""
        return self.path / "postgres"

    @property
    def socket(self) -> Path:
        """The usual folder of the unix socket."""
        return self.path / "socket"

    @property
    def socket_elsewhere(self) -> Path:
        """A file that names the socket's folder when this one's path is too long for a socket."""
        return self.path / "socket-elsewhere"

    @property
    def binaries(self) -> Path:
        """Copies of the programs, one folder for each version."""
        return self.path / "binaries"

    @property
    def lock(self) -> Path:
        """Held by the one process that may touch the rest."""
        return self.path / "owner.lock"

    @property
    def log(self) -> Path:
        """What the server writes to its standard error."""
        return self.path / "postgres.log"


class OwnerLock:
    """One owner for each data folder; the kernel lets go of it when the owner dies, however it dies."""

    def __init__(self, folder: DataFolder) -> None:
        self._path = folder.lock
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Refuses at once when another process owns the folder."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise EmbeddedPostgresError(
                f"The data folder {self._path.parent} is in use by another turnlog (process {owner}). Stop that one, "
                "or give this one its own folder with TURNLOG_DATA_DIR."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """Below the user's data home; for root /var/lib/turnlog when nobody else may enter root's home."""
    data_home = environ.get("XDG_DATA_HOME") or environ.get("HOME") or os.path.expanduser("~")
    suffix = "turnlog" if environ.get("XDG_DATA_HOME") else ".local/share/turnlog"
    folder = Path(data_home) / suffix
    if os.geteuid() == 0 and not _everybody_may_enter(folder):
        return ROOTS_DATA_DIR
    return folder


def create_data_folder(path: Path) -> DataFolder:
    """Make the folder when it is missing; an existing one keeps its owner and its mode."""
    try:
        for step in (*reversed(path.parents), path):
            _create_folder(step)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"Cannot create the data folder {path}: {error.strerror}. "
            "Set TURNLOG_DATA_DIR to a folder that may be written."
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise EmbeddedPostgresError(
            f"The data folder {path} may not be written by this user. "
            "Change its owner, or set TURNLOG_DATA_DIR to another."
        )
    return DataFolder(path.resolve())


def _create_folder(path: Path) -> None:
    if not path.is_dir():
        path.mkdir(exist_ok=True)
        # For root the server's user is somebody else: he may pass through, but not look around.
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)


def check_reachable(folder: Path, user: ServerUser) -> None:
    """Refuse, with the name of the folder in the way, when the server's user cannot get there."""
    if not user.is_other:
        return
    way = [*reversed(folder.parents), folder]
    script = 'for step; do test -x "$step" || { printf %s "$step"; exit 1; }; done'
    answer = run_as(user, ["sh", "-c", script, "sh", *way])
    if answer.returncode != 0:
        raise EmbeddedPostgresError(
            f"Postgres refuses to run as root, so it runs as the system user {user.name!r}, and that user may not "
            f"enter {answer.stdout}, which is on the way to the data folder {folder}. Set TURNLOG_DATA_DIR to a "
            f"folder that everybody may enter, such as {ROOTS_DATA_DIR}, or allow it with: chmod o+x '{answer.stdout}'"
        )


def give_to(user: ServerUser, path: Path) -> None:
    """Hand a folder that we have just made over to the server's user."""
    if user.is_other:
        os.chown(path, user.user_id, user.group_id, follow_symlinks=False)


def remove_unfinished(folder: DataFolder) -> None:
    """What a killed set-up left behind. Only the owner of the lock may call this."""
    for leftover in folder.path.glob("initdb-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def write_file(path: Path, content: str) -> None:
    """Replace a file as a whole. A link that somebody has put in its place is replaced, not followed."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    temporary.chmod(0o644)
    temporary.rename(path)


def _everybody_may_enter(folder: Path) -> bool:
    existing = [step for step in (folder, *folder.parents) if step.exists()]
    return all(step.stat().st_mode & 0o001 for step in existing)
