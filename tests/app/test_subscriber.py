"""What waits for a network that is too slow: everything durable in order, what is being said in as few frames as
possible, and never more than it may hold."""

from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.system.clock import SystemClock
from app.ws.frames import Frames, frames_of
from app.ws.inbound import InterimMessage
from app.ws.interims import MAX_ANSWER_CHARACTERS, interim
from app.ws.protocol import AnswerDelta, SpeechEvent, TranscriptUpdate
from app.ws.subscriber import Subscriber

NO_LIMIT = 10**9
FEW_FRAMES = 6
PARTS = 3


class Network:
    """Takes so many writes, then none until it is told to go on."""

    def __init__(self) -> None:
        self.is_writable = True
        self.texts: list[bytes] = []
        self._takes = NO_LIMIT

    def take(self, writes: int) -> None:
        self._takes = writes
        self.is_writable = writes > 0

    def write(self, frames: Frames) -> None:
        assert self.is_writable
        self.take(self._takes - 1)
        self.texts += frames.texts

    def heard(self) -> list[dict[str, Any]]:
        """Everything it took."""
        return [msgspec.json.decode(text) for text in self.texts]


class Talk:
    """A subscriber that is live, and those who speak to it."""

    def __init__(self, max_frames: int = NO_LIMIT, max_bytes: int = NO_LIMIT) -> None:
        self.network = Network()
        self.ends: list[str | None] = []
        self.subscriber = Subscriber(
            self.network, lambda: self.ends.append(self.subscriber.ended), max_frames=max_frames, max_bytes=max_bytes
        )
        self.subscriber.go_live(0)
        self.events = 0
        self.transcripts: dict[str, str] = {}
        self.answers: dict[str, str] = defaultdict(str)

    def tell_event(self, parts: int) -> None:
        self.events += 1
        texts = [msgspec.json.encode({"seq": self.events, "part": part + 1}) for part in range(parts)]
        self.subscriber.deliver(self.events, frames_of(*texts))

    def tell_transcript(self, segment_id: str, words: str) -> None:
        self.transcripts[segment_id] = words
        update = TranscriptUpdate(text=words, is_final=False, segment_id=segment_id)
        self.tell(InterimMessage("transcript_update", update, segment_id, None))

    def tell_delta(self, response_id: str, piece: str, back: int = 0) -> None:
        """The next piece of an answer, which may say the last characters anew."""
        said = self.answers[response_id]
        offset = max(0, len(said) - back)
        self.answers[response_id] = said[:offset] + piece
        delta = AnswerDelta(response_id=response_id, offset=offset, delta=piece)
        self.tell(InterimMessage("ai_response", delta, response_id, offset))

    def tell_mark(self) -> None:
        self.tell(InterimMessage("speech_event", SpeechEvent(event="playback_progress"), None, None))

    def tell(self, message: InterimMessage) -> None:
        self.subscriber.put_interim(interim(message, "conversation", "epoch", SystemClock().now()))

    def let_through(self, writes: int = NO_LIMIT) -> None:
        self.network.take(writes)
        self.subscriber.flush()

    def seqs_heard(self) -> list[int]:
        return [frame["seq"] for frame in self.network.heard() if frame["seq"] is not None]

    def transcripts_heard(self) -> dict[str, str]:
        payloads = [frame["payload"] for frame in self.network.heard() if frame.get("type") == "transcript_update"]
        return {payload["segment_id"]: payload["text"] for payload in payloads}

    def answers_heard(self) -> dict[str, str]:
        """As a client builds them: a piece stands at its offset. A piece beyond the end would leave a hole."""
        answers: dict[str, str] = defaultdict(str)
        for frame in self.network.heard():
            if frame.get("type") == "ai_response":
                piece = frame["payload"]
                said = answers[piece["response_id"]]
                assert piece["offset"] <= len(said), f"nothing was heard between {len(said)} and {piece['offset']}"
                answers[piece["response_id"]] = said[: piece["offset"]] + piece["delta"]
        return answers


