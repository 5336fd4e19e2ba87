"""A watched conversation in words: every event has its line, and nothing that is sent can break one."""

import json
import unicodedata
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.client.frames import Frame, read_frame
from app.watch.screens import Timeline
from app.watch.words import printable, time_of_day
from tests.support.scripted_service import envelope, state

Json = dict[str, Any]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KNOWN_FIELDS = [
    *("text", "delta", "offset", "event", "at_ms", "actor", "speaker", "code", "message", "from", "to", "status"),
    *("reason", "data", "messages", "interims", "queued", "interrupted", "heard_text", "as_of_seq", "turn", "fatal"),
]
TYPES = ("state_update", "transcript_update", "ai_response", "speech_event", "error", "connection_status", "ack", "new")


def shown(*frames: Json, with_interims: bool = False, of_many: bool = False) -> list[str]:
    """The lines of a terminal without colours."""
    output = StringIO()
    console = Console(file=output, color_system=None, width=500)
    timeline = Timeline(console, None, of_many=of_many, with_interims=with_interims)
    for frame in frames:
        text = json.dumps(frame).encode()
        timeline.hear(read_frame(text), text)
    return [line[9:].strip() for line in output.getvalue().splitlines()]


def interim(message_type: str, payload: Json, key: str = "k") -> Json:
    return envelope(message_type, payload, final=False, key=key)


def event(reason: str, data: Json | None, seq: int = 5, to: str = "SPEAKING") -> Json:
    payload = {"from": "SPEAKING", "to": to, "status": to, "reason": reason, "turn": 1, "allowed": [], "data": data}
    return envelope("state_update", payload, id=f"id-{seq}", seq=seq, prev=seq - 1)


def test_a_move_shows_both_states_and_why() -> None:
    assert shown(state(5, "IDLE", "LISTENING")) == ["5  state      IDLE → LISTENING  something_happened"]


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (envelope("transcript_update", {"text": "Hi", "speaker": "user"}, seq=2), "2  user       Hi"),
        (envelope("ai_response", {"text": "Yes?"}, seq=2), "2  assistant  Yes?"),
        (
            envelope("ai_response", {"text": "At seven?", "interrupted": True, "heard_text": "At"}, seq=2),
            "2  assistant  At seven?  (interrupted, heard 2 of 9 characters)",
        ),
        (envelope("speech_event", {"event": "started", "actor": "user"}, seq=2), "2  speech     user started"),
        (envelope("error", {"code": "asr", "message": "broken"}, seq=2), "2  error      asr: broken"),
        (
            event("tool_call_started", {"name": "f", "arguments": {"a": 1}}),
            '5  tool       tool_call_started  f {"a":1}',
        ),
        (event("tool_call_completed", {"error": "gone"}), "5  tool       tool_call_completed  error gone"),
        (event("metadata_changed", {"metadata": {"a": "b"}}), '5  event      metadata_changed  {"a":"b"}'),
        (
            event("conversation_ended", {"ended_reason": "error", "detail": "lost"}, to="ENDED"),
            "5  state      SPEAKING → ENDED  conversation_ended  error lost",
        ),
        (event("something_new", {"x": 1}), '5  event      something_new  {"x":1}'),
        (envelope("hologram", {"x": 1}, seq=2), '2  hologram   {"x":1}'),
    ],
)
def test_everything_that_happens_has_its_line(frame: Json, line: str) -> None:
    assert shown(frame) == [line]


def test_a_snapshot_shows_what_was_said_last_and_then_the_state() -> None:
    messages = [{"message_id": "m", "role": "user", "text": "Hi", "seq": 2}]
    payload = {"from": "IDLE", "to": "IDLE", "status": "ERROR", "reason": "snapshot", "as_of_seq": 3}

    lines = shown(envelope("state_update", payload | {"messages": messages}))

    assert lines == ["2  user       Hi", "3  state      IDLE as of 3, ERROR"]


