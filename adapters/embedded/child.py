"""Starting programs: as the server's user, with nothing of the caller's, and never longer than the caller lives."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.server_user import ServerUser

_PR_SET_PDEATHSIG = 1


class UserSwitch(TypedDict, total=False):
    """Arguments of subprocess."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(
    user: ServerUser, command: Sequence[str | Path], *, text_input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end; the kernel kills it when this process dies before that."""
    try:
        return subprocess.run(  # noqa: S603 - only our own command lines
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            input=text_input,
            cwd="/",
            env=clean_environment(),
            preexec_fn=die_with_owner(signal.SIGKILL),
            **switch_user(user),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise cannot_run(command, user, error) from error


def switch_user(user: ServerUser) -> UserSwitch:
    """Drops root's rights; empty when there are none to drop."""
    if not user.is_other:
        return {}
    return {"user": user.user_id, "group": user.group_id, "extra_groups": []}


def clean_environment() -> dict[str, str]:
    """No PG* variable, locale or time zone of the caller may change what the programs do."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def die_with_owner(number: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends this signal to the child when its owner dies, even by kill -9.

    The kernel ties it to the *thread* that starts the child: a worker thread's end would stop the server. So only the
    main thread may start one, best before there are other threads (the code below runs between fork and exec).
    """
    if threading.current_thread() is not threading.main_thread():
        raise EmbeddedPostgresError(
            "The embedded Postgres dies with the thread that starts it: start it from the main thread."
        )
    owner = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def bind() -> None:
        # subprocess has changed the user by now; doing it afterwards would clear this.
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != owner:
            os._exit(1)  # the owner died in between: nobody would send the signal

    return bind


def cannot_run(command: Sequence[str | Path], user: ServerUser, error: Exception) -> EmbeddedPostgresError:
    """The sentence for a program that did not even start."""
    return EmbeddedPostgresError(
        f"Cannot run {command[0]} as the system user {user.name!r}: {error}. "
        "Start the service as an ordinary user, or set DATABASE_URL to another Postgres."
    )
