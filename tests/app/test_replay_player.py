"""A replay is paced as the conversation was, and says of it what was said then."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.event_store import MemoryEventStore
from app.ws.frames import Frames, durable_frames
from app.ws.replay.pace import MAX_LATE_S, Pace, pause_s
from app.ws.replay.player import Player
from domain.conversation.evolution import fold
from domain.ports import RecordedEvent
from tests.support.decider import NOON
from tests.support.histories import happenings, unborn
from tests.support.recording import TickingClock, recorded_log
from tests.support.replays import unmarked

EPOCH: Final = "epoch"
MAX_PAUSE_S: Final = 5.0

logs = happenings(max_conversations=1).map(recorded_log)


@given(log=logs, data=st.data())
async def test_whatever_happened_every_piece_of_it_is_played_as_it_was_told(
    log: list[RecordedEvent], data: st.DataObject
) -> None:
    after = data.draw(st.integers(0, len(log)))
    last = data.draw(st.integers(after, len(log)))
    before = fold(unborn(log[0].conversation_id), log[:after])
    store = MemoryEventStore(TickingClock())
    vars(store)["_conversations"][log[0].conversation_id] = log
    texts: list[bytes] = []

    async def take(frames: Frames) -> None:
        texts.extend(frames.texts)

    player = Player(store, before, last, Pace(None, MAX_PAUSE_S), EPOCH)
    await player.play(take)

    expected = []
    for recorded in log[after:last]:
        now = fold(before, (recorded,))
        expected += [msgspec.json.decode(text) for text in durable_frames(recorded, before, now, EPOCH).texts]
        before = now
    told = [msgspec.json.decode(text) for text in texts]
    assert all(frame["replay"] is True for frame in told)
    assert unmarked(told) == expected
    assert player.version == last


SECOND: Final = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("gap", "speed", "expected_s"),
    [
        (2 * SECOND, 1.0, 2.0),
        (2 * SECOND, 10.0, 0.2),
        (2 * SECOND, 0.5, 4.0),
        (-3_600 * SECOND, 1.0, 0.0),
        (3_600 * SECOND, 1.0, MAX_PAUSE_S),
        (3_600 * SECOND, 10.0, MAX_PAUSE_S / 10),
        (3_600 * SECOND, 0.1, MAX_PAUSE_S * 10),
        (2 * SECOND, None, 0.0),
    ],
    ids=str,
)
def test_a_pause_is_that_of_then_divided_by_the_speed(gap: timedelta, speed: float | None, expected_s: float) -> None:
    assert pause_s(NOON, NOON + gap, speed, MAX_PAUSE_S) == pytest.approx(expected_s)


class Evening:
    """A clock that only sleeping moves, and what somebody does meanwhile."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(round(seconds, 3))
        self.now_s += seconds


def times(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=second) for second in seconds]


async def test_what_is_sent_late_is_caught_up_with_a_little_and_a_slow_client_is_not() -> None:
    evening = Evening()
    pace = Pace(2.0, MAX_PAUSE_S, lambda: evening.now_s, evening.sleep)
    for occurred_at, sending_s in zip(times(0, 1, 2, 3, 4), (0.0, 0.05, 0.0, 30.0, 0.0), strict=True):
        await pace.wait(occurred_at)
        evening.now_s += sending_s
    await pace.wait(*times(5))

    assert MAX_LATE_S < 0.5
    assert evening.slept_s == [0.0, 0.5, 0.45, 0.5, 0.0, 0.5]
