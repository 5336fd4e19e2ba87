"""The server's process: started so that it dies with its owner, found again by its folder, stopped in steps."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.server_user import ServerUser, clean_environment, run_as, switch_user

FAST_SHUTDOWN = signal.SIGINT  # refuse new work, roll back what is open, write a checkpoint, go
IMMEDIATE_SHUTDOWN = signal.SIGQUIT  # go at once; the next start replays the log
FAST_SHUTDOWN_MAX_S = 30.0
IMMEDIATE_SHUTDOWN_MAX_S = 5.0

_PR_SET_PDEATHSIG = 1


def start_with_owner(
    user: ServerUser, command: Sequence[str | Path], *, cluster: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a server that the kernel shuts down when this process dies, even by kill -9.

    The kernel ties that to the *thread* that starts it: a worker thread's end would stop the server, so only the
    main thread may call this.
    """
    if threading.current_thread() is not threading.main_thread():
        raise EmbeddedPostgresError(
            "Start the embedded Postgres from the main thread: it dies with the thread that starts it."
        )
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - only our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cluster,
            env=clean_environment(),
            # A session of its own: Ctrl-C in the terminal is for the service, which stops the server when it is done.
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - runs in the main thread, before any other exists
            **switch_user(user),
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask for a clean stop; after 30 s insist, after 5 s more kill. Returns when it is gone."""
    for step, patience_s in ((FAST_SHUTDOWN, FAST_SHUTDOWN_MAX_S), (IMMEDIATE_SHUTDOWN, IMMEDIATE_SHUTDOWN_MAX_S)):
        process.send_signal(step)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    process.kill()
    process.wait()


def stop_orphans(user: ServerUser, cluster: Path) -> bool:
    """End the servers that still run on a cluster nobody owns. True when there was one.

    Only the owner of the folder's lock may call this. An orphan is stopped and not kept: it would not die with its
    new owner, and it runs with the settings of an earlier start.
    """
    if not servers_of(user, cluster):
        return False
    postmaster = postmaster_of(cluster)
    steps = ((FAST_SHUTDOWN, FAST_SHUTDOWN_MAX_S), (IMMEDIATE_SHUTDOWN, IMMEDIATE_SHUTDOWN_MAX_S))
    for step, patience_s in steps:
        running = servers_of(user, cluster)
        # Without its postmaster the others notice and leave by themselves.
        _signal_all(step, [process for process in running if process == postmaster])
        if _wait_until(lambda: not servers_of(user, cluster), patience_s):
            return True
    _signal_all(signal.SIGKILL, servers_of(user, cluster))
    _wait_until(lambda: not servers_of(user, cluster), IMMEDIATE_SHUTDOWN_MAX_S)
    return True


def servers_of(user: ServerUser, cluster: Path) -> list[int]:
    """Processes of a Postgres that works in this folder: not zombies, not others that got an old number."""
    candidates = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit() and _is_postgres(entry)]
    if not candidates:
        return []
    # Asked as the server's user: in many containers even root may not look at the folder of another's process.
    script = 'folder=$1; shift; for id; do [ "/proc/$id/cwd" -ef "$folder" ] && echo "$id"; done; true'
    answer = run_as(user, ["sh", "-c", script, "sh", cluster, *candidates])
    return [int(line) for line in answer.stdout.split()]


def postmaster_of(cluster: Path) -> int | None:
    """The number in the cluster's pid file; the process may be long gone."""
    lines = pid_file_lines(cluster)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def pid_file_lines(cluster: Path) -> list[str]:
    """Line 1 is the process, line 8 its state; empty when there is no file."""
    try:
        return (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _is_postgres(entry: Path) -> bool:
    try:
        return (entry / "comm").read_text(encoding="utf-8", errors="replace").strip() == "postgres"
    except OSError:
        return False  # it ended while we looked


def _signal_all(number: signal.Signals, processes: Sequence[int]) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def _wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def _die_with(owner: int) -> Callable[[], None]:
    """Runs in the child, between fork and exec, after the change of user (which would clear it)."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(FAST_SHUTDOWN))
        if os.getppid() != owner:
            os._exit(1)  # the owner died in between: nobody would send the signal

    return bind
