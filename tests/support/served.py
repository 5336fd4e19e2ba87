"""`turnlog serve` as a process of its own: started, killed and started again on the same data."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

START_MAX_S: Final = 30.0
STOP_MAX_S: Final = 35.0
COMMAND_MAX_S: Final = 60.0

_REST_LINE = re.compile(r"REST +http://(?P<address>\S+?)/api")


class ServedProcess:
    """The service on an embedded Postgres in `data_dir`, on a free port that it keeps over restarts.

    `release` is what the process runs before anything else: how a release differs from the code that is tested.
    """

    def __init__(self, data_dir: Path, environment: dict[str, str] | None = None, release: str | None = None) -> None:
        self._data_dir = data_dir
        self._environment = environment or {}
        self._release = release
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.log = data_dir.parent / f"{data_dir.name}.log"

    @property
    def data_dir(self) -> Path:
        return self._data_dir

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait for its first lines, which say that it serves."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command("serve", "--port", str(self._port)),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._all_environment(),
            )
        try:
            self._port = self._read_port()
        except AssertionError:
            self.kill()
            raise

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the same release, on the same database, until it ends."""
        return subprocess.run(
            self._command(*arguments),
            capture_output=True,
            text=True,
            env=self._all_environment(),
            timeout=COMMAND_MAX_S,
            check=False,
        )

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed by the process."""
        assert self._process is not None
        self._process.kill()
        self._close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and give its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._close()

    def wait(self) -> int:
        """Until it ends by itself, and its exit status."""
        return self._close()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _command(self, *arguments: str) -> list[str]:
        if self._release is None:
            return [sys.executable, "-m", "app", *arguments]
        return [sys.executable, "-c", f"{self._release}\nfrom app.cli import main\nmain()", *arguments]

    def _all_environment(self) -> dict[str, str]:
        return {**os.environ, "TURNLOG_DATA_DIR": str(self._data_dir), **self._environment}

    def _close(self) -> int:
        assert self._process is not None
        status = self._process.wait(timeout=STOP_MAX_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def _read_port(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + START_MAX_S
        said = ""
        while time.monotonic() < deadline and (line := self._process.stdout.readline()):
            said += line
            if found := _REST_LINE.search(line):
                return int(found["address"].rpartition(":")[2])
        raise AssertionError(
            f"the service did not start; it said {said!r} and logged {self.log.read_text()[-2_000:]!r}"
        )
