"""`turnlog show` beside `turnlog serve`, both as real processes."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.support.postgres import temporary_folder
from tests.support.rest import CONVERSATIONS, NOBODYS_ID, path
from tests.support.served import ServedProcess

PATIENCE_S = 60.0
NOTES = 120
"""More than a page of events."""


@pytest.fixture(scope="module")
def served() -> Iterator[ServedProcess]:
    """A service that the tests of this file share."""
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        yield served
        served.stop()


@pytest.fixture(scope="module")
def conversation_id(served: ServedProcess) -> str:
    """A conversation that has ended, of more events than a page."""
    with httpx.Client(base_url=served.url) as client:
        started = client.post(CONVERSATIONS, json={"user_id": "ada", "agent": "concierge"})
        conversation_id = str(started.json()["conversation"]["id"])
        client.post(path(conversation_id, "/messages"), json={"content": "A table for two?"}).raise_for_status()
        answer = {"role": "assistant", "content": "At seven?"}
        client.post(path(conversation_id, "/messages"), json=answer).raise_for_status()
        for number in range(NOTES):
            note = {"role": "system", "content": f"note {number}"}
            client.post(path(conversation_id, "/messages"), json=note).raise_for_status()
        client.put(path(conversation_id, "/end")).raise_for_status()
    return conversation_id


def show(served: ServedProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command says, and its status."""
    command = [sys.executable, "-m", "app", "show", "--url", served.url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_a_conversation_from_its_first_event_to_its_end(served: ServedProcess, conversation_id: str) -> None:
    answer = show(served, conversation_id)

    lines = answer.stdout.splitlines()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert lines[0] == f"conversation {conversation_id}"
    assert ["user", "ada"] in [line.split() for line in lines]
    events = [line for line in lines if line.startswith("+")]
    assert [int(line.split()[1]) for line in events] == list(range(1, NOTES + 5))
    assert events[1].endswith("IDLE → PROCESSING       user  A table for two?")
    assert events[2].endswith("PROCESSING → IDLE       assistant  At seven?")
    assert events[-1].endswith("conversation_ended  user_ended")
    assert lines[-1].startswith(f"ENDED as of version {NOTES + 4}, {NOTES + 2} messages")


def test_as_it_was_at_a_version_and_at_its_time(served: ServedProcess, conversation_id: str) -> None:
    by_version = show(served, conversation_id, "--at-version", "2")
    at = json.loads(show(served, conversation_id, "--at-version", "2", "--json").stdout)["events"][-1]["occurred_at"]
    by_time = show(served, conversation_id, "--at", at)

    lines = by_version.stdout.splitlines()
    assert f"  version     2 of {NOTES + 4}" in lines
    assert [line.split()[1] for line in lines if line.startswith("+")] == ["1", "2"]
    assert lines[-1].startswith("PROCESSING as of version 2, 1 message; allowed: start_response")
    assert by_time.stdout == by_version.stdout


def test_as_json_it_is_what_rest_says(served: ServedProcess, conversation_id: str) -> None:
    shown = json.loads(show(served, conversation_id, "--json").stdout)

    assert shown["conversation"] == httpx.get(f"{served.url}{path(conversation_id)}").json()
    assert shown["newest_version"] == NOTES + 4
    assert [event["version"] for event in shown["events"]] == list(range(1, NOTES + 5))
    first = httpx.get(f"{served.url}{path(conversation_id, '/events')}", params={"limit": 100}).json()["data"]
    assert shown["events"][:100] == first


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--at-version", "500"], f"There is no version 500: the conversation is at version {NOTES + 4}."),
        (["--at", "1999-12-31"], f"The conversation did not exist at that time. It is at version {NOTES + 4} now."),
    ],
)
def test_a_moment_that_never_was(
    served: ServedProcess, conversation_id: str, arguments: list[str], sentence: str
) -> None:
    answer = show(served, conversation_id, *arguments)

    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", f"Error: {sentence}\n")


@pytest.mark.parametrize("nobodys", [NOBODYS_ID, "a/b?c"])
def test_an_unknown_conversation_is_named(served: ServedProcess, nobodys: str) -> None:
    answer = show(served, nobodys)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == f"Error: There is no conversation {nobodys} at {served.url}, or it is not yours.\n"


def test_without_a_service_it_says_how_to_start_one(served: ServedProcess) -> None:
    answer = show(served, NOBODYS_ID, "--url", "http://127.0.0.1:9")

    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: No Turnlog answers at http://127.0.0.1:9. Start one with `turnlog serve`")


def test_a_reader_that_goes_away_ends_it_without_a_word(served: ServedProcess, conversation_id: str) -> None:
    command = [sys.executable, "-m", "app", "show", conversation_id, "--url", served.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
