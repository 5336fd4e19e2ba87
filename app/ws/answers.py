"""What the server says to one socket alone: acknowledgements, errors, the state of the connection."""

from datetime import datetime

from msgspec import Struct

from app.use_cases.run_command import CommandResult
from app.ws.frames import encode
from app.ws.protocol import Ack, Envelope, ErrorPayload, MessageType
from domain.errors import StoreError, TurnlogError


class Speaker(Struct, frozen=True):
    """Says things about one conversation that have no `seq`."""

    conversation_id: str
    epoch: str

    def say(self, message_type: MessageType, payload: Struct, now: datetime) -> str:
        """The frame of an ephemeral message."""
        return encode(
            Envelope(
                type=message_type,
                conversation_id=self.conversation_id,
                epoch=self.epoch,
                ts=now,
                seq=None,
                payload=payload,
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


def error_of(error: TurnlogError, command_id: str | None, *, fatal: bool = False) -> ErrorPayload:
    """The error with all that its kind tells; the codes are those of REST."""
    return ErrorPayload(
        code=error.code,
        message=str(error),
        retryable=isinstance(error, StoreError),
        fatal=fatal,
        retry_after_ms=getattr(error, "retry_after_ms", None),
        field=getattr(error, "field", None),
        command_id=command_id,
        state=getattr(error, "state", None),
        version=getattr(error, "version", None),
        allowed=getattr(error, "allowed", None),
    )


def internal_error(command_id: str | None) -> ErrorPayload:
    """Something of ours failed; what, stands in the log."""
    return ErrorPayload(
        code="internal",
        message="The server failed. The command may be sent again with the same id.",
        retryable=True,
        fatal=False,
        command_id=command_id,
    )
