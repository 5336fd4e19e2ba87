"""Who calls. The one place where a request becomes a principal."""

from typing import Final

from msgspec.structs import replace

from app.http.requests import HttpRequest, check_header_text
from app.principal import ANYBODY, Principal

CLIENT_ID_HEADER: Final = "Turnlog-Client-Id"


def principal_of(request: HttpRequest) -> Principal:
    """Everybody is anybody until access control comes. A client may name itself, to tell two of its tabs apart.

    Raises:
        InvalidHeader: the name cannot be stored.
    """
    client_id = request.headers.get(CLIENT_ID_HEADER)
    if client_id is None:
        return ANYBODY
    check_header_text(CLIENT_ID_HEADER, client_id)
    return replace(ANYBODY, actor=replace(ANYBODY.actor, client_id=client_id))
