"""How this adapter connects: one place for the options of every connection."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

APPLICATION_ROLE = "turnlog_application"
CONNECT_TIMEOUT_S = 3

_DEFAULTS: dict[str, str | int | None] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "turnlog",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def service_conninfo(dsn: str, *, statement_timeout_s: float, role: str | None) -> str:
    """The DSN with bounded waits, dead-peer detection, explicit durability and the role to act as.

    What the DSN's own `options` say wins, so that a commit may wait for standbys as well.
    """
    given: dict[str, Any] = conninfo_to_dict(dsn)
    options = [
        "-c synchronous_commit=on",
        f"-c statement_timeout={int(statement_timeout_s * 1_000)}",
        "-c timezone=UTC",
        # Every statement of the service has its index. A plan is kept for as long as its connection, and one that was
        # made while a table was small would go on reading all of it when it is large.
        "-c enable_seqscan=off",
        str(given.pop("options", None) or ""),
        f"-c role={role}" if role else "",
    ]
    parameters: dict[str, str | int | None] = {**_DEFAULTS, **given, "options": " ".join(filter(None, options))}
    return make_conninfo("", **parameters)


async def connect(dsn: str) -> psycopg.AsyncConnection[TupleRow]:
    """A dedicated connection: autocommit, and every statement prepared once."""
    return await psycopg.AsyncConnection.connect(dsn, autocommit=True, prepare_threshold=0)
