"""The process of the service: its database, its server, its first lines and its end."""

import gc
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

from adapters.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.postgres.durability import UnfitDatabase
from adapters.postgres.epoch_watch import EpochOver
from adapters.postgres.migrate import MigrationError
from adapters.postgres.reachable import DatabaseUnreachable
from app.http.application import create_application
from app.logs import configure_logs
from app.server import Server, server_config
from app.settings import Settings
from app.wiring import open_service

LISTEN_BACKLOG = 2_048
COLLECTOR_THRESHOLDS = (20_000, 20, 50)


class CannotServe(Exception):
    """The service did not start, or did not go on; the sentence says why and what to do."""


def serve(settings: Settings) -> None:
    """Run the service until it is told to stop.

    Raises:
        CannotServe: it did not start, or one of its tasks failed.
    """
    configure_logs(settings.log_level)
    _allow_many_sockets()
    try:
        with _listening(settings) as listener, _database(settings) as (dsn, description):
            uvloop.run(_serve(settings, dsn, description, listener))
    except (EmbeddedPostgresError, DatabaseUnreachable, MigrationError, UnfitDatabase) as error:
        raise CannotServe(str(error)) from error
    except BaseExceptionGroup as failures:
        raise CannotServe(_what_failed(failures)) from None
    sys.stdout.write("Turnlog has stopped.\n")


def _allow_many_sockets() -> None:
    """Each socket is a descriptor: take as many as this process may have, not the few that programs begin with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _spare_the_collector() -> None:
    """Thousands of sockets are millions of objects that all live on: looking through them again and again took a third
    of the time in which 5,000 clients connect."""
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _what_failed(failures: BaseExceptionGroup[BaseException]) -> str:
    """The kinds of the failures alone: their texts may quote what people said."""
    if (over := failures.subgroup(EpochOver)) is not None:
        return _first_of(over)
    kinds: list[str] = []
    rest: list[BaseException] = [failures]
    while rest:
        failure = rest.pop()
        if isinstance(failure, BaseExceptionGroup):
            rest.extend(failure.exceptions)
        else:
            kinds.append(type(failure).__name__)
    return (
        f"A task of the service failed ({', '.join(kinds)}), so all of it has stopped. What was acknowledged is stored."
    )


def _first_of(failures: BaseExceptionGroup[BaseException]) -> str:
    """The sentence of a failure whose text is all our own."""
    first: BaseException = failures
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, str]]:
    """The DSN, and what to call the database in the first lines."""
    if settings.database_url is not None:
        yield settings.database_url, "Postgres of DATABASE_URL"
        return
    with EmbeddedPostgres(settings.data_dir, pg_bin=settings.pg_bin) as postgres:
        yield postgres.dsn, f"embedded Postgres {postgres.version} in {postgres.data_dir}"


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Take the address first: nothing else needs to start where it is taken."""
    try:
        listener = socket.create_server(
            (settings.host, settings.port),
            family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
            backlog=LISTEN_BACKLOG,
        )
    except OSError as error:
        raise CannotServe(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another with --port, or --port 0 for any that is free."
        ) from error
    with listener:
        yield listener


async def _serve(settings: Settings, dsn: str, database: str, listener: socket.socket) -> None:
    async with open_service(settings, dsn) as parts:
        application = create_application(
            parts.service, event_streams=parts.event_streams, websocket_handlers=parts.sockets()
        )
        server = Server(server_config(application, settings.socket_ping_interval_s), parts.drain.run)
        _spare_the_collector()
        _say_first_lines(settings.host, listener.getsockname()[1], database)
        with _signals_end_only_the_server():
            await server.serve(sockets=[listener])


@contextmanager
def _signals_end_only_the_server() -> Iterator[None]:
    """Uvicorn stops on a signal and then raises it again, which would end the process before the rest has stopped."""
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_first_lines(host: str, port: int, database: str) -> None:
    """What runs where, how to read about it, how to stop it."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = (
        "Turnlog is running.",
        f"  REST       http://{address}/api/v2/conversations",
        f"  WebSocket  ws://{address}/api/ws/conversations/ID",
        f"  feed       ws://{address}/api/ws/feed",
        f"  docs       http://{address}/docs",
        f"  database   {database}",
        "  stop       Ctrl-C",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
