"""What every keeper of snapshots must do. An adapter's test gives the fixtures `store` and `snapshots`."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.conversation.events import Event
from domain.ids import ConversationId, TenantId
from domain.ports import EventStore, RecordedEvent
from projections.snapshots import Snapshot, Snapshots, advanced, beginning
from tests.support.decider import CONVERSATION_ID, TENANT_ID
from tests.support.moments import ANSWER, END, QUESTION, RESPONSE, started
from tests.support.recording import OTHER_CONVERSATION_ID, OTHER_TENANT_ID, append

(START,) = started()
EVENTS: Sequence[Event] = (START, QUESTION, RESPONSE, ANSWER, END)


async def stored(store: EventStore) -> Sequence[RecordedEvent]:
    """A conversation of five events."""
    return await store.append(append(*EVENTS))


def snapshot_of(history: Sequence[RecordedEvent], version: int) -> Snapshot:
    """After the first `version` events."""
    return advanced(beginning(TENANT_ID, CONVERSATION_ID), history[:version])


class SnapshotCases:
    """Given a history, and snapshots of it, when it is loaded, then it is as its events say."""

    async def test_without_any_all_events_are_read(self, store: EventStore, snapshots: Snapshots) -> None:
        history = await stored(store)

        loaded = await snapshots.load(TENANT_ID, CONVERSATION_ID)

        assert loaded.base == beginning(TENANT_ID, CONVERSATION_ID)
        assert tuple(loaded.events) == tuple(history)

    async def test_what_is_kept_comes_back_as_it_was(self, store: EventStore, snapshots: Snapshots) -> None:
        kept = snapshot_of(await stored(store), 4)

        await snapshots.save(kept)

        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) == kept
        assert kept.messages
        assert kept.position

    async def test_only_the_events_after_the_newest_are_read(self, store: EventStore, snapshots: Snapshots) -> None:
        history = await stored(store)
        for version in (2, 3):
            await snapshots.save(snapshot_of(history, version))

        loaded = await snapshots.load(TENANT_ID, CONVERSATION_ID)

        assert (loaded.base, tuple(loaded.events)) == (snapshot_of(history, 3), tuple(history[3:]))

    async def test_the_past_is_loaded_from_one_that_is_older(self, store: EventStore, snapshots: Snapshots) -> None:
        history = await stored(store)
        for version in (2, 4):
            await snapshots.save(snapshot_of(history, version))

        loaded = await snapshots.load(TENANT_ID, CONVERSATION_ID, until=3)

        assert (loaded.base, tuple(loaded.events)) == (snapshot_of(history, 2), (history[2],))
        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID, until=1) is None

    async def test_one_that_knows_what_came_later_is_none_of_that_time(
        self, store: EventStore, snapshots: Snapshots
    ) -> None:
        kept = snapshot_of(await stored(store), 3)
        await snapshots.save(kept)
        assert kept.latest_at is not None

        at_that_time = await snapshots.nearest(TENANT_ID, CONVERSATION_ID, latest_at=kept.latest_at)
        before = await snapshots.nearest(
            TENANT_ID, CONVERSATION_ID, latest_at=kept.latest_at - timedelta(microseconds=1)
        )

        assert (at_that_time, before) == (kept, None)

    async def test_a_newer_one_takes_the_place_of_the_same_version(
        self, store: EventStore, snapshots: Snapshots
    ) -> None:
        kept = snapshot_of(await stored(store), 3)

        for _ in range(2):
            await snapshots.save(kept)

        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) == kept

    async def test_the_older_ones_are_thinned_out(self, store: EventStore, snapshots: Snapshots) -> None:
        history = await stored(store)
        for version in range(1, 6):
            await snapshots.save(snapshot_of(history, version))

        await snapshots.thin(TENANT_ID, CONVERSATION_ID, below=4, every=2)

        nearest = [await snapshots.nearest(TENANT_ID, CONVERSATION_ID, until=version) for version in range(1, 6)]
        assert [kept and kept.version for kept in nearest] == [None, 2, 2, 4, 5]

    async def test_another_tenant_has_none(self, store: EventStore, snapshots: Snapshots) -> None:
        await snapshots.save(snapshot_of(await stored(store), 3))

        loaded = await snapshots.load(OTHER_TENANT_ID, CONVERSATION_ID)

        assert (loaded.base.version, tuple(loaded.events)) == (0, ())
        assert await snapshots.nearest(OTHER_TENANT_ID, CONVERSATION_ID) is None

    async def test_they_are_forgotten_by_conversation_and_by_tenant(
        self, store: EventStore, snapshots: Snapshots
    ) -> None:
        kept = snapshot_of(await stored(store), 3)
        await snapshots.save(kept)

        await snapshots.forget_conversation(TENANT_ID, OTHER_CONVERSATION_ID)
        await snapshots.forget_tenant(OTHER_TENANT_ID)
        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) == kept
        await snapshots.forget_conversation(TENANT_ID, CONVERSATION_ID)
        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) is None
        await snapshots.save(kept)
        await snapshots.forget_tenant(TENANT_ID)
        assert await snapshots.nearest(TENANT_ID, CONVERSATION_ID) is None

    @pytest.mark.parametrize("nonsense", ["", "no-uuid", "\0", "\udc00"])
    async def test_what_is_no_id_names_nothing(self, snapshots: Snapshots, nonsense: str) -> None:
        assert not (await snapshots.load(TENANT_ID, ConversationId(nonsense))).events
        assert not (await snapshots.load(TenantId(nonsense), CONVERSATION_ID)).events
