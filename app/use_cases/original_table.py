"""Which command a wish of an original client is: tables, which are the code and write docs/reference.

A row is what is wished for, with a cell for every state of the conversation. Where the cell is empty the wish is true
already: a success that stores nothing. Elsewhere the command decides, and where the state machine has no way it is
refused as `invalid_transition`, with the commands that are legal.
"""

from collections.abc import Callable
from typing import Final, assert_never, get_args

from msgspec.structs import replace

from app.use_cases.original_wishes import Actor, MessageWish, SpeechWish, SpeechWord, StateWish, Wish
from app.use_cases.post_message import PostedMessage, meaning
from domain.conversation import commands as c
from domain.conversation.conversation import Conversation, Status, status
from domain.conversation.transitions import State
from domain.conversation.values import EndedReason, ListeningStoppedReason

Cell = type[c.Command] | None
Row = dict[State, Cell]

TRUE_ALREADY: Final = None


def _row(everywhere: type[c.Command], /, **elsewhere: Cell) -> Row:
    return {state: elsewhere.get(state, everywhere) for state in State}


_NOBODYS_TURN: Final = _row(c.StopListening, IDLE=TRUE_ALREADY, PROCESSING=c.CancelResponse, SPEAKING=c.CancelResponse)

STATE_TABLE: Final[dict[Status, Row]] = {
    Status.IDLE: _NOBODYS_TURN,
    Status.LISTENING: _row(c.StartListening),
    # Without the user's message there is nothing to work on, except what failed before.
    Status.PROCESSING: _row(c.RetryTurn, PROCESSING=TRUE_ALREADY),
    # While the user has the floor the agent can only go on with what a false interruption has cut off.
    Status.SPEAKING: _row(c.StartResponse, LISTENING=c.ResumeSpeech),
    Status.WAITING_FOR_USER: _NOBODYS_TURN,
    Status.ERROR: _row(c.FailTurn),
    Status.ENDED: _row(c.EndConversation),
}
"""A `state_update`. A state that the conversation shows already is true in every row."""

SPEECH_TABLE: Final[dict[tuple[SpeechWord, Actor], Row]] = {
    ("started", "user"): _row(c.StartListening),
    # Behind the user's message it comes late, and tells nothing new.
    ("stopped", "user"): _row(c.StopListening, IDLE=TRUE_ALREADY, PROCESSING=TRUE_ALREADY, SPEAKING=TRUE_ALREADY),
    ("interrupted", "user"): _row(c.InterruptResponse),
    ("resumed", "user"): _row(c.StartListening),
    ("started", "agent"): _row(c.StartResponse),
    ("interrupted", "agent"): _row(c.InterruptResponse),
    ("resumed", "agent"): _row(c.ResumeSpeech),
}
"""A `speech_event`. That the agent has stopped, and how far its voice has come, is broadcast only: an answer is over
with its whole text."""


def command_for(wish: Wish, conversation: Conversation) -> c.Command | None:
    """The command that the wish is now; none where it is true already."""
    match wish:
        case StateWish():
            return None if wish.status is status(conversation) else _state_command(wish, conversation)
        case SpeechWish():
            return _speech_command(wish, conversation)
        case MessageWish():
            return _message_command(wish, conversation)
        case _:
            assert_never(wish)


def _cell(row: Row, conversation: Conversation) -> Cell:
    # Of a conversation that does not exist the same is asked as of an ended one: some command, which is refused.
    return row[conversation.state or State.ENDED]


def _state_command(wish: StateWish, conversation: Conversation) -> c.Command | None:
    command_type = _cell(STATE_TABLE[wish.status], conversation)
    return None if command_type is None else _FROM_STATE[command_type](wish)


def _speech_command(wish: SpeechWish, conversation: Conversation) -> c.Command | None:
    command_type = _cell(SPEECH_TABLE[wish.event, wish.actor], conversation)
    return None if command_type is None else _FROM_SPEECH[command_type](wish)


def _message_command(wish: MessageWish, conversation: Conversation) -> c.Command:
    """As posting the message, with what a transcript and an answer know besides."""
    posted = PostedMessage(role=wish.role, content=wish.content, message_id=wish.message_id, audio_url=wish.audio_url)
    command = meaning(posted, conversation)
    if isinstance(command, c.SubmitUserMessage):
        segment_ids = () if wish.segment_id is None else (wish.segment_id,)
        return replace(command, segment_ids=segment_ids, confidence=wish.confidence)
    if isinstance(command, c.CompleteResponse):
        return replace(command, response_id=_response_id(wish, conversation))
    if _is_answered_again(wish, conversation):
        # Refused as `response_over`, so that an answer that is sent twice is not kept twice.
        return c.CompleteResponse(content=wish.content, response_id=wish.response_id)
    return command


def _response_id(wish: MessageWish, conversation: Conversation) -> str | None:
    """An answer that was begun without a name is the client's, whatever the client calls it at its end."""
    current = conversation.response
    is_unnamed = current is not None and current.response_id == current.message_id
    return None if is_unnamed else wish.response_id


def _is_answered_again(wish: MessageWish, conversation: Conversation) -> bool:
    is_named = wish.role == "assistant" and wish.response_id is not None
    return is_named and conversation.answered and wish.response_id == conversation.over_response_id


def _stop_listening(wish: StateWish) -> c.StopListening:
    reasons: dict[str, ListeningStoppedReason] = {reason: reason for reason in get_args(ListeningStoppedReason)}
    return c.StopListening(reason=reasons.get(wish.reason or "", "cancelled"))


def _end_conversation(wish: StateWish) -> c.EndConversation:
    reasons: dict[str, EndedReason] = {reason: reason for reason in get_args(EndedReason)}
    known = reasons.get(wish.reason or "")
    return c.EndConversation(ended_reason=known or "user_ended", detail=None if known else wish.reason)


_FROM_STATE: Final[dict[type[c.Command], Callable[[StateWish], c.Command]]] = {
    c.StartListening: lambda _: c.StartListening(),
    c.StopListening: _stop_listening,
    c.RetryTurn: lambda _: c.RetryTurn(),
    c.StartResponse: lambda wish: c.StartResponse(response_id=wish.response_id),
    c.ResumeSpeech: lambda _: c.ResumeSpeech(),
    c.CancelResponse: lambda wish: c.CancelResponse(reason=wish.reason),
    c.FailTurn: lambda wish: c.FailTurn(code=wish.code, message=wish.message, retryable=wish.retryable),
    c.EndConversation: _end_conversation,
}

_FROM_SPEECH: Final[dict[type[c.Command], Callable[[SpeechWish], c.Command]]] = {
    c.StartListening: lambda _: c.StartListening(source="voice"),
    c.StopListening: lambda _: c.StopListening(reason="silence"),
    c.StartResponse: lambda _: c.StartResponse(),
    c.ResumeSpeech: lambda _: c.ResumeSpeech(),
    c.InterruptResponse: lambda wish: c.InterruptResponse(
        source="barge_in" if wish.actor == "user" else "programmatic",
        heard_text=wish.heard_text,
        audio_end_ms=wish.at_ms,
    ),
}
