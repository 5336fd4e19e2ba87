"""What an original client says becomes the right command, in every situation that a conversation can come into."""

from contextlib import suppress
from typing import Any, Final

import pytest
from msgspec import convert

from app.use_cases.original_payloads import OriginalAnswer, OriginalSpeech, OriginalState, OriginalTranscript
from app.use_cases.original_table import SPEECH_TABLE, STATE_TABLE, command_for
from app.use_cases.original_wishes import (
    SPEAKERS,
    SPEECH_ACTORS,
    AnswerPiece,
    MessageWish,
    SpeechMark,
    SpeechWish,
    StateWish,
    TranscriptSoFar,
    Wish,
    meant_by_answer,
    meant_by_speech,
    meant_by_state,
    meant_by_transcript,
)
from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Conversation, Status, status
from domain.conversation.decider import decide
from domain.conversation.errors import ConversationNotFound, InvalidCommand, ResponseOver, StateRefusal
from domain.conversation.evolution import evolve
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.conversation.transitions import State
from tests.support.decider import NOON, conversation_after, issued, numbered_uuid
from tests.support.exploration import reachable_conversations

MESSAGE_ID: Final = numbered_uuid(0xAA)
REACHABLE: Final = tuple(reachable_conversations())
WISHES: Final[tuple[Wish, ...]] = (
    *(StateWish(status=wanted) for wanted in STATE_TABLE),
    *(SpeechWish(event=event, actor=actor) for event, actor in SPEECH_TABLE),
    *(MessageWish(role=role, content="Hello.") for role in set(SPEAKERS.values())),
)


def granted(wish: Wish, conversation: Conversation) -> Conversation:
    """The conversation after the wish. Raises Refusal."""
    command = command_for(wish, conversation)
    happened = () if command is None else decide(issued(command), conversation)
    for event in happened:
        conversation = evolve(conversation, event, NOON)
    return conversation


def after(*commands: c.Command) -> Conversation:
    """A conversation in which these were carried out."""
    conversation = conversation_after([])
    for number, command in enumerate((c.StartConversation(), *commands), start=1):
        for event in decide(issued(command, numbered_uuid(number)), conversation):
            conversation = evolve(conversation, event, NOON)
    return conversation


ASK: Final = c.SubmitUserMessage(content="A table for two?")
PROCESSING: Final = after(ASK)


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_wish_is_granted_or_refused_by_the_state_alone(wish: Wish) -> None:
    for conversation in REACHABLE:
        with suppress(StateRefusal):
            granted(wish, conversation)  # every other refusal would say that the command is wrong in itself


@pytest.mark.parametrize("wanted", Status)
def test_a_state_that_is_granted_is_there(wanted: Status) -> None:
    nobodys_turn = (Status.IDLE, Status.WAITING_FOR_USER, Status.ERROR)
    for conversation in REACHABLE:
        try:
            shown = status(granted(StateWish(status=wanted), conversation))
        except StateRefusal:
            continue
        if conversation.queue:
            assert shown in (wanted, Status.PROCESSING), "the message that waited has its turn"
        elif wanted in (Status.IDLE, Status.WAITING_FOR_USER):
            assert shown in nobodys_turn
        else:
            assert shown is wanted


@pytest.mark.parametrize("wanted", Status)
def test_a_state_that_is_there_already_is_wished_for_in_vain_and_without_harm(wanted: Status) -> None:
    there = [conversation for conversation in REACHABLE if status(conversation) is wanted]

    assert there
    for conversation in there:
        assert granted(StateWish(status=wanted), conversation) == conversation


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_conversation_that_does_not_exist_is_not_found(wish: Wish) -> None:
    with pytest.raises(ConversationNotFound):
        granted(wish, conversation_after([]))


def test_processing_is_not_reached_without_a_message_of_the_user() -> None:
    for conversation in (after(), after(c.StartListening()), after(ASK, c.StartResponse())):
        with pytest.raises(StateRefusal) as refused:
            granted(StateWish(status=Status.PROCESSING), conversation)
        assert refused.value.code == "invalid_transition"
        assert refused.value.allowed


def test_processing_tries_a_failed_turn_again() -> None:
    failed = after(ASK, c.FailTurn(code="quota", message="Used up.", retryable=True))

    assert command_for(StateWish(status=Status.PROCESSING), failed) == c.RetryTurn()


def test_an_error_is_told_with_what_the_client_knows_of_it() -> None:
    told = OriginalState(state="ERROR", code="tts_failed", message="No voice.", retryable=True)
    silent = OriginalState(state="ERROR", code="")

    assert command_for(meant_by_state(told), PROCESSING) == c.FailTurn(
        code="tts_failed", message="No voice.", retryable=True
    )
    assert command_for(meant_by_state(silent), PROCESSING) == c.FailTurn(
        code="client_error", message="The client has reported an error."
    )


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ("agent_ended", c.EndConversation(ended_reason="agent_ended")),
        ("hung up", c.EndConversation(detail="hung up")),
        (None, c.EndConversation()),
    ],
)
def test_the_reason_of_an_end_is_kept(reason: str | None, command: c.Command) -> None:
    assert command_for(StateWish(status=Status.ENDED, reason=reason), PROCESSING) == command


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ("noise", c.StopListening(reason="noise")),
        ("because", c.StopListening(reason="cancelled")),
        (None, c.StopListening(reason="cancelled")),
    ],
)
def test_the_reason_of_a_stop_is_one_that_there_is(reason: str | None, command: c.Command) -> None:
    assert command_for(StateWish(status=Status.IDLE, reason=reason), after(c.StartListening())) == command


