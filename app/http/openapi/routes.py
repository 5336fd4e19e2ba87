"""`/openapi.json`, and `/docs` to read and try it in a browser. Every byte comes from here: no request goes outside."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from app.http.dependencies import PathText
from app.http.openapi.document import document

_ASSETS: Final = {
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "docs.js": ("docs.js", "text/javascript"),
}
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}


def routes_for(described: Sequence[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The routes of the reference of these routes. The document is written when it is first asked for."""

    @cache
    def written() -> bytes:
        return msgspec.json.encode(document(described))

    @get("/openapi.json")
    async def get_document() -> Response[bytes]:
        return Response(written(), media_type="application/vnd.oai.openapi+json")

    return [get_document, get_page, get_asset]


@get("/docs")
async def get_page() -> Response[bytes]:
    """The page."""
    return Response(_asset("docs.html"), media_type="text/html")


@get("/docs/assets/{name:str}")
async def get_asset(name: PathText) -> Response[bytes]:
    """What the page needs."""
    if name not in _ASSETS:
        raise NotFoundException
    path, media_type = _ASSETS[name]
    return Response(_asset(path), media_type=media_type, headers=_CACHED)


@cache
def _asset(path: str) -> bytes:
    return (files("app.http") / "assets" / path).read_bytes()
