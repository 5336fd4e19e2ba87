"""A process that copies parts for the one that has started it, one after the other, until that one is gone.

A line of its standard input is a task, and the line that answers it on the standard output is an `Answer`. The DSN
comes in the task: what stands on a command line is everybody's to read.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
import msgspec
import uvloop
from anyio.streams.buffered import BufferedByteReceiveStream
from msgspec import Struct

from adapters.postgres.rebuild.parts import CopyTask, copy_part
from domain.errors import StoreUnavailable, TurnlogError
from projections.rebuilding import RebuildRefused

ANSWER_MAX_BYTES: Final = 64 * 2**10
NICENESS: Final = 10
COLLECTOR_THRESHOLDS: Final = (200_000, 50, 100)

_WAY_OUT: Final = "The live tables are as they were; run the same command to go on."


class Answer(Struct, frozen=True, omit_defaults=True):
    """`refusal` says why the part cannot be copied; `is_away`: the database cannot be reached."""

    refusal: str | None = None
    is_away: bool = False


@asynccontextmanager
async def worker() -> AsyncIterator[Callable[[CopyTask], Awaitable[None]]]:
    """Start one, which copies what it is called with. It ends with the block, in the middle of its work if it must.

    The call raises RebuildRefused and StoreUnavailable.
    """
    async with await anyio.open_process([sys.executable, "-m", __name__], stderr=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers = BufferedByteReceiveStream(process.stdout)
        tasks = process.stdin

        async def copy(task: CopyTask) -> None:
            try:
                await tasks.send(msgspec.json.encode(task) + b"\n")
                line = await answers.receive_until(b"\n", ANSWER_MAX_BYTES)
            except (anyio.BrokenResourceError, anyio.IncompleteRead, anyio.EndOfStream) as error:
                raise RebuildRefused(f"A process that was copying has ended. {_WAY_OUT}") from error
            answer = msgspec.json.decode(line, type=Answer)
            if answer.is_away:
                raise StoreUnavailable
            if answer.refusal is not None:
                raise RebuildRefused(answer.refusal)

        yield copy


def spare_the_collector() -> None:
    """A page is some hundred thousand objects that die together. Looking through them while they live took a seventh of
    the time. For processes that do nothing but this."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def main() -> None:
    """Give way to what is live, and copy until nobody asks any more."""
    os.nice(NICENESS)
    spare_the_collector()
    for line in sys.stdin.buffer:
        answer = _answer(msgspec.json.decode(line, type=CopyTask))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _answer(task: CopyTask) -> Answer:
    try:
        uvloop.run(copy_part(task, lambda _events: None))
    except StoreUnavailable:
        return Answer(is_away=True)
    except RebuildRefused as error:
        return Answer(refusal=str(error))
    except TurnlogError as error:
        return Answer(refusal=f"{error} {_WAY_OUT}")
    return Answer()


if __name__ == "__main__":
    main()
