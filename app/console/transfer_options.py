"""What the options of `turnlog export` and `turnlog import` take."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Uuid(click.ParamType[str]):
    """An id in its canonical text."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).lower()
        if _UUID.fullmatch(text) is None:
            self.fail(f"{value!r} is not a UUID.", param, ctx)
        return text


class Moment(click.ParamType[datetime]):
    """A day or a time, in UTC unless it has its own offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time such as 2026-07-01 or 2026-07-01T12:00:00Z.", param, ctx)


output_option = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="-",
    metavar="FILE",
    help="Where to; compressed when it ends in .gz. Default: standard output.",
)
conversation_option = click.option(
    "--conversation",
    "conversations",
    type=Uuid(),
    multiple=True,
    metavar="ID",
    help="Only this conversation; may be repeated.",
)
tenant_option = click.option("--tenant", type=Uuid(), metavar="ID", help="Only this tenant.")