def test_a_second_snapshot_shows_only_the_messages_that_are_new() -> None:
    payload = {"from": "IDLE", "to": "IDLE", "status": "IDLE", "reason": "snapshot"}
    first = envelope("state_update", payload | {"as_of_seq": 2, "messages": [{"role": "user", "text": "A", "seq": 2}]})
    both = [{"role": "user", "text": "A", "seq": 2}, {"role": "user", "text": "B", "seq": 700}]
    second = envelope("state_update", payload | {"as_of_seq": 700, "messages": both})

    assert shown(first, second)[2:] == ["700  user       B", "700  state      IDLE as of 700"]


def test_interims_are_left_out_of_a_file_unless_they_are_asked_for() -> None:
    words = [interim("transcript_update", {"text": text}) for text in ("A", "A table")]

    assert shown(*words) == []
    assert shown(*words, with_interims=True) == ["user       A", "user       A table"]


def test_deltas_add_up_also_for_those_who_come_late_or_miss_some() -> None:
    deltas = [(10, "sev"), (13, "en"), (13, "en?"), (40, "more")]
    frames = [interim("ai_response", {"response_id": "r", "offset": o, "delta": d}) for o, d in deltas]

    lines = shown(*frames, with_interims=True)

    assert [line.split()[-1] for line in lines] == ["…sev", "…seven", "…seven?", "…more"]


def test_what_was_under_way_when_the_connection_began_is_shown() -> None:
    under_way = {"type": "ai_response", "key": "r", "payload": {"response_id": "r", "offset": 0, "delta": "At"}}
    payload = {"to": "SPEAKING", "status": "SPEAKING", "reason": "snapshot", "as_of_seq": 3, "interims": [under_way]}
    more = interim("ai_response", {"response_id": "r", "offset": 2, "delta": " seven"}, key="r")

    assert shown(envelope("state_update", payload), more, with_interims=True)[1:] == [
        "assistant  At",
        "assistant  At seven",
    ]


def test_in_the_feed_a_line_names_its_conversation_and_the_whole_id_once() -> None:
    frames = [state(seq, "IDLE", "LISTENING", conversation_id="0199-aaaaaaaa-12345678") for seq in (5, 6)]

    lines = shown(*frames, of_many=True)

    assert "conversation 0199-aaaaaaaa-12345678" in lines[0]
    assert [line.split()[:2] for line in lines[1:]] == [["12345678", "5"], ["12345678", "6"]]


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\x07b", "a\rb", "\x9b2J", "abc\u202edef", "a\u2028b"])
def test_no_text_commands_the_terminal(text: str) -> None:
    line = printable(text)

    assert "\N{REPLACEMENT CHARACTER}" in line
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2028"} & set(line)


def test_text_of_all_languages_stays_as_it_is() -> None:
    assert printable("Grüße, 東京 👩‍👩‍👧\n你好") == "Grüße, 東京 👩‍👩‍👧 ⏎ 你好"


@pytest.mark.parametrize("ts", [None, "", "yesterday", "2026-01-02", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_shown_as_none(ts: str | None) -> None:
    assert time_of_day(ts) == "--:--:--"


@given(
    message_type=st.sampled_from(TYPES),
    payload=st.dictionaries(st.sampled_from(KNOWN_FIELDS) | st.text(max_size=5), anything, max_size=8),
    final=st.booleans(),
    seq=st.none() | st.integers(1, 9),
    key=st.none() | st.text(max_size=5),
)
def test_no_payload_breaks_the_timeline(
    message_type: str, payload: Json, final: bool, seq: int | None, key: str | None
) -> None:
    frame = Frame(message_type, payload, "e-1", seq, final=final, key=key, conversation_id="c-1")
    output = StringIO()
    timeline = Timeline(Console(file=output, color_system=None), None, of_many=True, with_interims=True)

    timeline.hear(frame, b"")

    assert not any(unicodedata.category(character) == "Cc" for character in output.getvalue().replace("\n", ""))