SPEECH: Final[list[tuple[dict[str, Any], Conversation, c.Command | None]]] = [
    ({"event": "started"}, after(), c.StartListening(source="voice")),
    ({"event_type": "Started", "actor": "agent"}, PROCESSING, c.StartResponse()),
    ({"event": "stopped"}, after(c.StartListening()), c.StopListening(reason="silence")),
    ({"event": "stopped", "speaker": "human"}, PROCESSING, None),
    (
        {"event": "interrupted", "at_ms": 700, "heard_text": "At"},
        after(ASK, c.StartResponse()),
        c.InterruptResponse(source="barge_in", heard_text="At", audio_end_ms=700),
    ),
    ({"event": "interrupted", "actor": "ai"}, PROCESSING, c.InterruptResponse(source="programmatic")),
    ({"event": "resumed"}, after(ASK, c.StartResponse(), c.InterruptResponse()), c.ResumeSpeech()),
    ({"event": "resumed", "actor": "user"}, after(), c.StartListening(source="voice")),
]


@pytest.mark.parametrize(("sent", "conversation", "command"), SPEECH, ids=lambda value: str(value)[:60])
def test_a_speech_event(sent: dict[str, Any], conversation: Conversation, command: c.Command | None) -> None:
    wish = meant_by_speech(convert(sent, OriginalSpeech))

    assert isinstance(wish, SpeechWish)
    assert command_for(wish, conversation) == command


@pytest.mark.parametrize(
    ("sent", "mark"),
    [
        (
            {"event": "playback_progress", "at_ms": 1_200},
            SpeechMark(event="playback_progress", actor="agent", at_ms=1_200),
        ),
        ({"event": "stopped", "actor": "agent"}, SpeechMark(event="stopped", actor="agent", at_ms=None)),
    ],
)
def test_a_speech_event_that_moves_nothing(sent: dict[str, Any], mark: SpeechMark) -> None:
    assert meant_by_speech(convert(sent, OriginalSpeech)) == mark


def test_every_speech_event_is_a_wish_or_a_mark() -> None:
    for event in SPEECH_ACTORS:
        for actor in ("user", "agent"):
            meant = meant_by_speech(OriginalSpeech(event=event, actor=actor))
            assert isinstance(meant, SpeechMark) or (meant.event, meant.actor) in SPEECH_TABLE


STATE_SYNONYMS: Final[list[dict[str, Any]]] = [
    {"state": "LISTENING"},
    {"new_state": "LISTENING"},
    {"to": "LISTENING"},
    {"status": "LISTENING"},
    {"state": " listening "},
    {"state": "LISTENING", "status": "ok", "timestamp": 1.5, "metadata": {"any": [1]}},
    {"state": None, "to": "LISTENING", "reason": "", "response_id": ""},
]


@pytest.mark.parametrize("sent", STATE_SYNONYMS, ids=str)
def test_a_state_has_many_names_and_odd_company(sent: dict[str, Any]) -> None:
    assert meant_by_state(convert(sent, OriginalState)) == StateWish(status=Status.LISTENING)


FINAL_TEXTS: Final[list[dict[str, Any]]] = [
    {"text": "Hello."},
    {"content": "Hello.", "speaker": "User", "is_final": True},
    {"text": "Hello.", "role": "human", "final": True, "timestamp": "now"},
    {"text": "Hello.", "is_final": True, "final": False, "segment_id": "", "message_id": "not a UUID"},
]


@pytest.mark.parametrize("sent", FINAL_TEXTS, ids=str)
def test_a_final_transcript_has_many_names_and_odd_company(sent: dict[str, Any]) -> None:
    wish = meant_by_transcript(convert(sent, OriginalTranscript))

    assert wish == MessageWish(role="user", content="Hello.")


def test_what_is_known_of_a_transcript_is_kept() -> None:
    sent = OriginalTranscript(text="Hello.", segment_id="7", confidence=0.5, message_id=MESSAGE_ID.upper())
    wish = meant_by_transcript(sent)

    assert isinstance(wish, MessageWish)
    assert command_for(wish, after()) == c.SubmitUserMessage(
        content="Hello.", segment_ids=("7",), confidence=0.5, message_id=wish.message_id
    )
    assert wish.message_id == MESSAGE_ID


def test_what_is_not_final_replaces_what_came_before_it() -> None:
    named = OriginalTranscript(text="Hel", is_final=False, segment_id="7", revision=2, confidence=0.5)
    unnamed = OriginalTranscript(content="Hel", final=False, speaker="system")
    agents = OriginalTranscript(content="Hel", final=False, speaker="ai")

    assert meant_by_transcript(named) == TranscriptSoFar(
        speaker="user", text="Hel", segment_id="7", revision=2, confidence=0.5
    )
    assert meant_by_transcript(unnamed) == TranscriptSoFar(
        speaker="system", text="Hel", segment_id="unnamed-system", revision=None, confidence=None
    )
    assert meant_by_transcript(agents) == AnswerPiece(response_id="unnamed", text="Hel", offset=0)


