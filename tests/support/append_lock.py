"""Holds the lock that every append takes, so that a test decides how far a writer comes."""

from typing import Self

import psycopg

from tests.support.waiting import until


class AppendGate:
    """Closed while it is held: writers wait at it. Each connection of ours stands in the queue like any other."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._watching = psycopg.connect(dsn, autocommit=True)
        self._holding = self._connect()
        self._holding.execute("SELECT pg_advisory_lock(turnlog_append_lock())")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._watching.close()

    def waiting(self) -> int:
        """How many stand in the queue."""
        row = self._watching.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        assert row is not None
        return int(row[0])

    async def let_one_pass(self) -> None:
        """The writer who waits stores one batch, and waits again: we stand behind it in the queue."""
        await until(lambda: self.waiting() == 1, PATIENCE_S)
        following = self._connect()
        # The answer comes when the lock is ours; until then the request stands in the queue.
        following.pgconn.send_query(b"SELECT pg_advisory_lock(turnlog_append_lock())")
        await until(lambda: self.waiting() == 2, PATIENCE_S)
        self._holding.close()
        self._holding = following
        await until(self._is_held, PATIENCE_S)
        await until(lambda: self.waiting() == 1, PATIENCE_S)

    def open(self) -> None:
        """Everybody may pass."""
        self._holding.close()

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._dsn, autocommit=True)

    def _is_held(self) -> bool:
        pgconn = self._holding.pgconn
        pgconn.consume_input()
        return not pgconn.is_busy()


PATIENCE_S = 30.0
