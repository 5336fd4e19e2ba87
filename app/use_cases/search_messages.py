"""Find messages by their words."""

from msgspec import Struct

from app.ports import MessageSearch, ReadModels
from app.principal import Principal
from app.searching import SearchPage, SearchQuery


class SearchListing(Struct, frozen=True):
    """`is_stale`: the tables had not come to the position that was asked for in time."""

    page: SearchPage
    is_stale: bool


class SearchMessages:
    """The tables follow the events by milliseconds; who needs to find an own write gives its position."""

    def __init__(self, search: MessageSearch, read_models: ReadModels, min_position_wait_s: float) -> None:
        self._search = search
        self._read_models = read_models
        self._min_position_wait_s = min_position_wait_s

    async def __call__(
        self, principal: Principal, query: SearchQuery, min_position: int | None = None
    ) -> SearchListing:
        """The messages that match. Waits for `min_position`, but not for long, and then says that it is stale.

        Raises:
            InvalidQuery: there is no word to look for, or it is in too many messages.
            TooManySearches: see there.
            StoreUnavailable: the database is away.
        """
        is_stale = min_position is not None and not await self._read_models.wait_for_position(
            min_position, self._min_position_wait_s
        )
        return SearchListing(await self._search.search(principal.tenant_id, query), is_stale)
