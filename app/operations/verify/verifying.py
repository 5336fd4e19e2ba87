"""Look at all conversations, or at some, and count what differs."""

from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from domain.ids import ConversationId
from projections.verification import Difference, Evidence, EvidenceSource, differences


class Findings(Struct):
    """What was looked at so far. `first` is the first difference; `different` counts the conversations that have one.

    `parked` conversations are known to stand still and are not judged.
    """

    conversations: int = 0
    events: int = 0
    different: int = 0
    parked: int = 0
    first: Difference | None = None

    def take(self, evidence: Evidence) -> None:
        """Judge it."""
        looked_at = {recorded.conversation_id for recorded in evidence.events}
        self.conversations += len(looked_at - evidence.parked)
        self.parked += len(looked_at & evidence.parked)
        self.events += len(evidence.events)
        found = list(differences(evidence))
        self.different += len({difference.conversation_id for difference in found})
        if found and self.first is None:
            self.first = found[0]


async def verify(
    source: EvidenceSource, evidence: AsyncIterator[Evidence], progress: Callable[[Findings, int], None]
) -> Findings:
    """Judge all of the evidence. `progress` is told the findings and about how many conversations there are."""
    findings = Findings()
    total = await source.count()
    async for piece in evidence:
        findings.take(piece)
        progress(findings, total)
    return findings


async def everything(source: EvidenceSource) -> AsyncIterator[Evidence]:
    """All conversations, and rows that belong to none."""
    after: ConversationId | None = None
    while True:
        evidence = await source.after(after)
        yield evidence
        if evidence.last_id is None:
            return
        after = evidence.last_id


async def sample(source: EvidenceSource, count: int) -> AsyncIterator[Evidence]:
    """About so many of them."""
    for conversation_id in await source.sample(count):
        yield await source.of(conversation_id)


async def one(source: EvidenceSource, conversation_id: ConversationId) -> AsyncIterator[Evidence]:
    """This one."""
    yield await source.of(conversation_id)
