"""What handlers are given, by the names of their parameters."""

from litestar.di import NamedDependency
from litestar.params import FromPath

from app.principal import Principal
from app.service import Service

GivenService = NamedDependency[Service]
GivenPrincipal = NamedDependency[Principal]
PathText = FromPath[str]
"""An id in the path, as text that may be anything."""
