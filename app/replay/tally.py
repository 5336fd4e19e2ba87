"""What is counted while dialogues are played."""

from time import perf_counter

from msgspec import Struct, field


class Difference(Struct, frozen=True):
    """Something that is not as it must be."""

    dialogue_id: str
    conversation_id: str | None
    what: str


class Tally(Struct, eq=False):
    """Filled by all players; read by the progress bar and, in the end, by the summary."""

    started_at: float = field(default_factory=perf_counter)
    conversations: int = 0
    turns: int = 0
    messages: int = 0
    events: int = 0
    frames_received: int = 0
    interims_sent: int = 0
    interims_coalesced: int = 0
    """Not sent by themselves, as the service takes only so many frames a second: the next one says as much."""
    interims_received: int = 0
    reconnects: int = 0
    retries: int = 0
    skipped_lines: int = 0
    ack_ms: list[float] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    difference_count: int = 0
    is_stopped: bool = False
    """Before the end: by Ctrl-C, or because the service did not come back."""

    @property
    def elapsed_s(self) -> float:
        """Since the first dialogue began."""
        return perf_counter() - self.started_at

    def differ(self, difference: Difference, keep: int = 100) -> None:
        """Count it, and keep the first ones."""
        self.difference_count += 1
        if len(self.differences) < keep:
            self.differences.append(difference)
