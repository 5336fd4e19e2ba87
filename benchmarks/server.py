"""The Postgres of a run: started for it on a real disk, or the one that DATABASE_URL names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.embedded.binaries import find_binaries
from app.settings import Settings

MEMORY_FILESYSTEMS: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})
TRAVERSABLE: Final = 0o755


@dataclass(frozen=True, slots=True)
class Server:
    dsn: str
    """Of a maintenance database, from which fresh ones are made."""
    bin_dir: Path | None
    disk: Path | None
    """A folder on the disk the server writes to; None when it is not started by this run."""


@contextmanager
def server_for_run() -> Iterator[Server]:
    """Blocks while Postgres starts; call it from the main thread, outside any event loop."""
    settings = Settings.from_environment(os.environ)
    if settings.database_url is not None:
        yield Server(dsn=settings.database_url, bin_dir=_programs(settings.pg_bin), disk=None)
        return
    with TemporaryDirectory(prefix="turnlog-bench-", dir=_folder_on_disk()) as folder:
        # Postgres refuses root: the system user it runs as must be able to pass through.
        Path(folder).chmod(TRAVERSABLE)
        with EmbeddedPostgres(Path(folder) / "data", durable=True, pg_bin=settings.pg_bin) as postgres:
            yield Server(dsn=postgres.dsn, bin_dir=postgres.bin_dir, disk=Path(folder))


def filesystem_of(folder: Path) -> str:
    """Its type, such as ext4; "unknown" where the system does not tell."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return "unknown"
    found = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    at = folder.resolve()
    covering = [(len(mount[1]), mount[2]) for mount in found if at.is_relative_to(mount[1])]
    return max(covering)[1] if covering else "unknown"


def _programs(chosen: Path | None) -> Path | None:
    """pgbench also runs against somebody else's server."""
    try:
        return find_binaries(chosen).folder
    except EmbeddedPostgresError:
        return None


def _folder_on_disk() -> Path:
    """The first usual folder that is not memory; else the usual one, and the report names its filesystem."""
    usual = [Path(gettempdir()), Path("/var/tmp"), Path.home(), Path.cwd()]
    on_disk = [folder for folder in usual if folder.is_dir() and filesystem_of(folder) not in MEMORY_FILESYSTEMS]
    return on_disk[0] if on_disk else usual[0]
