"""A watch as somebody at a terminal sees it: lines, sentences, exit status."""

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import anyio
import click
import uvloop

from app.client.addresses import NoService, conversation_socket_url, feed_url
from app.client.connection import NORMAL_CLOSE, ResumingConnection
from app.client.losses import Loss, Stopped
from app.client.patience import ServiceAway
from app.watch.console import output_console
from app.watch.live_area import LiveArea
from app.watch.options import Options
from app.watch.screens import JsonLines, Screen, Timeline
from app.watch.typesetting import columns_width
from app.watch.watcher import NoReplay, Watcher

INTERRUPTED: Final = 130
NOT_FOUND: Final = 4404


class CannotWatch(Exception):
    """A sentence that says why not."""


def watch(options: Options) -> int:
    """Watch until the conversation is over or somebody stops it. The exit status.

    Raises:
        CannotWatch: there is nothing to watch, or no longer.
    """
    try:
        with _screen(options) as screen:
            return uvloop.run(_run(options, screen))
    except (NoService, NoReplay) as error:
        raise CannotWatch(str(error)) from None
    except ServiceAway as error:
        raise CannotWatch(f"The service at {options.url} went away: {error}.") from None
    except Stopped as error:
        raise CannotWatch(_sentence_of(error.loss, options)) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # nobody reads any more, as after `| head`: the end in order
        raise CannotWatch(f"The output cannot be written: {error.strerror}.") from error


async def _run(options: Options, screen: Screen) -> int:
    return await Watching(options, screen).run()


class Watching:
    """The tasks of one watch. The first that ends says with which status, or failure, all of it does."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self._screen = screen
        self._last_words = "ended" if options.replay is None else "the replay is over"
        self._watcher = Watcher(options, screen)
        self._connection = ResumingConnection(_socket_url(options), self._watcher, options.patience_s)
        self._tasks = anyio.CancelScope()
        self._status = 0
        self._failure: Exception | None = None

    async def run(self) -> int:
        """The exit status.

        Raises:
            NoService, NoReplay, ServiceAway, Stopped, OSError: there is no going on.
        """
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks.cancel_scope
            tasks.start_soon(self._until_ended)
            tasks.start_soon(self._until_signal)
            tasks.start_soon(self._until_lost)
        if self._failure is not None:
            raise self._failure
        return self._status

    async def _until_ended(self) -> None:
        await self._watcher.ended.wait()
        linger_s = self._watcher.linger_s
        if linger_s > 0:
            self._screen.note(f"messages may come late, for {linger_s:.0f} s; Ctrl-C does not wait for them")
        await anyio.sleep(linger_s)
        self._screen.note("ended")
        self._tasks.cancel()

    async def _until_signal(self) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self._status = INTERRUPTED
                self._tasks.cancel()

    async def _until_lost(self) -> None:
        try:
            await self._connection.run()
        except Stopped as stopped:
            if stopped.loss.code == NORMAL_CLOSE:
                self._screen.note(self._last_words)
            else:
                self._failure = stopped
        except (NoService, NoReplay, ServiceAway, OSError) as failure:
            self._failure = failure
        self._tasks.cancel()


@contextmanager
def _screen(options: Options) -> Iterator[Screen]:
    of_many = options.conversation_id is None
    if options.as_json:
        yield JsonLines(partial(click.echo, err=True), with_interims=options.with_interims)
        return
    console = output_console(with_color=options.with_color)
    timeline = partial(Timeline, console, of_many=of_many, with_interims=options.with_interims)
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield timeline(None)
        return
    with LiveArea(console, columns_width(of_many=of_many)) as area:
        yield timeline(area)


def _socket_url(options: Options) -> str:
    if options.conversation_id is None:
        return feed_url(options.url)
    return conversation_socket_url(options.url, options.conversation_id)


def _sentence_of(loss: Loss, options: Options) -> str:
    if loss.code == NOT_FOUND and options.conversation_id is not None:
        return f"There is no conversation {options.conversation_id} at {options.url}, or it is not yours."
    return f"The service at {options.url} does not want this connection: {loss.reason}."
