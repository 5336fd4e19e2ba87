"""Where the unix socket stands: a socket's path has a limit, and a data folder's path may be longer."""

import os
import shutil
import tempfile
from pathlib import Path

from adapters.embedded.data_folder import DataFolder, give_to, write_file
from adapters.embedded.server_user import ServerUser

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX_BYTES = 107
SHORT_PREFIX = "/tmp/turnlog-socket-"  # noqa: S108 - made with mkdtemp: a new private folder, never one that is there


def prepare_socket_folder(folder: DataFolder, user: ServerUser) -> Path:
    """The folder `socket` in the data folder; a new private one in /tmp when that path is too long.

    Only the owner of the folder's lock may call this, after orphans are gone: it removes what they left.
    """
    remove_socket_elsewhere(folder)
    if len(os.fsencode(folder.socket / SOCKET_NAME)) <= SOCKET_PATH_MAX_BYTES:
        # Made anew: what is in it belongs to a server that is gone, or to the user of an earlier start.
        shutil.rmtree(folder.socket, ignore_errors=True)
        folder.socket.mkdir(mode=0o700)
        give_to(user, folder.socket)
        return folder.socket
    short = Path(tempfile.mkdtemp(prefix=Path(SHORT_PREFIX).name, dir=Path(SHORT_PREFIX).parent))
    give_to(user, short)
    write_file(folder.socket_elsewhere, str(short))
    return short


def remove_socket_elsewhere(folder: DataFolder) -> None:
    """Remove the short folder of an earlier start; harmless when there is none."""
    try:
        short = folder.socket_elsewhere.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    if short.startswith(SHORT_PREFIX) and ".." not in short:
        shutil.rmtree(short, ignore_errors=True)
    folder.socket_elsewhere.unlink(missing_ok=True)
