"""Holds what a conversation's socket says against the script, while it is played."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from app.client.chain import Chain
from app.client.frames import Frame
from app.replay.script import ExpectedEvent, ExpectedMessage, Step

MAX_FAULTS: Final = 20
"""Of one conversation: what is wrong beyond that tells nothing new."""

_WHOLE_TEXT: Final = frozenset({"transcript_update", "ai_response"})


class Checker:
    """One conversation. `faults` are sentences; none of them is what one hopes for."""

    def __init__(self, version: int) -> None:
        self.chain = Chain(version)
        self.faults: list[str] = []
        self.state = "IDLE"
        self._expected: deque[ExpectedEvent] = deque()
        self._version_expected = version
        self._position = 0
        self._text: str | None = None
        self._speech = Speech("", "")

    @property
    def version(self) -> int:
        """The last event that was received whole."""
        return self.chain.version

    def expect(self, events: Iterable[ExpectedEvent]) -> int:
        """A command is about to be sent that must give these events. The version after them."""
        for event in events:
            self._expected.append(event)
            self._version_expected += 1
        return self._version_expected

    def speak(self, step: Step) -> None:
        """The interims of the step are about to be sent."""
        payload = step.payload
        key = payload["response_id"] if "response_id" in payload else payload["segment_ids"][-1]
        self._speech = Speech(key, payload["content"])

    def receive(self, frame: Frame) -> None:
        """Any frame but those of the state of the connection, which `connect` and `live` take."""
        self._note(self.chain.follow(frame))
        if frame.seq is None:
            if not frame.final:
                self._note(self._speech.receive(frame.payload))
        elif frame.type in _WHOLE_TEXT:
            self._text = frame.payload["text"]
        elif frame.type == "state_update":
            self._move(frame.payload)

    def connect(self, resume: dict[str, Any], asked_after: int | None) -> None:
        """The connection is `ready`: it must give what was asked for, and begin where the last one broke off."""
        outcome = "fresh" if asked_after is None else "resumed"
        if resume["outcome"] != outcome:
            self._note([f"asked for messages after {asked_after}, got a {resume['outcome']} connection"])
        self._note(self.chain.connect(resume["epoch"], resume["after"]))
        self._text = None

    def snapshot(self, payload: dict[str, Any]) -> None:
        """The conversation as a fresh connection shows it."""
        if (payload["as_of_seq"], payload["to"]) != (self.version, self.state):
            shown = f"{payload['to']} as of {payload['as_of_seq']}"
            self._note([f"the snapshot shows {shown} where {self.state} as of {self.version} is due"])

    def live(self, head: int) -> None:
        """The replay is over: everything up to the head must have come."""
        if head != self.version or not self.chain.is_whole():
            self._note([f"live at {head} with the messages up to {self.version}"])

    def acknowledged(self, ack: dict[str, Any]) -> None:
        """The answer to the command whose events were expected last."""
        if ack["durable"] is not True:
            self._note([f"command {ack['command_id']} was acknowledged before it was durable"])
        if ack["version"] != self._version_expected:
            self._note([f"acknowledged as version {ack['version']} where {self._version_expected} is due"])
        if ack["position"] <= self._position:
            self._note([f"acknowledged at position {ack['position']} after {self._position}"])
        self._position = ack["position"]

    def note(self, fault: str) -> None:
        """Something else is wrong."""
        self._note([fault])

    def _move(self, update: dict[str, Any]) -> None:
        """An event, of which this message is the last: it must be the one that the script says."""
        text, self._text = self._text, None
        if update["from"] != self.state:
            self._note([f"{update['reason']} left {update['from']} where the state was {self.state}"])
        self.state = update["to"]
        if not self._expected:
            self._note([f"{update['reason']} came and nothing was due"])
            return
        expected = self._expected.popleft()
        if (update["reason"], update["to"]) != (expected.reason, expected.state_after):
            due = f"{expected.reason} to {expected.state_after}"
            self._note([f"{update['reason']} to {update['to']} came where {due} is due"])
        if text != expected.text:
            self._note([f"{update['reason']} says {_short(text)} where {_short(expected.text)} is due"])
        if expected.text is not None:
            self._speech = Speech("", "")

    def _note(self, faults: list[str]) -> None:
        self.faults.extend(faults[: MAX_FAULTS - len(self.faults)])


class Speech:
    """What is being said now, and how far its interims have come."""

    def __init__(self, key: str, text: str) -> None:
        self._key = key
        self._text = text
        self._progress = -1

    def receive(self, payload: dict[str, Any]) -> list[str]:
        """An interim: of this speech, further on than the last, and a piece of what is said in the end."""
        is_delta = "delta" in payload
        key = payload.get("response_id" if is_delta else "segment_id")
        if key != self._key:
            return [f"an interim of {key} came while {self._key or 'nobody'} is due"]
        progress = payload["offset"] if is_delta else payload["revision"]
        if progress <= self._progress:
            return [f"an interim of {key} came at {progress} after {self._progress}"]
        self._progress = progress
        piece, offset = (payload["delta"], progress) if is_delta else (payload["text"], 0)
        if self._text.startswith(piece, offset):
            return []
        return [f"an interim of {key} says {_short(piece)}, which is not in {_short(self._text)}"]


def differences_of(expected: tuple[ExpectedMessage, ...], listed: list[dict[str, Any]]) -> list[str]:
    """The messages as REST lists them, against those of the dialogue: role, text, order and count."""
    faults = []
    if len(listed) != len(expected):
        faults.append(f"{len(listed)} messages are listed where {len(expected)} are due")
    for number, (due, message) in enumerate(zip(expected, listed, strict=False), start=1):
        if message["role"] != due.role:
            faults.append(f"message {message['id']} ({number}) is of {message['role']} where {due.role} is due")
        if message["content"] != due.content:
            shown = f"{_short(message['content'])} where {_short(due.content)} is due"
            faults.append(f"message {message['id']} ({number}) says {shown}")
    return faults[:MAX_FAULTS]


def _short(text: str | None) -> str:
    return repr(text) if text is None or len(text) <= 40 else f"{text[:40]!r}..."
