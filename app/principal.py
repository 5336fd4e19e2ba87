"""Who calls. Goes through every use case, so that no read or write is without a tenant and an actor."""

from typing import Final

from msgspec import Struct

from domain.envelope import Actor
from domain.ids import DEFAULT_TENANT, TenantId


class Principal(Struct, frozen=True, kw_only=True):
    """The caller, as far as it is known; the tenant bounds all that it can see or do."""

    tenant_id: TenantId
    actor: Actor


ANYBODY: Final = Principal(tenant_id=DEFAULT_TENANT, actor=Actor(type="user"))
"""Every caller, until access control tells them apart."""
