"""The chain of the tenant's feed: positions have holes, so each message names the position before it."""

from app.client.frames import Frame


class FeedChain:
    """What of the feed has been received, over all connections. `cursor` is where to resume: everything up to there
    has come. An event may have several messages, and a filter may leave the last of them out, so that sometimes only
    the next event tells that one is over."""

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
        due, self._last = self._last, frame.position
        self.reach(frame.position if _is_last_part(frame) else min(due, frame.position - 1))
        if frame.prev_position == due:
            return []
        return [f"position {frame.position} follows {frame.prev_position} where {due} is due"]

    def reach(self, head: int) -> None:
        """Everything wanted up to there was received; a filter may have left nothing of it."""
        self.cursor = max(self.cursor, head)


def _is_last_part(frame: Frame) -> bool:
    return frame.part is None or frame.part[0] == frame.part[1]
