"""What is answered to clients that can only listen: pings, and that the rest is to be sent somewhere else."""

from app.ws.answers import error_of
from app.ws.inbound import AckFrame, ClientFrame, PingFrame
from app.ws.live import LiveConnection
from app.ws.protocol import Pong
from app.ws.reader import command_id
from domain.conversation.errors import InvalidCommand


def answer_listener(frame: ClientFrame, live: LiveConnection, reason: str) -> None:
    """`reason` says why only these are taken, and where the rest goes."""
    if isinstance(frame, PingFrame):
        live.tell("connection_status", Pong(n=frame.n))
    elif not isinstance(frame, AckFrame):
        refused = InvalidCommand("type", f"must be ping or ack: {reason}")
        live.tell("error", error_of(refused, command_id(frame)))
