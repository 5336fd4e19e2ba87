"""`turnlog serve`."""

import os

import click


@click.command()
@click.option("--host", metavar="ADDRESS", help="Listen here instead of on 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Listen on this port instead of 8000; 0 takes a free one.")
def serve(host: str | None, port: int | None) -> None:
    """Run the service until Ctrl-C.

    Without DATABASE_URL it brings its own Postgres, kept in TURNLOG_DATA_DIR and stopped with the service.
    `turnlog settings` lists everything that can be set.

    \b
    Example:
      turnlog serve --port 8080
      DATABASE_URL=postgresql://turnlog@db/turnlog turnlog serve
    """
    from msgspec.structs import replace

    from app import main
    from app.settings import InvalidSetting, Settings

    try:
        settings = Settings.from_environment(os.environ)
        settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
        main.serve(settings)
    except (main.CannotServe, InvalidSetting) as error:
        raise click.ClickException(str(error)) from error
