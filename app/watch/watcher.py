"""The client that looks on: it follows the chain, goes on where a connection broke off, and says so in a line."""

from datetime import UTC, datetime
from typing import Final

import anyio
import msgspec

from app.client.addresses import NoService
from app.client.chain import Chain
from app.client.connection import Interrupted
from app.client.feed_chain import FeedChain
from app.client.frames import Frame, Resume, read_resume
from app.client.losses import Loss
from app.watch.options import Options
from app.watch.screens import Screen
from app.watch.words import moment_of, words

ENDED: Final = "ENDED"


class NoReplay(Exception):
    """The service does not know replays."""

    def __init__(self, url: str) -> None:
        super().__init__(f"The service at {url} is of a release that has no replays.")


class Watcher:
    """`ended` is set when the conversation has ended and everything up to there was shown."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self._chain: Chain | FeedChain = FeedChain(0) if options.conversation_id is None else Chain(0)
        self._cursor = options.after
        self._epoch: str | None = None
        self._shown_place: tuple[str | None, int | None] = (None, None)
        self._shown_parts: set[str] = set()
        self._loss: Loss | None = None
        self._has_been_ready = self._is_ready = self._is_live = False
        self._linger_s: float | None = None
        self.ended = anyio.Event()

    @property
    def linger_s(self) -> float:
        """How long late messages may still come."""
        return self._linger_s or 0.0

    def cursor(self) -> dict[str, str]:
        """Where the last connection broke off; at first, where the user wants to begin."""
        query = dict(self._options.filters)
        if self._options.conversation_id is None and self._screen.wants_interims:
            query["interims"] = "true"
        if self._options.replay is not None:
            query["replay"] = self._options.replay
        if self._options.until is not None:
            query["until"] = str(self._options.until)
        if self._options.max_pause_s is not None:
            query["max_pause_s"] = f"{self._options.max_pause_s:g}"
        if self._cursor is not None:
            query["after"] = str(self._cursor)
        if self._epoch is not None:
            query["epoch"] = self._epoch
        return query

    def receive(self, frame: Frame, text: bytes) -> None:
        """Follow it, and show it if it was not shown before a connection was lost in the middle of an event.

        Raises:
            Interrupted: something is missing.
            NoReplay: a replay was asked for, and this is none.
        """
        match frame.type, frame.payload.get("status"):
            case "connection_status", "ready":
                self._check_replay(frame.payload.get("replay"))
                self._begin(_resume_in(frame))
            case "connection_status", "live":
                self._is_live = True
                self._reach(frame.payload.get("head"))
            case "connection_status", "heartbeat":
                self._reach(frame.payload.get("head"))
            case _:
                self._follow(frame)
        if frame.id is None or frame.id not in self._shown_parts:
            self._screen.hear(frame, text)
        self._remember(frame)
        self._look_for_the_end(frame)

    def receive_unreadable(self, reason: str) -> None:
        """Say so; whether anything is missing, the next frame tells."""
        self._screen.note(f"a frame cannot be read: {reason}")

    async def live(self) -> None:
        """There is nothing to send."""

    def lose(self, loss: Loss) -> None:
        """Wait for the service.

        Raises:
            NoService: it never was there.
        """
        if loss.is_nobody_there and not self._has_been_ready:
            raise NoService(self._options.url)
        self._is_ready = self._is_live = False
        self._loss = self._loss or loss
        if loss.may_return:
            what = "connection lost" if self._has_been_ready else "no connection yet"
            self._screen.wait(f"{what} ({loss.reason}), waiting for the service …")

    def _begin(self, resume: Resume) -> None:
        self._screen.wait(None)
        if self._has_been_ready or (self._options.after is not None and resume.outcome != "resumed"):
            self._screen.note(self._sentence_of(resume))
        elif self._options.conversation_id is None and resume.outcome == "fresh":
            self._screen.note("watching all conversations, from now on")
        if self._epoch not in (None, resume.epoch):
            self._screen.start_over()
        self._has_been_ready = self._is_ready = True
        self._loss = None
        self._chain.connect(resume.epoch, resume.after)
        self._cursor, self._epoch = resume.after, resume.epoch

    def _check_replay(self, replay: object) -> None:
        """Say what is replayed. An older service tells what happens now instead, as if it was asked for."""
        if self._options.replay is None:
            return
        if not isinstance(replay, dict):
            raise NoReplay(self._options.url)
        if not self._has_been_ready:
            pace = "without pauses" if replay.get("speed") is None else f"at speed {words(replay['speed'])}"
            self._screen.note(f"a replay of {words(replay.get('events'))} events, {pace}")

    def _sentence_of(self, resume: Resume) -> str:
        """How the connection begins that follows another, or a cursor of the user's."""
        reason = f"connection lost ({self._loss.reason}), " if self._loss is not None else ""
        if resume.outcome == "resumed" and resume.after == self._cursor:
            return f"{reason}resumed at {resume.after}, nothing missed"
        if resume.outcome == "fresh":
            return f"{reason}connected afresh at {resume.after}"
        if self._epoch not in (None, resume.epoch):
            return f"{reason}gap: the service has another history now, which is at {resume.after}"
        return f"{reason}gap: what came after {self._cursor} is not replayed, the service is at {resume.after}"

    def _follow(self, frame: Frame) -> None:
        if not self._is_ready:
            return  # a refusal: there is nothing to follow
        faults = self._chain.follow(frame)
        if faults:
            raise Interrupted(faults[0])
        self._cursor = self._chain.cursor

    def _reach(self, head: object) -> None:
        """Everything up to the head was sent. A conversation has a message of every version; of the feed, a filter
        may leave nothing."""
        if not isinstance(head, int):
            return
        if isinstance(self._chain, FeedChain):
            self._chain.reach(head)
            self._cursor = self._chain.cursor
        elif head > self._chain.cursor:
            raise Interrupted(f"the service is at {head}, and {self._chain.cursor} was received")

    def _remember(self, frame: Frame) -> None:
        """The parts of an event all come again if the connection is lost before the last of them."""
        if frame.id is None:
            return
        place = (frame.conversation_id, frame.seq)
        if place != self._shown_place:
            self._shown_place = place
            self._shown_parts.clear()
        self._shown_parts.add(frame.id)

    def _look_for_the_end(self, frame: Frame) -> None:
        if self._options.conversation_id is None:
            return
        if frame.type == "state_update" and frame.payload.get("to") == ENDED and self._linger_s is None:
            self._linger_s = self._remaining_s(frame)
        if self._linger_s is not None and self._is_live:
            self.ended.set()

    def _remaining_s(self, frame: Frame) -> float:
        """Of the time for late messages. Who comes when a conversation has ended sees it as it is."""
        ended_at = moment_of(frame.ts)
        if frame.seq is None or ended_at is None:
            return 0.0
        passed_s = (datetime.now(UTC) - ended_at).total_seconds()
        return min(max(self._options.linger_s - passed_s, 0.0), self._options.linger_s)


def _resume_in(ready: Frame) -> Resume:
    try:
        return read_resume(ready)
    except msgspec.ValidationError as error:
        raise Interrupted(f"the service does not say where the connection begins: {error}") from error
