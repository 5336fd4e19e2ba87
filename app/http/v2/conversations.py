"""`/api/v2/conversations`: start, list, get, end, metadata."""

from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, get, patch, post, put
from msgspec.structs import asdict

from app.http.dependencies import Access, GivenAccess, PathText
from app.http.openapi.operation import READ_PROBLEMS, WRITE_PROBLEMS, Operation
from app.http.requests import (
    HttpRequest,
    conversation_id_of,
    has_version,
    read_body,
    read_query,
    write_options,
)
from app.http.responses import answer, etag, list_answer, write_answer
from app.http.v2.bodies import (
    ConversationAnswer,
    ConversationParameters,
    ConversationsParameters,
    EndBody,
    MetadataBody,
    NoParameters,
    Page,
    StartBody,
)
from app.http.v2.moments import check_moment
from app.http.v2.pages import page_of
from app.http.v2.writes import carry_out, conversation_answer, preconditions
from app.queries import ConversationQuery
from app.views import ConversationView, conversation_view, listed_conversation_view
from domain.conversation.commands import ChangeMetadata, EndConversation, StartConversation
from domain.conversation.conversation import Conversation
from domain.ids import ConversationId

COLLECTION: Final = "/api/v2/conversations"
ITEM: Final = "/api/v2/conversations/{conversation_id:str}"
_start_decoder: Final = msgspec.json.Decoder(StartBody)
_end_decoder: Final = msgspec.json.Decoder(EndBody)
_metadata_decoder: Final = msgspec.json.Decoder(MetadataBody)


@post(
    COLLECTION,
    operation=Operation(
        tag="Conversations",
        summary="Start a conversation",
        description="Without an `id` the conversation gets that of its command: sent again with the same "
        "`Idempotency-Key`, the request gives the same conversation.",
        body=StartBody,
        body_required=False,
        examples={
            "A voice agent's call": {
                "user_id": "user-1",
                "agent": "concierge",
                "channel": "voice",
                "language": "en",
                "metadata": {"plan": "gold"},
                "policies": {"on_busy": "interrupt"},
            },
            "Nothing but a conversation": {},
        },
        answer=ConversationAnswer,
        success=HTTPStatus.CREATED,
        write=True,
        problems=("already_exists", *WRITE_PROBLEMS),
    ),
)
async def start_conversation(request: HttpRequest, access: GivenAccess) -> Response[bytes]:
    read_query(request, NoParameters)
    options = write_options(request, access.principal)
    body = await read_body(request, _start_decoder)
    fields = asdict(body)
    conversation_id: ConversationId | None = fields.pop("id")
    with preconditions(options):
        result = await access.service.start_conversation(
            access.principal, StartConversation(**fields), options, conversation_id
        )
    location = f"{COLLECTION}/{result.conversation.id}"
    return write_answer(conversation_answer(result, access.service.epoch), result, HTTPStatus.CREATED, location)


@get(
    COLLECTION,
    operation=Operation(
        tag="Conversations",
        summary="List conversations",
        description="Newest first. The list follows the writes by milliseconds; `min_position` waits for one.",
        query=ConversationsParameters,
        answer=Page[ConversationView],
        problems=("invalid_query", *READ_PROBLEMS),
    ),
)
async def list_conversations(request: HttpRequest, access: GivenAccess) -> Response[bytes]:
    fields = asdict(read_query(request, ConversationsParameters))
    min_position: int | None = fields.pop("min_position")
    listing = await access.service.list_conversations(access.principal, ConversationQuery(**fields), min_position)
    views = tuple(listed_conversation_view(row, access.service.epoch) for row in listing.page.rows)
    return list_answer(page_of(views, has_more=listing.page.has_more), is_stale=listing.is_stale)


@get(
    ITEM,
    operation=Operation(
        tag="Conversations",
        summary="Get a conversation",
        description="Always current, whoever wrote to it. `at_version` and `at` give it as it was: `at` is compared "
        "with the times at which events occurred, and the history is read until the first that occurred later.",
        query=ConversationParameters,
        answer=ConversationView,
        conditional=True,
        problems=("invalid_query", "not_found", "version_not_found", *READ_PROBLEMS),
    ),
)
async def get_conversation(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    parameters = read_query(request, ConversationParameters)
    conversation = await _conversation(access, conversation_id_of(conversation_id), parameters)
    headers = {"ETag": etag(conversation.version), "Cache-Control": "private, no-cache"}
    if has_version(request, conversation.version):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return answer(conversation_view(conversation, access.service.epoch), headers=headers)


async def _conversation(
    access: Access, conversation_id: ConversationId, parameters: ConversationParameters
) -> Conversation:
    check_moment(parameters.at_version, parameters.at)
    if parameters.at_version is not None:
        return await access.service.get_conversation.at_version(
            access.principal, conversation_id, parameters.at_version
        )
    if parameters.at is not None:
        return await access.service.get_conversation.at_time(access.principal, conversation_id, parameters.at)
    return await access.service.get_conversation(access.principal, conversation_id)


@put(
    f"{ITEM}/end",
    operation=Operation(
        tag="Conversations",
        summary="End a conversation",
        description="An open turn is closed first. To end what has ended is a success that changes nothing.",
        body=EndBody,
        body_required=False,
        examples={"The user hung up": {"ended_reason": "user_ended", "detail": "hung up"}},
        answer=ConversationAnswer,
        write=True,
        problems=("not_found", *WRITE_PROBLEMS),
    ),
)
async def end_conversation(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    read_query(request, NoParameters)
    body = await read_body(request, _end_decoder)
    command = EndConversation(**asdict(body))
    result = await carry_out(request, access, conversation_id_of(conversation_id), command)
    return write_answer(conversation_answer(result, access.service.epoch), result)


@patch(
    ITEM,
    operation=Operation(
        tag="Conversations",
        summary="Change the metadata",
        description="Merged into what is there; a null takes the key away.",
        body=MetadataBody,
        examples={"Add a key, take one away": {"metadata": {"plan": "gold", "trial": None}}},
        answer=ConversationAnswer,
        write=True,
        problems=("not_found", "invalid_transition", "limit_reached", *WRITE_PROBLEMS),
    ),
)
async def change_metadata(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    read_query(request, NoParameters)
    body = await read_body(request, _metadata_decoder)
    command = ChangeMetadata(metadata=body.metadata)
    result = await carry_out(request, access, conversation_id_of(conversation_id), command)
    return write_answer(conversation_answer(result, access.service.epoch), result)


ROUTES: Final = (start_conversation, list_conversations, get_conversation, end_conversation, change_metadata)
