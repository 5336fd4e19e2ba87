"""The settings the embedded server runs with, each with its reason."""

from collections.abc import Mapping

DURABLE = {
    "fsync": "on",  # an acknowledged event must survive a power cut
    "full_page_writes": "on",  # so must the page it stands on, when the cut comes in the middle of a write
    "synchronous_commit": "on",  # the commit answers after the flush, not before
    "shared_buffers": "256MB",  # the hot end of the event table and its indexes; modest for a laptop
    "max_wal_size": "2GB",  # fewer checkpoints under load, each of which makes the next writes dearer
    "checkpoint_timeout": "15min",  # the same reason; a crash then replays at most 2 GB, some seconds
}

FOR_TESTS = {
    "fsync": "off",  # a test's data is thrown away: waiting for the disk proves nothing
    "full_page_writes": "off",  # as above
    "synchronous_commit": "off",  # as above; durability tests start a durable server
    "shared_buffers": "64MB",  # several of these may run at once
    "max_wal_size": "1GB",  # no checkpoint in the middle of a test
}

ALWAYS = {
    "listen_addresses": "",  # no TCP: the unix socket's folder is private, and the kernel says who connects
    "port": "5432",  # only a part of the socket's file name
    "unix_socket_permissions": "0700",  # the server's user, and root
    "max_connections": "100",  # the service takes about 20; the rest is for psql, benchmarks and tests
    "timezone": "UTC",  # times mean the same on every machine
    "log_timezone": "UTC",  # as above
    "jit": "off",  # every hot statement is short; compiling it costs more than running it
    "log_error_verbosity": "terse",  # DETAIL would print rows, and rows hold what people said
    "log_min_error_statement": "panic",  # for the same reason no statement is printed
}


def server_settings(
    *, durable: bool, with_lz4: bool, socket_folder: str, hba_file: str, ident_file: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """Everything that is given on the server's command line; `extra` wins over the defaults."""
    return {
        **ALWAYS,
        **(DURABLE if durable else FOR_TESTS),
        **({"wal_compression": "lz4"} if with_lz4 else {}),  # halves the full-page images at little cost
        "unix_socket_directories": _quoted(socket_folder),
        "hba_file": hba_file,
        "ident_file": ident_file,
        **extra,
    }


def as_arguments(settings: Mapping[str, str]) -> list[str]:
    """`-c name=value` for each."""
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]


def _quoted(path: str) -> str:
    # The setting is a list of folders: unquoted, a comma in the path would start the next one.
    return '"' + path.replace('"', '""') + '"'
