"""What handlers are given, by the names of their parameters."""

from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from app.principal import Principal
from app.service import Service
from app.ws.event_stream import EventStreams


class Access(Struct, frozen=True):
    """The service, and who calls it. One dependency and not more: Litestar begins a task for each of several."""

    service: Service
    principal: Principal
    event_streams: EventStreams


GivenAccess = NamedDependency[Access]
PathText = FromPath[str]
"""An id in the path, as text that may be anything."""
