"""`turnlog settings`: every setting, its default and what it does."""

import os

import click


@click.command()
def settings() -> None:
    """Print every setting, its value or default, and what it does.

    \b
    Examples:
      turnlog settings
      TURNLOG_PORT=9000 turnlog settings
    """
    from app.console.settings_page import setting_rows, shown_value
    from app.settings import InvalidSetting, Settings

    for row in setting_rows():
        value = shown_value(row.variable, os.environ)
        click.secho(row.variable, bold=True, nl=False)
        click.echo(f" = {value}" if value else f" (default: {row.default.replace('`', '')})")
        click.echo(f"    {row.description.replace('`', '')}")
    try:
        Settings.from_environment(os.environ)
    except InvalidSetting as error:
        raise click.ClickException(str(error)) from error
