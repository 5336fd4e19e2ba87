"""`turnlog replay`: dialogues played into a running service, and everything that comes back checked."""

import sys
from pathlib import Path
from typing import Any

import click

from app.console.service_url import url_option

SAMPLE = Path(__file__).parent.parent / "replay" / "sample.jsonl"
SAMPLE_SPEED = 10.0


class Speed(click.ParamType[float]):
    """A factor, or `max`, which is 0 here: no waiting at all."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "max":
            return 0.0
        try:
            speed = float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor max.", param, ctx)
        if not 0.01 <= speed <= 10_000:
            self.fail(f"{value} is not between 0.01 and 10000.", param, ctx)
        return speed


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@url_option
@click.option(
    "--speed",
    type=Speed(),
    metavar="N|max",
    help="How fast they speak: 1 is 150 words a minute, max does not wait. Default: max for a FILE, 10 for the sample.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1_000),
    default=32,
    show_default=True,
    help="Conversations at a time; each has a socket.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a service that is away is waited for.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many dialogues.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
def replay(
    file: Path | None,
    *,
    url: str,
    speed: float | None,
    concurrency: int,
    patience: float,
    limit: int | None,
    as_json: bool,
) -> None:
    """Play dialogues into a running service and check that everything arrives.

    FILE has one JSON object a line: dialogue_id, and turns with speaker (user, system, assistant or agent) and
    utterance. Without FILE a sample of 20 dialogues is played. Every dialogue becomes a conversation: its turns are
    spoken word by word over a WebSocket, and at the end its messages are compared with what REST lists. A service
    that goes away in the middle is waited for. The status is 1 when anything was lost or different.

    Each socket sends only as much as the service takes (20 frames a second after a burst of 60, unless it is set
    otherwise): where people speak faster, interim texts are joined and commands wait. To measure what the service can
    do, start it with TURNLOG_SOCKET_MESSAGES_PER_S and TURNLOG_SOCKET_MESSAGES_BURST raised.

    \b
    Examples:
      turnlog replay                   the sample, at ten times the speed of speech
      turnlog replay dialogues.jsonl --limit 100
    """
    from app.client.addresses import NoService
    from app.replay.options import Options, Pace
    from app.replay.terminal import replay_file

    pace = Pace((0.0 if file else SAMPLE_SPEED) if speed is None else speed)
    options = Options(url=url, pace=pace, concurrency=concurrency, patience_s=patience)
    try:
        sys.exit(replay_file(file or SAMPLE, options, limit, as_json=as_json))
    except NoService as error:
        raise click.ClickException(str(error)) from error
