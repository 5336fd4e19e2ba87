"""`turnlog replay` reads dialogues, and knows what each of them must become."""

import json

import pytest

from app.console.replay import SAMPLE
from app.replay.dialogues import BadLine, Dialogue, Turn, read_dialogues
from app.replay.script import MAX_INTERIMS_PER_TURN, ExpectedMessage, Script, Step, script_of

A_TURN = {"speaker": "user", "utterance": "Hello?"}


def line(**fields: object) -> bytes:
    return json.dumps({"dialogue_id": "1", "turns": [A_TURN]} | fields).encode() + b"\n"


def dialogue(*turns: tuple[str, str]) -> Dialogue:
    return Dialogue("1", tuple(Turn(speaker, utterance) for speaker, utterance in turns))  # type: ignore[arg-type] # given by the test


def test_dialogues_are_read_in_order_and_unknown_keys_ignored() -> None:
    lines = [line(services=["Hotels_1"]), b"\n", line(dialogue_id="2", turns=[A_TURN | {"frames": []}])]

    assert list(read_dialogues(lines)) == [
        Dialogue("1", (Turn("user", "Hello?"),)),
        Dialogue("2", (Turn("user", "Hello?"),)),
    ]


@pytest.mark.parametrize("speaker", ["system", "assistant", "agent"])
def test_whoever_is_not_the_user_is_the_assistant(speaker: str) -> None:
    assert [turn.role for turn in dialogue(("user", "Hello?"), (speaker, "Yes?")).turns] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'"a text"', "object"),
        (line(turns=[]), "turns"),
        (line(turns=[{"speaker": "dog", "utterance": "Wuff"}]), "turns[0].speaker"),
        (line(turns=[{"speaker": "user"}]), "utterance"),
        (line(turns=[A_TURN, {"speaker": "user", "utterance": ""}]), "utterance"),
        (line(turns=[A_TURN, {"speaker": "user", "utterance": "\0"}]), "turns[1].utterance"),
        (line(turns=[A_TURN, {"speaker": "user", "utterance": "é" * 20_000}]), "turns[1].utterance"),
        (line(dialogue_id=7), "dialogue_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_line_that_cannot_be_played_is_named_and_the_others_are_read(bad: bytes, reason: str) -> None:
    first, second, third = read_dialogues([line(), bad, line(dialogue_id="3")])

    assert isinstance(first, Dialogue)
    assert isinstance(second, BadLine)
    assert second.number == 2
    assert reason in second.reason
    assert isinstance(third, Dialogue)


def test_the_limit_counts_dialogues_and_not_lines() -> None:
    found = list(read_dialogues([b"{", line(), b"{", line(dialogue_id="2"), line(dialogue_id="3")], limit=2))

    assert [one.dialogue_id for one in found if isinstance(one, Dialogue)] == ["1", "2"]


def test_the_sample_has_twenty_dialogues_and_a_licence() -> None:
    with SAMPLE.open("rb") as lines:
        dialogues = list(read_dialogues(lines))

    assert len(dialogues) == 20
    assert all(isinstance(one, Dialogue) for one in dialogues)
    assert "Attribution-ShareAlike 4.0" in SAMPLE.with_name("sample.LICENCE.md").read_text()


def commands(script: Script) -> list[str]:
    return [step.command for step in script.steps]


def test_a_question_and_its_answer_are_spoken_word_by_word() -> None:
    script = script_of(dialogue(("user", "A table, please"), ("system", "For  two?")))

    assert commands(script) == ["start_listening", "submit_user_message", "start_response", "complete_response"]
    assert [interim.payload for interim in script.steps[1].interims] == [
        {"segment_id": "segment-1", "revision": 1, "text": "A ", "is_final": False},
        {"segment_id": "segment-1", "revision": 2, "text": "A table, ", "is_final": False},
        {"segment_id": "segment-1", "revision": 3, "text": "A table, please", "is_final": False},
    ]
    assert [interim.payload for interim in script.steps[3].interims] == [
        {"response_id": "response-2", "offset": 0, "delta": "For  "},
        {"response_id": "response-2", "offset": 5, "delta": "two?"},
    ]
    assert script.messages == (ExpectedMessage("user", "A table, please"), ExpectedMessage("assistant", "For  two?"))
    assert [event.reason for event in script.ending] == ["conversation_ended"]


def test_a_question_without_an_answer_is_cancelled_before_the_next() -> None:
    script = script_of(dialogue(("user", "One?"), ("user", "Two?")))

    assert commands(script) == [
        "start_listening",
        "submit_user_message",
        "cancel_response",
        "start_listening",
        "submit_user_message",
    ]
    assert [event.reason for event in script.ending] == ["response_cancelled", "conversation_ended"]


def test_an_agent_that_speaks_unasked_is_recorded() -> None:
    script = script_of(dialogue(("system", "Welcome."), ("user", "Hello?"), ("system", "Yes?"), ("system", "Hello?")))

    assert [commands(script)[index] for index in (0, -1)] == ["record_message", "record_message"]
    assert [message.role for message in script.messages] == ["assistant", "user", "assistant", "assistant"]


@pytest.mark.parametrize("text", [" ", " two  words ", "word " * 1_000, "\n\tnew\nlines\n", "日本語 テキスト"])
def test_whatever_the_words_are_they_add_up_to_the_text(text: str) -> None:
    question, answer = (step for step in script_of(dialogue(("user", text), ("system", text))).steps if step.interims)

    assert question.interims[-1].payload["text"] == text
    assert "".join(interim.payload["delta"] for interim in answer.interims) == text
    assert len(answer.interims) <= MAX_INTERIMS_PER_TURN
    assert words(question) == words(answer)


def words(step: Step) -> int:
    return sum(interim.word_count for interim in step.interims)
