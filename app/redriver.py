"""Tries to bring parked conversations up to the others, beside the pages of the process that leads."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

import structlog

from domain.ids import ConversationId
from projections.ports import ProjectionSession, Streams
from projections.quarantine import Poison
from projections.redrive import redrive

TRIED_AT_A_TIME: Final = 8
"""How many are tried before the next page is projected, so that nobody waits for all of them."""

MAX_TRIES: Final = 3
"""How often one is begun at most. An attempt that the database breaks off is no attempt, but it must not keep the pages
waiting for ever, where it is the attempt that the database breaks off for."""

logger = structlog.get_logger()


class Redriver:
    """Tries every conversation once in the life of a process: a fix needs new code, and new code a new process.

    What a newer release wrote is healed in this way by the first process of that release that takes the lead.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._tries: Counter[ConversationId] = Counter()
        self._waiting: deque[Poison] = deque()

    async def begin(self, session: ProjectionSession) -> None:
        """This process has taken the lead."""
        letters = await session.dead_letters()
        parked = [letter.poison for letter in letters]
        self._tries = Counter({one.conversation_id: self._tries[one.conversation_id] for one in parked})
        self._waiting = deque(one for one in parked if self._tries[one.conversation_id] < MAX_TRIES)

    def parked(self, poisons: Iterable[Poison]) -> None:
        """This process has just failed on them itself."""
        for poison in poisons:
            self._tries[poison.conversation_id] = MAX_TRIES
            logger.error("conversation_quarantined", **_told(poison))

    async def try_some(self, session: ProjectionSession) -> bool:
        """Try the next few. Whether there were any.

        Raises:
            StoreUnavailable, TablesRefused: those that are left will be tried when it has passed, and this one again.
        """
        some = min(TRIED_AT_A_TIME, len(self._waiting))
        for _ in range(some):
            poison = self._waiting.popleft()
            self._tries[poison.conversation_id] += 1
            await self._try(session, poison)
            self._tries[poison.conversation_id] = MAX_TRIES
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
