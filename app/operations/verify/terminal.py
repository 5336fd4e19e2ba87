"""A verification as somebody at a terminal sees it: bar, the first difference, exit status."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec
import uvloop
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app.operations.verify.verifying import Findings, everything, one, sample, verify
from domain.errors import StoreUnavailable
from domain.ids import ConversationId
from projections.rebuilding import RebuildRefused
from projections.verification import Difference, Evidence, EvidenceSource
from projections.whole import NotProjectable

EQUAL: Final = 0
DIFFERENT: Final = 1
NOTHING: Final = 2
SHOWN_MAX_CHARACTERS: Final = 80
COLUMNS_OF_PEOPLE: Final = frozenset(
    {"content", "heard_text", "metadata", "ended_detail", "fault_message", "feedback_comment", "user_id"}
)

COLUMNS: Final = (
    TextColumn("conversations"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[events]:,} events, {task.fields[different]:,} different"),
    TimeElapsedColumn(),
    TimeRemainingColumn(),
)


class Options(Struct, frozen=True, kw_only=True):
    """What to look at: everything, when neither is given. Words of people are shown only if `with_content`."""

    sample: int | None
    conversation_id: ConversationId | None
    with_content: bool
    as_json: bool


class CannotVerify(Exception):
    """An event cannot be read, or the database is away; the sentence says which."""


def run_verification(source: AbstractAsyncContextManager[EvidenceSource], options: Options) -> int:
    """Verify and say what was found. The exit status. Raises CannotVerify."""
    try:
        with Progress(*COLUMNS, console=Console(stderr=True)) as progress:
            findings = uvloop.run(_verify(source, options, progress))
    except (RebuildRefused, NotProjectable, StoreUnavailable) as error:
        raise CannotVerify(str(error)) from error
    if options.as_json:
        sys.stdout.write(
            msgspec.json.encode(_shown_findings(findings, with_content=options.with_content)).decode() + "\n"
        )
    else:
        sys.stdout.write("\n".join(_lines(findings, with_content=options.with_content)) + "\n")
    if findings.different:
        return DIFFERENT
    return EQUAL if findings.conversations or options.conversation_id is None else NOTHING


async def _verify(
    opening: AbstractAsyncContextManager[EvidenceSource], options: Options, progress: Progress
) -> Findings:
    task = progress.add_task("", total=None, events=0, different=0)

    def show(findings: Findings, total: int) -> None:
        total = min(total, options.sample) if options.sample else 1 if options.conversation_id else total
        progress.update(
            task,
            completed=findings.conversations,
            total=max(total, findings.conversations),
            events=findings.events,
            different=findings.different,
        )

    async with opening as source:
        return await verify(source, _evidence(source, options), show)


def _evidence(source: EvidenceSource, options: Options) -> AsyncIterator[Evidence]:
    if options.conversation_id is not None:
        return one(source, options.conversation_id)
    return everything(source) if options.sample is None else sample(source, options.sample)


def _lines(findings: Findings, *, with_content: bool) -> list[str]:
    lines = [f"{findings.conversations:,} conversations with {findings.events:,} events looked at."]
    if findings.parked:
        lines.append(f"{findings.parked:,} are parked and were left out: turnlog projections")
    if findings.first is None:
        return [*lines, "The rows are what the events say."]
    first = _shown(findings.first, with_content=with_content)
    where = first.table if first.message_id is None else f"{first.table}, message {first.message_id}"
    return [
        *lines,
        f"{findings.different:,} differ. The first is {first.conversation_id}:",
        f"  {where}, {first.column}",
        f"  the events say  {first.expected!r}",
        f"  the row says    {first.found!r}",
        "To build the tables anew: turnlog rebuild",
    ]


def _shown_findings(findings: Findings, *, with_content: bool) -> Findings:
    first = None if findings.first is None else _shown(findings.first, with_content=with_content)
    return msgspec.structs.replace(findings, first=first)


def _shown(difference: Difference, *, with_content: bool) -> Difference:
    """Without what people said, unless it is asked for: the output of commands is kept in many places."""
    is_hidden = difference.column in COLUMNS_OF_PEOPLE and not with_content
    shown = {name: _value(getattr(difference, name), is_hidden=is_hidden) for name in ("expected", "found")}
    return msgspec.structs.replace(difference, **shown)


def _value(value: object, *, is_hidden: bool) -> object:
    if value is None or isinstance(value, int | float):
        return value
    if is_hidden:
        return f"<{len(str(value))} characters; --show-content shows them>"
    return str(value)[:SHOWN_MAX_CHARACTERS]
