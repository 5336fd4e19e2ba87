"""What all writes have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.http.dependencies import Access
from app.http.problems import PreconditionFailed
from app.http.requests import HttpRequest, write_options
from app.http.v2.bodies import ConversationAnswer
from app.use_cases.run_command import CommandResult, command_request
from app.use_cases.write_options import WriteOptions
from app.views import conversation_view
from domain.conversation.commands import Command
from domain.errors import VersionConflict
from domain.ids import ConversationId


@contextmanager
def preconditions(options: WriteOptions) -> Iterator[None]:
    """A conflict with a version that came in If-Match is a precondition that failed.

    Raises:
        PreconditionFailed: in place of the VersionConflict.
    """
    try:
        yield
    except VersionConflict as error:
        if options.expected_version is None:
            raise
        raise PreconditionFailed(options.expected_version, error.version) from error


async def carry_out(
    request: HttpRequest, access: Access, conversation_id: ConversationId, command: Command
) -> CommandResult:
    """Run one certain command as the request's headers want it."""
    options = write_options(request, access.principal)
    with preconditions(options):
        return await access.service.run_command(
            command_request(
                access.principal,
                conversation_id,
                command,
                command_id=options.command_id,
                expected_version=options.expected_version,
                traceparent=options.traceparent,
            )
        )


def conversation_answer(result: CommandResult, epoch: str) -> ConversationAnswer:
    """Made of the result alone, so that a retry is answered with the same bytes."""
    return ConversationAnswer(
        conversation=conversation_view(result.conversation, epoch),
        version=result.conversation.version,
        position=result.position,
    )
