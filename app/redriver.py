"""Tries to bring parked conversations up to the others, beside the pages of the process that leads."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import structlog

from domain.ids import ConversationId
from projections.ports import ProjectionSession, Streams
from projections.quarantine import Poison
from projections.redrive import redrive

TRIED_AT_A_TIME: Final = 8
"""How many are tried before the next page is projected, so that nobody waits for all of them."""

logger = structlog.get_logger()


class Redriver:
    """Tries every conversation once in the life of a process: a fix needs new code, and new code a new process.

    What a newer release wrote is healed in this way by the first process of that release that takes the lead.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._tried: set[ConversationId] = set()
        self._waiting: deque[Poison] = deque()

    async def begin(self, session: ProjectionSession) -> None:
        """This process has taken the lead."""
        letters = await session.dead_letters()
        self._tried &= {letter.poison.conversation_id for letter in letters}
        waiting = (letter.poison for letter in letters)
        self._waiting = deque(poison for poison in waiting if poison.conversation_id not in self._tried)

    def parked(self, poisons: Iterable[Poison]) -> None:
        """This process has just failed on them itself."""
        for poison in poisons:
            self._tried.add(poison.conversation_id)
            logger.error("conversation_quarantined", **_told(poison))

    async def try_some(self, session: ProjectionSession) -> bool:
        """Try the next few. Whether there were any.

        Raises:
            StoreUnavailable, TablesRefused: those that are left will be tried when it has passed.
        """
        some = min(TRIED_AT_A_TIME, len(self._waiting))
        for _ in range(some):
            await self._try(session, self._waiting[0])
            self._tried.add(self._waiting.popleft().conversation_id)
        return bool(some)

    async def _try(self, session: ProjectionSession, parked: Poison) -> None:
        still = await redrive(session, self._streams, parked)
        if still is None:
            logger.info("conversation_redriven", conversation=parked.conversation_id, tenant=parked.tenant_id)
        else:
            logger.error("conversation_still_quarantined", **_told(still))


def _told(poison: Poison) -> dict[str, str | int]:
    """Ids and kinds only."""
    return {
        "conversation": poison.conversation_id,
        "tenant": poison.tenant_id,
        "version": poison.version,
        "position": poison.position,
        "reason": poison.reason,
        "error": poison.error,
    }
