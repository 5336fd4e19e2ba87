"""Plays many dialogues at once, a bounded number at a time."""

import signal
from collections.abc import Iterator
from typing import Final, Protocol

import anyio

from app.client.addresses import NoService
from app.replay.dialogues import BadLine, Dialogue
from app.replay.options import Options
from app.replay.player import Player
from app.replay.rest import RestClient
from app.replay.tally import Tally

REFRESH_INTERVAL_S: Final = 0.2


class View(Protocol):
    """Whoever looks on."""

    def show_progress(self, tally: Tally) -> None:
        """Some more may have been played."""
        ...

    def show_bad_line(self, line: BadLine) -> None:
        """A line was skipped."""
        ...


async def play_all(options: Options, lines: Iterator[Dialogue | BadLine], tally: Tally, view: View) -> None:
    """Play until the lines are at their end. Ctrl-C ends what is under way; so does a service that stays away.

    Raises:
        NoService: there is nobody to play to.
    """
    async with RestClient(options, tally) as rest:
        if not await rest.is_there():
            raise NoService(options.url)
        player = Player(rest, tally, options)
        async with anyio.create_task_group() as helpers:
            helpers.start_soon(_refresh, view, tally)
            async with anyio.create_task_group() as players:
                helpers.start_soon(_stop_on_signal, players.cancel_scope, tally)
                for _ in range(options.concurrency):
                    players.start_soon(_play_one_after_the_other, player, lines, tally, view)
            helpers.cancel_scope.cancel()
    view.show_progress(tally)


async def _play_one_after_the_other(
    player: Player, lines: Iterator[Dialogue | BadLine], tally: Tally, view: View
) -> None:
    """All players take from the same lines."""
    for line in lines:
        if isinstance(line, BadLine):
            tally.skipped_lines += 1
            view.show_bad_line(line)
        else:
            await player.play(line)
        if tally.is_stopped:
            return


async def _refresh(view: View, tally: Tally) -> None:
    while True:
        view.show_progress(tally)
        await anyio.sleep(REFRESH_INTERVAL_S)


async def _stop_on_signal(players: anyio.CancelScope, tally: Tally) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            tally.is_stopped = True
            players.cancel()
