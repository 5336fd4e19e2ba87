"""`/asyncapi.json`, and `/docs/websocket` to read it: a plain page, without a script, from this service alone."""

from functools import cache
from typing import Final

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from app.ws.asyncapi.document import document
from app.ws.asyncapi.page import page

DOCUMENT_PATH: Final = "/asyncapi.json"
PAGE_PATH: Final = "/docs/websocket"
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


@get(DOCUMENT_PATH)
async def get_asyncapi_document() -> Response[bytes]:
    """The document. It is written when it is first asked for."""
    return Response(_written(), media_type="application/vnd.aai.asyncapi+json;version=3.0.0")


@get(PAGE_PATH)
async def get_websocket_page() -> Response[str]:
    """The page."""
    return Response(_page(), media_type="text/html", headers={"Content-Security-Policy": _PAGE_POLICY})


@cache
def _written() -> bytes:
    return msgspec.json.encode(document())


@cache
def _page() -> str:
    return page(document())


ROUTES: Final[tuple[HTTPRouteHandler, ...]] = (get_asyncapi_document, get_websocket_page)
