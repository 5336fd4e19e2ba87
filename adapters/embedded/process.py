"""The server's process: started so that it dies with its owner, found again by its folder, stopped in steps."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from adapters.embedded.child import cannot_run, clean_environment, die_with_owner, run_as, switch_user
from adapters.embedded.server_user import ServerUser

FAST_SHUTDOWN = signal.SIGINT  # refuse new work, roll back what is open, write a checkpoint, go
IMMEDIATE_SHUTDOWN = signal.SIGQUIT  # go at once; the next start replays the log
FAST_SHUTDOWN_MAX_S = 30.0
IMMEDIATE_SHUTDOWN_MAX_S = 5.0
STOP_STEPS = ((FAST_SHUTDOWN, FAST_SHUTDOWN_MAX_S), (IMMEDIATE_SHUTDOWN, IMMEDIATE_SHUTDOWN_MAX_S))


def start_server(
    user: ServerUser, command: Sequence[str | Path], *, cluster: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a server that the kernel shuts down, cleanly, when this process dies. Only from the main thread."""
    # Private: what the server says is for its owner.
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - only our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cluster,
            env=clean_environment(),
            # A session of its own: Ctrl-C in the terminal is for the service, which stops the server when it is done.
            start_new_session=True,
            preexec_fn=die_with_owner(FAST_SHUTDOWN),  # noqa: PLW1509 - see die_with_owner
            **switch_user(user),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise cannot_run(command, user, error) from error
    finally:
        os.close(output)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask for a clean stop; after 30 s insist, after 5 s more kill. Returns when it is gone."""
    for step, patience_s in STOP_STEPS:
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
    for step, patience_s in STOP_STEPS:
        if postmaster in servers_of(user, cluster):
            _signal(step, postmaster)
            _wait_until(lambda: not servers_of(user, cluster), patience_s)
    # Those whose postmaster was killed notice it and leave by themselves, unless they are very busy.
    if not _wait_until(lambda: not servers_of(user, cluster), IMMEDIATE_SHUTDOWN_MAX_S):
        for process in servers_of(user, cluster):
            _signal(signal.SIGKILL, process)
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


def remove_stale_pid_file(cluster: Path) -> None:
    """Postgres refuses to start when its old number now belongs to another process, or when the file is broken.

    Only the owner of the folder's lock may call this, when no server works there any more. A file whose process is
    gone is left to Postgres, which has checks of its own.
    """
    postmaster = postmaster_of(cluster)
    if postmaster is None or Path(f"/proc/{postmaster}").exists():
        (cluster / "postmaster.pid").unlink(missing_ok=True)


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


def _signal(number: signal.Signals, process: int | None) -> None:
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
