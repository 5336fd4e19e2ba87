"""A process that owns an embedded Postgres until it is told to stop, or killed.

    python -m tests.support.embedded_owner DATA_DIR [USER]

Started as root with a USER, it becomes that user first: an ordinary one, as on most machines. Prints the DSN when the
server takes connections, then waits for its standard input to end.
"""

import os
import pwd
import sys
from pathlib import Path

from adapters.embedded import EmbeddedPostgres


def main() -> None:
    data_dir, *user_names = sys.argv[1:]
    # While this is still root: the packages may lie where the other user may not go.
    server = EmbeddedPostgres(Path(data_dir), durable=False)
    for user_name in user_names:
        become(user_name)
    with server:
        print(server.dsn, flush=True)  # noqa: T201 - the test reads it
        sys.stdin.read()


def become(user_name: str) -> None:
    """Give up root for good."""
    entry = pwd.getpwnam(user_name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main()
