"""Re-driving parked conversations, as somebody at a terminal sees it."""

import sys
from collections.abc import Sequence
from typing import Final

import msgspec
import uvloop
from msgspec import Struct

from adapters.postgres.event_store import PostgresEventReader
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from domain.errors import StoreUnavailable
from domain.ids import ConversationId
from projections.ports import ProjectionSession, TablesRefused
from projections.quarantine import DeadLetter, Poison
from projections.redrive import redrive

STILL_PARKED: Final = 1


class CannotRedrive(Exception):
    """Nothing was tried, or the database went away; the sentence says what to do."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of each conversation that was tried."""

    redriven: Sequence[ConversationId]
    still_parked: Sequence[Poison]


def run_redrive(dsn: str, conversation: str | None, *, as_json: bool) -> int:
    """Try this conversation, or all that are parked, and say how it went. The exit status: 1 when one stays parked.

    Raises:
        CannotRedrive: the conversation is not parked, or the database is away.
    """
    try:
        outcome = uvloop.run(_redrive(dsn, conversation, is_told=not as_json))
    except (StoreUnavailable, TablesRefused) as error:
        raise CannotRedrive(str(error)) from error
    if as_json:
        _say(msgspec.json.encode(outcome).decode())
    elif not (outcome.redriven or outcome.still_parked):
        _say("No conversation is parked.")
    return STILL_PARKED if outcome.still_parked else 0


async def _redrive(dsn: str, conversation: str | None, *, is_told: bool) -> Outcome:
    redriven: list[ConversationId] = []
    still_parked: list[Poison] = []
    async with PostgresProjectionStore(dsn).session() as session, read_pool(dsn, 1) as pool:
        reader = PostgresEventReader(pool)
        for letter in await _chosen(session, conversation):
            poison = await redrive(session, reader, letter.poison)
            if poison is None:
                redriven.append(letter.poison.conversation_id)
            else:
                still_parked.append(poison)
            if is_told:
                _say(_line(letter.poison, poison))
    return Outcome(redriven=redriven, still_parked=still_parked)


async def _chosen(session: ProjectionSession, conversation: str | None) -> Sequence[DeadLetter]:
    letters = await session.dead_letters()
    if conversation is None:
        return letters
    chosen = [letter for letter in letters if letter.poison.conversation_id == conversation.lower()]
    if not chosen:
        raise CannotRedrive(
            f"Conversation {conversation[:64]!r} is not parked. `turnlog projections` lists those that are."
        )
    return chosen


def _line(parked: Poison, still: Poison | None) -> str:
    if still is None:
        return f"{parked.conversation_id}  healed: its rows stand where all others do"
    return (
        f"{still.conversation_id}  still parked before version {still.version}, position {still.position}: "
        f"{still.reason} ({still.error})"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
