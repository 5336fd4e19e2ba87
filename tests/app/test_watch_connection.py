"""`turnlog watch` goes on where a connection broke off, says so in a line, and takes nothing for whole that is not."""

from collections.abc import Sequence
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from msgspec.structs import replace
from rich.console import Console

from app.client.addresses import NoService, conversation_socket_url, feed_url
from app.client.connection import ResumingConnection
from app.client.losses import Stopped
from app.watch.options import Options
from app.watch.screens import Timeline
from app.watch.watcher import NoReplay, Watcher
from tests.support.scripted_service import (
    Json,
    Scene,
    ScriptedService,
    envelope,
    live,
    ready,
    scene,
    scripted_service,
    state,
)
from tests.support.waiting import until as eventually

DEFAULTS = Options(
    url="",
    conversation_id="c-1",
    after=None,
    filters={},
    patience_s=5,
    linger_s=60,
    with_interims=False,
    with_color=False,
    as_json=False,
)
PATIENCE_S = 10.0
FRESH = ready("fresh", 1)
SNAPSHOT = envelope(
    "state_update",
    {"from": "IDLE", "to": "IDLE", "status": "IDLE", "reason": "snapshot", "as_of_seq": 1, "messages": []},
)


class Watched:
    """What was shown, and with which addresses the service was asked."""

    def __init__(self, output: str, service: ScriptedService) -> None:
        self.lines = [line.strip() for line in output.splitlines()]
        queries = [parse_qs(urlsplit(path).query) for path in service.paths]
        self.cursors = [{name: given[0] for name, given in query.items()} for query in queries]
        self.paths = [urlsplit(path).path for path in service.paths]

    def shown(self) -> list[int]:
        """The `seq` of every line that has one."""
        return [int(line.split()[1]) for line in self.lines if line.split()[1].isdecimal() and ":" in line.split()[0]]

    def told(self, word: str) -> list[str]:
        """The lines with this word."""
        return [line for line in self.lines if word in line]


async def watch(scenes: Sequence[Scene], until: str, *, until_seq: int | None = None, **options: Any) -> Watched:
    """Watch until a line with these words was shown, or the conversation has ended."""
    output = StringIO()
    console = Console(file=output, color_system=None, width=300)
    async with scripted_service(*scenes) as service:
        chosen = replace(DEFAULTS, **{"url": service.address, "until": until_seq, **options})
        timeline = Timeline(console, None, of_many=chosen.conversation_id is None, with_interims=chosen.with_interims)
        watcher = Watcher(chosen, timeline)
        address = chosen.conversation_id
        url = feed_url(chosen.url) if address is None else conversation_socket_url(chosen.url, address)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ResumingConnection(url, watcher, chosen.patience_s).run)
            await eventually(lambda: until in output.getvalue(), PATIENCE_S)
            tasks.cancel_scope.cancel()
        return Watched(output.getvalue(), service)


async def test_a_connection_that_is_lost_is_resumed_where_it_broke_off() -> None:
    watched = await watch(
        [
            scene(FRESH, SNAPSHOT, live(1), state(2, "IDLE", "LISTENING"), reset=True),
            scene(ready("resumed", 2, 3), state(3, "LISTENING", "IDLE"), live(3), state(4, "IDLE", "ENDED")),
        ],
        until="ENDED",
    )

    assert watched.cursors == [{}, {"after": "2", "epoch": "e-1"}]
    assert watched.shown() == [1, 2, 3, 4]
    assert watched.told("lost") == ["connection lost (close code 1006), resumed at 2, nothing missed"]


async def test_an_event_that_came_in_part_is_shown_once() -> None:
    said = envelope("transcript_update", {"text": "Hi"}, id="2.1", seq=2, prev=1, part=[1, 2])
    moved = state(2, "IDLE", "PROCESSING", part=[2, 2], prev=2, id="2.2")
    watched = await watch(
        [
            scene(FRESH, SNAPSHOT, live(1), said, reset=True),
            scene(ready("resumed", 1, 2), said, moved, live(2), state(3, "PROCESSING", "ENDED")),
        ],
        until="ENDED",
    )

    assert watched.cursors[1]["after"] == "1"
    assert watched.shown() == [1, 2, 2, 3]


