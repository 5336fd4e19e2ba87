"""`turnlog import legacy`: the databases that Turnlog replaces."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.console.operator import operator_dsn
from app.console.transfer_options import Uuid

if TYPE_CHECKING:
    from app.operations.transfer.legacy.terminal import Options

_DURATION: Final = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smhd]?)")
_MAX_DURATION: Final = timedelta(days=36_500)
_UNITS: Final = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A number with its unit."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(str(value))
        duration = timedelta(**{_UNITS[match["unit"]]: int(match["count"])}) if match else None
        if duration is None or duration > _MAX_DURATION:
            self.fail(f"{value!r} is not a duration such as 90s, 30m, 24h or 7d.", param, ctx)
        return duration


class Zone(click.ParamType[str]):
    """The name of a time zone that this machine knows."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(str(value)).key
        except (KeyError, ValueError, OSError):
            self.fail(f"{value!r} is not a time zone that this machine knows, such as Europe/Vienna.", param, ctx)


@click.command("legacy")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--from-dsn",
    envvar="LEGACY_DATABASE_URL",
    metavar="DSN",
    help="The older Postgres database; also as LEGACY_DATABASE_URL, where no list of processes shows its password.",
)
@click.option("--schema", metavar="NAME", help="The schema of the older tables.")
@click.option("--sessions-table", default="conversation_sessions", show_default=True, metavar="NAME")
@click.option("--messages-table", default="conversation_messages", show_default=True, metavar="NAME")
@click.option(
    "--source",
    default="legacy",
    show_default=True,
    metavar="NAME",
    help="A name for the older database. Ids that are no UUIDs are worked out with it: give each database its own, and "
    "the same in every run.",
)
@click.option(
    "--time-zone", type=Zone(), default="UTC", show_default=True, help="Where times without an offset are from."
)
@click.option(
    "--keep-open-since",
    type=Duration(),
    default="30m",
    show_default=True,
    help="Sessions without an end stay open when something happened in them within this time; 0 closes all.",
)
@click.option("--tenant", type=Uuid(), metavar="ID", help="Whose the conversations become. Default: the one there is.")
@click.option("--dry-run", is_flag=True, help="Only the report: nothing is written.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The report as JSON.")
def legacy(file: Path | None, *, from_dsn: str | None, dry_run: bool, report: Path | None, **given: Any) -> None:
    """Import the tables conversation_sessions and conversation_messages of the databases that Turnlog replaces.

    FILE is a plain dump of pg_dump, with COPY or INSERT, compressed by gzip or not; instead of it --from-dsn names the
    database, which is only read. Both shapes of the tables are known: session_start, session_end, is_active, and
    started_at, ended_at, duration_seconds.

    Sessions become conversations as if they had been held here, at their own times. Ids that are UUIDs stay. What is
    missing or wrong is put right by rules that have names, and each is reported with its count and examples: missing
    ends, sessions that were never closed, missing users and more. What is there already stays as it is, so running it
    again adds nothing but what is new; cut off in the middle, it goes on.

    The status is 1 when a session was left alone, or the import went no further.

    \b
    Examples:
      turnlog import legacy --from-dsn postgresql://reader@old-db/app --dry-run
      turnlog import legacy dump.sql.gz --time-zone Europe/Vienna --report report.json
    """
    if (file is None) == (from_dsn is None):
        raise click.UsageError("Give either a FILE or --from-dsn.")
    from app.operations.transfer.legacy.report import as_json
    from app.operations.transfer.legacy.terminal import CannotImport, exit_status, import_legacy, show

    with operator_dsn() as dsn:
        try:
            summary = import_legacy(dsn, _options(file, from_dsn, given, is_dry_run=dry_run))
            show(summary)
            if report is not None:
                report.write_bytes(as_json(summary))
        except (CannotImport, OSError) as error:
            raise click.ClickException(str(error)) from error
    sys.exit(exit_status(summary))


def _options(file: Path | None, source_dsn: str | None, given: dict[str, Any], *, is_dry_run: bool) -> "Options":
    from zoneinfo import ZoneInfo

    from adapters.postgres.legacy.reading import TableNames
    from app.operations.transfer.legacy.identity import Identity
    from app.operations.transfer.legacy.terminal import Options
    from domain.ids import DEFAULT_TENANT, TenantId

    return Options(
        file=file,
        source_dsn=source_dsn,
        names=TableNames(schema=given["schema"], sessions=given["sessions_table"], messages=given["messages_table"]),
        identity=Identity(tenant_id=TenantId(given["tenant"] or DEFAULT_TENANT), source=given["source"]),
        zone=ZoneInfo(given["time_zone"]),
        keep_open_for=given["keep_open_since"],
        is_dry_run=is_dry_run,
    )
