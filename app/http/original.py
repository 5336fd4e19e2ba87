"""`/api/conversations/{id}/state`, `/transcript` and `/ai-response`: what original clients call."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, get, post
from msgspec import Struct
from msgspec.structs import asdict

from app.http.dependencies import Access, GivenAccess, PathText
from app.http.openapi.operation import READ_PROBLEMS, WRITE_PROBLEMS, Operation
from app.http.requests import HttpRequest, conversation_id_of, has_version, read_body, write_options
from app.http.responses import answer, etag, write_answer
from app.http.v2.writes import preconditions
from app.use_cases.original_clients import Granted
from app.use_cases.original_payloads import OriginalAnswer, OriginalState, OriginalTranscript
from app.use_cases.original_wishes import (
    AnswerPiece,
    MessageWish,
    TranscriptSoFar,
    Wish,
    meant_by_answer,
    meant_by_state,
    meant_by_transcript,
)
from domain.conversation.conversation import Conversation, Status, allowed, status

ITEM: Final = "/api/conversations/{conversation_id:str}"
_state_decoder: Final = msgspec.json.Decoder(OriginalState)
_transcript_decoder: Final = msgspec.json.Decoder(OriginalTranscript)
_answer_decoder: Final = msgspec.json.Decoder(OriginalAnswer)

_REFUSALS: Final = ("not_found", "busy", "invalid_transition", "limit_reached", *WRITE_PROBLEMS)


class OriginalStateView(Struct, frozen=True, kw_only=True):
    """The state as original clients know it, of seven. `previous_state` is the one before this request, where it was
    a write; `allowed` are the commands that are legal now."""

    conversation_id: str
    state: Status | None
    previous_state: Status | None
    version: int
    updated_at: datetime | None
    allowed: tuple[str, ...]


class OriginalMessageView(OriginalStateView, frozen=True, kw_only=True):
    """The state after it. What is not final is kept nowhere, so it has no `message_id`."""

    is_final: bool
    message_id: str | None


@get(
    f"{ITEM}/state",
    operation=Operation(
        tag="Original clients",
        summary="Get the state",
        description="One of seven: `WAITING_FOR_USER` and `ERROR` are derived from the five of the state machine.",
        answer=OriginalStateView,
        conditional=True,
        problems=("not_found", *READ_PROBLEMS),
    ),
)
async def get_original_state(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    conversation = await access.service.get_conversation(access.principal, conversation_id_of(conversation_id))
    headers = {"ETag": etag(conversation.version), "Cache-Control": "private, no-cache"}
    if has_version(request, conversation.version):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return answer(_state_view(conversation, None), headers=headers)


@post(
    f"{ITEM}/state",
    operation=Operation(
        tag="Original clients",
        summary="Wish for a state",
        description="Becomes the command that leads there; the page of original clients has the table. A state "
        "that is there already is a success that stores nothing. Unknown fields are passed over.",
        body=OriginalState,
        examples={
            "The microphone is open": {"state": "LISTENING"},
            "Something went wrong": {"state": "ERROR", "code": "stt_failed", "message": "No audio.", "retryable": True},
        },
        answer=OriginalStateView,
        write=True,
        problems=_REFUSALS,
    ),
    status_code=HTTPStatus.OK,
)
async def post_original_state(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    wish = meant_by_state(await read_body(request, _state_decoder))
    granted = await _grant(request, access, conversation_id, wish)
    return write_answer(_state_view(granted.result.conversation, granted.previous), granted.result)


@post(
    f"{ITEM}/transcript",
    operation=Operation(
        tag="Original clients",
        summary="Send a transcript",
        description="Final, it is posted as a message of its speaker. Not final, it is broadcast to the sockets of the "
        "conversation and not stored. Unknown fields are passed over.",
        body=OriginalTranscript,
        examples={
            "What the user said": {"text": "A table for two?", "speaker": "user", "is_final": True},
            "What is understood so far": {"text": "A table", "is_final": False, "segment_id": "1"},
        },
        answer=OriginalMessageView,
        write=True,
        problems=("message_exists", "response_over", *_REFUSALS),
    ),
    status_code=HTTPStatus.OK,
)
async def post_original_transcript(
    request: HttpRequest, access: GivenAccess, conversation_id: PathText
) -> Response[bytes]:
    meant = meant_by_transcript(await read_body(request, _transcript_decoder))
    return await _say(request, access, conversation_id, meant)


@post(
    f"{ITEM}/ai-response",
    operation=Operation(
        tag="Original clients",
        summary="Send an answer of the agent",
        description="Final, it answers the turn that is open, or is recorded where none is. Not final, it is broadcast "
        "to the sockets of the conversation and not stored. Unknown fields are passed over.",
        body=OriginalAnswer,
        examples={
            "The whole answer": {"text": "At seven?", "response_id": "answer-1"},
            "A piece of it": {"delta": "At se", "response_id": "answer-1", "is_final": False},
        },
        answer=OriginalMessageView,
        write=True,
        problems=("message_exists", "response_over", *_REFUSALS),
    ),
    status_code=HTTPStatus.OK,
)
async def post_original_answer(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    meant = meant_by_answer(await read_body(request, _answer_decoder))
    return await _say(request, access, conversation_id, meant)


async def _say(
    request: HttpRequest, access: Access, conversation_id: str, meant: MessageWish | TranscriptSoFar | AnswerPiece
) -> Response[bytes]:
    if isinstance(meant, MessageWish):
        granted = await _grant(request, access, conversation_id, meant)
        result = granted.result
        view = _message_view(result.conversation, granted.previous, is_final=True, message_id=granted.message_id)
        return write_answer(view, result)
    write_options(request, access.principal)  # refused where they cannot be read, although nothing depends on them
    conversation = await access.service.original_clients.tell(
        access.principal, conversation_id_of(conversation_id), meant
    )
    view = _message_view(conversation, status(conversation), is_final=False, message_id=None)
    return answer(view, headers={"ETag": etag(conversation.version)})


async def _grant(request: HttpRequest, access: Access, conversation_id: str, wish: Wish) -> Granted:
    options = write_options(request, access.principal)
    with preconditions(options):
        return await access.service.original_clients.grant(
            access.principal, conversation_id_of(conversation_id), wish, options
        )


def _message_view(
    conversation: Conversation, previous: Status | None, *, is_final: bool, message_id: str | None
) -> OriginalMessageView:
    state_view = _state_view(conversation, previous)
    return OriginalMessageView(**asdict(state_view), is_final=is_final, message_id=message_id)


def _state_view(conversation: Conversation, previous: Status | None) -> OriginalStateView:
    updated_at = conversation.last_activity_at
    return OriginalStateView(
        conversation_id=conversation.id,
        state=status(conversation),
        previous_state=previous,
        version=conversation.version,
        updated_at=None if updated_at is None else updated_at.astimezone(UTC),
        allowed=allowed(conversation),
    )


ROUTES: Final = (get_original_state, post_original_state, post_original_transcript, post_original_answer)
