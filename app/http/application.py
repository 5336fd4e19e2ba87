"""The Litestar application: every route of the service, and nothing that reaches outside."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import WebsocketRouteHandler

from app.http import health, original
from app.http.auth import principal_of
from app.http.dependencies import Access
from app.http.openapi.routes import routes_for
from app.http.problems import answer_with_problem
from app.http.requests import MAX_BODY_BYTES, HttpRequest
from app.http.v2 import commands, conversations, messages, meta, search, statistics
from app.service import Service
from app.ws.asyncapi.routes import ROUTES as WEBSOCKET_REFERENCE
from app.ws.event_stream import EventStreams

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

ROUTES: Final = (
    *conversations.ROUTES,
    *messages.ROUTES,
    *search.ROUTES,
    *commands.ROUTES,
    *statistics.ROUTES,
    *original.ROUTES,
    *meta.ROUTES,
    *health.ROUTES,
)
"""To add a route: write its handler with its `operation`, and add it to the `ROUTES` of its file."""


def create_application(
    service: Service,
    *,
    event_streams: EventStreams,
    websocket_handlers: Sequence[WebsocketRouteHandler] = (),
    lifespan: Sequence[Lifespan] = (),
) -> Litestar:
    """The application over a service that is running. Exceptions become problems in one place; none is logged twice."""

    def access(request: HttpRequest) -> Access:
        return Access(service, principal_of(request), event_streams)

    return Litestar(
        route_handlers=[*ROUTES, *routes_for(ROUTES), *WEBSOCKET_REFERENCE, *websocket_handlers],
        dependencies={"access": Provide(access, sync_to_thread=False)},
        exception_handlers={Exception: answer_with_problem},
        request_max_body_size=MAX_BODY_BYTES,
        lifespan=list(lifespan),
        openapi_config=None,
        logging_config=None,
    )
