"""What every adapter of the search must answer. An adapter's test gives `store` and `search` and inherits."""

from datetime import timedelta

import pytest

from app.ports import MessageSearch
from app.queries import InvalidQuery
from app.searching import SearchQuery
from domain.ids import TenantId
from projections.ports import ProjectionStore
from tests.contracts.read_model_cases import write
from tests.support.decider import NOON, TENANT_ID, numbered_uuid
from tests.support.recording import OTHER_TENANT_ID
from tests.support.searched import a_talk, all_hits, contents_of, conversation_id, found, marked


class MessageSearchCases:
    """Given messages, when their words are looked for, then exactly those that have them come, newest first."""

    async def test_all_words_must_be_there_in_any_order_and_case(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        await write(store, a_talk("Red apples", "a green APPLE", "green red", "apple, then: green!", "apple-green"))

        assert await found(search, "green apple") == ["apple-green", "apple, then: green!", "a green APPLE"]
        assert await found(search, "blue") == []

    async def test_hits_come_newest_first_over_all_conversations(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        await write(store, a_talk("word 1", "word 2", number=1))
        await write(store, a_talk("word 3", number=2, at=NOON + timedelta(hours=1)))
        await write(store, a_talk("word 0", number=3, at=NOON - timedelta(hours=1)))

        assert await found(search, "word") == ["word 3", "word 2", "word 1", "word 0"]

    async def test_messages_of_one_id_and_one_moment_are_told_apart(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        for number in range(7):
            await write(store, a_talk(f"word {number}", number=number))

        hits = await all_hits(search, "word", limit=2)

        assert [hit.message.session_id for hit in hits] == [conversation_id(number) for number in reversed(range(7))]
        assert len({hit.message.id for hit in hits}) == 1

    async def test_pages_go_back_as_well(self, store: ProjectionStore, search: MessageSearch) -> None:
        await write(store, a_talk(*(f"word {number}" for number in range(10))))
        middle = (await search.search(TENANT_ID, SearchQuery(words="word"))).hits[5].place.as_text()

        older = await search.search(TENANT_ID, SearchQuery(words="word", after=middle, limit=3))
        newer = await search.search(TENANT_ID, SearchQuery(words="word", before=middle, limit=3))
        newest = await search.search(TENANT_ID, SearchQuery(words="word", before=middle, limit=5))

        assert (contents_of(older), older.has_more) == (["word 3", "word 2", "word 1"], True)
        assert (contents_of(newer), newer.has_more) == (["word 7", "word 6", "word 5"], True)
        assert (contents_of(newest)[0], newest.has_more) == ("word 9", False)

    async def test_a_message_that_comes_between_two_pages_moves_nothing(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        await write(store, a_talk(*(f"word {number}" for number in range(4))))
        first = await search.search(TENANT_ID, SearchQuery(words="word", limit=2))
        await write(store, a_talk("word new", number=2, at=NOON + timedelta(hours=1)))

        cursor = first.hits[-1].place.as_text()

        assert await found(search, "word", after=cursor) == ["word 1", "word 0"]

    async def test_every_filter_must_match(self, store: ProjectionStore, search: MessageSearch) -> None:
        await write(store, a_talk("word of alice", number=1))
        await write(store, a_talk("word of bob", number=2, user_id="bob", at=NOON + timedelta(hours=1)))
        await write(store, a_talk("word of tool", number=3, role="tool", at=NOON + timedelta(hours=2)))

        assert await found(search, "word", user_id="bob") == ["word of bob"]
        assert await found(search, "word", user_id="bob", role="tool") == []
        assert await found(search, "word", role="tool") == ["word of tool"]
        assert await found(search, "word", conversation_id=conversation_id(1)) == ["word of alice"]
        assert await found(search, "word", conversation_id=conversation_id(9)) == []
        an_hour_later = NOON + timedelta(hours=1, seconds=2)
        assert await found(search, "word", created_from=an_hour_later) == ["word of tool", "word of bob"]
        assert await found(search, "word", created_until=an_hour_later) == ["word of alice"]

    async def test_another_tenant_finds_nothing(self, store: ProjectionStore, search: MessageSearch) -> None:
        await write(store, a_talk("my word", number=1))
        await write(store, a_talk("their word", number=2, tenant_id=OTHER_TENANT_ID))
        theirs = (await search.search(OTHER_TENANT_ID, SearchQuery(words="word"))).hits[0]

        assert theirs.message.content == "their word"
        assert await found(search, "word", before=theirs.place.as_text()) == []
        assert await found(search, "word", conversation_id=conversation_id(2)) == []
        assert await found(search, "word", tenant_id=TenantId(numbered_uuid(0xEEEE))) == []

    async def test_a_hit_shows_the_words_where_they_stand(self, store: ProjectionStore, search: MessageSearch) -> None:
        text = "A word, and another Word."
        await write(store, a_talk(text))

        (hit,) = (await search.search(TENANT_ID, SearchQuery(words="word"))).hits

        assert list(marked(hit)) == ["word", "Word"]
        assert "".join(fragment.text for fragment in hit.fragments) == text

    async def test_of_a_long_message_the_first_places_with_the_words_are_shown(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        await write(store, a_talk(f"{'lorem ' * 500}needle {'ipsum ' * 500}haystack{' dolor' * 500}"))

        (hit,) = (await search.search(TENANT_ID, SearchQuery(words="needle haystack"))).hits
        shown = "".join(fragment.text for fragment in hit.fragments)

        assert list(marked(hit)) == ["needle", "haystack"]
        assert shown.startswith(" … lorem lorem")
        assert "lorem needle ipsum" in shown
        assert " … ipsum" in shown
        assert shown.endswith("dolor … ")
        assert len(shown) < 500

    async def test_of_a_message_full_of_the_word_no_more_is_shown(
        self, store: ProjectionStore, search: MessageSearch
    ) -> None:
        await write(store, a_talk("word " * 2_000))

        (hit,) = (await search.search(TENANT_ID, SearchQuery(words="word"))).hits

        assert sum(len(fragment.text) for fragment in hit.fragments) < 500

    async def test_what_holds_no_word_is_refused(self, store: ProjectionStore, search: MessageSearch) -> None:
        await write(store, a_talk("word ?!"))

        with pytest.raises(InvalidQuery) as refusal:
            await search.search(TENANT_ID, SearchQuery(words="?! ..."))
        assert refusal.value.field == "q"
