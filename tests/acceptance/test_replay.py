"""`turnlog replay` against `turnlog serve`, both as real processes, on the sample that comes with it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.console.replay import SAMPLE
from app.replay.dialogues import Dialogue, read_dialogues
from tests.support.postgres import temporary_folder
from tests.support.rest import CONVERSATIONS, path
from tests.support.served import ServedProcess

PATIENCE_S = 60.0
KILLS = 2
SECONDS_BETWEEN_KILLS = 0.7


@pytest.fixture(scope="module")
def served() -> Iterator[ServedProcess]:
    """A service that the tests of this file share."""
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        yield served
        served.stop()


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    """The sample."""
    with SAMPLE.open("rb") as lines:
        return [one for one in read_dialogues(lines) if isinstance(one, Dialogue)]


def start_replay(url: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command: list[str | Path] = [sys.executable, "-m", "app", "replay", "--url", url, "--json", *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """The exit status, the summary, and what was said beside it."""
    output, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, json.loads(output) if output else {}, said


def active_conversations(url: str) -> list[str]:
    listed = httpx.get(f"{url}{CONVERSATIONS}", params={"is_active": "true", "limit": 100}).json()
    return [conversation["id"] for conversation in listed["data"]]


def wait_until_active(url: str, count: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    while len(active := active_conversations(url)) < count:
        assert time.monotonic() < deadline, "the conversations did not begin"
        time.sleep(0.05)
    return active


def test_the_sample_goes_through_without_loss_or_difference(served: ServedProcess, dialogues: list[Dialogue]) -> None:
    status, summary, said = finish(start_replay(served.url, "--speed", "max"))

    assert (status, summary["differences"]) == (0, []), said
    turns = sum(len(dialogue.turns) for dialogue in dialogues)
    assert (summary["conversations"], summary["turns"], summary["messages"]) == (20, turns, turns)
    # started and ended, and two events for each turn
    assert summary["events"] == 2 * turns + 2 * len(dialogues)
    assert summary["interims_received"] == summary["interims_sent"] > turns
    assert summary["frames_received"] > summary["events"] + summary["interims_received"]
    assert 0 < summary["ack_p50_ms"] <= summary["ack_p95_ms"] <= summary["ack_p99_ms"]
    assert summary["reconnects"] == 0
    assert active_conversations(served.url) == []


def test_kill_9_in_the_middle_loses_and_doubles_nothing(dialogues: list[Dialogue]) -> None:
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        replay = start_replay(served.url, "--speed", "60")

        for _ in range(KILLS):
            time.sleep(SECONDS_BETWEEN_KILLS)
            served.kill()
            served.start()
        assert replay.poll() is None, "the replay was over before the last kill"
        status, summary, said = finish(replay)
        left_open = active_conversations(served.url)
        served.stop()

    assert (status, summary["differences"]) == (0, []), said
    assert summary["conversations"] == 20
    assert summary["messages"] == sum(len(dialogue.turns) for dialogue in dialogues)
    assert summary["reconnects"] >= KILLS
    assert left_open == []


def test_a_message_too_many_is_a_difference_with_its_conversation(served: ServedProcess) -> None:
    replay = start_replay(served.url, "--speed", "60", "--limit", "3")
    disturbed = wait_until_active(served.url, 3)[0]

    note = {"content": "Nobody said this.", "role": "system"}
    assert httpx.post(f"{served.url}{path(disturbed, '/messages')}", json=note).status_code == 201
    status, summary, _ = finish(replay)

    assert status == 1
    assert summary["difference_count"] > 0
    assert {difference["conversation_id"] for difference in summary["differences"]} == {disturbed}
    assert active_conversations(served.url) == []


def test_ctrl_c_ends_the_conversations_and_says_what_was_done(served: ServedProcess) -> None:
    replay = start_replay(served.url, "--speed", "1")
    wait_until_active(served.url, 20)

    replay.send_signal(signal.SIGINT)
    status, summary, said = finish(replay)

    assert (status, summary["is_stopped"], summary["differences"]) == (130, True, [])
    assert "Traceback" not in said
    assert active_conversations(served.url) == []


def test_a_service_that_stays_away_stops_the_run() -> None:
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        replay = start_replay(served.url, "--speed", "1", "--concurrency", "2", "--patience", "1")
        wait_until_active(served.url, 2)
        served.kill()
        status, summary, _ = finish(replay)

    assert (status, summary["is_stopped"]) == (1, True)
    assert {difference["what"].partition(",")[0] for difference in summary["differences"]} == {"no success for 1 s"}


def test_bad_lines_are_named_and_skipped(served: ServedProcess, tmp_path: Path) -> None:
    file = tmp_path / "dialogues.jsonl"
    good = json.dumps({"dialogue_id": "1", "turns": [{"speaker": "agent", "utterance": "Welcome."}]})
    file.write_text(f"{good}\n\nnonsense\n")

    status, summary, said = finish(start_replay(served.url, file))

    assert (status, summary["conversations"], summary["skipped_lines"]) == (0, 1, 1)
    assert "line 3 skipped" in said


def test_without_a_service_it_says_how_to_start_one() -> None:
    status, summary, said = finish(start_replay("http://127.0.0.1:9"))

    assert (status, summary) == (1, {})
    assert "Start one with `turnlog serve`" in said
    assert "Traceback" not in said
