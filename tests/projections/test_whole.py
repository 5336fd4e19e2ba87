"""The rows of whole conversations are those that the tables have after every page."""

from hypothesis import given

from adapters.memory.projection_store import MemoryProjectionStore
from projections.whole import whole_rows
from tests.support.histories import Happening, happenings
from tests.support.projecting import rows_of
from tests.support.recording import recorded_log


@given(happenings())
def test_whole_conversations_give_the_rows_of_the_tables(history: list[Happening]) -> None:
    log = recorded_log(history)
    tables = MemoryProjectionStore()
    for recorded in log:
        tables.write(rows_of([recorded]))

    rows = whole_rows(sorted(log, key=lambda recorded: (recorded.conversation_id, recorded.version)))

    assert {row.id: row for row in rows.sessions} == tables.sessions
    assert {(row.session_id, row.id): row for row in rows.messages} == tables.messages
