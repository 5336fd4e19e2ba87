"""Every setting of the service: read from the environment here and nowhere else.

A limit has its unit in its name. `docs/reference/settings.md` is generated from this class.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import msgspec
from msgspec import Meta

from adapters.embedded.data_folder import default_data_dir

MEBIBYTES = 2**20

# The names that other tools know too; every other variable is TURNLOG_ and the field's name in capitals.
SHARED_VARIABLES = {"database_url": "DATABASE_URL"}


class InvalidSetting(Exception):
    """An environment variable has a value that cannot be used; the sentence names it."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"The environment variable {variable} is not usable: {reason}.")
        self.variable = variable


def _data_dir_of_this_user() -> Path:
    return default_data_dir(os.environ)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Made once, in the composition root, and passed down."""

    host: Annotated[str, Meta(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")] = 8000
    database_url: Annotated[
        str | None,
        Meta(description="A libpq URI of a Postgres >= 14. Without it the Postgres that comes with the package runs."),
    ] = None
    data_dir: Annotated[
        Path,
        Meta(
            description="The folder of the embedded Postgres.",
            extra={"default": "`~/.local/share/turnlog`, or `/var/lib/turnlog` for root when its home is closed"},
        ),
    ] = msgspec.field(default_factory=_data_dir_of_this_user)
    pg_bin: Annotated[
        Path | None,
        Meta(
            description="The folder with `postgres` and `initdb` for the embedded Postgres.",
            extra={"default": "those of the package, else the system's"},
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least important line that is logged.")
    ] = "info"

    append_queue_max_commands: Annotated[
        int,
        Meta(ge=1, le=10_000_000, description="Commands that may wait for a flush; more are refused as `overloaded`."),
    ] = 10_000
    append_queue_max_bytes: Annotated[
        int, Meta(ge=1, description="Bytes of events that may wait for a flush; more are refused as `overloaded`.")
    ] = 64 * MEBIBYTES
    append_batch_max_commands: Annotated[
        int, Meta(ge=1, le=100_000, description="Commands that one flush carries; the others wait for the next.")
    ] = 128
    append_batch_max_bytes: Annotated[
        int, Meta(ge=1, description="Bytes of events that one flush carries; one larger command goes alone.")
    ] = 4 * MEBIBYTES
    append_statement_timeout_s: Annotated[
        float, Meta(gt=0, le=3_600, description="How long one append may take in the database before it is given up.")
    ] = 5.0
    append_outcome_deadline_s: Annotated[
        float,
        Meta(gt=0, le=3_600, description="How long a caller waits for the outcome; then a 503 says it is unknown."),
    ] = 5.0
    aggregate_cache_max_count: Annotated[
        int, Meta(ge=0, description="Conversations kept folded in memory; the least recently used one makes room.")
    ] = 20_000
    aggregate_cache_max_bytes: Annotated[
        int, Meta(ge=0, description="Bytes of conversations kept folded in memory, as above.")
    ] = 256 * MEBIBYTES
    snapshot_every_events: Annotated[
        int,
        Meta(ge=0, le=100_000, description="How often a long conversation leaves a snapshot to be read from; 0 never."),
    ] = 100
    read_pool_max_connections: Annotated[
        int, Meta(ge=1, le=1_000, description="Database connections for reads; a read waits for a free one.")
    ] = 8
    feed_poll_interval_s: Annotated[
        float, Meta(gt=0, le=60, description="How often the event feed looks when no notification comes.")
    ] = 1.0
    projection_page_events: Annotated[
        int, Meta(ge=1, le=100_000, description="Events that a projection writes in one transaction.")
    ] = 1_000
    min_position_wait_s: Annotated[
        float, Meta(ge=0, le=60, description="How long a read with `min_position` waits before it says it is stale.")
    ] = 2.0
    allowed_origins: Annotated[
        tuple[str, ...],
        Meta(
            description="The origins, separated by commas, whose pages may open a WebSocket, such as "
            "`https://app.example.com`; `*` allows every page. The pages of this service's own address always may; "
            "on a loopback address, every page of this machine may."
        ),
    ] = ()
    socket_messages_per_s: Annotated[
        float, Meta(gt=0, le=1_000_000, description="Frames a second that one client may send over its socket.")
    ] = 20.0
    socket_messages_burst: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Frames that one client may send at once, before the rate counts.")
    ] = 60
    sockets_max_per_address: Annotated[
        int,
        Meta(
            ge=1,
            description="Sockets and event streams from one address; more are answered 429 before anything else is "
            "done.",
        ),
    ] = 10_000
    sockets_max_per_tenant: Annotated[
        int,
        Meta(
            ge=1,
            description="Sockets and event streams of one tenant in this process; more are closed with 1013 or "
            "answered 503.",
        ),
    ] = 50_000
    handshakes_max_count: Annotated[
        int, Meta(ge=1, le=10_000, description="Sockets that may read the database for their handshake at a time.")
    ] = 32
    handshake_timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="How long a handshake may take; then the socket is closed with 4408.")
    ] = 5.0
    socket_ping_interval_s: Annotated[
        float,
        Meta(gt=0, le=3_600, description="A client that has not answered a ping by the next one is closed with 1011."),
    ] = 20.0
    drain_notice_s: Annotated[
        float, Meta(ge=0, le=10, description="How long a stopping service answers 503 to readiness before it drains.")
    ] = 1.0
    drain_spread_s: Annotated[
        float, Meta(ge=0, le=15, description="Over how long a stopping service closes its sockets, batch by batch.")
    ] = 5.0
    allow_unsafe_durability: Annotated[
        bool, Meta(description="Start although the database does not flush (`fsync` or `full_page_writes` off).")
    ] = False

    def __repr__(self) -> str:
        """Without the values: `database_url` may hold a password, and this text ends up in logs."""
        return f"<{type(self).__name__}>"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """What is not set, or set to nothing, has its default. Raises InvalidSetting."""
        values: dict[str, Any] = {"data_dir": default_data_dir(environ)}
        for field in msgspec.structs.fields(cls):
            variable = variable_of(field.name)
            if text := environ.get(variable):
                values[field.name] = _parse(variable, text, field.type)
        return cls(**values)


def variable_of(field_name: str) -> str:
    """The environment variable of a field."""
    return SHARED_VARIABLES.get(field_name, f"TURNLOG_{field_name.upper()}")


def _parse(variable: str, text: str, wanted: Any) -> Any:
    is_list = get_args(wanted)[:1] == (tuple[str, ...],)
    given = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    try:
        return msgspec.convert(given, wanted, strict=False, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        # msgspec tells what it wanted and what it got, but not the text itself: that may be a secret.
        raise InvalidSetting(variable, str(error)) from error


def _decode_path(wanted: type, value: Any) -> Any:
    """The one type here that msgspec does not know."""
    if wanted is not Path:
        raise NotImplementedError
    return Path(value).expanduser()
