"""`turnlog watch` beside `turnlog serve`, both as real processes."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.support.postgres import temporary_folder
from tests.support.rest import CONVERSATIONS, NOBODYS_ID, path
from tests.support.served import ServedProcess

PATIENCE_S = 60.0
STORED_DURING_THE_OUTAGE = 3


@pytest.fixture(scope="module")
def served() -> Iterator[ServedProcess]:
    """A service that the tests of this file share; it may be killed and started again."""
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        yield served
        served.stop()


def start_watch(
    served: ServedProcess, *arguments: str, output: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app", "watch", "--url", served.url, *arguments]
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True, env=environment)


def given_conversation(served: ServedProcess) -> str:
    answer = httpx.post(f"{served.url}{CONVERSATIONS}", json={"user_id": "ada"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation"]["id"])


def say(served: ServedProcess, conversation_id: str, text: str) -> None:
    note = {"role": "system", "content": text}
    answer = httpx.post(f"{served.url}{path(conversation_id, '/messages')}", json=note)
    assert answer.status_code == 201, answer.text


def end(served: ServedProcess, conversation_id: str) -> None:
    assert httpx.put(f"{served.url}{path(conversation_id, '/end')}").is_success


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    """The lines up to the one with this word."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or word not in lines[-1]:
        line = process.stdout.readline()
        assert line, f"the watch ended after {lines}: {process.stderr.read() if process.stderr else ''}"
        lines.append(line)
    return lines


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """The exit status, the lines that were not read yet, and what was said beside them."""
    output, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output.splitlines(), said


def test_kill_9_in_the_middle_loses_nothing_and_is_told_in_a_line(served: ServedProcess) -> None:
    # given somebody who watches
    conversation_id = given_conversation(served)
    watch = start_watch(served, conversation_id, "--linger", "0")
    read_until(watch, "IDLE")
    say(served, conversation_id, "before")
    lines = read_until(watch, "before")

    # when the service is killed, and has news as soon as it is back
    served.kill()
    served.start()
    for number in range(STORED_DURING_THE_OUTAGE):
        say(served, conversation_id, f"news {number}")
    end(served, conversation_id)
    status, rest, said = finish(watch)

    # then all of it is shown, once and in order, and the line that says so
    lines += rest
    assert status == 0, said
    notes = [line.split()[-1] for line in lines if " system " in line]
    assert notes == ["before", *map(str, range(STORED_DURING_THE_OUTAGE))]
    assert [int(line.split()[1]) for line in lines if re.match(r"\d\d:", line)] == [*range(2, 7)]
    lost = [line for line in lines if line.startswith("connection lost")]
    assert len(lost) == 1
    assert re.search(r"resumed at 2, nothing missed$", lost[0])
    assert lines[-1] == "ended"


def test_every_frame_is_one_line_of_json_and_the_chain_goes_over_a_kill(served: ServedProcess) -> None:
    conversation_id = given_conversation(served)
    watch = start_watch(served, conversation_id, "--json", "--after", "0", "--linger", "0")
    lines = read_until(watch, '"live"')
    served.kill()
    served.start()
    end(served, conversation_id)
    status, rest, said = finish(watch)

    frames = [json.loads(line) for line in [*lines, *rest]]
    assert status == 0, said
    durable = [frame for frame in frames if frame["seq"] is not None]
    assert [(frame["seq"], frame["prev"]) for frame in durable] == [(1, 0), (2, 1)]
    assert [frame["payload"]["status"] for frame in frames if frame["type"] == "connection_status"] == [
        "ready",
        "live",
    ] * 2
    assert "resumed at 1, nothing missed" in said


def test_who_comes_when_a_conversation_has_ended_sees_it_and_is_done(served: ServedProcess) -> None:
    conversation_id = given_conversation(served)
    say(served, conversation_id, "the last word")
    end(served, conversation_id)

    status, lines, _ = finish(start_watch(served, conversation_id))

    assert status == 0
    assert "the last word" in lines[0]
    assert lines[1].endswith("ENDED as of 3")


