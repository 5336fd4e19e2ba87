"""Plays many dialogues at once, a bounded number at a time."""

import signal
from collections.abc import Callable, Iterator

import anyio
from msgspec import Struct

from app.replay.dialogues import BadLine, Dialogue
from app.replay.player import Pace, Player, socket_url_of
from app.replay.rest import RestClient
from app.replay.tally import Tally

REFRESH_INTERVAL_S = 0.2


class NoService(Exception):
    """Nothing answers at the address."""


class Options(Struct, frozen=True, kw_only=True):
    """Where to play, how fast, and how many conversations at a time: each has one socket."""

    url: str
    pace: Pace
    concurrency: int


async def play_all(
    options: Options,
    lines: Iterator[Dialogue | BadLine],
    tally: Tally,
    on_bad_line: Callable[[BadLine], None],
    on_progress: Callable[[Tally], None],
) -> None:
    """Play until the lines are at their end, or somebody presses Ctrl-C: then what is under way is ended.

    Raises:
        NoService: there is nobody to play to.
    """

    async def play_next() -> None:
        for line in lines:
            if isinstance(line, BadLine):
                tally.skipped_lines += 1
                on_bad_line(line)
            else:
                await player.play(line)

    async with RestClient(options.url, tally, options.concurrency) as rest:
        if not await rest.is_there():
            raise NoService(options.url)
        player = Player(rest, socket_url_of(options.url), options.pace, tally)
        async with anyio.create_task_group() as helpers:
            helpers.start_soon(_show, tally, on_progress)
            async with anyio.create_task_group() as players:
                helpers.start_soon(_stop_on_signal, players.cancel_scope, tally)
                for _ in range(options.concurrency):
                    players.start_soon(play_next)
            helpers.cancel_scope.cancel()
    on_progress(tally)


async def _show(tally: Tally, on_progress: Callable[[Tally], None]) -> None:
    while True:
        on_progress(tally)
        await anyio.sleep(REFRESH_INTERVAL_S)


async def _stop_on_signal(scope: anyio.CancelScope, tally: Tally) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            tally.is_interrupted = True
            scope.cancel()
