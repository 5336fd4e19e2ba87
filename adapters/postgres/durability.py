"""What the database must promise before anything is acknowledged in its name."""

import structlog
from msgspec import Struct

from adapters.postgres.connection import connect, service_conninfo

MIN_SERVER_MAJOR = 14
STATEMENT_TIMEOUT_S = 5.0

_LOSSY_VALUE = "off"
_SETTINGS = {
    "fsync": "a power cut would lose events that were acknowledged",
    "full_page_writes": "a power cut in the middle of a write would leave a page that is half old",
    "synchronous_commit": "a crash would lose the events that were acknowledged last",
}

logger = structlog.get_logger()


class UnfitDatabase(Exception):
    """The database cannot be used as it is set up. The sentence says why, and what to do about it."""


class ServerTooOld(UnfitDatabase):
    """Older than what this code is tested on."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"The database is Postgres {version}; Turnlog needs {MIN_SERVER_MAJOR} or newer. Upgrade the server with "
            "pg_upgrade, or leave DATABASE_URL unset to use the Postgres that comes with the package."
        )
        self.version = version


class UnsafeDurability(UnfitDatabase):
    """The server answers a commit before it is on the disk. `settings` are the names that are off."""

    def __init__(self, settings: tuple[str, ...]) -> None:
        reasons = "; ".join(f"{name} is off: {_SETTINGS[name]}" for name in settings)
        super().__init__(
            f"The database does not keep what it acknowledges ({reasons}). Turn it on in the server's configuration, "
            "or set TURNLOG_ALLOW_UNSAFE_DURABILITY=true if losing events is acceptable."
        )
        self.settings = settings


class Durability(Struct, frozen=True):
    """What the server says of itself. `unsafe` are the settings that would lose acknowledged events."""

    version: str
    unsafe: tuple[str, ...]


async def check_durability(dsn: str, *, allow_unsafe: bool = False) -> Durability:
    """Ask the server, over a connection like the one that appends. What is unsafe and allowed becomes a warning.

    Raises:
        ServerTooOld: whatever is allowed.
        UnsafeDurability: unless it is allowed.
        psycopg.OperationalError: the database cannot be reached.
    """
    durability = await _ask(dsn)
    if durability.unsafe and not allow_unsafe:
        raise UnsafeDurability(durability.unsafe)
    for name in durability.unsafe:
        logger.warning("durability_unsafe", setting=name, risk=_SETTINGS[name])
    return durability


async def _ask(dsn: str) -> Durability:
    conninfo = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    async with await connect(conninfo) as connection:
        version = connection.info.parameter_status("server_version") or ""
        if connection.info.server_version < MIN_SERVER_MAJOR * 10_000:
            raise ServerTooOld(version)
        cursor = await connection.execute(
            "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = %s ORDER BY name",
            [list(_SETTINGS), _LOSSY_VALUE],
        )
        return Durability(version, tuple([name for (name,) in await cursor.fetchall()]))