@pytest.mark.parametrize(
    "tail",
    [
        [state(4, "IDLE", "LISTENING")],
        [state(3, "IDLE", "LISTENING", prev=1)],
        [envelope("connection_status", {"status": "heartbeat", "head": 3})],
    ],
    ids=["an event is missing", "the chain is broken", "the tail is missing"],
)
async def test_a_hole_is_never_shown_as_if_it_were_none(tail: list[Json]) -> None:
    watched = await watch(
        [
            scene(FRESH, SNAPSHOT, live(1), state(2, "IDLE", "LISTENING"), *tail),
            scene(ready("resumed", 2, 3), state(3, "LISTENING", "IDLE"), live(3), state(4, "IDLE", "ENDED")),
        ],
        until="ENDED",
    )

    assert watched.cursors[1]["after"] == "2"
    assert watched.shown() == [1, 2, 3, 4]
    assert len(watched.told("resumed at 2")) == 1


async def test_a_gap_is_called_one() -> None:
    snapshot = SNAPSHOT | {"payload": SNAPSHOT["payload"] | {"as_of_seq": 700}}
    watched = await watch(
        [
            scene(FRESH, SNAPSHOT, live(1), close=1011),
            scene(ready("gap", 700), snapshot, live(700), state(701, "IDLE", "ENDED")),
        ],
        until="ENDED",
    )

    gap = "gap: what came after 1 is not replayed, the service is at 700"
    assert watched.told("gap") == [f"connection lost (close code 1011 server_fault), {gap}"]
    assert watched.shown() == [1, 700, 701]


async def test_a_service_with_another_history_is_shown_from_its_beginning() -> None:
    other = ready("gap", 1)
    other["payload"]["resume"]["epoch"] = "e-2"
    frames = [frame | {"epoch": "e-2"} for frame in (other, SNAPSHOT, live(1), state(2, "IDLE", "ENDED"))]

    watched = await watch([scene(FRESH, SNAPSHOT, live(1), reset=True), scene(*frames)], until="ENDED")

    assert len(watched.told("another history")) == 1
    assert watched.shown() == [1, 1, 2]


async def test_a_draining_service_is_left_alone_for_as_long_as_it_asks() -> None:
    draining = envelope("connection_status", {"status": "draining", "after_ms": 300})
    scenes = [
        scene(FRESH, SNAPSHOT, live(1), draining, close=1012),
        scene(ready("resumed", 1), live(1), state(2, "IDLE", "ENDED")),
    ]

    started_at = anyio.current_time()
    watched = await watch(scenes, until="ENDED")

    assert anyio.current_time() - started_at >= 0.3
    assert watched.told("1012 service_restart")


async def test_nonsense_and_what_is_new_are_shown_and_change_nothing() -> None:
    news: list[Json | str] = [
        envelope("hologram", {"x": 1}),
        envelope("connection_status", {"status": "weather"}),
        "[]",
        "nonsense",
    ]
    watched = await watch([scene(FRESH, SNAPSHOT, live(1), *news, state(2, "IDLE", "ENDED"))], until="ENDED")

    assert len(watched.told("hologram")) == 1
    assert len(watched.told("cannot be read")) == 2
    assert len(watched.cursors) == 1


async def test_a_code_that_says_stop_is_obeyed() -> None:
    with pytest.raises(ExceptionGroup) as stopped:
        await watch([scene(FRESH, SNAPSHOT, live(1), close=4409)], until="never")

    assert stopped.group_contains(Stopped, match="4409 replaced")


def ready_to_replay(after: int, head: int) -> Json:
    frame = ready("resumed", after, head)
    plan = {"speed": 10.0, "events": head - after, "max_pause_ms": 5_000}
    return frame | {"replay": True, "payload": frame["payload"] | {"replay": plan}}


