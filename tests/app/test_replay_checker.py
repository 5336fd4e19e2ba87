"""The checker of `turnlog replay` is silent where all is well, and finds every fault that is planted."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from app.client.frames import Frame
from app.replay.checker import Checker, differences_of
from app.replay.dialogues import Dialogue, Turn
from app.replay.script import ExpectedMessage, Script, script_of

Frames = list[Frame]
SCRIPT = script_of(Dialogue("1", (Turn("user", "A table, please"), Turn("system", "For two?"), Turn("user", "Yes"))))
RESUME = {"outcome": "fresh", "after": 1, "head": 1, "epoch": "e-1", "replay_count": 0}


def events_of(script: Script) -> Frames:
    """What a server sends that does everything right: an event that says something has two messages."""
    frames, state, version = [], "IDLE", 1
    expected = [event for step in script.steps for event in step.events]
    for event in (*expected, *script.ending):
        version += 1
        update = {"from": state, "to": event.state_after, "reason": event.reason}
        if event.text is None:
            frames.append(Frame("state_update", update, "e-1", version, version - 1))
        else:
            kind = "ai_response" if event.reason == "response_completed" else "transcript_update"
            frames.append(Frame(kind, {"text": event.text}, "e-1", version, version - 1, (1, 2)))
            frames.append(Frame("state_update", update, "e-1", version, version, (2, 2)))
        state = event.state_after
    return frames


def checker_of(script: Script) -> Checker:
    """One that is connected and knows what is to come."""
    checker = Checker(version=1)
    checker.connect(RESUME, None)
    checker.snapshot({"as_of_seq": 1, "to": "IDLE"})
    checker.live(1)
    for step in script.steps:
        checker.expect(step.events)
    checker.expect(script.ending)
    return checker


def faults_in(frames: Frames) -> list[str]:
    checker = checker_of(SCRIPT)
    for frame in frames:
        checker.receive(frame)
    return checker.faults


def test_what_is_right_has_no_faults() -> None:
    assert faults_in(events_of(SCRIPT)) == []


def with_payload(index: int, **fields: Any) -> Callable[[Frames], Frames]:
    """The frames, one of which says something else."""

    def change(frames: Frames) -> Frames:
        changed = replace(frames[index], payload=frames[index].payload | fields)
        return [*frames[:index], changed, *frames[index + 1 :]]

    return change


PLANTED: dict[str, Callable[[Frames], Frames]] = {
    "an event is lost": lambda frames: [*frames[:3], *frames[4:]],
    "the first part of an event is lost": lambda frames: [*frames[:1], *frames[2:]],
    "the last part of an event is lost": lambda frames: [*frames[:2], *frames[3:]],
    "an event comes twice": lambda frames: [frames[0], *frames],
    "a part comes twice": lambda frames: [*frames[:2], frames[1], *frames[2:]],
    "two events change places": lambda frames: [frames[0], frames[3], frames[1], frames[2], *frames[4:]],
    "parts change places": lambda frames: [frames[0], frames[2], frames[1], *frames[3:]],
    "the chain is broken": lambda frames: [replace(frames[0], prev=0), *frames[1:]],
    "the epoch is another": lambda frames: [replace(frames[0], epoch="e-2"), *frames[1:]],
    "a text is another": with_payload(1, text="A table please"),
    "a state is another": with_payload(0, to="SPEAKING"),
    "a state was another": with_payload(0, **{"from": "SPEAKING"}),
    "an event is another": with_payload(0, reason="listening_stopped"),
    "an event comes that nobody asked for": lambda frames: [
        *frames,
        Frame("state_update", {"from": "ENDED", "to": "ENDED", "reason": "message_recorded"}, "e-1", 10, 9),
    ],
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: str) -> None:
    assert faults_in(PLANTED[planted](events_of(SCRIPT))) != []


def test_a_resume_goes_on_after_the_last_whole_event() -> None:
    # given a connection that is lost between the two messages of version 3
    frames = events_of(SCRIPT)
    checker = checker_of(SCRIPT)
    for frame in frames[:2]:
        checker.receive(frame)
    assert checker.version == 2
    # when the next one begins after version 2
    checker.connect(RESUME | {"outcome": "resumed", "after": 2}, 2)
    for frame in frames[1:]:
        checker.receive(frame)
    # then nothing was lost and nothing doubled
    assert checker.faults == []


@pytest.mark.parametrize(
    ("asked_after", "resume"),
    [
        (2, RESUME | {"outcome": "gap", "after": 2}),
        (2, RESUME | {"outcome": "resumed", "after": 1}),
        (2, RESUME | {"outcome": "resumed", "after": 2, "epoch": "e-2"}),
        (None, RESUME | {"outcome": "resumed", "after": 2}),
    ],
)
def test_a_resume_that_is_not_what_was_asked_for_is_found(asked_after: int | None, resume: dict[str, Any]) -> None:
    checker = checker_of(SCRIPT)
    checker.receive(events_of(SCRIPT)[0])

    checker.connect(resume, asked_after)

    assert checker.faults != []


def test_a_snapshot_and_a_live_that_lag_behind_are_found() -> None:
    checker = checker_of(SCRIPT)
    checker.snapshot({"as_of_seq": 2, "to": "IDLE"})
    checker.snapshot({"as_of_seq": 1, "to": "LISTENING"})
    checker.live(2)

    assert len(checker.faults) == 3


@pytest.mark.parametrize("wrong", [{}, {"durable": False}, {"version": 2}, {"version": 4}, {"position": 0}], ids=str)
def test_an_acknowledgement_must_be_durable_and_of_the_version_that_is_due(wrong: dict[str, Any]) -> None:
    checker = Checker(version=1)
    for step in SCRIPT.steps[:2]:
        checker.expect(step.events)

    checker.acknowledged({"command_id": "1", "durable": True, "version": 3, "position": 9} | wrong)

    assert bool(checker.faults) == bool(wrong)


TRANSCRIPT = {"segment_id": "segment-1", "revision": 2, "text": "A table", "is_final": False}
DELTA = {"response_id": "response-2", "offset": 4, "delta": "two?"}


@pytest.mark.parametrize(
    ("step", "payload", "is_right"),
    [
        (1, TRANSCRIPT, True),
        (1, TRANSCRIPT | {"revision": 1}, False),
        (1, TRANSCRIPT | {"text": "A chair"}, False),
        (1, TRANSCRIPT | {"segment_id": "segment-3"}, False),
        (1, DELTA, False),
        (3, DELTA, True),
        (3, DELTA | {"offset": 3}, False),
        (3, DELTA | {"delta": "too?"}, False),
        (3, DELTA | {"response_id": "response-1"}, False),
    ],
)
def test_an_interim_must_be_a_piece_of_what_is_said_in_the_end(
    step: int, payload: dict[str, Any], is_right: bool
) -> None:
    checker = checker_of(SCRIPT)
    checker.speak(SCRIPT.steps[step])
    first = SCRIPT.steps[step].interims[0].payload
    checker.receive(Frame("transcript_update", first, "e-1", final=False))

    checker.receive(Frame("transcript_update", payload, "e-1", final=False))

    assert (checker.faults == []) == is_right


def test_an_interim_after_its_final_text_is_found() -> None:
    checker = checker_of(SCRIPT)
    checker.speak(SCRIPT.steps[1])
    for frame in events_of(SCRIPT)[:3]:
        checker.receive(frame)

    checker.receive(Frame("transcript_update", TRANSCRIPT, "e-1", final=False))

    assert len(checker.faults) == 1


DUE = (ExpectedMessage("user", "One?"), ExpectedMessage("assistant", "Two."), ExpectedMessage("user", "Three?"))
LISTED = [{"id": str(number), "role": due.role, "content": due.content} for number, due in enumerate(DUE)]


@pytest.mark.parametrize(
    ("listed", "count"),
    [
        (LISTED, 0),
        (LISTED[:2], 1),
        ([*LISTED, LISTED[2]], 1),
        ([LISTED[0], LISTED[0], *LISTED[1:]], 5),
        ([LISTED[2], LISTED[1], LISTED[0]], 2),
        ([LISTED[0] | {"role": "system"}, *LISTED[1:]], 1),
        ([LISTED[0] | {"content": "one?"}, *LISTED[1:]], 1),
        ([], 1),
    ],
)
def test_listed_messages_must_be_those_of_the_dialogue(listed: list[dict[str, Any]], count: int) -> None:
    assert len(differences_of(DUE, listed)) == count
