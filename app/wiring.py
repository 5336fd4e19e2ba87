"""The composition root: plain constructor calls, in the order of the dependencies. Nothing else knows all parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar.handlers import WebsocketRouteHandler
from msgspec import Struct

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.durability import check_durability
from adapters.postgres.epoch import settle_epoch
from adapters.postgres.epoch_watch import EpochWatch
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.listener import NotificationListener
from adapters.postgres.message_search import PostgresMessageSearch
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool, read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.reachable import check_reachable
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.restored import check_rows_match_events
from adapters.postgres.roles import role_to_act_as
from adapters.postgres.snapshots import PostgresSnapshots
from adapters.postgres.statistics import PostgresStatistics
from adapters.system.clock import SystemClock
from adapters.system.ids import Uuid7Source
from app.aggregates import AggregateCache
from app.feed import Feed
from app.histories import Histories
from app.lifespan import running
from app.log_tail import LogTail
from app.ports import HealthSource, MessageSearch, ReadModels, Statistics
from app.process_health import RunningParts
from app.projected_position import ProjectedPosition
from app.projection_loop import ProjectionLoop
from app.redriver import Redriver
from app.service import Service
from app.settings import Settings
from app.snapshot_keeper import SnapshotKeeper
from app.use_cases.get_conversation import GetConversation
from app.use_cases.get_health import GetHealth
from app.use_cases.get_statistics import GetStatistics
from app.use_cases.list_conversations import ListConversations
from app.use_cases.list_messages import ListMessages
from app.use_cases.list_past_messages import ListPastMessages
from app.use_cases.original_clients import InterimBroadcaster, ServeOriginalClients
from app.use_cases.post_message import PostMessage
from app.use_cases.read_events import ReadEvents
from app.use_cases.run_command import RunCommand
from app.use_cases.search_messages import SearchMessages
from app.use_cases.start_conversation import StartNewConversation
from app.ws.admission import Admission, AdmissionLimits, is_loopback
from app.ws.door import Door
from app.ws.drain import Drain
from app.ws.event_stream import EventStreams
from app.ws.feed.events import FeedEvents
from app.ws.feed.gateway import FeedGateway
from app.ws.feed.resume import FeedHistory
from app.ws.feed.tenants import TenantFeeds
from app.ws.gateway import Gateway
from app.ws.greeting import Greeter
from app.ws.history import ConversationHistory
from app.ws.hub import Hub
from app.ws.live import LiveConnections
from app.ws.originals import OriginalInterims
from app.ws.pulse import Pulse
from app.ws.rate import RateLimit
from app.ws.replay.gateway import Replays
from domain.ports import EventStore
from projections.runner import Runner

STATEMENT_TIMEOUT_S = 5.0


class Database(Struct, frozen=True, kw_only=True):
    """A database that is fit to be served: how to reach it for reads and for appends, and its incarnation."""

    read_dsn: str
    append_dsn: str
    epoch: str


class Parts(Struct, frozen=True, kw_only=True):
    """The parts of the service: what the edges are made of, and what has to run."""

    service: Service
    gateway: Gateway
    feed_gateway: FeedGateway
    feeds: TenantFeeds
    event_streams: EventStreams
    hub: Hub
    live: LiveConnections
    pulse: Pulse
    drain: Drain
    appender: BatchingAppender
    feed: Feed
    listener: NotificationListener
    epoch_watch: EpochWatch
    projection: ProjectionLoop
    snapshot_keeper: SnapshotKeeper
    read_models: ReadModels
    store: EventStore
    histories: Histories
    pool: Pool

    def sockets(self) -> list[WebsocketRouteHandler]:
        """The routes of all WebSockets."""
        return [self.gateway.handler(), self.feed_gateway.handler()]


@asynccontextmanager
async def open_service(settings: Settings, dsn: str) -> AsyncIterator[Parts]:
    """Migrate the database, connect everything and run it while the block runs.

    Raises:
        DatabaseUnreachable, MigrationError, UnfitDatabase: it must not start on this database; the sentence says why.
    """
    parts = _assemble(settings, await _prepare(settings, dsn))
    tasks = (
        parts.appender.run,
        parts.feed.run,
        parts.feeds.run,
        parts.listener.run,
        parts.epoch_watch.run,
        parts.projection.run,
        parts.pulse.run,
        parts.snapshot_keeper.run,
    )
    async with parts.pool:
        await parts.feed.start()
        async with running(tasks, parts.appender.drain):
            yield parts


async def _prepare(settings: Settings, dsn: str) -> Database:
    await check_reachable(dsn)
    await migrate(dsn)
    await check_durability(dsn, allow_unsafe=settings.allow_unsafe_durability)
    role = await role_to_act_as(dsn)
    read_dsn = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=role)
    append_dsn = service_conninfo(dsn, statement_timeout_s=settings.append_statement_timeout_s, role=role)
    await check_rows_match_events(dsn)
    return Database(read_dsn=read_dsn, append_dsn=append_dsn, epoch=await settle_epoch(dsn))


def _assemble(settings: Settings, database: Database) -> Parts:
    pool = read_pool(database.read_dsn, settings.read_pool_max_connections)
    appender = BatchingAppender(database.append_dsn, _append_limits(settings))
    store = PostgresEventStore(appender, pool)
    snapshots = PostgresSnapshots(pool, store)
    snapshot_keeper = SnapshotKeeper(store, snapshots, settings.snapshot_every_events)
    histories = (
        Histories(store, snapshots, snapshot_keeper.grown) if settings.snapshot_every_events else Histories(store)
    )

    projected = ProjectedPosition()
    read_models = PostgresReadModels(pool, projected)
    tail = LogTail(store)
    runner = Runner(tail, max_page_events=settings.projection_page_events)
    projection = ProjectionLoop(runner, PostgresProjectionStore(database.read_dsn), projected, Redriver(store))

    clock, ids = SystemClock(), Uuid7Source()
    live = LiveConnections()
    admission = Admission(_admission_limits(settings), live)
    feeds = TenantFeeds(FeedEvents(histories, database.epoch))
    hub = Hub(database.epoch, clock, overhearing=feeds)
    feed = Feed(
        store,
        [hub.deliver, projection.wake],
        settings.feed_poll_interval_s,
        ordered_listeners=[feeds.deliver, tail.keep],
    )
    listener = NotificationListener(database.read_dsn, feed.wake, appender.has_notified)
    appender.on_committed = feed.committed
    hub.on_hole = feed.wake
    feed.on_unreadable = hub.miss

    health = RunningParts(
        appender=appender,
        queue_max_commands=settings.append_queue_max_commands,
        projection=projection,
        feed=feed,
        listener=listener,
        admission=admission,
        snapshot_keeper=snapshot_keeper,
    )
    door = Door(admission, clock)
    rate_limit = RateLimit(settings.socket_messages_per_s, settings.socket_messages_burst)
    greeter = Greeter(rate_limit, clock, ids)
    history = ConversationHistory(store, histories, admission, database.epoch)
    service = _service(
        settings,
        database.epoch,
        store,
        read_models,
        health,
        histories=histories,
        search=PostgresMessageSearch(pool),
        statistics=PostgresStatistics(pool),
        broadcast=OriginalInterims(hub),
    )
    return Parts(
        service=service,
        gateway=Gateway(
            door=door,
            admission=admission,
            live=live,
            hub=hub,
            history=history,
            greeter=greeter,
            run_command=service.run_command,
            rate_limit=rate_limit,
            clock=clock,
            replays=Replays(
                admission=admission,
                live=live,
                store=store,
                get_conversation=service.get_conversation,
                greeter=greeter,
                rate_limit=rate_limit,
                clock=clock,
                epoch=database.epoch,
            ),
        ),
        feed_gateway=FeedGateway(
            door=door,
            admission=admission,
            live=live,
            feeds=feeds,
            history=FeedHistory(store, histories, database.epoch),
            greeter=greeter,
            rate_limit=rate_limit,
            clock=clock,
            epoch=database.epoch,
        ),
        feeds=feeds,
        event_streams=EventStreams(
            admission=admission, live=live, hub=hub, history=history, greeter=greeter, clock=clock
        ),
        hub=hub,
        live=live,
        pulse=Pulse(live, hub),
        drain=Drain(live, admission, notice_s=settings.drain_notice_s, spread_s=settings.drain_spread_s),
        appender=appender,
        feed=feed,
        listener=listener,
        epoch_watch=EpochWatch(database.read_dsn, database.epoch),
        projection=projection,
        snapshot_keeper=snapshot_keeper,
        read_models=read_models,
        store=store,
        histories=histories,
        pool=pool,
    )


def _service(
    settings: Settings,
    epoch: str,
    store: EventStore,
    read_models: ReadModels,
    health: HealthSource,
    *,
    histories: Histories,
    search: MessageSearch,
    statistics: Statistics,
    broadcast: InterimBroadcaster,
) -> Service:
    clock, ids = SystemClock(), Uuid7Source()
    aggregates = AggregateCache(settings.aggregate_cache_max_count, settings.aggregate_cache_max_bytes)
    run_command = RunCommand(store, histories, aggregates, clock, ids)
    get_conversation = GetConversation(store, histories, aggregates)
    return Service(
        epoch=epoch,
        start_conversation=StartNewConversation(run_command, ids),
        run_command=run_command,
        post_message=PostMessage(run_command, store, histories),
        original_clients=ServeOriginalClients(run_command, get_conversation, broadcast),
        get_conversation=get_conversation,
        list_conversations=ListConversations(read_models, settings.min_position_wait_s),
        list_messages=ListMessages(read_models, store, settings.min_position_wait_s),
        list_past_messages=ListPastMessages(store, get_conversation),
        search_messages=SearchMessages(search, read_models, settings.min_position_wait_s),
        read_events=ReadEvents(store, get_conversation),
        get_statistics=GetStatistics(statistics, clock),
        health=GetHealth(health, read_models, clock),
    )


def _admission_limits(settings: Settings) -> AdmissionLimits:
    return AdmissionLimits(
        allowed_origins=settings.allowed_origins,
        is_loopback_only=is_loopback(settings.host),
        max_per_address=settings.sockets_max_per_address,
        max_per_tenant=settings.sockets_max_per_tenant,
        handshakes_max_count=settings.handshakes_max_count,
        handshake_timeout_s=settings.handshake_timeout_s,
    )


def _append_limits(settings: Settings) -> AppendLimits:
    return AppendLimits(
        queue_max_commands=settings.append_queue_max_commands,
        queue_max_bytes=settings.append_queue_max_bytes,
        batch_max_commands=settings.append_batch_max_commands,
        batch_max_bytes=settings.append_batch_max_bytes,
        statement_timeout_s=settings.append_statement_timeout_s,
        outcome_deadline_s=settings.append_outcome_deadline_s,
    )