def test_a_conversation_that_is_over_is_replayed_as_it_was(served: ServedProcess) -> None:
    conversation_id = given_conversation(served)
    for text in ("one", "two"):
        say(served, conversation_id, text)
    end(served, conversation_id)
    live, live_lines, _ = finish(start_watch(served, conversation_id, "--after", "0", "--linger", "0"))

    status, lines, said = finish(start_watch(served, conversation_id, "--replay", "2"))
    piece, pieces, _ = finish(
        start_watch(served, conversation_id, "--replay", "max", "--after", "1", "--until", "2", "--json")
    )
    beyond, _, reason = finish(start_watch(served, conversation_id, "--replay", "max", "--until", "5"))

    assert (live, status, piece, said) == (0, 0, 0, "")
    assert lines[0] == "a replay of 4 events, at speed 2.0"
    assert lines[1:-1] == [line for line in live_lines if re.match(r"\d\d:", line)]
    assert lines[-1] == "the replay is over"
    frames = [json.loads(line) for line in pieces]
    assert all(frame["replay"] for frame in frames)
    assert [frame["payload"].get("text") for frame in frames if frame["type"] == "transcript_update"] == ["one"]
    assert (beyond, reason.startswith("Error: ")) == (1, True)
    assert "is at version 4" in reason


def test_ctrl_c_is_an_end_without_a_word(served: ServedProcess) -> None:
    watch = start_watch(served, given_conversation(served))
    read_until(watch, "IDLE")

    watch.send_signal(signal.SIGINT)

    assert finish(watch) == (130, [], "")


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["lines", "json"])
def test_a_reader_that_goes_away_ends_it_without_a_word(served: ServedProcess, as_json: list[str]) -> None:
    conversation_id = given_conversation(served)
    watch = start_watch(served, conversation_id, *as_json)
    assert watch.stdout is not None
    watch.stdout.readline()
    watch.stdout.close()

    for number in range(2):
        say(served, conversation_id, str(number))

    assert watch.stderr is not None
    with watch.stderr as stderr:
        assert stderr.read() == ""
    assert watch.wait(PATIENCE_S) == 1


def test_without_a_conversation_all_are_watched_over_a_kill_too(served: ServedProcess) -> None:
    # given somebody who watches the messages of all conversations
    first, second = given_conversation(served), given_conversation(served)
    watch = start_watch(served, "--type", "transcript_update", "--json")
    read_until(watch, '"live"')
    say(served, first, "one")
    say(served, second, "two")
    lines = read_until(watch, '"two"')

    # when the service is killed
    served.kill()
    served.start()
    say(served, first, "three")
    lines += read_until(watch, '"three"')
    watch.send_signal(signal.SIGINT)
    status, _, said = finish(watch)

    # then every message came once, in the order of positions, which are chained
    frames = [json.loads(line) for line in lines]
    messages = [frame for frame in frames if frame["type"] == "transcript_update"]
    assert status == 130
    assert [frame["payload"]["text"] for frame in messages] == ["one", "two", "three"]
    assert [frame["conversation_id"] for frame in messages] == [first, second, first]
    assert "nothing missed" in said


def test_a_filter_that_can_match_nothing_is_refused_in_a_sentence(served: ServedProcess) -> None:
    status, lines, said = finish(start_watch(served, "--state", "asleep"))

    assert (status, lines) == (1, [])
    assert said.startswith("Error: ")
    assert "IDLE" in said


def test_an_unknown_conversation_is_named(served: ServedProcess) -> None:
    status, lines, said = finish(start_watch(served, NOBODYS_ID))

    assert (status, lines) == (1, [])
    assert said == f"Error: There is no conversation {NOBODYS_ID} at {served.url}, or it is not yours.\n"


