"""Export and import as real processes: killed in the middle, beside a running service, and piped into `head`."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from app.operations.transfer.event_terminal import export_events_to
from app.ports import EventSelection
from domain.ids import DEFAULT_TENANT
from tests.support.append_lock import AppendGate
from tests.support.decider import numbered_uuid
from tests.support.postgres import TestDatabases
from tests.support.rest import CONVERSATIONS, Rest, path, then_problem
from tests.support.server import RunningServer, http_client, running_server
from tests.support.transfer import (
    DIALOGUE,
    EVENTS_OF_DIALOGUE,
    ODD_TEXT,
    dialogues,
    event_rows,
    given_projected,
    history,
    import_from,
    read_table_rows,
    rows,
    write_histories,
)
from tests.support.waiting import until

DIALOGUES = 150
PATIENCE_S = 60.0


@pytest.fixture
def other_database(test_databases: TestDatabases) -> Iterator[str]:
    with test_databases.clone() as dsn:
        yield dsn


@pytest.fixture
async def exported(database: str, tmp_path: Path) -> Path:
    """An export of 150 conversations, three batches of an import."""
    await write_histories(database, dialogues(DIALOGUES, tenant_id=DEFAULT_TENANT))
    file = tmp_path / "events.jsonl.gz"
    await asyncio.to_thread(export_events_to, file, database, EventSelection())
    return file


def turnlog(dsn: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """The command as a process of its own, on this database."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABASE_URL": dsn, "COLUMNS": "200"},
    )


async def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status and all that it said."""
    output, said = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    return process.returncode, (output or "") + said


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=PATIENCE_S)


async def test_an_import_of_events_that_is_killed_is_finished_by_the_next(
    database: str, other_database: str, exported: Path
) -> None:
    with AppendGate(other_database) as gate:
        process = turnlog(other_database, "import", "events", exported)
        await gate.let_one_pass()
        stored = len(event_rows(other_database))
        kill(process)

    status, said = await finished(turnlog(other_database, "import", "events", exported))

    assert status == 0, said
    assert 0 < stored < DIALOGUES * EVENTS_OF_DIALOGUE
    assert event_rows(other_database) == event_rows(database)
    await asyncio.to_thread(given_projected, database)
    await asyncio.to_thread(given_projected, other_database)
    assert read_table_rows(other_database) == read_table_rows(database)


async def test_an_import_of_chats_that_is_killed_is_finished_by_the_next(database: str, tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}] * 3
    lines = [{"id": numbered_uuid(number), "messages": said} for number in range(DIALOGUES)]
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    with AppendGate(database) as gate:
        process = turnlog(database, "import", "chats", file)
        await gate.let_one_pass()
        await gate.let_one_pass()
        stored = len(event_rows(database))
        kill(process)

    first = await finished(turnlog(database, "import", "chats", file))
    second = await finished(turnlog(database, "import", "chats", file))

    assert (first[0], second[0]) == (0, 0), first[1] + second[1]
    assert 0 < stored < DIALOGUES * 8
    counts = rows(database, "SELECT count(*), max(originator_version) FROM stored_events GROUP BY originator_id")
    assert counts == [(8, 8)] * DIALOGUES


async def test_an_import_that_is_stopped_says_how_to_go_on(other_database: str, exported: Path) -> None:
    with AppendGate(other_database) as gate:
        process = turnlog(other_database, "import", "events", exported)
        await gate.let_one_pass()
        process.send_signal(signal.SIGINT)
        status, said = await finished(process)

    assert status == 130, said
    assert "run the same command to go on" in said
    assert "Traceback" not in said
    assert (await finished(turnlog(other_database, "import", "events", exported)))[0] == 0


@pytest.fixture
async def server(other_database: str) -> AsyncIterator[RunningServer]:
    async with running_server(other_database) as running:
        yield running


async def test_what_is_imported_beside_a_service_shows_up_in_it(server: RunningServer, exported: Path) -> None:
    async with http_client(server) as client:
        rest = Rest(client)
        own = await rest.given_conversation()
        process = turnlog(server.dsn, "import", "events", exported)
        written = 0
        while process.poll() is None or written < 5:
            await rest.given_message(own, content=f"message {written}", role="assistant", record_only=True)
            written += 1
        status, said = await finished(process)
        assert status == 0, said

        imported = numbered_uuid(0xC0_0001)
        head = await server.head_position()
        conversation = await rest.conversation(imported)
        messages = await rest.get(path(imported, "/messages"), min_position=head)
        listed = await rest.get(CONVERSATIONS, user_id="ada", min_position=head, limit=100)

    assert (conversation["state"], conversation["version"]) == ("ENDED", EVENTS_OF_DIALOGUE)
    assert [message["content"] for message in messages["data"]] == [ODD_TEXT, "", "At eight."]
    assert listed["has_more"]
    own_versions = rows(
        server.dsn, "SELECT originator_version FROM stored_events WHERE originator_id = %s ORDER BY 1", [own]
    )
    assert own_versions == [(version,) for version in range(1, written + 2)]


async def test_a_conversation_that_a_service_holds_goes_on_by_import(
    server: RunningServer, database: str, tmp_path: Path
) -> None:
    begun, ended = tmp_path / "begun.jsonl", tmp_path / "ended.jsonl"
    conversation_id = numbered_uuid(0xC0_0001)
    for file, commands in ((begun, DIALOGUE[:2]), (ended, DIALOGUE)):
        await write_histories(database, [history(*commands, tenant_id=DEFAULT_TENANT)])
        await asyncio.to_thread(export_events_to, file, database, EventSelection())
    async with http_client(server) as client:
        rest = Rest(client)
        assert await asyncio.to_thread(import_from, begun, server.dsn) == 0
        before = await rest.conversation(conversation_id)
        assert await asyncio.to_thread(import_from, ended, server.dsn) == 0
        refused = await rest.command(conversation_id, "complete_response", content="too late")
        after = await rest.conversation(conversation_id)

    assert (before["state"], before["version"]) == ("PROCESSING", 2)
    then_problem(refused, 409, "invalid_transition")
    assert (after["state"], after["version"]) == ("ENDED", EVENTS_OF_DIALOGUE)


async def test_an_export_into_head_ends_quietly(exported: Path, database: str) -> None:
    process = turnlog(database, "export", "events")
    assert process.stdout is not None
    assert process.stdout.readline().startswith('{"line":"header"')
    process.stdout.close()
    process.stdout = None

    _, said = await finished(process)

    assert "Traceback" not in said
    assert "Exception ignored" not in said


async def test_a_file_that_was_cut_off_ends_with_a_sentence(exported: Path, other_database: str) -> None:
    cut_off = exported.with_name("cut-off.jsonl.gz")
    cut_off.write_bytes(exported.read_bytes()[:-100])  # noqa: ASYNC240 - a small file

    status, said = await finished(turnlog(other_database, "import", "events", cut_off))

    assert status == 1
    assert "Error:" in said
    assert "Traceback" not in said
    assert event_rows(other_database) == []


async def test_an_export_in_the_middle_of_writing_has_all_up_to_its_head_and_no_hole(
    database: str, other_database: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(3)]
    writing = asyncio.create_task(write_histories(database, dialogues(600)))
    await until(lambda: len(event_rows(database)) > 0, PATIENCE_S)
    for file in files:
        await asyncio.to_thread(export_events_to, file, database, EventSelection())
    await writing

    for file in files:
        assert await asyncio.to_thread(import_from, file, other_database) == 0
        taken_over = event_rows(other_database)
        assert taken_over == event_rows(database)[: len(taken_over)]
