"""What a run came to, for people and for programs."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict
from rich.console import Console
from rich.table import Table

from app.replay.tally import Difference, Tally

SHOWN_DIFFERENCES: Final = 10


class Summary(Struct, frozen=True, kw_only=True):
    """The figures of a run. Latencies are from the first sending of a command to its acknowledgement."""

    conversations: int
    turns: int
    messages: int
    events: int
    seconds: float
    events_per_second: float
    ack_p50_ms: float | None
    ack_p95_ms: float | None
    ack_p99_ms: float | None
    frames_received: int
    interims_sent: int
    interims_coalesced: int
    interims_received: int
    reconnects: int
    retries: int
    skipped_lines: int
    difference_count: int
    differences: tuple[Difference, ...]
    is_stopped: bool


def summary_of(tally: Tally) -> Summary:
    """As of now."""
    seconds = tally.elapsed_s
    latencies = sorted(tally.ack_ms)
    return Summary(
        conversations=tally.conversations,
        turns=tally.turns,
        messages=tally.messages,
        events=tally.events,
        seconds=round(seconds, 3),
        events_per_second=round(tally.events / seconds, 1),
        ack_p50_ms=percentile(latencies, 0.50),
        ack_p95_ms=percentile(latencies, 0.95),
        ack_p99_ms=percentile(latencies, 0.99),
        frames_received=tally.frames_received,
        interims_sent=tally.interims_sent,
        interims_coalesced=tally.interims_coalesced,
        interims_received=tally.interims_received,
        reconnects=tally.reconnects,
        retries=tally.retries,
        skipped_lines=tally.skipped_lines,
        difference_count=tally.difference_count,
        differences=tuple(tally.differences),
        is_stopped=tally.is_stopped,
    )


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """The value that this share of the values does not exceed; none of nothing."""
    if not ascending:
        return None
    rank = max(-(-len(ascending) * share // 1), 1)
    return round(ascending[int(rank) - 1], 3)


def print_summary(summary: Summary, console: Console) -> None:
    """A table, and the first differences with the ids that find them."""
    table = Table(title="Stopped before the end" if summary.is_stopped else None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in asdict(summary).items():
        if name not in ("differences", "is_stopped"):
            table.add_row(_label(name), _shown(value))
    console.print(table)
    for difference in summary.differences[:SHOWN_DIFFERENCES]:
        place = f"dialogue {difference.dialogue_id}, conversation {difference.conversation_id}"
        console.print(f"{place}: {difference.what}", markup=False, highlight=False, style="red")
    if summary.difference_count > SHOWN_DIFFERENCES:
        console.print(f"and {summary.difference_count - SHOWN_DIFFERENCES} more")


def _label(name: str) -> str:
    if name == "difference_count":
        return "differences"
    text, _, unit = name.rpartition("_")
    return f"{text.replace('_', ' ')} ({unit})" if unit == "ms" else name.replace("_", " ").replace(" per second", "/s")


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