@pytest.mark.parametrize(
    ("sent", "piece"),
    [
        ({"delta": "At"}, AnswerPiece(response_id="unnamed", text="At", offset=None)),
        ({"delta": "At", "offset": 3, "response_id": "a"}, AnswerPiece(response_id="a", text="At", offset=3)),
        ({"text": "At se", "is_final": False}, AnswerPiece(response_id="unnamed", text="At se", offset=0)),
        ({"response": "At", "final": False, "offset": 9}, AnswerPiece(response_id="unnamed", text="At", offset=0)),
    ],
    ids=str,
)
def test_an_answer_that_is_not_final(sent: dict[str, Any], piece: AnswerPiece) -> None:
    assert meant_by_answer(convert(sent, OriginalAnswer)) == piece


@pytest.mark.parametrize(
    "sent",
    [{"response": "At seven."}, {"text": "At seven."}, {"content": "At seven.", "delta": "seven.", "is_final": True}],
    ids=str,
)
def test_an_answer_that_is_final(sent: dict[str, Any]) -> None:
    wish = meant_by_answer(convert({**sent, "response_id": "a"}, OriginalAnswer))

    assert wish == MessageWish(role="assistant", content="At seven.", response_id="a")
    assert command_for(wish, PROCESSING) == c.CompleteResponse(content="At seven.", response_id="a")
    assert command_for(wish, after()) == c.RecordMessage(role="assistant", content="At seven.")


def test_an_answer_that_was_begun_without_a_name_may_get_one_at_its_end() -> None:
    wish = MessageWish(role="assistant", content="At seven.", response_id="a")

    assert granted(wish, after(ASK, c.StartResponse())).answered
    assert granted(wish, after(ASK, c.StartResponse(response_id="a"))).answered
    with pytest.raises(ResponseOver):
        granted(wish, after(ASK, c.StartResponse(response_id="b")))


def test_an_answer_that_is_sent_twice_is_kept_once() -> None:
    wish = MessageWish(role="assistant", content="At seven.", response_id="a")
    answered = granted(wish, PROCESSING)

    with pytest.raises(ResponseOver):
        granted(wish, answered)
    another = MessageWish(role="assistant", content="Or at eight.", response_id="b")
    assert isinstance(command_for(another, answered), c.RecordMessage)


def test_the_text_of_an_answer_that_was_given_up_is_kept() -> None:
    given_up = granted(StateWish(status=Status.WAITING_FOR_USER), after(ASK, c.StartResponse(response_id="a")))
    wish = MessageWish(role="assistant", content="At seven.", response_id="a")

    command = command_for(wish, given_up)

    assert isinstance(command, c.RecordMessage)
    assert [type(event) for event in decide(issued(command), given_up)] == [e.MessageRecorded]


WRONG: Final[list[tuple[Any, Any, dict[str, Any], str]]] = [
    (meant_by_state, OriginalState, {}, "state"),
    (meant_by_state, OriginalState, {"to": "DANCING"}, "to"),
    (meant_by_state, OriginalState, {"state": "", "to": "IDLE"}, "state"),
    (meant_by_transcript, OriginalTranscript, {"is_final": True}, "text"),
    (meant_by_transcript, OriginalTranscript, {"text": "Hello.", "speaker": "cat"}, "speaker"),
    (meant_by_transcript, OriginalTranscript, {"text": "Hello.", "role": "cat"}, "role"),
    (meant_by_transcript, OriginalTranscript, {"content": "ä" * (MAX_CONTENT_BYTES // 2 + 1)}, "content"),
    (meant_by_answer, OriginalAnswer, {}, "response"),
    (meant_by_answer, OriginalAnswer, {"delta": "seven.", "is_final": True}, "response"),
    (meant_by_answer, OriginalAnswer, {"is_final": False}, "response"),
    (meant_by_speech, OriginalSpeech, {}, "event"),
    (meant_by_speech, OriginalSpeech, {"event_type": "sang"}, "event_type"),
    (meant_by_speech, OriginalSpeech, {"event": "started", "actor": "system"}, "actor"),
    (meant_by_speech, OriginalSpeech, {"event": "started", "speaker": "cat"}, "speaker"),
]


@pytest.mark.parametrize(("meant_by", "kind", "sent", "field"), WRONG, ids=lambda value: str(value)[:40])
def test_what_means_nothing_is_refused_by_the_name_that_was_sent(
    meant_by: Any, kind: Any, sent: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidCommand) as refused:
        meant_by(convert(sent, kind))

    assert refused.value.field == field


def test_the_tables_know_every_state() -> None:
    assert set(STATE_TABLE) == set(Status)
    for row in (*STATE_TABLE.values(), *SPEECH_TABLE.values()):
        assert set(row) == set(State)
