"""`/api/v2/conversations/{id}/messages`: post, list, feedback."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from msgspec.structs import asdict

from app.http.dependencies import Access, GivenAccess, PathText
from app.http.openapi.operation import READ_PROBLEMS, WRITE_PROBLEMS, Operation
from app.http.requests import (
    HttpRequest,
    conversation_id_of,
    message_id_of,
    read_body,
    read_query,
    write_options,
)
from app.http.responses import list_answer, write_answer
from app.http.v2.bodies import (
    ConversationAnswer,
    FeedbackBody,
    MessageAnswer,
    MessagesParameters,
    NoParameters,
    Page,
)
from app.http.v2.conversations import ITEM
from app.http.v2.moments import check_moment
from app.http.v2.pages import page_of
from app.http.v2.writes import carry_out, conversation_answer, preconditions
from app.queries import MessageQuery
from app.use_cases.list_messages import MessageListing
from app.use_cases.post_message import Posted, PostedMessage
from app.views import MessageView, conversation_view, message_view
from domain.conversation.commands import RecordFeedback
from domain.ids import ConversationId

MESSAGES: Final = f"{ITEM}/messages"
_message_decoder: Final = msgspec.json.Decoder(PostedMessage)
_feedback_decoder: Final = msgspec.json.Decoder(FeedbackBody)


@post(
    MESSAGES,
    operation=Operation(
        tag="Messages",
        summary="Post a message",
        description="A `user` message begins a turn, as `submit_user_message` does, and is subject to the "
        "conversation's `on_busy`. An `assistant` message answers the turn that is open, as `complete_response` does. "
        "Every other message, and with `record_only` any, is recorded as `record_message` does: in no state refused "
        "but after the end and its grace of 60 seconds. `agent` and `bot` are other words for `assistant`.",
        body=PostedMessage,
        examples={
            "The user asks": {"content": "A table for two at seven?"},
            "The agent answers": {
                "role": "assistant",
                "content": "It is booked.",
                "usage": {"input_tokens": 210, "output_tokens": 12},
            },
            "Pure tracking": {"role": "user", "content": "Said somewhere else.", "record_only": True},
        },
        answer=MessageAnswer,
        success=HTTPStatus.CREATED,
        write=True,
        problems=("not_found", "busy", "invalid_transition", "message_exists", "limit_reached", *WRITE_PROBLEMS),
    ),
)
async def post_message(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    read_query(request, NoParameters)
    options = write_options(request, access.principal)
    body = await read_body(request, _message_decoder)
    with preconditions(options):
        posted = await access.service.post_message(access.principal, conversation_id_of(conversation_id), body, options)
    return write_answer(_message_answer(posted, access.service.epoch), posted.result, HTTPStatus.CREATED)


def _message_answer(posted: Posted, epoch: str) -> MessageAnswer:
    conversation = posted.result.conversation
    return MessageAnswer(
        message=message_view(posted.message),
        conversation=conversation_view(conversation, epoch),
        version=conversation.version,
        position=posted.result.position,
    )


@get(
    MESSAGES,
    operation=Operation(
        tag="Messages",
        summary="List messages",
        description="Oldest first. The list follows the writes by milliseconds; `min_position` waits for one. "
        "`at_version` and `at` give the messages as they were then, without the corrections and the feedback that came "
        "later; they are made of the events, so they are never stale.",
        query=MessagesParameters,
        answer=Page[MessageView],
        problems=("invalid_query", "not_found", "version_not_found", *READ_PROBLEMS),
    ),
)
async def list_messages(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    fields = asdict(read_query(request, MessagesParameters))
    listing = await _listing(access, conversation_id_of(conversation_id), **fields)
    views = tuple(message_view(row) for row in listing.page.rows)
    return list_answer(page_of(views, has_more=listing.page.has_more), is_stale=listing.is_stale)


async def _listing(
    access: Access,
    conversation_id: ConversationId,
    *,
    at_version: int | None,
    at: datetime | None,
    min_position: int | None,
    **fields: Any,
) -> MessageListing:
    """The messages as they are now, or as they were."""
    check_moment(at_version, at)
    query = MessageQuery(**fields)
    service, principal = access.service, access.principal
    if at_version is not None:
        page = await service.list_past_messages.at_version(principal, conversation_id, at_version, query)
        return MessageListing(page, is_stale=False)
    if at is not None:
        page = await service.list_past_messages.at_time(principal, conversation_id, at, query)
        return MessageListing(page, is_stale=False)
    return await service.list_messages(principal, conversation_id, query, min_position)


@post(
    f"{MESSAGES}/{{message_id:str}}/feedback",
    operation=Operation(
        tag="Messages",
        summary="Give feedback on a message",
        description="The last feedback counts; the earlier ones stay in the history.",
        body=FeedbackBody,
        examples={
            "Thumbs up": {"rating": 1, "scale": "thumbs"},
            "One star": {"rating": 1, "scale": "stars", "comment": "Too slow."},
        },
        answer=ConversationAnswer,
        write=True,
        problems=("not_found", "unknown_message", "limit_reached", *WRITE_PROBLEMS),
    ),
    status_code=HTTPStatus.OK,
)
async def give_feedback(
    request: HttpRequest,
    access: GivenAccess,
    conversation_id: PathText,
    message_id: PathText,
) -> Response[bytes]:
    read_query(request, NoParameters)
    body = await read_body(request, _feedback_decoder)
    owner = conversation_id_of(conversation_id)
    command = RecordFeedback(
        message_id=message_id_of(message_id), rating=body.rating, scale=body.scale, comment=body.comment
    )
    result = await carry_out(request, access, owner, command)
    return write_answer(conversation_answer(result, access.service.epoch), result)


ROUTES: Final = (post_message, list_messages, give_feedback)
