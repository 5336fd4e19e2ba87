"""One line, and a stranger sees a conversation live; also when the service is killed in the middle."""

import os
import re
import signal
import subprocess
import sys
import time

SPEED = "40"


def demo() -> "subprocess.Popen[str]":
    """Without a terminal: plain lines."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", "demo", "--speed", SPEED, "--dialogues", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_shows_dialogues_and_goes_on_when_the_service_is_killed() -> None:
    # given a demo that has begun
    process = demo()
    assert process.stdout is not None
    first_line = process.stdout.readline()
    service_id = re.search(r"kill -9 (\d+)", first_line)
    assert service_id is not None, first_line
    said = ""
    while "SPEAKING" not in said:
        said += process.stdout.readline()
    # when its service is killed
    os.kill(int(service_id[1]), signal.SIGKILL)
    rest, _ = process.communicate(timeout=90)
    # then it goes on to the end, and nothing was missed
    assert process.returncode == 0, rest
    assert "nothing missed" in rest
    assert rest.count("ENDED") >= 2
    assert "ENDED" not in said


def test_whoever_has_seen_enough_leaves_nothing_behind() -> None:
    process = demo()
    assert process.stdout is not None
    service_id = re.search(r"kill -9 (\d+)", process.stdout.readline())
    assert service_id is not None
    while "PROCESSING" not in process.stdout.readline():
        pass
    # when it is interrupted, as by Ctrl-C
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    # then it has ended, and so has its service
    assert process.returncode == 130
    deadline_s = time.monotonic() + 5
    while os.path.exists(f"/proc/{service_id[1]}") and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{service_id[1]}")
