"""Where the conversation ends up: pages for people, or JSON for programs."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from app.show.narration import parts_of
from app.watch.narration import DIM, Part, state_part
from app.watch.typesetting import hanging
from app.watch.words import moment_of, words

Json = dict[str, Any]

STAY: Final = "STAY"
NAME_WIDTH: Final = len("last event")
OFFSET_WIDTH: Final = len("+00:00.000")
VERSION_WIDTH: Final = 4
MOVE_WIDTH: Final = len("PROCESSING → LISTENING")
COLUMNS_WIDTH: Final = OFFSET_WIDTH + 1 + VERSION_WIDTH + 2 + MOVE_WIDTH + 2


class JsonPage:
    """One object, with a line for each event; written as it comes."""

    def show(self, then: Json, newest: int, events: Iterable[Json]) -> None:
        """The conversation and its events."""
        sys.stdout.write(f'{{"conversation":{_json(then)},\n"newest_version":{newest},\n"events":[')
        for number, event in enumerate(events):
            sys.stdout.write(f"{',' if number else ''}\n{_json(event)}")
        sys.stdout.write("\n]}\n")
        sys.stdout.flush()


class Page:
    """A head, a line for each event, and the state that they lead to. `targets` are the states by the event."""

    def __init__(self, console: Console, targets: Mapping[str, str]) -> None:
        self._console = console
        self._targets = targets

    def show(self, then: Json, newest: int, events: Iterable[Json]) -> None:
        """The conversation and its events."""
        for line in head_of(then, newest):
            self._print(line)
        self._print(Text())
        state: str | None = None
        for event in events:
            before, state = state, self._after(event, state)
            self._print_event(line_of(event, moment_of(then.get("started_at")), before, state))
        self._print(Text())
        self._print(end_of(then))

    def _after(self, event: Json, state: str | None) -> str | None:
        target = self._targets.get(event["type"], STAY)
        return state if target == STAY else target

    def _print_event(self, line: Text) -> None:
        self._print(hanging(line, self._console, COLUMNS_WIDTH) if self._console.is_terminal else line)

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)


def head_of(then: Json, newest: int) -> Iterator[Text]:
    """What is known of the conversation as a whole."""
    version = then["version"]
    yield Text.assemble(("conversation ", DIM), (words(then["id"]), "bold"))
    yield _row("state", state_part(then["state"]), (_status(then), DIM))
    yield _row("version", (f"{version}" if version == newest else f"{version} of {newest}", ""))
    for name in ("user_id", "agent", "channel", "language"):
        if then.get(name) is not None:
            yield _row(name.removesuffix("_id"), (words(then[name]), ""))
    yield _row("started", (_local(then.get("started_at")), ""))
    if then.get("ended_at") is not None:
        yield _row("ended", (_local(then["ended_at"]), ""), (f"  {words(then.get('ended_reason'))}", ""))
    else:
        yield _row("last event", (_local(then.get("last_activity_at")), ""))
    yield _row("duration", (_duration(then), ""))
    if then.get("metadata"):
        yield _row("metadata", (words(then["metadata"]), ""))


def line_of(event: Json, started_at: datetime | None, before: str | None, after: str | None) -> Text:
    """When, which version, the move if it is one, and what happened."""
    text = Text(no_wrap=True)
    text.append(f"{offset_of(moment_of(event.get('occurred_at')), started_at):>{OFFSET_WIDTH}} ", DIM)
    text.append(f"{event['version']:>{VERSION_WIDTH}}  ", DIM)
    move = Text.assemble(*_move(before, after))
    text.append_text(move)
    text.append(" " * (MOVE_WIDTH - move.cell_len + 2))
    for part, style in parts_of(event["type"], event["data"]):
        text.append(part, style)
    text.rstrip()
    return text


def offset_of(time: datetime | None, started_at: datetime | None) -> str:
    """Since the beginning, negative where a clock went back: +1:02:03.456 or +02:03.456."""
    if time is None or started_at is None:
        return "?"
    sign = "-" if time < started_at else "+"
    milliseconds = abs(time - started_at) // timedelta(milliseconds=1)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    shown_hours = f"{hours}:" if hours else ""
    return f"{sign}{shown_hours}{minutes:02}:{rest // 1_000:02}.{rest % 1_000:03}"


def end_of(then: Json) -> Text:
    """The state that the last line led to, and what may be done in it."""
    allowed = ", ".join(map(words, then.get("allowed", ())))
    count = then.get("message_count")
    messages = "1 message" if count == 1 else f"{count} messages"
    return Text.assemble(
        state_part(then["state"]),
        (f" as of version {then['version']}, {messages}", DIM),
        (f"; allowed: {allowed}" if allowed else "", DIM),
    )


def _move(before: str | None, after: str | None) -> tuple[Part, ...]:
    if before == after:
        return ()
    return (*((state_part(before), (" → ", DIM)) if before is not None else (("→ ", DIM),)), state_part(after))


def _row(name: str, *parts: Part) -> Text:
    return Text.assemble((f"  {name:<{NAME_WIDTH}}  ", DIM), *parts)


def _status(then: Json) -> str:
    return "" if then.get("status") == then["state"] else f", {words(then.get('status'))}"


def _local(time: str | None) -> str:
    moment = moment_of(time)
    return "unknown" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S %z}"


def _duration(then: Json) -> str:
    """Of one that has ended; of another, until its last event."""
    started_at = moment_of(then.get("started_at"))
    last = moment_of(then.get("ended_at") or then.get("last_activity_at"))
    if last is None or started_at is None:
        return "unknown"
    return offset_of(max(last, started_at), started_at).lstrip("+")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
