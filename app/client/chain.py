"""The chain of durable messages: each names the one before it, so whatever is lost or doubled shows at once."""

from app.client.frames import Frame


class Chain:
    """The durable messages of one conversation over all of its connections, as far as they were received.

    Messages that do not follow are told as sentences; the chain then goes on from where they are, so that one fault
    is told once.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        """The last event that was received with all of its parts: where to resume."""
        self.epoch: str | None = None
        self._part: tuple[int, int] | None = None

    @property
    def cursor(self) -> int:
        """Where to resume: the `after` of the next connection."""
        return self.version

    def connect(self, epoch: str, after: int) -> list[str]:
        """A connection begins. Of an event that came in part, all parts come again."""
        self._part = None
        faults = []
        if self.epoch not in (None, epoch):
            faults.append(f"the epoch was {self.epoch} and is {epoch}")
        if after != self.version:
            faults.append(f"the connection begins after {after} instead of {self.version}")
        self.epoch, self.version = epoch, after
        return faults

    def follow(self, frame: Frame) -> list[str]:
        """The next frame; what is wrong with its place. Frames without a `seq` have none."""
        faults = [] if frame.epoch == self.epoch else [f"a frame is of epoch {frame.epoch}, not {self.epoch}"]
        if frame.seq is None:
            return faults
        seq, prev, part = self._due()
        if frame.seq != seq:
            faults.append(f"seq {frame.seq} came where {seq} is due")
        elif frame.prev != prev:
            faults.append(f"seq {frame.seq} follows {frame.prev} where {prev} is due")
        if not _is_next_part(part, frame.part):
            faults.append(f"part {frame.part} of seq {frame.seq} came after {part}")
        self._advance(frame.seq, frame.part)
        return faults

    def is_whole(self) -> bool:
        """Whether no event is received in part only."""
        return self._part is None

    def _due(self) -> tuple[int, int, tuple[int, int] | None]:
        if self._part is None:
            return self.version + 1, self.version, None
        return self.version + 1, self.version + 1, self._part

    def _advance(self, seq: int, part: tuple[int, int] | None) -> None:
        if part is None or part[0] == part[1]:
            self.version, self._part = seq, None
        else:
            self.version, self._part = seq - 1, part


def _is_next_part(before: tuple[int, int] | None, part: tuple[int, int] | None) -> bool:
    if before is None:
        return part is None or part[0] == 1
    return part == (before[0] + 1, before[1])
