"""How Postgres really answered: the plans of statements as they were carried out, with what they read."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from psycopg.conninfo import make_conninfo
from psycopg.errors import Diagnostic

import adapters.postgres
from adapters.postgres.connection import service_conninfo
from adapters.postgres.pool import Pool, read_pool

STATEMENTS: Final = Path(adapters.postgres.__file__).parent / "sql"

_AUTO_EXPLAIN: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "client_min_messages": "log",
}
_TO_BIND: Final = re.compile(r"(?<!%)%(?:\(\w+\))?s")
_BOUND: Final = re.compile(r"\$\d+")


class Plan(Struct, frozen=True):
    """One statement that was carried out. `name` is that of its file, None of a text that has no file."""

    name: str | None
    root: dict[str, Any]

    @property
    def blocks(self) -> int:
        """Of 8 KiB, that were read from tables and indexes, cached or not."""
        return int(self.root["Shared Hit Blocks"] + self.root["Shared Read Blocks"])

    @property
    def indexes(self) -> set[str]:
        """The indexes that it used."""
        return {node["Index Name"] for node in nodes_of(self.root) if "Index Name" in node}

    @property
    def scanned_tables(self) -> set[str]:
        """The tables that it read from end to end."""
        return {node["Relation Name"] for node in nodes_of(self.root) if node["Node Type"] == "Seq Scan"}

    @property
    def rows(self) -> int:
        """The rows that it read from tables, also those that a filter took out."""
        return sum(_rows_of(node) for node in nodes_of(self.root) if "Relation Name" in node)


class PlanWatch:
    """A pool of one connection, with the plans of all that was asked through it. `pool` asks as the service does."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._plans: list[Plan] = []

    def take(self) -> list[Plan]:
        """The plans since the last time."""
        plans, self._plans = self._plans, []
        return plans

    def hear(self, notice: Diagnostic) -> None:
        """A message of the server, which may be a plan."""
        _, _, told = (notice.message_primary or "").partition("plan:")
        if told:
            plan = json.loads(told)
            self._plans.append(Plan(_NAMES.get(_BOUND.sub("?", plan["Query Text"].strip())), plan["Plan"]))


@asynccontextmanager
async def plan_watch(dsn: str) -> AsyncIterator[PlanWatch]:
    """The watch, as long as the block runs."""
    options = " ".join(f"-c {name}={value}" for name, value in _AUTO_EXPLAIN.items())
    watched = service_conninfo(make_conninfo(dsn, options=options), statement_timeout_s=60, role=None)
    async with read_pool(watched, 1) as pool:
        watch = PlanWatch(pool)
        async with pool.connection() as connection:
            connection.add_notice_handler(watch.hear)
        yield watch


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


def _rows_of(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    rows: int = round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return rows


def _as_sent(statement: str) -> str:
    """The text of a file as the server gets it, whatever is bound."""
    return _TO_BIND.sub("?", statement).replace("%%", "%").strip()


_NAMES: Final = {_as_sent(path.read_text(encoding="utf-8")): path.stem for path in STATEMENTS.glob("*.sql")}
