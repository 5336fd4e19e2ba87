"""The state of the projections, for somebody at a terminal."""

import sys
from collections.abc import Coroutine
from typing import Any, Final

import msgspec
import uvloop
from rich.console import Console
from rich.table import Column, Table

from domain.errors import StoreUnavailable
from projections.overview import Overview

HEARTBEAT_MAX_AGE_S: Final = 15.0
"""A runner leaves a sign of life every five seconds, also when there is nothing to do."""


class CannotTell(Exception):
    """The database is away."""


def print_overview(asking: Coroutine[Any, Any, Overview], *, as_json: bool) -> None:
    """Ask the database and print what it says. Raises CannotTell."""
    try:
        overview = uvloop.run(asking)
    except StoreUnavailable as error:
        raise CannotTell(str(error)) from error
    if as_json:
        sys.stdout.write(msgspec.json.encode(overview).decode() + "\n")
        return
    console = Console()
    console.print(_summary(overview))
    if overview.parked:
        console.print(_parked(overview))


def _summary(overview: Overview) -> Table:
    table = Table(show_header=False)
    for name, value in _lines(overview).items():
        table.add_row(name, value)
    return table


def _lines(overview: Overview) -> dict[str, str]:
    lines = {
        "position": f"{overview.position:,} of {overview.head_position:,}",
        "lag": f"{overview.lag_events:,} events, {overview.lag_s:.1f} s",
        "heartbeat": _heartbeat(overview.heartbeat_age_s),
        "last progress": "never" if overview.progress_age_s is None else f"{overview.progress_age_s:.1f} s ago",
        "unknown events": f"{overview.unknown_events:,}",
        "parked": f"{len(overview.parked):,} conversations",
    }
    for status in ("live", "previous", "building"):
        names = [f"conversation_{t.projection}_v{t.version}" for t in overview.tables if t.status == status]
        if names:
            lines[f"{status} tables"] = ", ".join(names)
    if overview.rebuild is not None:
        rebuild = overview.rebuild
        share = f", {rebuild.copied_events:,} of {rebuild.total_events:,} events" if rebuild.phase == "copy" else ""
        lines["rebuild"] = f"{' and '.join(rebuild.projections)}: {rebuild.phase}{share}"
    return lines


def _heartbeat(age_s: float | None) -> str:
    if age_s is None:
        return "never: no service has run on this database"
    late = ": no service writes the tables now" if age_s > HEARTBEAT_MAX_AGE_S else ""
    return f"{age_s:.1f} s ago{late}"


def _parked(overview: Overview) -> Table:
    conversation = Column("conversation", no_wrap=True)  # it is to be copied
    table = Table(conversation, "since", "event", "reason", "error", "tried", title="Parked conversations")
    for letter in overview.parked:
        poison = letter.poison
        table.add_row(
            poison.conversation_id,
            f"{letter.since:%Y-%m-%d %H:%M:%S}",
            f"version {poison.version}, position {poison.position}",
            poison.reason,
            poison.error,
            f"{letter.attempts} times",
        )
    return table
