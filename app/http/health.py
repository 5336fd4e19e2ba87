"""`/health` in the shape that monitors of this service have always known, and the two probes of an orchestrator."""

from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

from litestar import Response, get
from msgspec import Struct

from app.http.dependencies import GivenAccess
from app.http.openapi.operation import Operation
from app.http.responses import answer
from app.use_cases.get_health import Health

NO_STORE: Final = {"Cache-Control": "no-store"}


class TrackerHealth(Struct, frozen=True, kw_only=True):
    """`queue_utilization` is from 0 to 1. Sessions are counted at most every few seconds; null: not known."""

    queue_depth: int
    queue_max_size: int
    queue_utilization: float
    active_sessions: int | None
    total_sessions: int | None
    worker_running: bool


class StoreHealth(Struct, frozen=True, kw_only=True):
    """`readable`: a read was answered just now. `connected`: the appender has its connection, which its first command
    makes."""

    readable: bool
    connected: bool


class ProjectionsHealth(Struct, frozen=True, kw_only=True):
    """How far the read tables are behind the events. `leading`: this process writes them, not another.

    The rows of `quarantined_conversations` stand still, each for an event that cannot become rows."""

    running: bool
    leading: bool
    position: int
    lag_events: int
    lag_seconds: float
    unknown_events: int
    quarantined_conversations: int
    failures: int


class FeedHealth(Struct, frozen=True, kw_only=True):
    """`connected`: notifications arrive. `reading`: the last look at the store succeeded."""

    connected: bool
    reading: bool
    position: int


class SnapshotsHealth(Struct, frozen=True, kw_only=True):
    """The snapshots of long conversations, behind everything else. One that is lost costs only time, until the next."""

    waiting: int
    lost: int


class Services(Struct, frozen=True, kw_only=True):
    """The parts of the access.service."""

    conversation_tracker: TrackerHealth
    event_store: StoreHealth
    projections: ProjectionsHealth
    feed: FeedHealth
    snapshots: SnapshotsHealth


class HealthView(Struct, frozen=True, kw_only=True):
    """`degraded`: requests that need the store fail for now, and the service mends itself; or conversations are
    quarantined, and somebody has to look."""

    status: Literal["healthy", "degraded"]
    timestamp: datetime
    services: Services


class LiveView(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadyView(Struct, frozen=True, kw_only=True):
    """Whether the process should get requests."""

    status: Literal["ready", "not_ready"]
    timestamp: datetime
    services: Services


def services_of(health: Health) -> Services:
    """The parts as they are answered."""
    process, sessions = health.process, health.sessions
    return Services(
        conversation_tracker=TrackerHealth(
            queue_depth=process.queue_depth,
            queue_max_size=process.queue_max_commands,
            queue_utilization=round(process.queue_depth / process.queue_max_commands, 4),
            active_sessions=sessions.active if sessions else None,
            total_sessions=sessions.total if sessions else None,
            worker_running=process.is_appender_running,
        ),
        event_store=StoreHealth(readable=health.can_read, connected=process.is_appender_connected),
        projections=ProjectionsHealth(
            running=process.is_projection_running,
            leading=process.is_projection_leading,
            position=process.projected_position,
            lag_events=process.projection_lag_events,
            lag_seconds=process.projection_lag_s,
            unknown_events=process.unknown_events,
            quarantined_conversations=process.quarantined_conversations,
            failures=process.projection_failures,
        ),
        feed=FeedHealth(
            connected=process.is_feed_listening, reading=process.is_feed_reading, position=process.feed_position
        ),
        snapshots=SnapshotsHealth(waiting=process.snapshots_waiting, lost=process.snapshots_lost),
    )


@get(
    "/health",
    operation=Operation(
        tag="Health",
        summary="How the service is",
        description="Always answered with 200, also when the service is degraded; probes ask `/health/ready`.",
        answer=HealthView,
        problems=("internal_error",),
    ),
)
async def get_health(access: GivenAccess) -> Response[bytes]:
    health = await access.service.health()
    status: Literal["healthy", "degraded"] = "healthy" if health.is_well else "degraded"
    view = HealthView(status=status, timestamp=health.at, services=services_of(health))
    return answer(view, headers=NO_STORE)


@get(
    "/health/live",
    operation=Operation(
        tag="Health",
        summary="Whether the process lives",
        description="Asks nothing of the database: a process that answers is not to be restarted.",
        answer=LiveView,
        problems=("internal_error",),
    ),
)
async def get_liveness() -> Response[bytes]:
    return answer(LiveView(), headers=NO_STORE)


@get(
    "/health/ready",
    operation=Operation(
        tag="Health",
        summary="Whether the process should get requests",
        description="503 while the database does not answer within a second, and once the process is to stop.",
        answer=ReadyView,
        problems=("internal_error",),
        also={HTTPStatus.SERVICE_UNAVAILABLE: ReadyView},
    ),
)
async def get_readiness(access: GivenAccess) -> Response[bytes]:
    health = await access.service.health.readiness()
    status: Literal["ready", "not_ready"] = "ready" if health.is_ready else "not_ready"
    view = ReadyView(status=status, timestamp=health.at, services=services_of(health))
    return answer(view, HTTPStatus.OK if health.is_ready else HTTPStatus.SERVICE_UNAVAILABLE, NO_STORE)


ROUTES: Final = (get_health, get_liveness, get_readiness)
