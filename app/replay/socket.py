"""The socket of one conversation: commands and interims out, within the service's limits; everything in is checked."""

from time import perf_counter
from typing import Any

import anyio
import msgspec
from uuid_utils import uuid7

from app.client.allowance import Allowance
from app.client.connection import ResumingConnection
from app.client.frames import Frame
from app.client.losses import Loss, milliseconds_in
from app.client.patience import Patience
from app.replay.checker import Checker
from app.replay.tally import Tally
from app.replay.waiting_interim import WaitingInterim

_encode = msgspec.json.encode


class CommandRefused(Exception):
    """The service refuses a command that the script has, for a reason that stays."""


class Pending(msgspec.Struct, eq=False):
    """The command that waits for its answer. There is one at a time: a turn's next word depends on the last."""

    command_id: str
    frame: bytes
    answer: Frame | None
    answered: anyio.Event

    def resolve(self, answer: Frame) -> None:
        """The service has answered."""
        self.answer = answer
        self.answered.set()


class ConversationSocket:
    """`run` keeps a connection; the other methods wait for one where they need it. What was under way when one was lost
    is sent again with its id."""

    def __init__(self, url: str, checker: Checker, tally: Tally, patience_s: float) -> None:
        self._connection = ResumingConnection(url, self, patience_s)
        self._checker = checker
        self._tally = tally
        self._patience_s = patience_s
        self._allowance = Allowance()
        self._waiting = WaitingInterim()
        self._pending: Pending | None = None
        self._moved = anyio.Event()
        self._has_been_live = False

    async def run(self) -> None:
        """Keep a connection, for ever.

        Raises:
            Stopped, ServiceAway: there is no coming back.
        """
        await self._connection.run()

    async def command(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send the command until it is acknowledged.

        Raises:
            CommandRefused: it never will be.
        """
        self._tally.interims_coalesced += self._waiting.drop()
        command_id = str(uuid7())
        frame = _encode({"type": "command", "id": command_id, "name": name, "payload": payload})
        started_at = perf_counter()
        patience = Patience(self._patience_s)
        while True:
            answer = await self._ask(command_id, frame)
            if answer.type == "ack":
                self._tally.ack_ms.append((perf_counter() - started_at) * 1_000)
                return answer.payload
            refusal = answer.payload
            if not refusal["retryable"]:
                raise CommandRefused(f"{name}: {refusal['code']}: {refusal['message']}")
            self._tally.retries += 1
            await patience.wait(refusal["code"], milliseconds_in(refusal, "retry_after_ms"))

    async def interim(self, payload: dict[str, Any]) -> None:
        """Broadcast it if there is room and a connection; else the next one tells it too."""
        self._tally.interims_coalesced += self._waiting.add(payload)
        if self._connection.is_live and self._allowance.take_spare():
            self._tally.interims_sent += 1
            await self._connection.send(_encode({"type": "interim", "payload": self._waiting.take()}))

    async def reached(self, version: int) -> None:
        """Wait until every event up to the version has been received."""
        while self._checker.version < version:
            self._moved = anyio.Event()
            await self._moved.wait()

    def cursor(self) -> dict[str, str]:
        """Fresh at first, then from where the last connection broke off."""
        if not self._has_been_live:
            return {}
        return {"after": str(self._checker.version), "epoch": str(self._checker.chain.epoch)}

    def receive(self, frame: Frame, text: bytes) -> None:  # noqa: ARG002 - a frame is all that is checked
        """Give every frame to whom it concerns."""
        self._tally.frames_received += 1
        payload = frame.payload
        match frame.type, payload.get("status"):
            case "ack", _:
                self._answered(frame, payload["command_id"])
            case "error", _ if frame.seq is None:
                self._hear_error(frame)
            case "connection_status", "ready":
                self._checker.connect(payload["resume"], self._checker.version if self._has_been_live else None)
                self._allowance.renew(payload.get("limits") or {})
            case "connection_status", "live":
                self._checker.live(payload["head"])
            case "connection_status", _:
                pass
            case "state_update", _ if frame.seq is None:
                self._checker.snapshot(payload)
            case _:
                self._check(frame)

    def receive_unreadable(self, reason: str) -> None:
        """That must never happen."""
        self._checker.note(f"a frame cannot be read: {reason}")

    async def live(self) -> None:
        """Send again what waits for its answer."""
        self._tally.reconnects += self._has_been_live
        self._has_been_live = True
        if self._pending is not None and self._pending.answer is None:
            await self._allowance.take()
            await self._connection.send(self._pending.frame)

    def lose(self, loss: Loss) -> None:
        """Another attempt follows, if the service wants one."""
        self._tally.retries += loss.may_return

    async def _ask(self, command_id: str, frame: bytes) -> Frame:
        """The answer. From the moment it is pending, `live` sends the frame again on every new connection."""
        await self._allowance.take()
        pending = self._pending = Pending(command_id, frame, None, anyio.Event())
        await self._connection.send(frame)
        await pending.answered.wait()
        assert pending.answer is not None
        return pending.answer

    def _check(self, frame: Frame) -> None:
        self._checker.receive(frame)
        if frame.seq is None:
            self._tally.interims_received += 1
        else:
            self._moved.set()

    def _hear_error(self, frame: Frame) -> None:
        """The answer to a command, or the service's word that an interim was one too many, or that the end comes."""
        payload, command_id = frame.payload, frame.payload.get("command_id")
        if payload["retryable"]:
            self._allowance.close(milliseconds_in(payload, "retry_after_ms"))
        if not payload["fatal"] and (command_id is not None or not payload["retryable"]):
            self._answered(frame, command_id)

    def _answered(self, answer: Frame, command_id: str | None) -> None:
        pending = self._pending
        if pending is not None and pending.command_id == command_id and pending.answer is None:
            pending.resolve(answer)
        else:
            self._checker.note(f"{answer.type} for {command_id}, which nobody waits for: {answer.payload}")