def test_without_a_service_it_says_how_to_start_one() -> None:
    command = [sys.executable, "-m", "app", "watch", NOBODYS_ID, "--url", "http://127.0.0.1:9"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: No Turnlog answers at http://127.0.0.1:9. Start one with `turnlog serve`")
    assert len(answer.stderr.splitlines()) == 1


def test_a_service_that_stays_away_is_given_up(tmp_path: Path) -> None:
    with temporary_folder() as folder:
        served = ServedProcess(folder / "data")
        served.start()
        watch = start_watch(served, given_conversation(served), "--patience", "1")
        read_until(watch, "IDLE")
        served.kill()
        status, lines, said = finish(watch)

    assert (status, lines) == (1, [])
    assert said.startswith(f"Error: The service at {served.url} went away: no success for 1 s")


def test_at_a_terminal_words_replace_each_other_and_states_have_colours(served: ServedProcess) -> None:
    # given a watch at a terminal, and one into a file
    conversation_id = given_conversation(served)
    leader, follower = pty.openpty()
    with os.fdopen(follower, "wb") as terminal:
        at_terminal = start_watch(served, conversation_id, output=terminal)
    in_file = start_watch(served, conversation_id)
    read_until(in_file, "IDLE")
    shown = read_terminal(leader, "IDLE")

    # when somebody speaks
    command = f"{served.url}{path(conversation_id, '/commands')}"
    httpx.post(command, json={"name": "start_listening"})
    for interim in ("A tab", "A table for"):
        speak(served, conversation_id, interim)
        shown += read_terminal(leader, interim)
    httpx.post(command, json={"name": "submit_user_message", "payload": {"content": "A table for two"}})
    shown += read_terminal(leader, "PROCESSING")
    for watch in (at_terminal, in_file):
        watch.send_signal(signal.SIGINT)
    assert at_terminal.communicate(timeout=PATIENCE_S)[1] == ""
    assert at_terminal.returncode == 130
    os.close(leader)
    _, lines, _ = finish(in_file)

    # then the terminal had the interims on a line that is drawn anew, and the file has only what stays
    assert "\x1b[2K" in shown
    assert "\x1b[32mLISTENING" in shown
    assert "\x1b[33mPROCESSING" in shown
    assert not any("A tab" in line and "two" not in line for line in lines)
    assert any(line.endswith("A table for two") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_at_a_terminal_the_words_of_all_conversations_appear_as_they_are_spoken(served: ServedProcess) -> None:
    # given somebody who watches all conversations, at a terminal and into a file
    leader, follower = pty.openpty()
    with os.fdopen(follower, "wb") as terminal:
        at_terminal = start_watch(served, output=terminal)
    in_file = start_watch(served)
    read_until(in_file, "watching all conversations")
    shown = read_terminal(leader, "watching all conversations")
    conversations = [given_conversation(served) for _ in range(2)]
    for conversation_id in conversations:
        listen = {"name": "start_listening"}
        httpx.post(f"{served.url}{path(conversation_id, '/commands')}", json=listen).raise_for_status()
        shown += read_terminal(leader, "LISTENING")

    # when two people speak at the same time, and what one of them has said is final
    one, other = conversations
    for conversation_id, text in ((one, "A tab"), (other, "Is it"), (one, "A table for"), (other, "Is it open")):
        speak(served, conversation_id, text)
    shown, both = read_screen(leader, shown, lambda lines: lines[-1].endswith("Is it open") and "for" in lines[-2])
    submit = {"name": "submit_user_message", "payload": {"content": "A table for two", "segment_ids": ["s-1"]}}
    httpx.post(f"{served.url}{path(one, '/commands')}", json=submit).raise_for_status()
    shown, settled = read_screen(leader, shown, lambda lines: "PROCESSING" in lines[-2] and "open" in lines[-1])
    read_until(in_file, "PROCESSING")
    for watch in (at_terminal, in_file):
        watch.send_signal(signal.SIGINT)
    assert at_terminal.communicate(timeout=PATIENCE_S)[1] == ""
    os.close(leader)
    finish(in_file)

    # then each had one line at the bottom, and what is final stands above the one who still speaks
    assert [line.split()[1:] for line in both[-2:]] == [
        [one[-8:], "user", "A", "table", "for"],
        [other[-8:], "user", "Is", "it", "open"],
    ]
    assert [line.split()[1:] for line in settled if "A table" in line] == [
        [one[-8:], "3", "user", "A", "table", "for", "two"]
    ]


def read_screen(leader: int, shown: str, is_there: Callable[[list[str]], bool]) -> tuple[str, list[str]]:
    """What is shown when the screen looks like that, and the screen."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_there(lines := screen_of(shown)):
        assert time.monotonic() < deadline, f"the screen has {lines}"
        if select.select([leader], [], [], 0.1)[0]:
            shown += os.read(leader, 65_536).decode(errors="replace")
    return shown, lines


def screen_of(shown: str) -> list[str]:
    """The lines of a screen that is long enough, as they stand after all this."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", shown):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece.endswith("A") and piece[0] == "\x1b":
            row -= int(piece[2:-1] or 1)
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif piece[0] not in "\x1b\r":
            lines[row] += piece
    return [line.rstrip() for line in lines if line.strip()]


def read_terminal(leader: int, word: str) -> str:
    """What is shown up to the word."""
    shown = b""
    deadline = time.monotonic() + PATIENCE_S
    while word.encode() not in shown:
        assert time.monotonic() < deadline, f"{word!r} is not shown in {shown!r}"
        if select.select([leader], [], [], 0.1)[0]:
            shown += os.read(leader, 65_536)
    return shown.decode()


def speak(served: ServedProcess, conversation_id: str, text: str) -> None:
    """An interim transcript, over a socket of its own."""
    from websockets.sync.client import connect

    url = f"{served.websocket_url}/api/ws/conversations/{conversation_id}"
    payload = {"segment_id": "s-1", "revision": len(text), "text": text, "is_final": False}
    with connect(url, proxy=None) as socket:
        socket.send(json.dumps({"type": "interim", "payload": payload}))
        while text not in socket.recv(timeout=PATIENCE_S):
            pass
