"""A watched conversation in words: every event has its line, and nothing that is sent can break one."""

import json
import re
import unicodedata
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.client.frames import Frame, read_frame
from app.watch.interims import MAX_OPEN, QUIET_S, OpenInterims
from app.watch.live_area import MAX_LINES, LiveArea
from app.watch.screens import CONVERSATION_STYLES, Timeline
from app.watch.typesetting import columns_width
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


def spoken(conversation_id: str, text: str) -> Frame:
    """A segment that has the same key in all conversations."""
    frame = interim("transcript_update", {"text": text}) | {"conversation_id": conversation_id}
    return read_frame(json.dumps(frame).encode())


def settled(conversation_id: str, text: str) -> Frame:
    frame = envelope("transcript_update", {"text": text}, seq=2) | {"conversation_id": conversation_id}
    return read_frame(json.dumps(frame).encode())


def words_in(interims: OpenInterims) -> list[str]:
    return [line.parts[0][0] for line in interims.lines()]


def test_who_speaks_stays_in_place_whoever_says_the_next_word() -> None:
    interims = OpenInterims()
    for conversation_id, text in (("one", "A"), ("two", "Is"), ("one", "A table"), ("three", "I"), ("two", "Is it")):
        interims.hear(spoken(conversation_id, text))

    assert words_in(interims) == ["A table", "Is it", "I"]
    interims.settle(settled("one", "A table."))
    assert words_in(interims) == ["Is it", "I"]


def test_who_has_been_quiet_for_long_is_shown_again_with_the_next_word() -> None:
    now_s = 0.0
    interims = OpenInterims(lambda: now_s)
    interims.hear(spoken("one", "A"))
    now_s = QUIET_S
    interims.hear(spoken("two", "Is"))
    assert words_in(interims) == ["Is"]

    interims.hear(spoken("one", "A table"))
    assert words_in(interims) == ["A table", "Is"]


def test_a_heartbeat_finds_who_has_ceased_to_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, color_system=None, width=100, height=40)
    with LiveArea(console, columns_width(of_many=True)) as area:
        timeline = Timeline(console, area, of_many=True, with_interims=False)
        timeline.hear(spoken("c-one", "A table"), b"")
        shown_before = output.getvalue()
        monkeypatch.setattr("app.watch.interims.QUIET_S", 0.0)
        timeline.hear(read_frame(json.dumps(envelope("connection_status", {"status": "heartbeat"})).encode()), b"")
        shown_after = output.getvalue()[len(shown_before) :]

    assert "A table" in shown_before
    assert shown_after
    assert "A table" not in shown_after


def test_when_too_many_speak_the_one_that_was_heard_least_recently_is_forgotten() -> None:
    interims = OpenInterims()
    for number in range(MAX_OPEN):
        interims.hear(spoken(str(number), str(number)))
    interims.hear(spoken("0", "0 again"))
    interims.hear(spoken("new", "new"))

    assert words_in(interims) == ["0 again", *map(str, range(2, MAX_OPEN)), "new"]


def at_a_terminal(width: int, *frames: Frame) -> str:
    """What a terminal is sent until the last frame is shown."""
    output = StringIO()
    console = Console(file=output, force_terminal=True, color_system="standard", width=width, height=40)
    with LiveArea(console, columns_width(of_many=True)) as area:
        timeline = Timeline(console, area, of_many=True, with_interims=False)
        for frame in frames:
            timeline.hear(frame, b"")
        return output.getvalue()


def plain(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def test_the_lowest_lines_are_few_and_say_how_many_more_speak() -> None:
    shown = at_a_terminal(100, *(spoken(f"c-{number}", f"word {number}.") for number in range(MAX_LINES + 3)))

    last = plain(shown[shown.rindex("word 0.") :])
    assert re.findall(r"word (\d+)\.", last) == [*map(str, range(MAX_LINES))]
    assert "… and 3 more who speak" in last


def test_each_conversation_has_a_colour_and_keeps_it() -> None:
    shown = at_a_terminal(
        100, spoken("c-one", "A"), spoken("c-two", "Is"), settled("c-one", "A table."), settled("c-two", "Is it?")
    )

    colours = {name: set(re.findall(rf"\x1b\[(\d+)m +{name} \x1b\[0m", shown)) for name in ("c-one", "c-two")}
    assert [len(used) for used in colours.values()] == [1, 1]
    assert colours["c-one"] != colours["c-two"]
    assert len(set(CONVERSATION_STYLES)) == len(CONVERSATION_STYLES)


@pytest.mark.parametrize("width", [60, 90])
def test_a_long_message_goes_on_under_where_it_begins(width: int) -> None:
    text = " ".join(f"word{number}" for number in range(30)) + " " + "x" * width

    shown = plain(at_a_terminal(width, settled("c-one", text)))

    head = columns_width(of_many=True)
    first, *others = [line.rpartition("\r")[2] for line in shown.splitlines() if "word" in line or "xx" in line]
    assert "user" in first[:head]
    assert {line[:head] for line in others} == {" " * head}
    assert " ".join(line[head:].strip() for line in (first, *others)).replace("x x", "xx") == text
    assert all(len(line) <= width for line in (first, *others))


@pytest.mark.parametrize("width", [60, 90])
def test_of_a_long_text_its_end_is_shown_after_who_says_it(width: int) -> None:
    text = " ".join(f"w{number}" for number in range(60))

    shown = plain(at_a_terminal(width, spoken("c-one", text)))

    (line,) = {line for line in shown.splitlines() if "w59" in line}
    assert len(line) == width
    assert re.search(r"c-one .*…", line)
    assert line.endswith(" w58 w59")


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
