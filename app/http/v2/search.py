"""`/api/v2/messages/search`: messages by their words."""

from typing import Annotated, Final

from litestar import Response, get
from msgspec import Meta, Struct
from msgspec.structs import asdict

from app.http.dependencies import GivenAccess
from app.http.openapi.operation import READ_PROBLEMS, Operation
from app.http.requests import HttpRequest, read_query
from app.http.responses import list_answer
from app.http.v2.bodies import Filter, Limit, MinPosition, Page
from app.queries import DEFAULT_PAGE_ROWS
from app.searching import MAX_WORDS_CHARACTERS, SearchPage, SearchQuery
from app.views import SearchHitView, search_hit_view
from domain.conversation.limits import Timestamp
from domain.conversation.values import Role
from domain.ids import ConversationId

Words = Annotated[
    str,
    Meta(
        max_length=MAX_WORDS_CHARACTERS,
        description='Required. All of these words, in any of their forms: `book table`. Also `"a phrase"`, `this or '
        "that`, `-without`.",
    ),
]
Place = Annotated[str, Meta(description="An `id` of a hit, a `first_id` or a `last_id`.")]
Older = Annotated[Place, Meta(description="An `id` of a hit or a `last_id`: what is older than that.")]
Newer = Annotated[Place, Meta(description="An `id` of a hit or a `first_id`: what is newer than that, next to it.")]
User = Annotated[Filter, Meta(description="What this user said. Messages of other roles have no user.")]


class SearchParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every filter that is given must match. Ranges include their beginning and not their end."""

    q: Words = ""
    role: Role | None = None
    user_id: User | None = None
    conversation_id: ConversationId | None = None
    created_from: Timestamp | None = None
    created_until: Timestamp | None = None
    limit: Limit = DEFAULT_PAGE_ROWS
    after: Older | None = None
    before: Newer | None = None
    min_position: MinPosition | None = None


@get(
    "/api/v2/messages/search",
    operation=Operation(
        tag="Messages",
        summary="Search in messages",
        description="Newest first, over all conversations. Words are compared as the language of each conversation "
        "has it: in `en` a search for `book` finds `booking`; without a language, or in one that is not known, words "
        "are compared as they stand. A search looks at a bounded number of messages at a time. Where it comes to that "
        "bound a page has fewer hits than `limit`, even none, and `has_more`: go on with `last_id`.",
        query=SearchParameters,
        answer=Page[SearchHitView],
        problems=("invalid_query", "overloaded", *READ_PROBLEMS),
    ),
)
async def search_messages(request: HttpRequest, access: GivenAccess) -> Response[bytes]:
    fields = asdict(read_query(request, SearchParameters))
    min_position: int | None = fields.pop("min_position")
    query = SearchQuery(words=fields.pop("q"), **fields)
    listing = await access.service.search_messages(access.principal, query, min_position)
    return list_answer(_page(listing.page, query), is_stale=listing.is_stale)


def _page(page: SearchPage, query: SearchQuery) -> Page[SearchHitView]:
    """The hits. In the direction of the search, the page ends where the search stopped."""
    views = tuple(search_hit_view(hit) for hit in page.hits)
    ends = [view.id for view in views]
    if page.stopped_at is not None:
        ends.insert(len(ends) if query.before is None else 0, page.stopped_at.as_text())
    first_id, last_id = (ends[0], ends[-1]) if ends else (None, None)
    return Page(data=views, first_id=first_id, last_id=last_id, has_more=page.has_more)


ROUTES: Final = (search_messages,)
