"""What every connection hears first: where it begins, what it missed, and that it is live."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, UnsetType

from app.ws import protocol
from app.ws.answers import Speaker
from app.ws.frames import Frames
from app.ws.protocol import Live, Ready, Replay, Resume, Snapshot
from app.ws.rate import RateLimit
from app.ws.subscriber import QUEUE_MAX_BYTES, QUEUE_MAX_FRAMES
from domain.ports import Clock, IdSource


class Greeter:
    """Of all kinds of connections."""

    def __init__(self, rate_limit: RateLimit, clock: Clock, ids: IdSource) -> None:
        self._rate_limit = rate_limit
        self._clock = clock
        self._ids = ids

    def greeting(
        self, speaker: Speaker, resume: Resume, replay: Sequence[Frames], snapshot: Snapshot | None = None
    ) -> Iterator[Frames]:
        """Everything up to `live`, in order."""
        now = self._clock.now()
        yield speaker.say("connection_status", self._ready(resume), now)
        if snapshot is not None:
            yield speaker.say("state_update", snapshot, now)
        yield from replay
        yield speaker.say("connection_status", Live(head=resume.head), now)

    def announcement(self, speaker: Speaker, resume: Resume, replay: Replay) -> Frames:
        """The first words of a replay, which never is live."""
        return speaker.say("connection_status", self._ready(resume, replay), self._clock.now())

    def _ready(self, resume: Resume, replay: Replay | UnsetType = UNSET) -> Ready:
        return Ready(
            connection_id=self._ids.new_id(),
            heartbeat_interval_ms=protocol.HEARTBEAT_INTERVAL_MS,
            heartbeat_timeout_ms=2 * protocol.HEARTBEAT_INTERVAL_MS,
            limits={
                "max_frame_bytes": protocol.MAX_FRAME_BYTES,
                "max_replay_events": protocol.MAX_REPLAY_EVENTS,
                "messages_per_s": self._rate_limit.frames_per_s,
                "messages_burst": self._rate_limit.burst_frames,
                "queue_max_frames": QUEUE_MAX_FRAMES,
                "queue_max_bytes": QUEUE_MAX_BYTES,
            },
            session_expires_at=None,
            resume=resume,
            replay=replay,
        )
