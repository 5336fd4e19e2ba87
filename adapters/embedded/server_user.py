"""Which system user runs the server: Postgres refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded.errors import EmbeddedPostgresError

SYSTEM_USER = "turnlog"


@dataclass(frozen=True, kw_only=True)
class ServerUser:
    """The system user that owns the cluster's files and runs its processes."""

    name: str
    user_id: int
    group_id: int

    @property
    def is_other(self) -> bool:
        """True when this process is root and starts the server as somebody else."""
        return self.user_id != os.geteuid()


def choose_server_user(cluster: Path) -> ServerUser:
    """This user; for root the owner of an existing cluster, else an own system user, else `nobody`."""
    if os.geteuid() != 0:
        user = _entry(os.geteuid())
        _refuse_cluster_of_another(cluster, user)
        return user
    if cluster.exists() and cluster.stat().st_uid != 0:
        return _entry(cluster.stat().st_uid)
    return _own_system_user() or _by_name("nobody")


def _refuse_cluster_of_another(cluster: Path, user: ServerUser) -> None:
    if cluster.exists() and cluster.stat().st_uid != user.user_id:
        raise EmbeddedPostgresError(
            f"The database in {cluster} belongs to the user id {cluster.stat().st_uid}, and you are {user.name!r}. "
            "Start the service as the user who made it (or as root), or set TURNLOG_DATA_DIR to a folder of your own."
        )


def _own_system_user() -> ServerUser | None:
    """The system user, made when it is missing; None where this machine does not let us make one."""
    if (user := _by_name_or_none(SYSTEM_USER)) is not None:
        return user
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        subprocess.run(  # noqa: S603 - a fixed command line
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=False,
            capture_output=True,
        )
    # Looked up even after a failure: another process may have made the user at the same moment.
    return _by_name_or_none(SYSTEM_USER)


def _by_name(name: str) -> ServerUser:
    user = _by_name_or_none(name)
    if user is None:
        raise EmbeddedPostgresError(
            f"Postgres refuses to run as root, and this machine has neither the system user {SYSTEM_USER!r} nor "
            f"{name!r}. Create one (useradd --system {SYSTEM_USER}), or start the service as an ordinary user."
        )
    return user


def _by_name_or_none(name: str) -> ServerUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return ServerUser(name=entry.pw_name, user_id=entry.pw_uid, group_id=entry.pw_gid)


def _entry(user_id: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(user_id)
    except KeyError:
        raise EmbeddedPostgresError(
            f"The user id {user_id} has no name in /etc/passwd, and Postgres refuses to run without one. "
            "Start the service as a user with a name, or set DATABASE_URL to another Postgres."
        ) from None
    return ServerUser(name=entry.pw_name, user_id=entry.pw_uid, group_id=entry.pw_gid)
