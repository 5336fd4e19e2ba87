"""docs/reference/websocket.md and close-codes.json, from the AsyncAPI document and the guide beside this file."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Any, Final

import msgspec

from app.ws.asyncapi.close_codes import DEFAULT_BACKOFF, Backoff, close_code_table, described_codes
from app.ws.asyncapi.document import document
from app.ws.asyncapi.messages import SERVER_MESSAGES, client_messages
from app.ws.asyncapi.tables import field_rows, summary_of
from app.ws.feed.resume import MAX_PASSED_EVENTS
from app.ws.protocol import (
    HEARTBEAT_INTERVAL_MS,
    MAX_FRAME_BYTES,
    MAX_MALFORMED_FRAMES,
    MAX_REPLAY_EVENTS,
    SNAPSHOT_MESSAGES,
    SUBPROTOCOL,
)
from app.ws.replay.query import DEFAULT_MAX_PAUSE_S, MAX_SPEED, MIN_SPEED
from app.ws.worker import WAITING_MAX_FRAMES
from domain.conversation.commands import COMMAND_TYPES

KIBIBYTE: Final = 1_024
_SHOWN_BEFORE: Final = {"Envelope", *(command.__name__ for command in COMMAND_TYPES)}
"""The envelope is on top of the page, and the commands are in that of the state machine."""


def websocket_page() -> str:
    """The text of docs/reference/websocket.md."""
    schemas = document()["components"]["schemas"]
    text = Template(_beside("websocket_guide.md")).substitute(
        subprotocol=SUBPROTOCOL,
        max_frame_kib=MAX_FRAME_BYTES // KIBIBYTE,
        max_replay_events=MAX_REPLAY_EVENTS,
        max_passed_events=f"{MAX_PASSED_EVENTS:,}",
        min_speed=f"{MIN_SPEED:g}",
        max_speed=f"{MAX_SPEED:g}",
        max_pause_s=f"{DEFAULT_MAX_PAUSE_S:g}",
        max_malformed_frames=MAX_MALFORMED_FRAMES,
        snapshot_messages=SNAPSHOT_MESSAGES,
        max_waiting_frames=WAITING_MAX_FRAMES,
        heartbeat_s=HEARTBEAT_INTERVAL_MS // 1_000,
        base_ms=DEFAULT_BACKOFF.base_ms,
        cap_ms=DEFAULT_BACKOFF.cap_ms,
        client=_beside("websocket_client.py").rstrip(),
        envelope=_fields(schemas["Envelope"]),
        frames=_frames(),
        messages=_messages(),
        close_codes=_close_codes(),
        shapes="".join(_shapes(schemas)),
    )
    return text.rstrip() + "\n"


def close_codes_file() -> str:
    """The text of docs/reference/close-codes.json, from which clients make their constants."""
    return msgspec.json.format(msgspec.json.encode(close_code_table()), indent=2).decode() + "\n"


def _beside(name: str) -> str:
    return (files("app.console") / name).read_text(encoding="utf-8")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fields(schema: dict[str, Any]) -> str:
    rows = [(f"`{row.name}`", row.kind, row.words) for row in field_rows(schema)]
    return _table(("field", "type", ""), rows)


def _messages() -> str:
    rows = [
        (f"`{message.message_type}`", message.name.replace("_", " "), message.kind, _linked(message.payload.__name__))
        for message in SERVER_MESSAGES
    ]
    told = [(*row[:3], message.summary, row[3]) for row, message in zip(rows, SERVER_MESSAGES, strict=True)]
    return _table(("type", "message", "kind", "", "payload"), told)


def _frames() -> str:
    rows = [
        (
            f"`{message.example['type']}`",
            message.summary,
            ", ".join(f"`{reply}`" for reply in message.replies) or "nothing",
            f"`{msgspec.json.encode(message.example).decode()}`",
        )
        for message in client_messages()
    ]
    return _table(("type", "", "answered with", "example"), rows)


def _close_codes() -> str:
    rows = [(str(row.code), f"`{row.name}`", row.action, row.meaning, _wait(row.backoff)) for row in described_codes()]
    return _table(("code", "name", "action", "", "wait"), rows)


def _wait(backoff: Backoff | None) -> str:
    if backoff is None or backoff == DEFAULT_BACKOFF:
        return ""
    told = [f"`{backoff.announced_by}`"] if backoff.announced_by else []
    told += [f"at least {backoff.floor_ms} ms"] if backoff.floor_ms else []
    told += [f"base {backoff.base_ms} ms"] if backoff.base_ms != DEFAULT_BACKOFF.base_ms else []
    return ", ".join(told)


def _shapes(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        if name not in _SHOWN_BEFORE:
            yield f"### {name}\n\n"
            if summary := summary_of(schema):
                yield f"{summary}\n\n"
            if schema["properties"]:
                yield f"{_fields(schema)}\n\n"


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