async def test_a_replay_that_breaks_off_goes_on_as_one() -> None:
    watched = await watch(
        [
            scene(ready_to_replay(0, 3), state(1, "IDLE", "LISTENING"), reset=True),
            scene(ready_to_replay(1, 3), state(2, "LISTENING", "IDLE"), state(3, "IDLE", "ENDED")),
        ],
        until="ENDED",
        replay="10",
        until_seq=3,
        max_pause_s=0.5,
    )

    assert watched.cursors == [
        {"replay": "10", "until": "3", "max_pause_s": "0.5"},
        {"replay": "10", "until": "3", "max_pause_s": "0.5", "after": "1", "epoch": "e-1"},
    ]
    assert watched.shown() == [1, 2, 3]
    assert watched.told("a replay") == ["a replay of 3 events, at speed 10.0"]
    assert len(watched.told("resumed at 1, nothing missed")) == 1


async def test_what_happens_now_is_not_taken_for_a_replay() -> None:
    with pytest.raises(ExceptionGroup) as refusal:
        await watch([scene(FRESH, SNAPSHOT, live(1))], until="never", replay="10")

    assert refusal.group_contains(NoReplay, match="has no replays")


async def test_a_service_that_never_was_there_is_not_waited_for() -> None:
    with pytest.raises(ExceptionGroup) as nobody:
        await watch([], until="never", url="http://127.0.0.1:9")

    assert nobody.group_contains(NoService, match="turnlog serve")


def in_feed(position: int, prev: int, conversation_id: str, **fields: Any) -> Json:
    place = {"conversation_id": conversation_id, "position": position, "prev_position": prev}
    return state(7, "IDLE", "LISTENING", id=f"id-{position}", **place | fields)


def about_the_feed(frame: Json) -> Json:
    return frame | {"conversation_id": None}


async def test_the_feed_is_resumed_by_position_with_its_filters() -> None:
    watched = await watch(
        [
            scene(
                about_the_feed(ready("fresh", 100)),
                about_the_feed(live(100)),
                in_feed(105, 100, "c-one"),
                in_feed(110, 105, "c-two"),
                reset=True,
            ),
            scene(
                about_the_feed(ready("resumed", 110, 120)),
                in_feed(115, 110, "c-one"),
                about_the_feed(live(120)),
                in_feed(130, 115, "c-end"),
            ),
        ],
        until="c-end   ",
        conversation_id=None,
        filters={"state": "LISTENING"},
    )

    assert watched.paths == ["/api/ws/feed"] * 2
    assert watched.cursors == [{"state": "LISTENING"}, {"state": "LISTENING", "after": "110", "epoch": "e-1"}]
    shown = [line.split()[1] for line in watched.lines if "IDLE → LISTENING" in line]
    assert shown == ["c-one", "c-two", "c-one", "c-end"]
    assert watched.told("resumed at 110, nothing missed")


@pytest.mark.parametrize(("with_interims", "asked"), [(True, {"interims": "true"}), (False, {})])
async def test_the_feed_is_asked_for_what_is_being_said_only_where_it_is_shown(
    with_interims: bool, asked: dict[str, str]
) -> None:
    scenes = [scene(about_the_feed(ready("fresh", 100)), about_the_feed(live(100)), in_feed(105, 100, "c-end"))]

    watched = await watch(scenes, until="c-end   ", conversation_id=None, with_interims=with_interims)

    assert watched.cursors == [asked]
    assert watched.lines[0] == "watching all conversations, from now on"


async def test_a_conversation_tells_what_is_being_said_unasked() -> None:
    watched = await watch([scene(FRESH, SNAPSHOT, live(1))], until="IDLE", with_interims=True)

    assert watched.cursors == [{}]


async def test_a_hole_in_the_feed_is_read_again() -> None:
    watched = await watch(
        [
            scene(about_the_feed(ready("fresh", 100)), about_the_feed(live(100)), in_feed(105, 103, "c-one")),
            scene(about_the_feed(ready("resumed", 100)), in_feed(103, 100, "c-mid"), in_feed(105, 103, "c-one")),
        ],
        until="c-one is",
        conversation_id=None,
    )

    assert watched.cursors[1]["after"] == "100"
    assert next(line.split()[1] for line in watched.lines if "IDLE → LISTENING" in line) == "c-mid"
