"""`/api/v2/conversations/{id}/commands` and `/events`: the domain itself, command by command and event by event."""

from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, get, post
from msgspec.structs import asdict

from app.command_payloads import named_within_payload, read_command
from app.http.dependencies import GivenAccess, PathText
from app.http.event_stream import EventStreamParameters, EventStreamResponse, wants_event_stream
from app.http.openapi.operation import READ_PROBLEMS, WRITE_PROBLEMS, Operation
from app.http.requests import (
    HttpRequest,
    check_same,
    conversation_id_of,
    read_body,
    read_query,
    write_options,
)
from app.http.responses import list_answer, write_answer
from app.http.v2.bodies import CommandAnswer, CommandBody, EventsParameters, NoParameters, Page
from app.http.v2.conversations import ITEM
from app.http.v2.pages import page_of
from app.http.v2.writes import preconditions
from app.use_cases.read_events import EventQuery
from app.use_cases.run_command import CommandResult, command_request
from app.views import EventView, conversation_view, event_view

_command_decoder: Final = msgspec.json.Decoder(CommandBody)


@post(
    f"{ITEM}/commands",
    operation=Operation(
        tag="Commands and events",
        summary="Run a command",
        description="Any command of the domain, by its name; `payload` holds the fields of that command, which are "
        "listed among the schemas. `id` means the same as `Idempotency-Key`, `expected_version` nearly the same as "
        "`If-Match`: when the conversation is at another version the one is answered with 409, the other with 412.",
        body=CommandBody,
        examples={
            "The user begins to speak": {"name": "start_listening", "payload": {"source": "voice"}},
            "What the user said": {"name": "submit_user_message", "payload": {"content": "Hello?"}},
            "On this version or not at all": {"name": "start_response", "payload": {}, "expected_version": 3},
        },
        answer=CommandAnswer,
        write=True,
        problems=(
            "not_found",
            "unknown_message",
            "busy",
            "invalid_transition",
            "already_exists",
            "message_exists",
            "response_over",
            "unknown_tool_call",
            "limit_reached",
            *WRITE_PROBLEMS,
        ),
    ),
    status_code=HTTPStatus.OK,
)
async def run_command(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    read_query(request, NoParameters)
    options = write_options(request, access.principal)
    body = await read_body(request, _command_decoder)
    check_same(options, body.id, body.expected_version)
    named_version = body.expected_version if options.expected_version is None else options.expected_version
    wanted = command_request(
        access.principal,
        conversation_id_of(conversation_id),
        read_command(body.name, bytes(body.payload)),
        command_id=options.command_id or body.id,
        expected_version=named_version,
        traceparent=options.traceparent,
    )
    with preconditions(options), named_within_payload():
        result = await access.service.run_command(wanted)
    return write_answer(_command_answer(result, access.service.epoch), result)


def _command_answer(result: CommandResult, epoch: str) -> CommandAnswer:
    return CommandAnswer(
        events=tuple(event_view(recorded) for recorded in result.events),
        conversation=conversation_view(result.conversation, epoch),
        version=result.conversation.version,
        position=result.position,
    )


@get(
    f"{ITEM}/events",
    operation=Operation(
        tag="Commands and events",
        summary="Read the history",
        description="The events as they are stored, oldest first, always complete. The cursors `after` and `before` "
        "are versions, so that a reader can go on from the `seq` of a socket.\n\n"
        "With `Accept: text/event-stream` the answer is a stream of Server-Sent Events: the messages of the "
        "conversation's WebSocket, to read only. `after` and `epoch`, or the header `Last-Event-ID`, say where it goes "
        "on; there are no other parameters.",
        query=EventsParameters,
        answer=Page[EventView],
        event_stream=EventStreamParameters,
        problems=(
            "invalid_query",
            "invalid_header",
            "foreign_origin",
            "not_found",
            "too_many_connections",
            "overloaded",
            "service_restart",
            *READ_PROBLEMS,
        ),
    ),
)
async def read_events(request: HttpRequest, access: GivenAccess, conversation_id: PathText) -> Response[bytes]:
    if wants_event_stream(request):
        return EventStreamResponse(access.event_streams, request, access.principal, conversation_id_of(conversation_id))
    query = EventQuery(**asdict(read_query(request, EventsParameters)))
    history = await access.service.read_events(access.principal, conversation_id_of(conversation_id), query)
    views = tuple(event_view(recorded) for recorded in history.events)
    return list_answer(page_of(views, has_more=history.has_more), is_stale=False)


ROUTES: Final = (run_command, read_events)
