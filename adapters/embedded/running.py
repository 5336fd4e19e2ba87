"""The embedded Postgres that another process of ours has started, for commands beside a running service."""

import fcntl
import os
from pathlib import Path
from urllib.parse import quote

from adapters.embedded.cluster import DATABASE, ROLE
from adapters.embedded.data_folder import DataFolder


def dsn_at(socket_folder: Path) -> str:
    """A libpq URI. It holds no secret: the kernel tells the server who connects."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket_folder), safe='')}"


def dsn_of_running(data_dir: Path) -> str | None:
    """The address of the server that runs in the data folder; None when nobody owns the folder."""
    folder = DataFolder(data_dir.resolve())
    if not _is_owned(folder):
        return None
    try:
        return dsn_at(Path(folder.socket_elsewhere.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return dsn_at(folder.socket)


def _is_owned(folder: DataFolder) -> bool:
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