NAMES = st.sampled_from(["a", "b", "c"])
WORDS = st.text("xyz ä😀", min_size=1, max_size=6)
STEPS = st.one_of(
    st.tuples(st.just("tell_event"), st.integers(1, PARTS)),
    st.tuples(st.just("tell_transcript"), NAMES, WORDS),
    st.tuples(st.just("tell_delta"), NAMES, WORDS, st.integers(0, 3)),
    st.tuples(st.just("tell_mark")),
    st.tuples(st.just("let_through"), st.integers(0, 3)),
)
STORIES = st.lists(STEPS, max_size=60)


def live(story: list[tuple[Any, ...]], talk: Talk) -> None:
    for name, *arguments in story:
        getattr(talk, name)(*arguments)


@given(STORIES)
def test_with_room_everything_final_arrives_and_the_last_of_what_is_being_said(story: list[tuple[Any, ...]]) -> None:
    talk = Talk()
    live(story, talk)
    talk.let_through()

    assert list(dict.fromkeys(talk.seqs_heard())) == list(range(1, talk.events + 1))
    assert talk.transcripts_heard() == talk.transcripts
    assert talk.answers_heard() == talk.answers
    assert talk.ends == []


@given(STORIES)
def test_a_full_queue_loses_nothing_durable_without_ending(story: list[tuple[Any, ...]]) -> None:
    talk = Talk(max_frames=FEW_FRAMES)
    live(story, talk)
    talk.let_through()

    heard = list(dict.fromkeys(talk.seqs_heard()))
    assert heard == list(range(1, len(heard) + 1)), "a hole"
    if not talk.ends:
        assert heard == list(range(1, talk.events + 1))
    assert talk.ends in ([], ["slow_consumer"])


@pytest.mark.parametrize("limits", [{"max_frames": 5}, {"max_bytes": 1_000}], ids=str)
def test_nothing_follows_what_did_not_fit(limits: dict[str, int]) -> None:
    # given a queue that is almost full
    talk = Talk(**limits)
    talk.let_through(0)
    talk.tell_event(3)
    # when an event does not fit, and a smaller one would
    talk.subscriber.deliver(2, frames_of(*[msgspec.json.encode({"seq": 2, "text": "x" * 400})] * 3))
    talk.subscriber.deliver(3, frames_of(b'{"seq":3}'))
    talk.let_through()
    # then the client hears neither
    assert talk.ends == ["slow_consumer"]
    assert set(talk.seqs_heard()) == {1}


def test_what_must_arrive_takes_the_place_of_what_may_be_lost() -> None:
    # given a queue full of marks, transcripts and pieces
    talk = Talk(max_frames=FEW_FRAMES)
    talk.let_through(0)
    for number in range(FEW_FRAMES):
        talk.tell_mark()
        talk.tell_transcript(f"segment-{number}", "words")
    # when events come
    for _ in range(FEW_FRAMES):
        talk.tell_event(1)
    talk.let_through()
    # then they all arrive
    assert talk.seqs_heard() == list(range(1, FEW_FRAMES + 1))
    assert talk.ends == []


def test_pieces_too_long_for_one_frame_all_arrive() -> None:
    talk = Talk()
    talk.let_through(0)
    for letter in "abc":
        talk.tell_delta("answer", letter * (MAX_ANSWER_CHARACTERS // 2 + 1))
    talk.let_through()

    assert talk.answers_heard() == talk.answers


def test_what_is_held_back_during_a_replay_is_bounded_too() -> None:
    ends = []
    subscriber = Subscriber(Network(), lambda: ends.append("ended"), max_bytes=10_000)
    for number in range(1, 12):
        subscriber.deliver(number, frames_of(b"x" * 1_000))

    assert ends == ["ended"]
    assert subscriber.ended == "slow_consumer"
