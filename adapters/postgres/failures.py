"""Which failures of the database pass by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout

from domain.errors import StoreUnavailable

_LIMIT_OF_PROGRAM_CLASS = "54"
"""Statement too complex, row too large and the like: psycopg counts them as operational, but they come again."""


@contextmanager
def unavailable_when_lost() -> Iterator[None]:
    """Turn a lost connection, a timeout, a deadlock or a full server into `StoreUnavailable`; our own faults pass."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
        sqlstate = getattr(error, "sqlstate", None) or ""
        if sqlstate.startswith(_LIMIT_OF_PROGRAM_CLASS):
            raise
        raise StoreUnavailable from error
