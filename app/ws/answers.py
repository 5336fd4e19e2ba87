"""What the server says to one socket alone: acknowledgements, errors, the state of the connection."""

from datetime import datetime

from msgspec import Struct

from app.problems import KIND_OF_CODE, problem_of
from app.use_cases.run_command import CommandResult
from app.ws.frames import Frames, encode
from app.ws.protocol import Ack, Envelope, ErrorPayload, MessageType


class Speaker(Struct, frozen=True):
    """Says what has no `seq`: about one conversation, perhaps within a `replay`, or, in the feed of a tenant, about
    none."""

    conversation_id: str | None
    epoch: str
    replay: bool = False

    def say(self, message_type: MessageType, payload: Struct, now: datetime) -> Frames:
        """An ephemeral message to this socket alone."""
        return encode(
            Envelope(
                type=message_type,
                conversation_id=self.conversation_id,
                epoch=self.epoch,
                ts=now,
                seq=None,
                payload=payload,
                replay=self.replay,
            )
        )


def ack(result: CommandResult) -> Ack:
    """The command is stored, now or before."""
    return Ack(
        command_id=result.command_id,
        version=result.conversation.version,
        position=result.position,
        durable=True,
        replayed=result.replayed,
    )


def error_of(error: BaseException, command_id: str | None, *, fatal: bool = False) -> ErrorPayload:
    """What the client is told of the error: the codes and the words of REST."""
    told = problem_of(error)
    return ErrorPayload(
        code=told.code,
        message=told.detail or told.title,
        retryable=KIND_OF_CODE[told.code].retryable,
        fatal=fatal,
        retry_after_ms=told.retry_after_ms,
        field=told.field,
        command_id=command_id,
        state=told.state,
        version=told.version,
        allowed=told.allowed,
    )
