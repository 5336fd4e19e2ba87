"""Runs the service, the watch and the replay as processes of their own, as three terminals would."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

POLL_INTERVAL_S: Final = 0.2
LAST_WORDS_S: Final = 1.0
"""How long the watch goes on when the dialogues are over."""
STOP_MAX_S: Final = 20.0
INTERRUPTED: Final = 130

_TURNLOG: Final = (sys.executable, "-m", "app")
_REST_LINE: Final = re.compile(r"REST +(?P<url>http://\S+?)/api")


class CannotStage(Exception):
    """The service does not start; the sentence says why."""


class SupervisedService:
    """`turnlog serve` on a folder of its own; started again on the same port when it dies."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "service.log"
        own = {"TURNLOG_DATA_DIR": str(folder / "data"), "TURNLOG_DRAIN_NOTICE_S": "0", "TURNLOG_DRAIN_SPREAD_S": "0"}
        self._environment = {**os.environ, **own}
        self._environment.pop("DATABASE_URL", None)
        self._port = "0"
        self.url = ""
        self._process = self._start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def keep_alive(self) -> None:
        """Start it again if it is gone."""
        if self._process.poll() is not None:
            self._process = self._start()

    def stop(self) -> None:
        """Let it drain and end."""
        _end(self._process, signal.SIGTERM)

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*_TURNLOG, "serve", "--port", self._port],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the watch; the service is stopped last
            )
        assert process.stdout is not None
        for line in process.stdout:
            if found := _REST_LINE.search(line):
                self.url = found["url"]
                self._port = self.url.rpartition(":")[2]
                return process
        raise CannotStage(f"The service did not start. It said: {self._log.read_text().strip()}")


def play(speed: float, dialogues: int) -> int:
    """Play until the dialogues are over or somebody has seen enough. The exit status."""
    with tempfile.TemporaryDirectory(prefix="turnlog-demo-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # as root, the database runs as a user who has to pass through
        with _supervised(Path(folder)) as service:
            return _play_on(service, speed, dialogues)


def _play_on(service: SupervisedService, speed: float, dialogues: int) -> int:
    sys.stdout.write(f"The service is a process of its own. In another terminal, try: kill -9 {service.process_id}\n")
    sys.stdout.flush()
    watch = subprocess.Popen([*_TURNLOG, "watch", "--url", service.url])  # noqa: S603 - our own command
    replay = subprocess.Popen(  # noqa: S603 - our own command
        [*_TURNLOG, "replay", "--url", service.url, "--speed", str(speed), "--limit", str(dialogues)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while replay.poll() is None and watch.poll() is None:
            time.sleep(POLL_INTERVAL_S)
            service.keep_alive()
        time.sleep(LAST_WORDS_S)
        return replay.wait() if watch.poll() is None else INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        _end(watch, signal.SIGINT)
        _end(replay, signal.SIGINT)


@contextmanager
def _supervised(folder: Path) -> Iterator[SupervisedService]:
    service = SupervisedService(folder)
    try:
        yield service
    finally:
        service.stop()


def _end(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(STOP_MAX_S)
    except subprocess.TimeoutExpired:
        process.kill()
