"""The chain of the tenant's feed: positions have holes, so each message names the position before it."""

from app.client.frames import Frame


class FeedChain:
    """What of the feed has been received, over all connections. `cursor` is where to resume: everything up to there
    has come with all of its parts. A filter may leave parts out, so only a later position tells that one is over."""

    def __init__(self, position: int) -> None:
        self.cursor = position
        self.epoch: str | None = None
        self._last = position

    def connect(self, epoch: str, after: int) -> list[str]:
        """A connection begins."""
        self.epoch = epoch
        self.cursor = self._last = after
        return []

    def follow(self, frame: Frame) -> list[str]:
        """The next frame; what is wrong with its place. Frames without a `position` have none."""
        if frame.position is None or frame.seq is None:
            return []
        is_another_part = frame.position == self._last
        before, self._last = self._last, frame.position
        self.cursor = frame.position if _is_last_part(frame) else self.cursor if is_another_part else before
        if is_another_part or frame.prev_position == before:
            return []
        return [f"position {frame.position} follows {frame.prev_position} where {before} is due"]

    def is_whole(self) -> bool:
        """Whether nothing is received in part only."""
        return self.cursor == self._last


def _is_last_part(frame: Frame) -> bool:
    return frame.part is None or frame.part[0] == frame.part[1]
