"""`turnlog import chats`: a file with a conversation in each line becomes conversations."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import BinaryIO, Final

from msgspec import Struct

from app.operations.transfer.chat_histories import history_of
from app.operations.transfer.chats import read_chat
from app.operations.transfer.conversation_writer import ConversationWriter, Fate, Outcome, WriterTally
from app.operations.transfer.histories import History
from app.wire import BODY
from domain.conversation.errors import InvalidCommand
from domain.ids import TenantId

MAX_LINE_BYTES: Final = 64 * 2**20


class BadLine(Struct, frozen=True):
    """A line of which nothing was taken in. `number` counts from 1."""

    number: int
    reason: str


class ChatImport:
    """One run over a file. `tally` and `bad_lines` are what became of its lines.

    When it `is_strict`, no line is begun any more after the first that is not taken in.
    """

    def __init__(
        self,
        tenant_id: TenantId,
        now: datetime,
        on_bad_line: Callable[[BadLine], None],
        on_line: Callable[[int], None],
        *,
        is_strict: bool = False,
    ) -> None:
        self._tenant_id = tenant_id
        self._now = now
        self._on_bad_line = on_bad_line
        self._on_line = on_line
        self._is_strict = is_strict
        self._is_stopped = False
        self.tally = WriterTally()
        self.bad_lines = 0

    async def run(self, lines: BinaryIO, writer: ConversationWriter) -> None:
        """Take in what the file has; raises what the writer raises."""
        await writer.write_all(self._histories(lines), self._settle)

    def _histories(self, lines: BinaryIO) -> Iterator[History]:
        number = 0
        while not self._is_stopped and (raw := lines.readline(MAX_LINE_BYTES)):
            number += 1
            if raw.strip() and (history := self._history(number, raw)) is not None:
                yield history

    def _history(self, number: int, raw: bytes) -> History | None:
        if len(raw) == MAX_LINE_BYTES:
            self._refuse(number, f"The line has more than {MAX_LINE_BYTES} bytes. What comes after it is not read.")
            self._is_stopped = True
            return None
        try:
            return history_of(read_chat(raw), str(number), self._tenant_id, self._now)
        except InvalidCommand as refusal:
            self._refuse(number, str(refusal).replace(f"`{BODY}`", "The line"))
            return None

    def _settle(self, outcome: Outcome) -> None:
        self.tally.count(outcome)
        if outcome.fate in (Fate.DIFFERENT, Fate.REFUSED):
            self._name(int(outcome.history.name), outcome.reason or outcome.fate)
        self._on_line(1)

    def _refuse(self, number: int, reason: str) -> None:
        self.bad_lines += 1
        self._name(number, reason)
        self._on_line(1)

    def _name(self, number: int, reason: str) -> None:
        self._on_bad_line(BadLine(number, reason))
        self._is_stopped = self._is_stopped or self._is_strict
