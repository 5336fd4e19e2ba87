"""What the options of `turnlog export` and `turnlog import` take."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.ports import RowSelection

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


def row_options(command: Callable[..., None]) -> Callable[..., None]:
    """Those that choose rows of the read tables. They arrive as `selection_of` takes them."""
    options = (
        conversation_option,
        tenant_option,
        click.option("--user", metavar="ID", help="Only of this user."),
        click.option("--since", type=Moment(), metavar="TIME", help="Not what began before, as 2026-07-01."),
        click.option("--until", type=Moment(), metavar="TIME", help="Only what began before."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def selection_of(
    *,
    conversations: tuple[str, ...],
    tenant: str | None,
    user: str | None,
    since: datetime | None,
    until: datetime | None,
) -> "RowSelection":
    """What the options choose."""
    from app.ports import RowSelection
    from domain.ids import ConversationId, TenantId

    return RowSelection(
        conversation_ids=tuple(ConversationId(id_) for id_ in conversations),
        tenant_id=TenantId(tenant) if tenant else None,
        user_id=user,
        since=since,
        until=until,
    )
