"""`turnlog demo`: everything at once in one terminal, and gone without a trace afterwards."""

import sys

import click


@click.command()
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="1 is as people speak.")
@click.option("--dialogues", type=click.IntRange(1, 20), default=3, show_default=True, help="Held at the same time.")
def demo(*, speed: float, dialogues: int) -> None:
    """See it live: a service of its own, real dialogues spoken into it, and all that happens.

    The service has a data folder of its own, which is removed at the end. Kill it in the middle with kill -9: it is
    started again, as any supervisor would, and nothing is missing.

    \b
    Example:
      turnlog demo
    """
    from app.demo.stage import CannotStage, play

    try:
        sys.exit(play(speed, dialogues))
    except CannotStage as error:
        raise click.ClickException(str(error)) from error
